--- What a person decides about a job: `pomex jobs resend`, `adopt`, `retry`, `cancel`, `pause` and
--- `continue`.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local json = require "pomex.json"
local page = require "pomex.command.page"
local store = require "pomex.command.store"

local jobs_decide = {}

-- The command that has a decision carried out. A store does not know the folder of a run: where the
-- files are not beside the manifest, it was another.
local function run_of(env, path, jobs)
  local manifest = path:match("^(.*)%.jobs%.db$")
  if manifest and campaign.exists(manifest) then
    local words = { "run", env.word(manifest) }
    if campaign.elsewhere(jobs, campaign.folder { manifest = manifest }) > 0 then
      words[3], words[4] = "--out", "FOLDER"
    end
    return env:command((table.unpack or unpack)(words))
  end
  return env:command("run", "MANIFEST", "--store", env.word(path))
end

-- Opens the store and decides. `decide` returns what to say, or nil and an error.
local function decided(env, decide, with_key)
  local path, code = store.find(env)
  if not path then return code end
  if with_key then
    local client
    client, code = env:client()
    if not client then return code end
  end
  local jobs
  jobs, code = store.look(env, path)
  if not jobs then return code end
  local said, err = decide(jobs)
  if not said then
    local key = env.args.key or env.args.keys and #env.args.keys == 1 and env.args.keys[1]
    local shown = key and (err.endpoint or err.type ~= "not_found_error")
    local next_one = shown and ends.about(env, path, "show", key) or ends.about(env, path, "list")
    return env:failed(err, next_one, ends.code_of(err))
  end
  env.out:say(said)
  env.out:next(run_of(env, path, jobs))
  jobs:close()
  return exits.DONE
end

local function key(parser)
  parser:argument "key" :argname "KEY" :description "The job's key."
end

local function describe_resend(parser)
  page.describe(parser, {
    usage = "pomex jobs resend KEY [--now] [--store FILE]",
    what = "Send an unclear job again. Perhaps it is billed twice: look first.",
    examples = { "pomex jobs resend rachel-001" },
    more = "Refused while the process that sent it lives, and for 15 minutes after that began,\n"
      .. "since the service may still be at it.",
  })
  key(parser)
  parser:flag "--now" :description "Without waiting for the 15 minutes."
end

local function resend(args, env)
  local yes, code = env:confirm(("%s may be made a second time, which"):format(
    errors.one_line(args.key)))
  if not yes then return code end
  return decided(env, function(jobs)
    local done, err = jobs:resend(args.key, { now = args.now or false })
    return done and errors.one_line(args.key) .. " will be sent again", err
  end)
end

local function describe_adopt(parser)
  page.describe(parser, {
    usage = "pomex jobs adopt KEY ID [--store FILE]",
    what = "Say which video of the service an unclear job is.",
    examples = { "pomex jobs adopt rachel-001 cgt-…" },
    more = "The service is asked for it first. Its id is in the service's console; the sandbox's\n"
      .. "is its dashboard. \"pomex jobs show KEY\" has the whole prompt.",
  })
  key(parser)
  parser:argument "id" :argname "ID" :description "The id of the video or portrait."
end

local function adopt(args, env)
  return decided(env, function(jobs)
    local done, err = jobs:adopt(args.key, args.id)
    return done and ("%s is %s"):format(errors.one_line(args.key), errors.one_line(args.id)), err
  end, true)
end

local function describe_retry(parser)
  page.describe(parser, {
    usage = "pomex jobs retry KEY… [--prompt WORDS] [--store FILE]",
    what = "Have jobs made anew that failed, or let those go on that are stuck.",
    examples = { "pomex jobs retry rachel-001 rachel-002",
      "pomex jobs retry rachel-001 --prompt \"The person in {rachel} smiles.\"" },
  })
  parser:argument "keys" :argname "KEY" :args "+" :description "The jobs' keys."
  parser:option "--prompt" :argname "WORDS" :description "Other words for the video."
end

-- The job with another prompt.
local function reworded(jobs, name, prompt)
  local job, err = jobs:get(name)
  if not job then return nil, err end
  local entry = json.object(job.body)
  if not entry or not entry.video then
    return errors.invalid("jobs", errors.quoted(name) .. " is no video")
  end
  entry.video.prompt = prompt
  return entry
end

local function retry(args, env)
  return decided(env, function(jobs)
    local anew = #args.keys
    for _, name in ipairs(args.keys) do
      local entry, done, err
      if args.prompt then
        entry, err = reworded(jobs, name, args.prompt)
        if not entry then return nil, err end
      end
      done, err = jobs:retry(name, entry)
      if not done then return nil, err end
      local job = jobs:get(name)
      if job and job.state == "unclear" then
        anew = anew - 1
        env.out:tell(("%s is unclear, as before it was cancelled: adopt it, or resend it"):format(
          errors.one_line(name)))
      end
    end
    return ("%d will be made anew"):format(anew)
  end)
end

local function describe_cancel(parser)
  page.describe(parser, {
    usage = "pomex jobs cancel KEY… [--store FILE]",
    what = "Cancel jobs that are ready, unclear or being saved. What was paid stays paid.",
    examples = { "pomex jobs cancel rachel-001" },
  })
  parser:argument "keys" :argname "KEY" :args "+" :description "The jobs' keys."
end

local function cancel(args, env)
  return decided(env, function(jobs)
    for _, name in ipairs(args.keys) do
      local done, err = jobs:cancel(name)
      if not done then return nil, err end
    end
    return ("%d cancelled"):format(#args.keys)
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
  return decided(env, function(jobs)
    local done, err = jobs:pause(not args.off)
    return done and (args.off and "it goes on" or "paused: what is under way comes to its end"), err
  end)
end

local function describe_continue(parser)
  page.describe(parser, {
    usage = "pomex jobs continue [--store FILE]",
    what = "Say that you looked what the account made since a moved or restored store was written.",
    examples = { "pomex jobs continue" },
  })
end

local function go_on(_, env)
  return decided(env, function(jobs)
    local done, err = jobs:continue()
    return done and "the store is taken as it is", err
  end)
end

jobs_decide.verbs = {
  { name = "resend", describe = describe_resend, run = resend },
  { name = "adopt", describe = describe_adopt, run = adopt },
  { name = "retry", describe = describe_retry, run = retry },
  { name = "cancel", describe = describe_cancel, run = cancel },
  { name = "pause", describe = describe_pause, run = pause },
  { name = "continue", describe = describe_continue, run = go_on },
}

return jobs_decide
