--- The host "blocking": a wait steps the client, and sleeps in the kernel between two steps. For
--- scripts.

local catch = require "pomex.host.catch"
local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local others = require "pomex.others"

local blocking = { name = "blocking", spawn = coroutines.spawn }

local now, yieldable, running = core.now, core.yieldable, coroutine.running
local started, park = coroutines.started, coroutines.park

-- The coroutine task that runs, and its coroutine, if whatever steps its client would also step
-- `client`. The loop of luv does not: there a wait of a client with this host blocks the thread.
local function running_task(client)
  local co = running()
  local task = co and started[co]
  if task and (task.client == client or not task.resumed_elsewhere) then return task, co end
end

-- A coroutine of the program's own that runs within a task must not block the thread: the other
-- tasks would stand still meanwhile.
local function may_block(client)
  if coroutines.within_task() then return nil, coroutines.WITHIN_OWN end
  if client.loop:in_step() then return nil, coroutines.WITHIN_STEP end
  return true
end

---@param client pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function blocking.may(client, what)
  if what == "start" then return true end
  if running_task(client) then
    if yieldable() then return true end
    return nil, coroutines.WITHIN_C
  end
  return may_block(client)
end

--- For plain.lua: whether a call may start here and wait, with nobody else to ask. Returns the
--- coroutine and its task if it is a task of this client's; `true` if the thread may block; else
--- nil, and `may` has the last word.
---@param client pomex.Client
---@return thread|boolean|nil place
---@return pomex.Task? task
function blocking.place(client)
  local co = running()
  local task = co and started[co]
  if task then
    if task.client == client and not client.loop.closed and yieldable() then return co, task end
  elseif not client.loop.closed and not catch.task() and may_block(client) then
    return true
  end
end

local function sooner(a, b)
  local least = a and b and math.min(a, b) or a or b
  return least and math.max(least, 0)
end

-- Parks a task. The code that drives the loop of the task's own client also drives the loop of the
-- client that the task waits on.
local function park_task(client, co, task, ready, timeout)
  local own, other = task.client.loop, client.loop
  -- A tail call: what waits by the thousand should have small stacks.
  if own == other then return park(client, co, task, ready, timeout) end
  own.elsewhere[co] = other
  park(client, co, task, ready, timeout)
  own.elsewhere[co] = nil
  if not own.stepping then own:rest() end
end

-- Sleeps until a step of `loop`, or of one of `all`, has work, at most `seconds`.
local function poll(loop, all, seconds)
  local pending = loop.count > 0 or loop:outstanding() > 0
  local due = sooner(seconds, loop:timeout())
  for i = 1, #all do
    local other = all[i]
    pending = pending or other.count > 0 or other:outstanding() > 0
    due = sooner(due, other:timeout())
  end
  if not pending and not due then error("pomex: nothing in flight can end this wait", 0) end
  local polled, why = others.poll(loop, all, due)
  if polled == nil and why ~= "interrupted" then error("pomex: cannot wait: " .. why, 0) end
end

-- Makes the descriptor readable if there are errors that the wait did not raise: the next step
-- raises them.
local function arm(loop)
  if loop:unheard() > 0 and not loop.closed then loop:arm() end
end

--- A signal ends the poll early, so that a hook of Lua can raise on Ctrl-C; if none raises, the
--- poll goes on.
---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function blocking.wait(client, ready, timeout)
  -- A task must never hold up the thread that steps it.
  local task, co = running_task(client)
  if task then return park_task(client, co, task, ready, timeout) end
  local own, loop, all = client.loop, client.loop, {}
  local allowed, why = may_block(client)
  if not allowed then error(why, 0) end
  local deadline = timeout and now() + timeout
  -- The poll comes first; it returns at once if there is something to do.
  while not ready() do
    local seconds_left = deadline and deadline - now()
    all = others.of(own)
    -- Tasks of a closed client that wait on others go on: perhaps a video is being paid for.
    if own.closed then loop = all[1] or error("pomex client is closed", 0) end
    poll(loop, all, seconds_left)
    -- The steps are deaf to errors that are yet to be raised. Only a client:step() raises them, and
    -- if they made the descriptor readable, this wait would spin until then.
    loop:advance(nil, true)
    others.advance(all, nil, true)
    if seconds_left and seconds_left <= 0 then break end
  end
  arm(loop)
  for _, other in ipairs(all) do arm(other) end
end

return blocking
