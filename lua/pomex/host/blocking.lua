--- The host "blocking": a wait steps the client and sleeps in the kernel in between. For scripts.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"

local blocking = { name = "blocking", spawn = coroutines.spawn }

local now, yieldable, running = core.now, core.yieldable, coroutine.running
local started, park = coroutines.started, coroutines.park

-- The coroutine task of this client that runs, and its coroutine.
local function own_task(client)
  local co = running()
  local task = co and started[co]
  if task and task.client == client then return task, co end
end

-- A coroutine of the program's own that runs within a task must not block the thread: the other
-- tasks would stand still for as long.
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
  if own_task(client) then
    if yieldable() then return true end
    return nil, coroutines.WITHIN_C
  end
  return may_block(client)
end

local function sooner(a, b)
  local least = a and b and math.min(a, b) or a or b
  return least and math.max(least, 0)
end

---A signal ends the poll early, so that a hook of Lua's can raise on Ctrl-C; then the poll goes on.
---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function blocking.wait(client, ready, timeout)
  -- A task must never hold up the thread that steps it.
  local task, co = own_task(client)
  if task then return park(client, co, task, ready, timeout) end
  local loop = client.loop
  local allowed, why = may_block(client)
  if not allowed then error(why, 0) end
  local deadline = timeout and now() + timeout
  -- The poll comes first, and returns at once where there is something to do.
  while not ready() do
    if loop.closed then error("pomex client is closed", 0) end
    local seconds_left = deadline and deadline - now()
    local due = loop:timeout()
    if loop.count == 0 and not due and not seconds_left then
      error("pomex: nothing in flight can end this wait", 0)
    end
    local polled, reason = loop.handle:poll(sooner(seconds_left, due))
    if polled == nil and reason ~= "interrupted" then
      error("pomex: cannot wait: " .. reason, 0)
    end
    -- Deaf to errors that are yet to be raised: only a step raises them, and if they made the
    -- descriptor readable, this wait would spin until then.
    loop:advance(nil, true)
    if seconds_left and seconds_left <= 0 then break end
  end
  if loop:unheard() > 0 and not loop.closed then loop:arm() end
end

return blocking
