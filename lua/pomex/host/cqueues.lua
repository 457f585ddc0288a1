--- The host "cqueues": a wait sleeps on a condition in its controller's loop, and one thread in
--- each controller watches the client. A coroutine task is a thread of the controller in which it
--- is started.

local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local watcher = require "pomex.host.watcher"

local host = { name = "cqueues" }

local poll = cqueues.poll

local NO_CONTROLLER = "pomex: no controller of cqueues runs here; wait in "
  .. "cq:wrap(function() … end)"

--- If no controller runs, nothing can be started either, since nothing would watch the client.
---@param _ pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function host.may(_, what)
  if not cqueues.running() then return nil, NO_CONTROLLER end
  if what == "start" then return true end
  return watcher.may_wait()
end

--- Makes the running controller watch the client, in addition to the controllers that watch it
--- already.
---@param client pomex.Client
---@param stop? fun()
---@return fun()|nil stop
function host.watch(client, stop)
  local loop, cq = client.loop, cqueues.running()
  local controllers = stop and loop.controllers or setmetatable({}, { __mode = "k" })
  if not cq or controllers[cq] then return stop end
  local pollable = { pollfd = watcher.descriptor(client), events = "r" }
  loop.controllers, controllers[cq] = controllers, true
  -- The error is raised in a thread of its own, since it ends the controller's loop together with
  -- the thread that raises it.
  local function tell(message) cq:wrap(error, message, 0) end
  cq:wrap(function()
    while loop.controllers == controllers do
      watcher.step(client, tell)
      if loop.controllers == controllers then poll(pollable) end
    end
  end)
  return function()
    loop.controllers = nil
    -- This wakes the threads that poll the descriptor, in every controller.
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
