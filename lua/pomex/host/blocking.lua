--- The host "blocking": a wait steps the client and sleeps in the kernel between. For scripts.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"

local blocking = { name = "blocking", spawn = coroutines.spawn, start = coroutines.start }

local now, yieldable, running = core.now, core.yieldable, coroutine.running
local started, park = coroutines.started, coroutines.park

---Nothing that could yield.
function blocking.running()
  return nil
end

local function own_task(client)
  local co = running()
  local task = co and started[co]
  if task and task.client == client then return task, co end
end

---Why the running coroutine may not wait; nil: it may.
---@param client pomex.Client
---@return string|nil
function blocking.refuse(client)
  if own_task(client) then return not yieldable() and coroutines.WITHIN_C or nil end
  return client.loop:in_step() and coroutines.WITHIN_STEP or nil
end

local function sooner(a, b)
  local least = a and b and math.min(a, b) or a or b
  return least and math.max(least, 0)
end

-- A signal ends the poll and comes back here, so that Lua's own hook can raise on Ctrl-C.
---@param client pomex.Client
---@param ready table
---@param timeout? number
function blocking.wait(client, ready, timeout)
  -- A task must never hold up the thread that steps it.
  local task, co = own_task(client)
  if task then return park(client, co, task, ready, timeout) end
  local loop = client.loop
  if loop:in_step() then error(blocking.refuse(client), 0) end
  local deadline = timeout and now() + timeout
  -- The poll comes first, and returns at once where there is something to do.
  while not ready() do
    if loop.closed then error("pomex client is closed", 0) end
    local left = deadline and deadline - now()
    local due = loop:timeout()
    if loop.count == 0 and not due and not left then
      error("pomex: nothing in flight can end this wait", 0)
    end
    local polled, why = loop.core:poll(sooner(left, due))
    if polled == nil and why ~= "interrupted" then
      error("pomex: cannot wait: " .. why, 0)
    end
    -- Errors yet to be raised are for a step: this wait would spin until then.
    loop:advance(nil, true)
    if left and left <= 0 then break end
  end
  if loop:unheard() > 0 and not loop.closed then loop:arm() end
end

return blocking
