--- The host "coroutine": a wait yields, and `client:step()` resumes. For frame loops and for
--- schedulers of one's own; the tasks of every host that has none of its own kind.

local core = require "pomex.core"
local catch = require "pomex.host.catch"

local coroutines = {
  current = catch.current,
  name = "coroutine",
  WITHIN_C = "pomex: a wait within what a function in C calls (string.gsub, table.sort, require), "
    .. "which cannot yield; call it from Lua",
  WITHIN_STEP = "pomex: a wait within a step; wait in a task that client:spawn started",
}

local now, yieldable = core.now, core.yieldable
local said, running = catch.said, coroutine.running
local yield, resume, status = coroutine.yield, coroutine.resume, coroutine.status

-- What a wait yields, so that it can be told from a yield of the task's own.
local PARKED = setmetatable({}, { __tostring = function() return "pomex: waiting" end })

-- Lua 5.1 and LuaJIT keep a weak key for as long as its value leads to it, and a task leads to
-- its client, and so to the coroutine: there the value is weak, too, and the client keeps it.
coroutines.keeps_tasks = _VERSION == "Lua 5.1"

-- The coroutines that were started here, each with its task.
---@type table<thread, pomex.Task>
local started = setmetatable({}, { __mode = coroutines.keeps_tasks and "kv" or "k" })
coroutines.started = started

---The running coroutine, or nil in the main one.
---@return thread|nil
function coroutines.running()
  local co, main = running()
  return not main and co or nil
end

local function park_until(loop, co, task, ready, deadline)
  while not ready() do
    if now() >= deadline then
      ready:unsubscribe(co)
      if task then task.waiting = nil end
      break
    end
    if loop.closed then error("pomex client is closed", 0) end
    loop:wake_at(co, deadline)
    ready:subscribe(co)
    yield(PARKED)
  end
  loop:wake_at(co, nil)
end

---Yields the running coroutine `co` until it is worth while to look at `ready` again.
---@param client pomex.Client
---@param co thread
---@param task pomex.Task|nil
---@param ready table
---@param timeout? number
function coroutines.park(client, co, task, ready, timeout)
  if task then task.waiting = ready end
  if timeout then return park_until(client.loop, co, task, ready, now() + timeout) end
  if ready.waiter == nil then
    ready.waiter = co
  else
    ready:subscribe(co)
  end
  -- A tail call: what waits by the thousand should have small stacks.
  return yield(PARKED)
end

local park = coroutines.park

---Why the running coroutine may not wait; nil: it may.
---@param client pomex.Client
---@return string|nil
function coroutines.refuse(client)
  local co = coroutines.running()
  if co and client.loop.stepping == co and client.loop:in_step() then
    return coroutines.WITHIN_STEP
  end
  if co then return not yieldable() and coroutines.WITHIN_C or nil end
  return 'pomex: with host = "coroutine" only a coroutine can wait; client:spawn starts one'
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function coroutines.wait(client, ready, timeout)
  local co = coroutines.running()
  if not co or client.loop.stepping == co and client.loop:in_step() then
    error(coroutines.refuse(client), 0)
  end
  return park(client, co, started[co], ready, timeout)
end

-- Takes note of how a coroutine left its resume.
local function left(loop, co, task, ok, ...)
  local what = ...
  -- What a task yields or returns may have an __eq that says anything.
  if rawequal(what, PARKED) then return end
  if status(co) == "suspended" then
    if task and not task.free then
      loop.later[#loop.later + 1] = co
      loop:stir()
    end
    return
  end
  if ok then
    if task and not task.finished then task:finish(...) end
    started[co] = nil
    return
  end
  local trace = catch.traceback(co, said(what))
  -- 5.4: variables to be closed of a coroutine that failed wait for this.
  if coroutine.close then coroutine.close(co) end
  if task then
    task:fail(what, trace)
  else
    loop:failure(trace)
  end
  started[co] = nil
end

-- A task's coroutine has ended, and not everybody was told how.
local function tell_again(co, task)
  if task.finished then
    task:settle()
  else
    task:fail("pomex: what a task returned is lost: there was not enough memory, or somebody "
      .. "else resumed its coroutine")
  end
  started[co] = nil
end

---Resumes a coroutine that a wait had yielded.
---@param loop pomex.Loop
---@param co thread
function coroutines.resume(loop, co)
  local task = started[co]
  if status(co) ~= "suspended" then
    if task and status(co) == "dead" then tell_again(co, task) end
    -- Others may have resumed, or ended, one that is not ours.
    return
  end
  return left(loop, co, task, resume(co))
end

---Starts `f(…)` in a coroutine of ours, at once, up to its first wait. The task is told how it
---ends. A bare coroutine.yield() in it waits for the next step.
---@param task pomex.Task
---@param f function
function coroutines.start(task, f, ...)
  local co = coroutine.create(f)
  started[co] = task
  local kept = task.client.loop.kept
  if kept then kept[task] = true end
  return left(task.client.loop, co, task, resume(co, ...))
end

---Starts `f()`, which never raises, in a coroutine.
---@param f function
function coroutines.spawn(f)
  local co = coroutine.create(f)
  local ok, err = resume(co)
  if not ok then error(err, 0) end
end

return coroutines
