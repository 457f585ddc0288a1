--- Runs the function of a coroutine task so that its end is known, whether it returns or raises, in
--- any coroutine that a host gives it.

local catch = {}

local running, yield = coroutine.running, coroutine.yield
local resume, status = coroutine.resume, coroutine.status

---An error that was raised, as text; its __tostring can raise, too.
---@param err any
---@return string
function catch.said(err)
  local ok, words = pcall(tostring, err)
  return ok and type(words) == "string" and words or "an error that cannot be shown"
end

local said = catch.said

---`words` with a traceback of `co` below; the words alone if the program has no `debug`, or one
---that raises, since the error itself must not be lost.
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

-- On PUC 5.1: the coroutine that `call` was called in, by the one that it made.
---@type table<thread, thread>
local outer = setmetatable({}, { __mode = "kv" })

local function hand_on(co, ok, ...)
  if status(co) == "suspended" then return hand_on(co, resume(co, yield(...))) end
  if ok then return true, ... end
  return false, (...), traceback(co, said((...)))
end

-- By the version, and not by trying to yield in a pcall: nginx cannot yield within `require`.
local PUC_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
catch.PUC_51 = PUC_51

local function traced(err)
  return { err, traceback(nil, said(err), 3) }
end

local function unfolded(ok, what, ...)
  if ok then return true, what, ... end
  -- A string: `traced` itself has failed.
  if type(what) ~= "table" then return false, what, tostring(what) end
  return false, what[1], what[2]
end

---A pcall within which `f` (a function in Lua) can yield; an error comes with its traceback. The
---pcall of PUC 5.1 cannot: there `f` runs in a coroutine of its own, whose yields reach whoever
---resumes the coroutine that called this.
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

---The running coroutine as its host knows it: the one to resume. It differs from
---coroutine.running() on PUC 5.1 within `call`.
---@return thread|nil
function catch.current()
  local co = running()
  while co and outer[co] do co = outer[co] end
  return co
end

-- The tasks that hosts have started, by the coroutine that runs each.
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
