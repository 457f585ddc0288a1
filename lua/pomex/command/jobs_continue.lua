--- `pomex jobs continue`: lets a store go on that was moved, copied or put back, after a look at
--- what the account made since.

local campaign = require "pomex.command.campaign"
local decided = require("pomex.command.deciding").decided
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local page = require "pomex.command.page"
local text = require "pomex.text"

local jobs_continue = {}

local function describe_continue(parser)
  page.describe(parser, {
    usage = "pomex jobs continue [--out FOLDER] [--store FILE]",
    what = "Let a moved or restored store go on, after a look at what the account made since.",
    examples = { "pomex jobs continue" },
    more = "Shows the videos that the account made since the store was written and that no job\n"
      .. "here has, where there is a key and the service lists them; and what the next run\n"
      .. "begins, with the files of it that are there already. Asks if there are such.",
  })
  parser:option "--out" :argname "FOLDER" :description "Where the run saves to, if it has --out."
end

-- So many jobs are named.
local MOST = 20

-- Shows what a run would begin, and which of its files are there already: perhaps it was made
-- since. How many of these there are; nil, an error.
local function ready(env, jobs, path)
  local manifest = path:match("^(.*)%.jobs%.db$") or path
  local folder = campaign.folder { out = env.args.out, manifest = manifest }
  local count, there = 0, 0
  local listed, why = pcall(function()
    for job in jobs:each { state = "ready" } do
      local file = job.save and campaign.file(folder, job.save)
      local is_there = file and campaign.exists(file)
      count, there = count + 1, there + (is_there and 1 or 0)
      if count == 1 then env.out:tell "ready, and begun by the next run:" end
      if count <= MOST or is_there and there <= MOST then
        env.out:tell(("  %s%s"):format(errors.one_line(job.key), is_there and (", whose file is "
          .. "there already: %s"):format(errors.one_line(file)) or ""))
      end
    end
  end)
  if not listed then return nil, why end
  if count > MOST then
    env.out:tell(("  %d in all: %s"):format(count,
      ends.about(env, path, "list", "--state", "ready")))
  end
  return there
end

-- Shows what the account made that the store does not know. nil: the person does not go on.
local function looked(env, jobs, path, there)
  local tasks, err
  if not env.keyless then tasks, err = jobs:made_since() end
  if not tasks then
    env.out:tell(("what the account made since cannot be shown (%s): look into the service's "
      .. "console"):format(err and err.message or "there is no key"))
    tasks = {}
  end
  for _, task in ipairs(tasks) do
    env.out:tell(("%s  %s  %s"):format(
      task.at and os.date("!%Y-%m-%d %H:%M:%S", math.floor(task.at)) or "at an unknown time",
      errors.one_line(task.id), errors.one_line(tostring(task.status))))
  end
  if #tasks == 0 and there == 0 then return true end
  if not env.args.yes then
    env.out:tell("  one that is a job's: " .. ends.about(env, path, "adopt", "KEY", "ID"))
  end
  local made = ("the account made %s since that no job here has"):format(
    text.count(#tasks, "video"))
  if #tasks == 0 then
    made = ("%s of what is ready %s there already"):format(text.count(there, "file"),
      there == 1 and "is" or "are")
  end
  return env:agreed("A job of the same would be billed once more: " .. made .. ".", made .. ", and",
    env:again())
end

local function go_on(_, env)
  return decided(env, function(jobs, path)
    local there, why = ready(env, jobs, path)
    if not there then return nil, why end
    local yes, code = looked(env, jobs, path, there)
    if not yes then return nil, code end
    local done, err = jobs:continue()
    if not done then return nil, err end
    return "the store is taken as it is"
  end)
end

jobs_continue.verbs = { { name = "continue", describe = describe_continue, run = go_on } }

return jobs_continue
