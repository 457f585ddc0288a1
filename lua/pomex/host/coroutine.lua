--- The host "coroutine": a wait yields, and `client:step()` resumes the coroutine. For frame loops
--- and for schedulers of one's own. Hosts that have no kind of task of their own start their
--- coroutine tasks here, too.

local core = require "pomex.core"
local catch = require "pomex.host.catch"

local coroutines = {
  current = catch.current,
  name = "coroutine",
  WITHIN_C = "pomex: a wait in a function that a function in C calls ("
    .. (catch.PUC_51 and "pcall, " or "") .. "string.gsub, table.sort, require); no "
    .. "coroutine can yield through C, so call the function from Lua",
  WITHIN_STEP = "pomex: a wait within a step; wait in a task that client:spawn started",
  WITHIN_OWN = "pomex: a wait in a coroutine of your own within a task, which would stop every "
    .. "other task; wait in the task itself, or start the coroutine's function with client:spawn",
}

local now, yieldable = core.now, core.yieldable
local said, running = catch.said, coroutine.running
local yield, resume, status = coroutine.yield, coroutine.resume, coroutine.status

-- A wait yields this, so that a task's own yields can be told from it.
local PARKED = setmetatable({}, { __tostring = function() return "pomex: waiting" end })
coroutines.PARKED = PARKED

-- Lua 5.1 and LuaJIT keep a weak key as long as its value refers to it: a task refers to its
-- client, and the client to the coroutine. So the values are weak there, too, and the client's loop
-- keeps the tasks.
coroutines.keeps_tasks = _VERSION == "Lua 5.1"

-- The task of each coroutine that was started here.
---@type table<thread, pomex.Task>
local started = setmetatable({}, { __mode = coroutines.keeps_tasks and "kv" or "k" })
coroutines.started = started

local active -- the coroutine that was resumed here last and is still running or resuming others

--- Whether a coroutine of a task resumed the running coroutine, which is not a task's itself.
---@return boolean
function coroutines.within_task()
  return active ~= nil and active ~= running() and status(active) == "normal"
end

--- The task within which the running coroutine runs, if that coroutine is none of a task's own.
---@return pomex.Task|nil
function coroutines.enclosing()
  return coroutines.within_task() and started[active] or nil
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

-- Handles the return of a resume: the coroutine waits, yielded of its own accord, returned, or
-- raised. `outer` is active again.
local function after_resume(loop, co, task, outer, ok, ...)
  active = outer
  local what = ...
  -- rawequal is used because a value that a task yields can have an __eq that returns anything.
  if rawequal(what, PARKED) then return end
  if status(co) == "suspended" then
    if task and not task.resumed_elsewhere then
      -- A task that waited on another client is resumed by that client's loop; it goes on in the
      -- next step of its own client.
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
  -- On 5.4 a coroutine that failed closes its to-be-closed variables only here.
  if coroutine.close then coroutine.close(co) end
  if task then
    task:fail(what, trace)
  else
    loop:failure(trace)
  end
  started[co] = nil
end

-- The coroutine of a task has ended, but memory ran out before every waiter was told how.
local function tell_again(co, task)
  if task.finished then
    task:settle()
  else
    task:fail("pomex: the result of a task is lost: there was not enough memory, or other code "
      .. "resumed its coroutine")
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
    -- The program has perhaps resumed or closed a coroutine of its own that was waiting.
    return
  end
  local outer = active
  active = co
  return after_resume(loop, co, task, outer, resume(co))
end

--- Runs `f(…)` at once in a coroutine, up to its first wait. The task is told how the coroutine
--- ends. A bare coroutine.yield() in `f` waits for the next step.
---@param task pomex.Task
---@param f function
---@param ... any its arguments
function coroutines.spawn(task, f, ...)
  local co = coroutine.create(f)
  started[co] = task
  local kept = task.client.loop.kept
  if kept then kept[task] = true end
  local outer = active
  active = co
  return after_resume(task.client.loop, co, task, outer, resume(co, ...))
end

return coroutines
