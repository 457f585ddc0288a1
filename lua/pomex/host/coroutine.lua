--- The host "coroutine": a wait yields, and `client:step()` resumes. For frame loops and for
--- schedulers of one's own. Hosts without a kind of task of their own start their coroutine tasks
--- here, too.

local core = require "pomex.core"
local catch = require "pomex.host.catch"

local coroutines = {
  current = catch.current,
  name = "coroutine",
  WITHIN_C = "pomex: a wait in a function that a function in C calls ("
    .. (catch.PUC_51 and "pcall, " or "") .. "string.gsub, table.sort, require), through which "
    .. "nothing can yield; call it from Lua",
  WITHIN_STEP = "pomex: a wait within a step; wait in a task that client:spawn started",
  WITHIN_OWN = "pomex: a wait in a coroutine of your own within a task, which would stop every "
    .. "other task; wait in the task itself, or start the coroutine's function with client:spawn",
}

local now, yieldable = core.now, core.yieldable
local said, running = catch.said, coroutine.running
local yield, resume, status = coroutine.yield, coroutine.resume, coroutine.status

-- A wait yields this, so that a task's own yields can be told from it.
local PARKED = setmetatable({}, { __tostring = function() return "pomex: waiting" end })

-- Lua 5.1 and LuaJIT keep a weak key for as long as its value refers to it, and a task refers to
-- its client, which refers to the coroutine. There the values are weak, too, and the client's loop
-- keeps the tasks.
coroutines.keeps_tasks = _VERSION == "Lua 5.1"

-- The coroutines that were started here, and the task of each.
---@type table<thread, pomex.Task>
local started = setmetatable({}, { __mode = coroutines.keeps_tasks and "kv" or "k" })
coroutines.started = started

local active -- the coroutine that was resumed last here, and has not come back yet

local function back(outer, ...)
  active = outer
  return ...
end

-- Resumes a coroutine; meanwhile it is the active one.
local function enter(co, ...)
  local outer = active
  active = co
  return back(outer, resume(co, ...))
end

---Whether the running coroutine was resumed by a task's, and is not a task's itself.
---@return boolean
function coroutines.within_task()
  return active ~= nil and active ~= running() and status(active) == "normal"
end

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

---Yields the running coroutine `co` until it is worth while to call `ready()` again.
---@param client pomex.Client
---@param co thread
---@param task pomex.Task|nil the task that runs in `co`
---@param ready pomex.Ready
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

local NO_COROUTINE =
  'pomex: with host = "coroutine" only a coroutine can wait; client:spawn starts one'

-- The coroutine that may wait; or nil, and why there is none.
local function waiter(client)
  local co = coroutines.running()
  if not co then return nil, NO_COROUTINE end
  if client.loop.stepping == co and client.loop:in_step() then
    return nil, coroutines.WITHIN_STEP
  end
  return co
end

---@param client pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function coroutines.may(client, what)
  if what == "start" then return true end
  local co, why = waiter(client)
  if not co then return nil, why end
  if not yieldable() then return nil, coroutines.WITHIN_C end
  return true
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function coroutines.wait(client, ready, timeout)
  local co, why = waiter(client)
  if not co then error(why, 0) end
  return park(client, co, started[co], ready, timeout)
end

-- What follows from how a coroutine left its resume: it waits, it yielded of its own accord, it
-- returned, or it raised.
local function after_resume(loop, co, task, ok, ...)
  local what = ...
  -- rawequal: what a task yields may have an __eq that returns anything.
  if rawequal(what, PARKED) then return end
  if status(co) == "suspended" then
    if task and not task.resumed_elsewhere then
      -- Another client's loop resumes a task that waited on it; the next step is its own client's.
      local own = task.client.loop
      if own.closed then own = loop end
      own.later[#own.later + 1] = co
      own:stir()
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

-- A task's coroutine has ended, but memory ran out before everybody was told how.
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
    -- The program may have resumed or closed a coroutine of its own that was waiting.
    return
  end
  return after_resume(loop, co, task, enter(co))
end

---Runs `f(…)` in a coroutine, at once, up to its first wait. The task is told how it ends. A bare
---coroutine.yield() in it waits for the next step.
---@param task pomex.Task
---@param f function
---@param ... any its arguments
function coroutines.spawn(task, f, ...)
  local co = coroutine.create(f)
  started[co] = task
  local kept = task.client.loop.kept
  if kept then kept[task] = true end
  return after_resume(task.client.loop, co, task, enter(co, ...))
end

return coroutines
