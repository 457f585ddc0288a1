-- GETs of one asset, by pomex or by the thirty lines that a program without it would have on a bare
-- binding of libcurl (rival.c). Prints "requests/s CPU-µs/request", as bench_raw does.
-- `look`: waits that find their asset in the making; what counts is each of their looks, and COUNT
-- is of seconds.
-- Usage: get.lua pomex|look|rival URL KEY COUNT IN_FLIGHT [CA_FILE]

local how, url, key, count, flight, ca = ...
count, flight = math.floor(tonumber(count)), math.floor(tonumber(flight))
local base, id = url:match "^(.-)/v1/video/assets/(.+)$"

local now, run

if how == "rival" then
  local cjson, rival = require "cjson", require "rival"
  now = require("pomex.core").now
  rival.open(url, "Authorization: Bearer " .. key, flight, ca)
  function run()
    local started, ended = math.min(flight, count), 0
    for i = 1, started do rival.add(i) end
    while ended < count do
      rival.perform()
      local number, status, body = rival.read()
      while number do
        assert(status == 200 and cjson.decode(body).id)
        ended = ended + 1
        if started < count then
          started = started + 1
          rival.add(number)
        end
        number, status, body = rival.read()
      end
      if ended < count then rival.wait() end
    end
  end
else
  local pomex = require "pomex"
  now = require("pomex.core").now
  local client = pomex.check(pomex.new {
    base_url = base, api_key = key, ca_file = ca, rate_limits = false, max_in_flight = flight,
    budget = 600,
    poll = { asset = { first = 0, factor = 1, max = 1 / 1000 } },
  })
  local function looks()
    local waits, seconds = {}, count
    for i = 1, flight do waits[i] = client.async.assets:wait(id, { timeout = seconds }) end
    count = 0
    for i = 1, flight do
      local asset, err = waits[i]:wait()
      assert(asset == nil and err.last_status == "processing", tostring(err))
      count = count + waits[i]:attempts()
    end
  end
  local function gets()
    local assets, tasks, left = client.assets, {}, count
    local function get()
      while left > 0 do
        left = left - 1
        assert(assets:get(id))
      end
    end
    if flight == 1 then return get() end
    for i = 1, flight do tasks[i] = client:spawn(get) end
    pomex.all(tasks)
  end
  run = how == "look" and looks or gets
end

local begin, used = now(), os.clock()
run()
local seconds, cpu = now() - begin, os.clock() - used
print(("%.1f %.2f"):format(count / seconds, cpu * 1e6 / count))
