--- What a person decides about a job: `pomex jobs resend`, `adopt`, `cancel`, `forget`, `pause`.
--- What is made anew is in jobs_retry.lua.

local core = require "pomex.core"
local decided = require("pomex.command.deciding").decided
local doubt = require "pomex.jobs.doubt"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local store = require "pomex.command.store"

local jobs_decide = {}

local function key(parser)
  parser:argument "key" :argname "KEY" :description(store.NAMES)
end

local function describe_resend(parser)
  page.describe(parser, {
    usage = "pomex jobs resend KEY [--now] [--gone] [--store FILE]",
    what = "Send an unclear job again. Perhaps it is billed twice: look first.",
    examples = { "pomex jobs resend rachel-001" },
    more = "Refused while the process that sent it lives, and for 15 minutes after that began,\n"
      .. "since the service may still be at it; and where the job has an id: adopt that.",
  })
  key(parser)
  parser:flag "--now" :description "Without waiting for the 15 minutes."
  parser:flag "--gone" :description "Though it has an id: the service does not have that any more."
end

-- Until when the service may still be at the newest request; nil: that is over, or there is none.
local function safe_until(job)
  local last = job.attempts[#job.attempts]
  local at = last and last.begun + 15 * 60
  return at and at > core.wall() and os.date("!%H:%M:%S UTC", math.ceil(at)) or nil
end

local function resend(args, env)
  return decided(env, function(jobs, path)
    local done
    local job, err = store.job(jobs, args.key)
    if not job then return nil, err end
    if job.state == "unclear" then
      ends.unclear(env, jobs, path, job)
      local at = safe_until(job)
      if at then env.out:tell(("  the service may still be at it: the 15 minutes last until %s"
        ):format(at)) end
      if at and not args.now then
        return nil, env:failed(("%s was begun less than 15 minutes ago; look first (--now sends it "
          .. "all the same)"):format(errors.one_line(job.key)), ends.about(env, path, "show",
          job.key), exits.FAILED)
      end
    end
    local what = errors.one_line(args.key) .. " may be made a second time, which "
    -- To look comes first: a script that follows `next:` is billed nothing by it.
    local yes, code = env:agreed(what .. "will be billed.", what .. "would be billed: a person "
      .. "looks at it first, and", ends.about(env, path, "show", args.key))
    if not yes then return nil, code end
    done, err = jobs:resend(job.key, { now = args.now or false, gone = args.gone or false })
    if not done then return nil, err end
    return errors.one_line(job.key) .. " will be sent again"
  end)
end

local function describe_adopt(parser)
  page.describe(parser, {
    usage = "pomex jobs adopt KEY ID [--store FILE]",
    what = "Say which video of the service a job is that is unclear, or ready and forgotten.",
    examples = { "pomex jobs adopt rachel-001 cgt-…" },
    more = "The service is asked for it first. Its id is in the service's console; the sandbox's\n"
      .. "is its dashboard. \"pomex jobs show KEY\" has the whole prompt. Where the video's\n"
      .. "time and fields fit, it is adopted at once; where they speak against it, that is\n"
      .. "said, and asked about, since what was adopted is not given back. Nobody compares\n"
      .. "the prompt: look yourself.\n"
      .. "Of a store that was put back from a copy it takes what is ready or cancelled there, and\n"
      .. "was made since: it is counted, saved, and not made once more.",
  })
  key(parser)
  parser:argument "id" :argname "ID" :description "The id of the video or portrait."
end

-- Whether nobody knows what became of the job's newest request.
local function is_unclear(job)
  local last = job.attempts[#job.attempts]
  return job.state == "unclear" or job.state == "cancelled" and last and last.stage == "out"
end

-- Asks where something speaks against the task; nil, an error or the exit code: it is not adopted.
local function doubted(env, jobs, job, id)
  if job.kind ~= "video" then return true end
  local unclear = is_unclear(job)
  if not unclear and job.state ~= "ready" and job.state ~= "cancelled" then return true end
  local task, err = env.stop:await(nil, jobs.client.async.generations:get(id))
  if not task then return nil, err end
  local why
  if unclear then
    why = doubt.of_video(jobs.client, job.attempts, task)
  else
    why = doubt.of_forgotten(job, task)
  end
  if not why then return true end
  why = ("%s is hardly %s: %s"):format(errors.one_line(id), errors.one_line(job.key), why)
  return env:agreed(why .. ". What is adopted is not given back.", why .. ", and", env:again())
end

local function adopt(args, env)
  return decided(env, function(jobs)
    local done
    local job, err = store.job(jobs, args.key)
    if job then done, err = doubted(env, jobs, job, args.id) end
    if done then done, err = jobs:adopt(job.key, args.id) end
    if not done then return nil, err end
    return ("%s is %s from now on; that is not taken back"):format(
      errors.one_line(job.key), errors.one_line(args.id))
  end, true)
end

local function describe_cancel(parser)
  page.describe(parser, {
    usage = "pomex jobs cancel KEY… [--store FILE]",
    what = "Cancel jobs that are not sent, unclear, being made or being saved.",
    examples = { "pomex jobs cancel rachel-001" },
    more = "What was paid stays paid. The service is not told: it goes on with what it has. Asks\n"
      .. "where a video or portrait is being made, which would not be saved.",
  })
  parser:argument "keys" :argname "KEY" :args "+" :description(store.NAMES)
end

local function cancel(args, env)
  return decided(env, function(jobs)
    local list, made = {}, {}
    for i, word in ipairs(args.keys) do
      local job, err = store.job(jobs, word)
      if not job then return nil, err end
      list[i] = job
      if job.state == "polling" then made[#made + 1] = job end
    end
    local first = made[1]
    if first then
      local what = ("%s (%s)%s being made: what is paid stays paid, and would not be saved"):format(
        errors.one_line(first.key), errors.one_line(first.task),
        #made > 1 and (" and %d more are"):format(#made - 1) or " is")
      local yes, code = env:agreed(what .. ".", what .. ", and")
      if not yes then return nil, code end
    end
    for _, job in ipairs(list) do
      local done, why = jobs:cancel(job.key)
      if not done then return nil, why end
    end
    return ("%d cancelled"):format(#args.keys)
  end)
end

local function describe_forget(parser)
  page.describe(parser, {
    usage = "pomex jobs forget KEY [--store FILE]",
    what = "Have the store forget what a job was about that is over. Asks first.",
    examples = { "pomex jobs forget rachel-001" },
    more = "Its words, links, errors, key and name of the file are gone for good. Its state, its\n"
      .. "money and the id that the service gave it stay. Its file, and what logs and older\n"
      .. "backups say of it, are yours to delete; and its line of a manifest, from which the\n"
      .. "next run would make it once more. The service keeps what it has.",
  })
  key(parser)
end

local OVER = { done = true, failed = true, cancelled = true, expired = true }

local function forget(args, env)
  return decided(env, function(jobs, path)
    local done
    local job, err = store.job(jobs, args.key)
    if not job then return nil, err end
    local name = errors.one_line(job.key)
    local look = ends.about(env, path, "show", job.key)
    if not OVER[job.state] then
      return nil, env:failed(("%s is %s: only what is over is forgotten"):format(name, job.state),
        look, exits.FAILED)
    end
    env.out:tell(("%s is %s%s"):format(name, job.state,
      job.saved and "; its file stays: " .. errors.one_line(job.saved) or ""))
    env.out:tell "  a manifest that still has its line would have it made, and billed, once more"
    local what = "What the store says of " .. name .. " would be gone for good"
    local yes, code = env:agreed(what .. ".", what .. ", and", look)
    if not yes then return nil, code end
    done, err = jobs:forget(job.key)
    if not done then return nil, err end
    return name .. " is forgotten", ends.about(env, path, "list")
  end)
end

local function describe_pause(parser)
  page.describe(parser, {
    usage = "pomex jobs pause [--off] [--store FILE]",
    what = "Let nothing begin, in any process, until --off.",
    examples = { "pomex jobs pause", "pomex jobs pause --off" },
  })
  parser:flag "--off" :description "Let it go on."
end

local function pause(args, env)
  return decided(env, function(jobs, path)
    local done, err = jobs:pause(not args.off)
    if not done then return nil, err end
    if args.off then return "it goes on" end
    return "paused: what is under way comes to its end", ends.about(env, path, "pause", "--off")
  end)
end

jobs_decide.verbs = {
  { name = "resend", describe = describe_resend, run = resend },
  { name = "adopt", describe = describe_adopt, run = adopt },
  { name = "cancel", describe = describe_cancel, run = cancel },
  { name = "forget", describe = describe_forget, run = forget },
  { name = "pause", describe = describe_pause, run = pause },
}

return jobs_decide
