--- Something that coroutines wait for and that can be raised any number of times.

local core = require "pomex.core"
local waitable = require "pomex.waitable"

local now = core.now

---@class pomex.Signal: pomex.Waitable
local Signal = {}
Signal.__index = Signal
for name, method in pairs(waitable) do Signal[name] = method end

function Signal:__call()
  return self.raised
end

local signal = {}

---@param client pomex.Client
---@return pomex.Signal
function signal.new(client)
  return setmetatable({ client = client, raised = false, waiter = nil }, Signal)
end

---Wakes whoever waits, or ends the next wait at once.
function Signal:raise()
  self.raised = true
  self:wake()
end

---Waits until it is raised, or so many seconds.
---@param seconds number
function Signal:wait(seconds)
  local deadline = now() + seconds
  while not self.raised and not self.client.loop.closed and now() < deadline do
    self:pause(now, deadline)
  end
  self.raised = false
end

return signal
