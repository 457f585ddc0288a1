--- `pomex jobs show`: one job, its attempts, what happened to it, and what to type.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local left = require "pomex.command.left"
local lines = require "pomex.command.lines"
local page = require "pomex.command.page"
local store = require "pomex.command.store"
local unclear = require "pomex.command.unclear"

local jobs_show = {}

local function describe(parser)
  page.describe(parser, {
    usage = "pomex jobs show KEY|ID [--store FILE]",
    what = "Show one job: its attempts, what happened to it, what to type next.",
    examples = { "pomex jobs show rachel-001",
      "pomex jobs show cgt-…         # an id of a bill" },
  })
  parser:argument "key" :argname "KEY" :description(store.NAMES)
end

local function time(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(seconds))
end

local FAILED = { failed = true, cancelled = true, expired = true }

-- What to type about the job as it is now.
local function following(env, jobs, path, job)
  if job.state == "unclear" then
    ends.unclear(env, jobs, path, job, true)
  elseif lines.is_refused_portrait(job) then
    env.out:next(left.refused(env, path, job))
  elseif job.stuck or FAILED[job.state] then
    env.out:next(ends.about(env, path, "retry", job.key))
  end
end

local SHOWN = { "key", "kind", "state", "prompt", "task", "save", "saved", "length", "error" }

local function run(args, env)
  local path, code = store.find(env)
  if not path then return code end
  local jobs, job, err
  jobs, code = store.tend(env, path)
  if not jobs then return code end
  job, err = store.job(jobs, args.key)
  if not job then return env:failed(err, ends.about(env, path, "list"), ends.code_of(err)) end
  if job.length == 0 then job.length = nil end
  -- By its words a person finds it in the service's console.
  job.prompt = unclear.words_of(job)
  page.fields(env, job, SHOWN)
  if left.is_perhaps_billed(job) then env.out:result("billed      " .. left.OF_FAILED) end
  if job.stuck then env.out:result "stuck       yes: for a person" end
  if job.blocked > 0 then env.out:result("blocked     by portraits that are not active") end
  for _, attempt in ipairs(job.attempts) do
    env.out:result(("attempt %-3d %s  %s%s%s"):format(attempt.number, time(attempt.begun),
      attempt.stage:gsub("_", " "), attempt.task and " " .. attempt.task or "",
      attempt.held and attempt.held > 0 and ", " .. campaign.money(attempt.held) or ""))
  end
  for _, event in ipairs(jobs:events { key = job.key } or {}) do
    env.out:result(("%s  %s%s%s"):format(time(event.at), event.name,
      event.by and " by " .. errors.one_line(event.by) or "",
      event.text and ": " .. campaign.why(event.text) or ""))
  end
  following(env, jobs, path, job)
  jobs:close()
  return exits.DONE
end

jobs_show.verbs = { { name = "show", describe = describe, run = run } }

return jobs_show
