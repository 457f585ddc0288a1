--- `pomex jobs retry`: has jobs made anew, and asks first where that can bill a video twice that is
--- there already.

local deciding = require "pomex.command.deciding"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local json = require "pomex.json"
local left = require "pomex.command.left"
local lines = require "pomex.command.lines"
local page = require "pomex.command.page"
local store = require "pomex.command.store"

local jobs_retry = {}

local function describe_retry(parser)
  page.describe(parser, {
    usage = "pomex jobs retry KEY… [--prompt WORDS] [--store FILE]",
    what = "Have jobs made anew that failed, or let those go on that are stuck.",
    examples = { "pomex jobs retry rachel-001 rachel-002",
      "pomex jobs retry rachel-001 --prompt \"The person in {rachel} smiles.\"",
      "pomex jobs retry rachel --from films.csv" },
    more = "Asks where a job was cancelled by a person, or is as a store has it that was put back\n"
      .. "from a copy since: where its video was made meanwhile, another one would be billed;\n"
      .. "and where a portrait was refused: with the same picture it is so again.",
  })
  parser:argument "keys" :argname "KEY" :args "+" :description(store.NAMES)
  parser:mutex(
    parser:option "--prompt" :argname "WORDS" :description "Other words for the video.",
    parser:option "--from" :argname "MANIFEST"
      :description "As the lines of this manifest say it now.")
end

-- What the manifest's line of that key says now.
local function line_of(path, name)
  local read, err = lines.read(path)
  if not read then return nil, err end
  local entry = lines.find(read, name)
  if entry then return { video = entry.video, portrait = entry.portrait, price = entry.price } end
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

-- Why the video of a job is perhaps there although the store knows none; nil: nothing says so.
local function perhaps_there(job, put_back)
  local last = job.attempts[#job.attempts]
  local goes_on = last and (last.stage == "out" or last.stage == "task" or last.stage == "made")
  if goes_on then return nil end -- it is not sent again by this
  if put_back and not (last and last.begun > put_back) then
    return "is as the store was before it was put back, and perhaps made since"
  elseif ends.is_cancelled_by_hand(job) then
    return "was cancelled by hand"
  end
end

-- Why there is nothing to retry of a job that is ready: its words are those of its line. nil: there
-- is.
local function not_begun(env, path, job)
  if job.state ~= "ready" or job.stuck then return nil end
  local file = lines.manifest_of(path)
  local _, line = lines.find(file and lines.read(file), job.key)
  local where = line and ("line %d of %s"):format(line, errors.one_line(file)) or "its line"
  if job.attempt == 0 then
    return ("%s is ready and was never begun, so there is nothing to retry; other words go into %s")
      :format(errors.one_line(job.key), where)
  end
  return ("%s is ready already, and the next run makes it; for other words cancel it first: %s")
    :format(errors.one_line(job.key), ends.about(env, path, "cancel", job.key))
end

-- A portrait that was refused is so again, with the same picture. nil, and the code: nobody agreed
-- to that.
local function agreed_again(env, path, list)
  if env.args.prompt or env.args.yes then return true end
  local from = env.args.from and lines.read(env.args.from)
  if env.args.from and not from then return true end -- why, the reading of its line says
  for _, job in ipairs(list) do
    local changed = from and (not lines.find(from, job.key)
      or select(3, lines.another_link(path, job, from)))
    if lines.is_refused_portrait(job) and not changed then
      local following = left.refused(env, path, job)
      local why = errors.one_line(job.key) .. " was refused with its link, and is so again unless "
        .. "another picture stands there now"
      local yes, code = env:agreed(why .. ".", why .. ";", following)
      if not yes then return nil, code end
    end
  end
  return true
end

-- The jobs of these words, once a person agreed to make anew what is perhaps there. nil: an error,
-- or the exit code.
local function agreed(env, jobs, path)
  local list, doubts = {}, {}
  local put_back, err = jobs:put_back()
  if err then return nil, err end
  for i, word in ipairs(env.args.keys) do
    list[i], err = store.job(jobs, word)
    if not list[i] then return nil, err end
    local nothing = not_begun(env, path, list[i])
    if nothing then
      return nil, env:failed(nothing, deciding.run_of(env, path, jobs), exits.FAILED)
    end
    local why = list[i].kind == "video" and perhaps_there(list[i], put_back)
    if why then
      doubts[#doubts + 1] = ("%s %s"):format(errors.one_line(list[i].key), why)
    end
  end
  local fine, refused = agreed_again(env, path, list)
  if not fine then return nil, refused end
  if #doubts == 0 then return list end
  for _, line in ipairs(doubts) do env.out:tell(line) end
  if not env.args.yes then
    env.out:tell("  where its video is there: "
      .. ends.about(env, path, "adopt", #list == 1 and list[1].key or "KEY", "ID"))
  end
  local why = ("%s would be billed, perhaps for the second time"):format(
    #doubts == 1 and "1 video" or #doubts .. " videos")
  local yes, code = env:agreed(why .. ".", why .. ", and", env:again())
  return yes and list, code
end

local function retry(args, env)
  return deciding.decided(env, function(jobs, path)
    local list, why = agreed(env, jobs, path)
    if not list then return nil, why end
    local anew = #list
    for _, job in ipairs(list) do
      local name, entry, err = job.key, nil, nil
      if args.prompt then entry, err = reworded(job, args.prompt) end
      if args.from then entry, err = line_of(args.from, name) end
      if err then return nil, err end
      local done
      done, err = jobs:retry(name, entry)
      if not done then return nil, err end
      local now = jobs:get(name)
      if now and now.state == "unclear" then
        anew = anew - 1
        env.out:tell(("%s is unclear, as before it was cancelled: adopt it, or resend it"):format(
          errors.one_line(name)))
      end
    end
    return ("%d will be made anew"):format(anew)
  end)
end

jobs_retry.verbs = { { name = "retry", describe = describe_retry, run = retry } }

return jobs_retry
