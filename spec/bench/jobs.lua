-- What the queue of jobs costs, against the same calls without a store in the same run, and how
-- soon the jobs of a dead worker go on; jobs.sh calls it. Prints a table. Not a gate.

local pomex = require "pomex"
local core = require "pomex.core"
local sandbox = require "pomex.sandbox"
local signals = require "pomex.jobs.signal"

local FLIGHT, EACH = 64, 10
local rounds = tonumber(os.getenv("POMEX_BENCH_ROUNDS") or 5)
local now, check = core.now, pomex.check
local POLL = { first = 1 / 1000, factor = 1.5, max = 1 / 20 }

local role = arg[1] -- "run": a worker of its own, on the store that is named

local function row(what, got, wanted)
  io.write(("%-62s %-40s %s\n"):format(what, got, wanted))
  io.flush()
end

local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

-- Bytes of this process in memory.
local function resident()
  local file = assert(io.open "/proc/self/statm")
  local _, pages = file:read("*n", "*n")
  file:close()
  return pages * 4096
end

local function open(client, folder, opts)
  opts = opts or {}
  opts.log = function() end
  return check(pomex.jobs.open(client, folder .. "/jobs.db", opts))
end

local function new(url, key)
  return check(pomex.new { base_url = url, api_key = key, rate_limits = false,
    max_in_flight = FLIGHT, max_downloads = FLIGHT, poll = { generation = POLL, asset = POLL } })
end

if role == "run" then
  local client = new(arg[2], arg[3])
  local jobs = open(client, arg[4], { beat_seconds = tonumber(arg[5]),
    still_seconds = tonumber(arg[6]) })
  jobs:run { out = arg[4] }
  jobs:close()
  return
end

-- A worker with 64 videos in the making, and all others ready: the CPU that it uses, of one
-- processor, and the bytes by which it grew since before it opened the store.
if role == "rest" then
  local client = check(pomex.new { base_url = arg[2], api_key = arg[3], rate_limits = false })
  local size, out, jobs = resident(), 0, open(client, arg[4])
  jobs:run { out = arg[4], on_update = function(job)
    if job.state ~= "polling" then return end
    out = out + 1
    if out ~= FLIGHT then return end
    client:spawn(function()
      signals.new(client):wait(1)
      local used, began = os.clock(), now()
      signals.new(client):wait(10)
      used = (os.clock() - used) / (now() - began)
      print(used, resident() - size)
      jobs:stop()
    end)
  end }
  jobs:close()
  return
end

local sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
local base = assert(arg[1], "a folder on a disk")

local function folder(name)
  local path = base .. "/" .. name
  os.execute(("rm -rf '%s' && mkdir -p '%s'"):format(path, path))
  return path
end

local function body(i)
  return { model = "byteplus/seedance-2.0-fast", prompt = "number " .. i, duration = 5 }
end

local function entries(count)
  local list = {}
  for i = 1, count do list[i] = { key = "k" .. i, save = i .. ".mp4", video = body(i) } end
  return list
end

-- ------------------------------------------------------- a job beside the calls that it makes

local client = new(sb.url, sb.key)

local function plain(path, count)
  local list = {}
  for i = 1, count do list[i] = i end
  local began = now()
  client:map(list, function(i)
    return check(client.generations:create_and_wait({ model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text("number " .. i), duration = 5 },
      { save = path .. "/" .. i .. ".mp4", sync = true }))
  end, { concurrency = FLIGHT })
  return count / (now() - began)
end

local function queued(path, list)
  local jobs = open(client, path)
  check(jobs:add(list))
  local began = now()
  local counts = check(jobs:run { out = path, concurrency = FLIGHT })
  local rate = counts.done / (now() - began)
  jobs:close()
  return rate
end

-- The same with uploads, which have no file: what is left is the store alone.
local person = sb:add_person()
local function portrait()
  return { url = "https://cdn.example/a.png", asset_type = "Image", group_id = person }
end

local function portraits(count)
  local list = {}
  for i = 1, count do list[i] = { key = "p" .. i, portrait = portrait() } end
  return list
end

local function plain_uploads(_, count)
  local list = {}
  for i = 1, count do list[i] = i end
  local began = now()
  client:map(list, function() return check(client.assets:create_and_wait(portrait())) end,
    { concurrency = FLIGHT })
  return count / (now() - began)
end

local function compare(what, without, with, list)
  local ratios, ours, theirs, count = {}, {}, {}, FLIGHT * EACH
  for i = 1, rounds do -- turn and turn about, so that a noisy neighbour hits both
    theirs[i] = without(folder "plain", count)
    ours[i] = with(folder "queued", list(count))
    ratios[i] = ours[i] / theirs[i]
  end
  row(what, ("%.2f (%.0f of %.0f/s)"):format(median(ratios), median(ours), median(theirs)),
    ">= 0.5")
end

plain(folder "warm", FLIGHT)
compare("a portrait's job, 64 at once: of the same calls' rate", plain_uploads, queued, portraits)
compare("a video's job, to its file of 2.6 MB: of the same calls' rate", plain, queued, entries)

-- --------------------------------------------------------------------- begins in one sync

local shim = os.getenv "POMEX_BENCH_SYNCS"
if shim then
  local path = folder "syncs"
  local jobs, list = open(client, path), portraits(FLIGHT * EACH) -- they have no files to sync
  check(jobs:add(list))
  jobs:close()
  os.execute(("POMEX_SYNCS_TO=%s/count LD_PRELOAD=%s lua5.4 spec/bench/jobs.lua run %s %s %s")
    :format(path, shim, sb.url, sb.key, path))
  local file = assert(io.open(path .. "/count"))
  local syncs = file:read "*n"
  file:close()
  row("durable records a job (begin, id, end) in one sync of the disk",
    ("%.1f (%d in %d syncs)"):format(#list * 3 / syncs, #list * 3, syncs), "many")
end

-- ------------------------------------------------------------------------ 10,000 at rest

do
  local path, READY = folder "rest", 10000
  sb:config { generation_seconds = 86400 }
  local jobs = open(client, path)
  check(jobs:add(entries(READY + FLIGHT)))
  jobs:close()
  local pipe = assert(io.popen(("lua5.4 spec/bench/jobs.lua rest %s %s %s"):format(sb.url, sb.key,
    path)))
  local used, grown = pipe:read("*n", "*n")
  pipe:close()
  row("10,000 jobs ready, 64 in the making: CPU; bytes each",
    ("%.1f %%; %.0f"):format(used * 100, grown / READY), "none; <= 4,096")
  sb:config { generation_seconds = 0 }
end

-- ---------------------------------------------------------------------- 100,000 are added

do
  local jobs, list = open(client, folder "many"), entries(100000)
  local began, used = now(), os.clock()
  check(jobs:add(list))
  row("a list of 100,000 jobs, checked and put: seconds", ("%.1f (of a processor: %.1f)"):format(
    now() - began, os.clock() - used), "<= 20")
  jobs:close()
end

-- -------------------------------------------------------------------- a worker that dies

-- A worker with a video in the making gets `signal`; how long until another has it.
local function takeover(signal, beat, still)
  local path = folder "death"
  sb:config { generation_seconds = 86400 }
  local jobs = open(client, path, { beat_seconds = beat, still_seconds = still })
  check(jobs:add(entries(1)))
  local pipe = assert(io.popen(("echo $$ > %s/pid; exec lua5.4 spec/bench/jobs.lua run "
    .. "%s %s %s %g %g"):format(path, sb.url, sb.key, path, beat, still)))
  repeat local job = jobs:get "k1" until job.state == "polling"
  check(jobs:join())
  check(jobs:counts())
  sb:config { generation_seconds = 0 }
  sb.clock:advance(86400)
  local began = now()
  os.execute(("kill -%s $(cat %s/pid)"):format(signal, path))
  check(jobs:run { out = path })
  local took = now() - began
  os.execute(("kill -KILL $(cat %s/pid)"):format(path))
  pipe:close()
  jobs:close()
  return took
end

local deaths = {}
for i = 1, 3 do deaths[i] = takeover("KILL", 5, 60) end
row("a worker of this machine is killed: seconds until its video is saved",
  ("%.1f (beats are 5 apart)"):format(median(deaths)), "<= 6")
row("one that stands still (still_seconds = 10): seconds the same",
  ("%.1f (beats are 1 apart)"):format(takeover("STOP", 1, 10)), "<= 13")
client:close()
sb:stop()
