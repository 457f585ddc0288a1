--- What a person decides about a job: `pomex jobs resend`, `adopt`, `retry`, `cancel`, `pause` and
--- `continue`.

local campaign = require "pomex.command.campaign"
local doubt = require "pomex.jobs.doubt"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local json = require "pomex.json"
local page = require "pomex.command.page"
local place = require "pomex.jobs.place"
local store = require "pomex.command.store"
local text = require "pomex.text"

local jobs_decide = {}

-- The command that has a decision carried out. A store does not know the folder of a run: where the
-- files are not beside the manifest, it was another.
local function run_of(env, path, jobs)
  local manifest = not place.is_url(path) and path:match("^(.*)%.jobs%.db$")
  if manifest and campaign.exists(manifest) then
    local words = { "run", env.word(manifest) }
    if campaign.elsewhere(jobs, campaign.folder { manifest = manifest }) > 0 then
      words[3], words[4] = "--out", "FOLDER"
    end
    return env:command((table.unpack or unpack)(words))
  end
  return env:command("run", "MANIFEST", "--store", env.word(path))
end

-- Opens the store and decides. `decide` returns what to say, or nil and an error, or nil and the
-- exit code where the reason has been told.
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
  if not said and type(err) == "number" then return err end
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
  parser:argument "key" :argname "KEY" :description(store.NAMES)
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
    local done
    local job, err = store.job(jobs, args.key)
    if job then done, err = jobs:resend(job.key, { now = args.now or false }) end
    return done and errors.one_line(job.key) .. " will be sent again", err
  end)
end

local function describe_adopt(parser)
  page.describe(parser, {
    usage = "pomex jobs adopt KEY ID [--store FILE]",
    what = "Say which video of the service an unclear job is.",
    examples = { "pomex jobs adopt rachel-001 cgt-…" },
    more = "The service is asked for it first. Its id is in the service's console; the sandbox's\n"
      .. "is its dashboard. \"pomex jobs show KEY\" has the whole prompt. Asks where the video's\n"
      .. "time or fields speak against it, since what was adopted is not given back.",
  })
  key(parser)
  parser:argument "id" :argname "ID" :description "The id of the video or portrait."
end

-- Asks where something speaks against the task; nil, an error or the exit code: it is not adopted.
local function doubted(env, jobs, job, id)
  if job.kind ~= "video" or job.state ~= "unclear" then return true end
  local task, err = env.stop:await(nil, jobs.client.async.generations:get(id))
  if not task then return nil, err end
  local why = doubt.of_video(jobs.client, job.attempts, task)
  if not why then return true end
  why = ("%s is hardly %s: %s"):format(errors.one_line(id), errors.one_line(job.key), why)
  return env:agreed(why .. ". What is adopted is not given back.", why .. ", and")
end

local function adopt(args, env)
  return decided(env, function(jobs)
    local done
    local job, err = store.job(jobs, args.key)
    if job then done, err = doubted(env, jobs, job, args.id) end
    if done then done, err = jobs:adopt(job.key, args.id) end
    return done and ("%s is %s from now on; that is not taken back"):format(
      errors.one_line(job.key), errors.one_line(args.id)), err
  end, true)
end

local function describe_retry(parser)
  page.describe(parser, {
    usage = "pomex jobs retry KEY… [--prompt WORDS] [--store FILE]",
    what = "Have jobs made anew that failed, or let those go on that are stuck.",
    examples = { "pomex jobs retry rachel-001 rachel-002",
      "pomex jobs retry rachel-001 --prompt \"The person in {rachel} smiles.\"",
      "pomex jobs retry rachel --from films.csv" },
  })
  parser:argument "keys" :argname "KEY" :args "+" :description(store.NAMES)
  parser:mutex(
    parser:option "--prompt" :argname "WORDS" :description "Other words for the video.",
    parser:option "--from" :argname "MANIFEST"
      :description "As the lines of this manifest say it now.")
end

-- What the manifest's line of that key says now.
local function line_of(path, name)
  local read, err = require("pomex.manifest").read(path, { model = "fast",
    has_portrait = function() return true end })
  if not read then return nil, err end
  for _, entry in ipairs(read.entries) do
    if entry.key == name then
      return { video = entry.video, portrait = entry.portrait, price = entry.price }
    end
  end
  return errors.invalid("jobs", ("%s has no line %s"):format(path, errors.quoted(name)))
end

-- The job with another prompt.
local function reworded(job, prompt)
  local entry = json.object(job.body)
  if not entry or not entry.video then
    return errors.invalid("jobs", errors.quoted(job.key) .. " is no video")
  end
  entry.video.prompt = prompt
  return entry
end

local function retry(args, env)
  return decided(env, function(jobs)
    local anew = #args.keys
    for _, word in ipairs(args.keys) do
      local job, entry, done, err
      job, err = store.job(jobs, word)
      if not job then return nil, err end
      local name = job.key
      if args.prompt then entry, err = reworded(job, args.prompt) end
      if args.from then entry, err = line_of(args.from, name) end
      if err then return nil, err end
      done, err = jobs:retry(name, entry)
      if not done then return nil, err end
      job = jobs:get(name)
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
  parser:argument "keys" :argname "KEY" :args "+" :description(store.NAMES)
end

local function cancel(args, env)
  return decided(env, function(jobs)
    for _, word in ipairs(args.keys) do
      local done
      local job, err = store.job(jobs, word)
      if job then done, err = jobs:cancel(job.key) end
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
    what = "Let a moved or restored store go on, after a look at what the account made since.",
    examples = { "pomex jobs continue" },
    more = "Shows the videos that the account made since the store was written and that no job\n"
      .. "here has, where there is a key and the service lists them; asks if there are any.",
  })
end

-- Shows what the account made that the store does not know. nil: the person does not go on.
local function looked(env, jobs)
  local tasks, err
  if not env.keyless then tasks, err = jobs:made_since() end
  if not tasks then
    env.out:tell(("what the account made since cannot be shown (%s): look into the service's "
      .. "console"):format(err and err.message or "there is no key"))
    return true
  end
  for _, task in ipairs(tasks) do
    env.out:tell(("%s  %s  %s"):format(
      task.at and os.date("!%Y-%m-%d %H:%M:%S", math.floor(task.at)) or "at an unknown time",
      errors.one_line(task.id), errors.one_line(tostring(task.status))))
  end
  if #tasks == 0 then return true end
  local made = ("the account made %s since that no job here has"):format(
    text.count(#tasks, "video"))
  return env:agreed("A job of the same would be billed once more: " .. made .. ".", made .. ", and")
end

local function go_on(_, env)
  return decided(env, function(jobs)
    local yes, code = looked(env, jobs)
    if not yes then return nil, code end
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
