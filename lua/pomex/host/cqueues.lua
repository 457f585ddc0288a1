--- The host "cqueues": waits sleep on a condition in their controller's loop, and one thread in
--- each controller watches the client. Coroutine tasks are threads of the controller in which they
--- are started.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local watcher = require "pomex.host.watcher"

local host = { name = "cqueues" }

local poll = cqueues.poll

local NO_CONTROLLER = "pomex: no controller of cqueues runs here; wait in "
  .. "cq:wrap(function() … end)"

---Where no controller runs nothing can be started either, since nothing would watch it.
---@param _ pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function host.may(_, what)
  if not cqueues.running() then return nil, NO_CONTROLLER end
  if what == "start" then return true end
  return watcher.may_wait()
end

---Has the running controller watch the client too, beside other controllers that do.
---@param client pomex.Client
---@param stop? fun()
---@return fun()|nil stop
function host.watch(client, stop)
  local loop, cq = client.loop, cqueues.running()
  local controllers = stop and loop.controllers or setmetatable({}, { __mode = "k" })
  if not cq or controllers[cq] then return stop end
  local pollable = { pollfd = watcher.descriptor(client), events = "r" }
  loop.controllers, controllers[cq] = controllers, true
  -- In a thread of its own, since an error ends the controller's loop with the thread that raises.
  local function tell(message) cq:wrap(error, message, 0) end
  cq:wrap(function()
    while loop.controllers == controllers do
      watcher.step(client, tell)
      if loop.controllers == controllers then poll(pollable) end
    end
  end)
  return function()
    loop.controllers = nil
    -- Wakes the threads that poll it, in every controller.
    cqueues.cancel(pollable.pollfd)
  end
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local woken = condition.new()
  local function wake() woken:signal() end
  local function sleep(seconds_left) poll(woken, seconds_left) end
  return watcher.wait(host, client, ready, timeout, wake, sleep)
end

---@param task pomex.Task
---@param f function
---@param ... any its arguments
function host.spawn(task, f, ...)
  local cq = cqueues.running()
  if not cq then error(NO_CONTROLLER, 0) end
  cq:wrap(task.run, task, f, ...)
end

return host
