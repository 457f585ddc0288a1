--- The host "copas": waits and the thread that watches the client are threads of copas, asleep in
--- its select(). Tasks are copas threads. To be named: Debian's copas does not say where it runs.

local copas = require "copas"
local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local watcher = require "pomex.host.watcher"
local socket = require "socket"

local host = { name = "copas", running = coroutines.running }

local now = core.now

-- What copas takes for a socket. luasocket's select() does not wait for one without a
-- descriptor, and takes one that is "dirty" as readable without looking at its descriptor.
local Bell = {}
Bell.__index = Bell

function Bell:getfd() return self.rung and 0 or self.fd or -1 end
function Bell:dirty() return self.rung end
function Bell.close() end

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

---Raises where the client's descriptor is not for luasocket.
---@param client pomex.Client
function host.guard(client)
  local fd = watcher.descriptor(client)
  if fd >= socket._SETSIZE then
    error(("pomex: copas cannot watch descriptor %d: luasocket's select() takes those below %d")
      :format(fd, socket._SETSIZE), 0)
  end
end

-- It ends as the error of a thread does, and not that of the one that watches.
local function tell(message)
  copas.addthread(function() error(message, 0) end)
end

---Has a thread watch `client` while anything is pending.
---@param client pomex.Client
function host.attach(client)
  local loop = client.loop
  if loop.detach then return end
  local bell, ring = new_bell(watcher.descriptor(client))
  local function stop()
    loop.detach, loop.idle = nil, nil
    ring()
  end
  loop.detach, loop.idle = stop, stop
  copas.addthread(function()
    copas.receive(bell, 1)
    while loop.detach == stop do
      watcher.step(client, tell)
      if loop.detach == stop then copas.receive(bell, 1) end
    end
  end)
end

---Why the running coroutine may not wait; nil: it may.
---@return string|nil
function host.refuse()
  if not host.running() then
    return 'pomex: with host = "copas" only a thread can wait; copas.addthread starts one'
  end
  return watcher.busy()
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local loop, bell, ring = client.loop, new_bell()
  watcher.wait(host, client, ready, timeout, ring, function(left)
    -- This copas has no timers.
    if left then loop:wake_at(ring, now() + left) end
    copas.receive(bell, 1)
  end)
  if timeout then loop:wake_at(ring, nil) end
end

---@param f function
function host.spawn(f)
  copas.addthread(f)
end

return host
