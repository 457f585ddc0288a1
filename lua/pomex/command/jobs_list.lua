--- `pomex jobs list`: a row for each job.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local store = require "pomex.command.store"

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

-- A job in a row of cells, and as an object of --json.
local function row(env, job)
  env.out:change { type = "job", key = job.key, kind = job.kind, state = job.state, id = job.task,
    attempt = job.attempt, error = job.error, stuck = job.stuck or nil, save = job.save,
    saved = job.saved }
  local state = job.stuck and "stuck" or job.blocked > 0 and "blocked" or job.state
  return { errors.one_line(job.key), state, job.task and errors.one_line(job.task) or "-",
    errors.one_line(job.saved or job.save or "-"), job.error and campaign.why(job.error) or "" }
end

local function run(args, env)
  local path, code = store.find(env)
  if not path then return code end
  local jobs
  jobs, code = store.look(env, path)
  if not jobs then return code end
  local rows, most = {}, args.max or math.huge
  local listed, why = pcall(function()
    for job in jobs:each { state = #args.state > 0 and args.state or nil, stuck = args.stuck } do
      if #rows < most then rows[#rows + 1] = row(env, job) end
    end
  end)
  if not listed then return env:failed(why, ends.about(env, path, "list"), exits.STORE) end
  page.rows(env, rows)
  jobs:close()
  return exits.DONE
end

jobs_list.verbs = { { name = "list", describe = describe, run = run } }

return jobs_list
