--- Running a task's function so that how it ended is known, in whatever coroutine a host gave it.

local catch = {}

local running, yield = coroutine.running, coroutine.yield
local resume, status = coroutine.resume, coroutine.status

---What was raised, in words; its own __tostring may raise, too.
---@param err any
---@return string
function catch.said(err)
  local ok, words = pcall(tostring, err)
  return ok and type(words) == "string" and words or "an error that cannot be shown"
end

local said = catch.said

---The traceback of `co` below `words`; the words alone where the program has no `debug`, or one
---that raises. The error itself must not be lost for that.
---@param co thread|nil the running one
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

-- On PUC 5.1: for whom a coroutine made below runs.
---@type table<thread, thread>
local outer = setmetatable({}, { __mode = "kv" })

local function hand_on(co, ok, ...)
  if status(co) == "suspended" then return hand_on(co, resume(co, yield(...))) end
  if ok then return true, ... end
  return false, (...), traceback(co, said((...)))
end

-- Not tried out: within nginx a coroutine that `require` runs into cannot yield.
local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
catch.PUC_51 = PUC_51

local function traced(err)
  return { err, traceback(nil, said(err), 3) }
end

local function unfolded(ok, what, ...)
  if ok then return true, what, ... end
  -- A string is what came of an error in `traced` itself.
  if type(what) ~= "table" then return false, what, tostring(what) end
  return false, what[1], what[2]
end

---A pcall within which `f` (a function in Lua) may yield; an error comes with its traceback.
---PUC 5.1's own cannot: there `f` runs in a coroutine of its own, whose yields reach whoever
---resumes the coroutine that called this.
---@param f function
---@return boolean ok
---@return any ... what it returned; or what it raised, and the traceback
function catch.call(f, ...)
  if not PUC_51 then return unfolded(xpcall(f, traced, ...)) end
  local co = coroutine.create(f)
  outer[co] = running()
  return hand_on(co, resume(co, ...))
end

---The running coroutine as its host knows it: the one to resume.
---@return thread|nil
function catch.current()
  local co = running()
  while co and outer[co] do co = outer[co] end
  return co
end

-- The tasks of hosts that start them, by the coroutine that runs them.
---@type table<thread, pomex.Task>
local hosted = setmetatable({}, { __mode = "k" })

---Runs `f(…)` as the whole of a task that a host has started.
---@param task pomex.Task
---@param f function
function catch.run(task, f, ...)
  local co = catch.current()
  if co then hosted[co] = task end
  task:ended(catch.call(f, ...))
  if co then hosted[co] = nil end
end

---The task that runs, where a host has started it.
---@return pomex.Task|nil
function catch.task()
  if next(hosted) == nil then return nil end
  local co = catch.current()
  return co and hosted[co] or nil
end

---Takes note of what such a task is about to wait for.
---@param ready table
function catch.note(ready)
  local task = catch.task()
  if task then task.waiting = ready end
end

return catch
