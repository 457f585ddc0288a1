--- Runs the function of a coroutine task, in any coroutine that a host gives it, so that pomex
--- learns of its end whether the function returns or raises.

local catch = {}

local running, yield = coroutine.running, coroutine.yield
local resume, status = coroutine.resume, coroutine.status

--- The text of an error that was raised. An error's __tostring can raise, too.
---@param err any
---@return string
function catch.said(err)
  local ok, words = pcall(tostring, err)
  return ok and type(words) == "string" and words or "an error that cannot be shown"
end

local said = catch.said

--- `words` with a traceback of `co` below it. If the program has no `debug`, or one that raises,
--- the words alone: the error itself must not be lost.
---@param co thread|nil nil: the running coroutine
---@param words string
---@param level? integer
---@return string
function catch.traceback(co, words, level)
  local library = rawget(_G, "debug")
  local trace = type(library) == "table" and library.traceback
  if not trace then return words end
  local ok, text
  if co then ok, text = pcall(trace, co, words) else ok, text = pcall(trace, words, level) end
  return ok and type(text) == "string" and text or words
end

local traceback = catch.traceback

-- On PUC 5.1: maps the coroutine that `call` made to the coroutine that called `call`.
---@type table<thread, thread>
local outer = setmetatable({}, { __mode = "kv" })

local function hand_on(co, ok, ...)
  if status(co) == "suspended" then return hand_on(co, resume(co, yield(...))) end
  if ok then return true, ... end
  return false, (...), traceback(co, said((...)))
end

-- The version decides, not a trial of a yield in a pcall: nginx cannot yield within `require`.
local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
catch.PUC_51 = PUC_51

local function traced(err)
  return { err, traceback(nil, said(err), 3) }
end

local function unfolded(ok, what, ...)
  if ok then return true, what, ... end
  -- If the handler `traced` failed itself, the error is a string.
  if type(what) ~= "table" then return false, what, tostring(what) end
  return false, what[1], what[2]
end

--- A pcall within which `f` (a function in Lua) can yield. An error comes with its traceback.
--- Nothing can yield in the pcall of PUC 5.1: there `f` runs in a coroutine of its own, and its
--- yields reach the code that resumes the coroutine that called this function.
---@param f function
---@param ... any its arguments
---@return boolean ok
---@return any ... what `f` returned; or what it raised, and the traceback
function catch.call(f, ...)
  if not PUC_51 then return unfolded(xpcall(f, traced, ...)) end
  local co = coroutine.create(f)
  outer[co] = running()
  return hand_on(co, resume(co, ...))
end

--- The running coroutine that its host knows and resumes. On PUC 5.1 within `call` it is another
--- than coroutine.running().
---@return thread|nil
function catch.current()
  local co = running()
  while co and outer[co] do co = outer[co] end
  return co
end

-- The tasks that hosts have started; the key is the coroutine that runs the task.
---@type table<thread, pomex.Task>
local hosted = setmetatable({}, { __mode = "k" })

---Runs `f(…)` as a task that a host has started, and tells the task how it ended. Never raises.
---@param task pomex.Task
---@param f function
---@param ... any its arguments
function catch.run(task, f, ...)
  local co = catch.current()
  if co then hosted[co] = task end
  task:ended(catch.call(f, ...))
  if co then hosted[co] = nil end
end

---The running task, if a host has started it.
---@return pomex.Task|nil
function catch.task()
  if next(hosted) == nil then return nil end
  local co = catch.current()
  return co and hosted[co] or nil
end

---Notes what the running task is about to wait for, so that it can be cancelled.
---@param ready pomex.Ready|nil
function catch.note(ready)
  local task = catch.task()
  if task then task.waiting = ready end
end

return catch
