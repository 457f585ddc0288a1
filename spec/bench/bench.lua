-- What pomex costs, against real programs on the same server in the same run; run.sh calls it.
-- Prints a table of ratios. Not a gate: nothing here fails a build.

local pomex = require "pomex"
local core = require "pomex.core"
local sandbox = require "pomex.sandbox"

local bin = assert(os.getenv("POMEX_BENCH_BIN"), "POMEX_BENCH_BIN")
local rounds = tonumber(os.getenv("POMEX_BENCH_ROUNDS") or 5)
local now = core.now

local function row(what, got, wanted)
  io.write(("%-58s %-34s %s\n"):format(what, got, wanted))
  io.flush()
end

-- The lines that a command prints, as numbers.
local function numbers(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read("*l") or ""
  pipe:close()
  local found = {}
  for word in line:gmatch("%S+") do found[#found + 1] = tonumber(word) end
  return found
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

local sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
local given = sb:client_options()
given.rate_limits = false
local client = pomex.check(pomex.new(given))
local asset = pomex.check(client.assets:create {
  url = "https://cdn.example/front.jpg", asset_type = "Image", group_id = sb:add_person(),
  name = "bench",
})
local environment = ("POMEX_BASE_URL=%s POMEX_API_KEY=%s POMEX_BENCH_ASSET=%s "):format(
  sb.url, sb.key, asset.id)

local few, many = {}, {}
for i = 1, rounds do
  few[i] = numbers(environment .. bin .. "/bench_core pending 40000 64")[1]
  many[i] = numbers(environment .. bin .. "/bench_core pending 40000 4000")[1]
end
row("CPU a request with 4,000 calls pending, of that with 64",
  ("%.2f"):format(median(many) / median(few)), "<= 1.2")

sb:config { asset_seconds = 1e6 }
local slow = pomex.check(client.assets:create {
  url = "https://cdn.example/slow.jpg", asset_type = "Image", group_id = pomex.VIRTUAL,
})
local rest = numbers(environment .. "POMEX_BENCH_ASSET=" .. slow.id .. " " .. bin
  .. "/bench_core waits 10000")
row("10,000 waits at rest: bytes each in C; CPU in 2 s",
  ("%.0f B, %.4f s"):format(rest[1], rest[2]), "<= 1024 B, 0")

do
  given.poll = { asset = { first = 300, factor = 1, max = 300 } }
  local waiting = pomex.check(pomex.new(given))
  collectgarbage() collectgarbage()
  local before = collectgarbage("count")
  for _ = 1, 10000 do
    waiting:spawn(function() waiting.assets:wait(slow.id) end)
  end
  while waiting:timeout() and waiting:timeout() < 5 do -- each looks once, and then rests
    waiting:step()
    waiting:poll(1)
  end
  collectgarbage() collectgarbage()
  row("the same: more for a Lua coroutine and its operation",
    ("%.0f B"):format((collectgarbage("count") - before) * 1024 / 10000), "<= 2048 B")
  waiting:close()
end

row("worst step with 5,000 calls queued",
  ("%.2f ms"):format(numbers(environment .. bin .. "/bench_core step 5000")[1]), "<= 8 ms")

do
  sb:fault { endpoint = "assets.get", delay = 0.25, times = 0 }
  local limited = sb:client_options()
  limited.rate_limits = { asset_get = 100 }
  limited.max_in_flight = 128
  local steady = pomex.check(pomex.new(limited))
  local items, begin = {}, now()
  for i = 1, 500 do items[i] = asset.id end
  local results = steady:map(items, function(id) return steady.assets:get(id) end,
    { concurrency = 500 })
  local took = now() - begin
  for i = 1, #results do assert(results[i][1], tostring(results[i][2])) end
  row("asset gets a second at the limit of 100, answers of 250 ms",
    ("%.1f"):format(400 / (took - 0.25)), "95.2") -- the first 100 go at once, the next 1.05 s later
  steady:close()
  sb:clear_faults()
end
client:close()
sb:stop()

do
  local size = 2 ^ 30
  local files = assert(core.spawn(bin .. "/bench_files", { ("%.0f"):format(size) }))
  local port = assert(files:read_line(10))
  local from = pomex.check(pomex.new {
    api_key = "sk-bench", base_url = "http://127.0.0.1:" .. port,
  })
  local path = os.tmpname()
  local ratio, ours, theirs = {}, {}, {}
  for i = 1, 3 do
    local begin = now()
    os.execute(("curl -s -o '%s' http://127.0.0.1:%s/file"):format(path, port))
    theirs[i] = now() - begin
    begin = now()
    pomex.check(from.generations:download("big", path, { overwrite = true }))
    ours[i] = now() - begin
    ratio[i] = theirs[i] / ours[i]
  end
  os.remove(path)
  local memory = 0
  local status = io.open("/proc/self/status")
  for line in status:lines() do memory = tonumber(line:match("^VmHWM:%s*(%d+)")) or memory end
  status:close()
  row("download of 1 GiB, of the curl tool's rate",
    ("%.2f (%.0f MB/s, %.0f MB at most)"):format(median(ratio), size / 1e6 / median(ours),
      memory / 1024), ">= 0.90")
  from:close()
  files:stop()
end
