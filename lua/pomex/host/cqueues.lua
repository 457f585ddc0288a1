--- The host "cqueues": waits sleep on a condition in their controller's loop, and one thread a
--- controller watches the client. Tasks are threads of the controller that starts them.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local catch = require "pomex.host.catch"
local watcher = require "pomex.host.watcher"

local host = { name = "cqueues" }

local poll = cqueues.poll

---Whether cqueues itself resumes what runs; nil: no controller runs here.
---@return boolean|nil
function host.own()
  local cq, direct = cqueues.running()
  if not cq then return nil end
  -- On PUC 5.1 a task runs one coroutine deeper than cqueues knows.
  return direct or catch.current() ~= coroutine.running()
end

---@return thread|nil
function host.running()
  return cqueues.running() and coroutine.running() or nil
end

---Why the running coroutine may not wait; nil: it may.
---@return string|nil
function host.refuse()
  if not cqueues.running() then
    return "pomex: no controller of cqueues runs here; wait in cq:wrap(function() … end)"
  end
  return watcher.busy()
end

---Raises where no controller runs: nothing could watch what is started there.
function host.guard()
  if not cqueues.running() then error(host.refuse(), 0) end
end

---Has the running controller watch `client`, beside others that do, while anything is pending.
---@param client pomex.Client
function host.attach(client)
  local loop, cq = client.loop, cqueues.running()
  local watching = loop.watching or setmetatable({}, { __mode = "k" })
  if not cq or watching[cq] then return end
  local pollable = { pollfd = watcher.descriptor(client), events = "r" }
  loop.watching, watching[cq] = watching, true
  local function stop()
    loop.watching, loop.detach, loop.idle = nil, nil, nil
    -- Wakes whoever polls it, in any controller.
    cqueues.cancel(pollable.pollfd)
  end
  loop.detach, loop.idle = stop, stop
  -- It would take the controller's loop with it.
  local function tell(message) cq:wrap(error, message, 0) end
  cq:wrap(function()
    while loop.watching == watching do
      watcher.step(client, tell)
      if loop.watching == watching then poll(pollable) end
    end
  end)
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local woken = condition.new()
  local function wake() woken:signal() end
  local function sleep(left) poll(woken, left) end
  return watcher.wait(host, client, ready, timeout, wake, sleep)
end

---@param f function
function host.spawn(f)
  host.guard()
  cqueues.running():wrap(f)
end

return host
