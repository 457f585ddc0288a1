--- A process that runs a queue of jobs and kills itself at the N-th step that it takes with the
--- store; with the "signal" EXIT it closes the store and ends there, as a host ends one; with the
--- signal STOP it stops itself once a create is begun, and not sent yet, and with
--- LINGER what had that create in hand does not end before its job is being made anew:
---     lua5.4 spec/support/jobs_child.lua URL KEY FOLDER N SIGNAL STILL_SECONDS [IN_FLIGHT
---       [CONCURRENCY [STORE]]]
--- STORE is the URL of a database; else it is a file of FOLDER. Prints "ended" and the counts if it
--- comes to its end before that.

local pomex = require "pomex"

local url, key, folder = arg[1], arg[2], arg[3]
local last, signal = tonumber(arg[4]), arg[5]

local client = assert(pomex.new { base_url = url, api_key = key, rate_limits = false,
  max_in_flight = tonumber(arg[7]),
  poll = { asset = { first = 1 / 100, max = 1 / 10 },
    generation = { first = 1 / 100, max = 1 / 10 } } })
local jobs = assert(pomex.jobs.open(client, arg[9] or folder .. "/jobs.db",
  { file_system = "any", beat_seconds = 1 / 5, still_seconds = tonumber(arg[6]),
    log = function() end }))

os.execute("echo $PPID > " .. folder .. "/pid")

local counts_claims = signal == "LINGER"
local lingers = counts_claims
if lingers then signal = "STOP" end

local steps = 0
local function step()
  steps = steps + 1
  if steps == last and signal == "KILL" then os.execute "kill -KILL $PPID" end
  if steps == last and signal == "EXIT" then
    jobs:close()
    os.exit(0)
  end
end

-- A begin that was kept, and a fact that is yet to be kept, are the steps that matter.
local asks = jobs.asks
local ask = asks.ask
function asks:ask(verb, fields)
  if verb ~= "claim" and verb ~= "counts" then step() end
  local reply, err = ask(self, verb, fields)
  for _, job in ipairs(counts_claims and verb == "claim" and reply and reply.jobs or {}) do
    print("claimed", job.key)
  end
  if verb == "fact" and lingers then
    lingers = false
    repeat coroutine.yield() until jobs:get "anew".state == "polling"
  end
  if verb == "begin" or verb == "move" then step() end
  if verb == "begin" and signal == "STOP" then
    signal = nil
    os.execute "kill -STOP $PPID"
  end
  return reply, err
end

local counts, err = jobs:run { out = folder .. "/out", concurrency = tonumber(arg[8]) or 3 }
print("ended", err or "", counts.done, counts.unclear)
jobs:close()
