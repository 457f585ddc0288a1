--- `pomex jobs list`: a row for each job.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local store = require "pomex.command.store"
local unclear = require "pomex.command.unclear"

local jobs_list = {}

local STATES = { "ready", "sending", "polling", "saving", "done", "failed", "cancelled", "expired",
  "unclear" }

local function describe(parser)
  page.describe(parser, {
    usage = "pomex jobs list [--state STATE] [--stuck] [--store FILE]",
    what = "List jobs: key, state, id, file, error.",
    examples = { "pomex jobs list", "pomex jobs list --state unclear --json" },
  })
  parser:option "--state" :argname "STATE" :count "*" :choices(STATES)
    :description "Only those that are: ready, sending, polling, saving, done, …"
  parser:flag "--stuck" :description "Only those that are stuck. (What is unclear is not.)"
  page.most(parser)
end

-- A job in a row of cells, and as an object of --json; of an unclear one with what it is found by
-- in the service's console.
local function row(env, jobs, job)
  local whole = job.state == "unclear" and jobs:get(job.key)
  env.out:change { type = "job", key = job.key, kind = job.kind, state = job.state, id = job.task,
    attempt = job.attempt, error = job.error, stuck = job.stuck or nil, save = job.save,
    saved = job.saved, sent = whole and unclear.sent_at(whole) or nil,
    prompt = whole and unclear.prompt_of(whole) or nil }
  local state = job.stuck and "stuck" or job.blocked > 0 and "blocked" or job.state
  local why = job.error and campaign.why(job.error) or ""
  if whole then
    why = ("sent %s, %s  %s"):format(unclear.sent_at(whole),
      unclear.prompt_of(whole) or "a " .. whole.kind, why)
  end
  return { errors.one_line(job.key), state, job.task and errors.one_line(job.task) or "-",
    errors.one_line(job.saved or job.save or "-"), why }
end

-- Whether a worker of a database that is silent lives, only a run finds.
local function tell_sending(env, jobs, path)
  local counts = jobs.remote and jobs:counts()
  if not counts or counts.sending == 0 then return end
  env.out:tell(("%d being sent; whether the process lives, %s says, and a run finds within a "
    .. "minute"):format(counts.sending, env:command("doctor", "--store", env.word(path))))
end

local function run(args, env)
  local path, code = store.find(env)
  if not path then return code end
  local jobs
  jobs, code = store.tend(env, path)
  if not jobs then return code end
  local rows, most, first = {}, args.max or math.huge, nil
  local listed, why = pcall(function()
    for job in jobs:each { state = #args.state > 0 and args.state or nil, stuck = args.stuck } do
      if #rows < most then rows[#rows + 1] = row(env, jobs, job) end
      if job.state == "unclear" then first = first or job.key end
    end
  end)
  if not listed then return env:failed(why, ends.about(env, path, "list"), exits.STORE) end
  page.rows(env, rows)
  if first then env.out:next(ends.about(env, path, "show", first)) end
  tell_sending(env, jobs, path)
  jobs:close()
  return exits.DONE
end

jobs_list.verbs = { { name = "list", describe = describe, run = run } }

return jobs_list
