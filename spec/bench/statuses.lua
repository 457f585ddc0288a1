-- How many statuses a second the waits for assets learn beside the document's rate limits, and how
-- many requests are refused for going over them. Prints a table. Not a gate.
-- Usage: statuses.lua [SECONDS]   (of each row; 20)

local pomex = require "pomex"
local core = require "pomex.core"
local sandbox = require "pomex.sandbox"

local seconds = tonumber(arg and arg[1] or 20)
local BOTH = (10 * 100 + 100) / 1.05 -- what the two limits allow together
local WARM_UP = 3
local now, check = core.now, pomex.check

local function row(...) io.write(("%-44s %12s %8s %8s %8s %6s\n"):format(...)) io.flush() end

-- So many waits, in groups of that size, for assets that stay in the making.
local function measure(count, size)
  local sb = assert(sandbox.start { asset_seconds = 3600 })
  local seen = { statuses = 0, gets = 0, lists = 0, refused = 0 }
  local client = check(pomex.new { base_url = sb.url, api_key = sb.key,
    on_event = function(event)
      if event.name == "update" then
        seen.statuses = seen.statuses + 1
      elseif event.name == "request" then
        local kind = event.endpoint == "assets.list" and "lists" or "gets"
        seen[kind] = seen[kind] + 1
      elseif event.name == "response" and event.status == 429 then
        seen.refused = seen.refused + 1
      end
    end })
  for first = 1, count, size do
    local group = sb:add_person()
    for at = first, math.min(first + size, count + 1) - 1, 100 do
      local ids = sb:add_assets { count = math.min(100, first + size - at, count + 1 - at),
        group_id = group, status = "processing" }
      for _, id in ipairs(ids) do
        client.async.assets:wait({ id = id, group_id = group }, { timeout = 3600 })
      end
    end
  end
  local function run(span)
    local stop = now() + span
    while now() < stop do
      client:poll(0.05)
      client:step()
    end
  end
  run(WARM_UP)
  for name in pairs(seen) do seen[name] = name == "refused" and seen[name] or 0 end
  local began, used = now(), os.clock()
  run(seconds)
  local took = now() - began
  row(("%d waits in %d groups"):format(count, math.ceil(count / size)),
    ("%.0f"):format(seen.statuses / took), ("%.2f"):format(seen.statuses / took / BOTH),
    ("%.0f"):format(seen.gets / took), ("%.1f"):format(seen.lists / took), seen.refused)
  io.write(("  CPU of the client: %.0f %% of a processor\n"):format(
    100 * (os.clock() - used) / took))
  client:close()
  assert(sb:stop() == 0)
end

row("", "statuses/s", "of both", "gets/s", "lists/s", "429s")
measure(5000, 1)
measure(10000, 10000)
measure(10000, 2000)
measure(500, 100)
