--- The host "copas": a thread of copas that waits sleeps in its select(), and so does the thread
--- that watches the client. A coroutine task is a copas thread. The program must name this host,
--- since Debian's copas does not tell whether it runs.

local copas = require "copas"
local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local watcher = require "pomex.host.watcher"
local socket = require "socket"

local host = { name = "copas" }

local now = core.now

-- A bell wakes a thread of copas, which takes the bell for a socket. luasocket's select() does not
-- wait for a socket without a descriptor, and reports a socket that is "dirty" as readable without
-- looking at its descriptor.
local Bell = {}
Bell.__index = Bell

function Bell:getfd() return self.rung and 0 or self.fd or -1 end
function Bell:dirty() return self.rung end
function Bell.close() end

---@return string|nil
---@return string? why
function Bell:receive()
  self.asleep = not self.asleep
  if self.asleep then return nil, "timeout" end
  self.rung = false
  return "rung"
end

local function new_bell(fd)
  local bell = setmetatable({ fd = fd, rung = false, asleep = false }, Bell)
  return bell, function() bell.rung = true end
end

--- Nothing can be started if luasocket's select() cannot take the client's descriptor.
---@param client pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function host.may(client, what)
  if what == "start" then
    local fd = watcher.descriptor(client)
    if fd < socket._SETSIZE then return true end
    return nil, ("pomex: copas cannot watch descriptor %d: luasocket's select() takes only "
      .. "descriptors below %d"):format(fd, socket._SETSIZE)
  end
  if not coroutines.running() then
    return nil, 'pomex: with host = "copas" only a thread can wait; copas.addthread starts one'
  end
  return watcher.may_wait()
end

-- The error is raised in a thread of its own, so that the thread that watches does not end with it.
local function tell(message)
  copas.addthread(function() error(message, 0) end)
end

---@param client pomex.Client
---@param stop? fun()
---@return fun() stop
function host.watch(client, stop)
  if stop then return stop end
  local bell, ring = new_bell(watcher.descriptor(client))
  local stopped = false
  copas.addthread(function()
    copas.receive(bell, 1)
    while not stopped do
      watcher.step(client, tell)
      if not stopped then copas.receive(bell, 1) end
    end
  end)
  return function()
    stopped = true
    ring()
  end
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local loop, bell, ring = client.loop, new_bell()
  watcher.wait(host, client, ready, timeout, ring, function(seconds_left)
    -- Debian's copas has no timers.
    if seconds_left then loop:wake_at(ring, now() + seconds_left) end
    copas.receive(bell, 1)
  end)
  if timeout then loop:wake_at(ring, nil) end
end

---@param task pomex.Task
---@param f function
---@param ... any its arguments
function host.spawn(task, f, ...)
  -- Copas passes a socket to each thread as the first argument; here it is nil.
  copas.addthread(function(_, ...) task:run(f, ...) end, ...)
end

return host
