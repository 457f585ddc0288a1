--- `pomex jobs watch`: looks on while others run a store.

local run_of = require("pomex.command.deciding").run_of
local ends = require "pomex.command.ends"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local progress = require "pomex.command.progress"
local signals = require "pomex.jobs.signal"
local store = require "pomex.command.store"

local jobs_watch = {}

-- Seconds between two looks.
local LOOK = 1

local function describe(parser)
  page.describe(parser, {
    usage = "pomex jobs watch [--store FILE]",
    what = "Look on while others work on a store, until all is done or Ctrl-C.",
    examples = { "pomex jobs watch" },
  })
end

-- Tells what has changed since the last look. Which jobs are over is in `seen`.
local function look(jobs, shown, seen)
  for job in jobs:each() do
    local before = seen[job.key]
    if before ~= job.state then
      -- What was over before the first look is no change.
      if before or job.state ~= "done" and job.state ~= "ready" then shown:update(job) end
      seen[job.key] = job.state
    end
  end
end

local function going_on(counts)
  return counts.ready - counts.blocked - counts.stuck + counts.sending + counts.polling
    + counts.saving > 0
end

local function run(_, env)
  local path, code = store.find(env)
  if not path then return code end
  local shown = progress.new(env)
  local jobs
  jobs, code = store.tend(env, path)
  if not jobs then return code end
  shown.looks_on = true
  shown:watch(jobs, ".")
  shown:start()
  if jobs:workers() == 0 then
    env.out:tell("no process works on it; what is under way goes on with "
      .. run_of(env, path, jobs))
  end
  local pause, seen = signals.new(env.opened), {}
  local counts, err
  local waits = env.stop.waits
  waits[#waits + 1] = { cancel = function() pause:raise() end }
  repeat
    -- Counted before the list is read: what is over by then, the list shows.
    counts, err = jobs:counts()
    local listed, why = pcall(look, jobs, shown, seen)
    if not listed then
      counts, err = nil, err or why
      break
    end
    if counts and going_on(counts) and not env.stop.name then pause:wait(LOOK) end
  until not counts or env.stop.name or not going_on(counts)
  shown:finish()
  if not counts then return env:failed(err, ends.about(env, path, "watch"), exits.STORE) end
  env.out:say(ends.sum(counts))
  local alive = jobs:workers() or 1
  if going_on(counts) then
    return env:failed(alive > 0 and "stopped looking; the others go on"
      or "stopped looking; no process works on it", alive > 0 and ends.about(env, path, "watch")
      or run_of(env, path, jobs), exits.INTERRUPTED)
  end
  jobs:close()
  return exits.DONE
end

jobs_watch.verbs = { { name = "watch", describe = describe, run = run } }

return jobs_watch
