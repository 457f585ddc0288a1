--- `pomex jobs continue`: lets a store go on that was moved, copied or put back, after a look at
--- what the account made since.

local decided = require("pomex.command.deciding").decided
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local page = require "pomex.command.page"
local text = require "pomex.text"

local jobs_continue = {}

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
local function looked(env, jobs, path)
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
  if not env.args.yes then
    env.out:tell("  one that is a job's: " .. ends.about(env, path, "adopt", "KEY", "ID"))
  end
  local made = ("the account made %s since that no job here has"):format(
    text.count(#tasks, "video"))
  return env:agreed("A job of the same would be billed once more: " .. made .. ".", made .. ", and",
    env:again())
end

local function go_on(_, env)
  return decided(env, function(jobs, path)
    local yes, code = looked(env, jobs, path)
    if not yes then return nil, code end
    local done, err = jobs:continue()
    if not done then return nil, err end
    return "the store is taken as it is"
  end)
end

jobs_continue.verbs = { { name = "continue", describe = describe_continue, run = go_on } }

return jobs_continue
