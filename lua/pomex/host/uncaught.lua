--- What is raised of an error. It is the error itself, with its fields; but its line where whoever
--- runs the program shows nothing of a table that nobody caught.

local catch = require "pomex.host.catch"
local coroutines = require "pomex.host.coroutine"
local errors = require "pomex.errors"

local uncaught = {}

---Whether this program catches all that is raised in it: what is raised is the error itself then.
uncaught.catches_all = false

local loaded, running = package.loaded, coroutine.running

-- Whether the running code is a task's. What nobody collects of it pomex itself says in words.
local function within_task()
  local co = running()
  return co and coroutines.started[co] or coroutines.enclosing() or catch.task()
end

-- Whether a table that nobody catches here would be shown without its words.
local function is_unshown()
  if uncaught.catches_all then return false end
  -- PUC 5.1's lua: "(error object is not a string)".
  if catch.PUC_51 then return true end
  if within_task() then return false end
  -- nginx: "unknown reason".
  if rawget(_G, "ngx") ~= nil then return true end
  -- luv ends the process with "Uncaught Error: (null)" for what a callback raises.
  local luv = loaded.luv
  if luv and luv.loop_mode and luv.loop_mode() then return true end
  -- LuaJIT's assert(cq:loop()) raises the last of the results, which is a thread.
  local cqueues = rawget(_G, "jit") and loaded.cqueues
  return cqueues and cqueues.running() ~= nil
end

---@param err any
---@return any raised `err`, or the line of an error of pomex's
function uncaught.raised(err)
  if errors.is(err) and is_unshown() then return tostring(err) end
  return err
end

return uncaught
