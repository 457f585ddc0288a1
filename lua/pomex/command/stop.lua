--- What Ctrl-C, TERM and HUP do. After the first, nothing new is sent, a request that is out comes
--- to its end, and a wait is broken off: what was asked for goes on at the service. The second ends
--- the process at once, and what was being sent is unclear.

local core = require "pomex.core"
local exits = require "pomex.command.exits"
local terminal = require "pomex.terminal"

---@class pomex.CommandStop
---@field name string|nil the signal that has come
---@field killed? fun() tells of the end by the second signal
---@field others table<string, fun()> what else is held, and what it does
local Stop = {}
Stop.__index = Stop

local stop = {}

local SIGNALS = { "INT", "TERM", "HUP" }

-- The same signal within so many seconds is the same wish.
local TWICE = 1 / 10

local function at_once(self)
  local out = self.out
  if self.killed then
    self.killed()
  elseif self.sending then
    out:failure(("stopped at once while %s was being sent: it is unclear whether that was done")
      :format(self.sending))
    out:next(self.look)
  else
    out:failure "stopped at once"
    if self.again then out:next(self.again) end
  end
  os.exit(out:finish(exits.KILLED))
end

---Holds the signals from here on. The client must not have been used before that.
---@param client pomex.Client
---@return boolean|nil held
---@return pomex.Error? err
function Stop:hold(client)
  local names = { (table.unpack or unpack)(SIGNALS) }
  for name in pairs(self.others) do names[#names + 1] = name end
  local signals, err = terminal.signals(names)
  if not signals then return nil, err end
  self.signals, self.client = signals, client
  return signals:watch(client, function(name)
    if self.others[name] then return self.others[name]() end
    -- `timeout`, and a terminal that closes, send one signal twice.
    if self.name == name and core.now() < self.at + TWICE then return end
    if self.name then at_once(self) end
    self.name, self.at = name, core.now()
    self.out:say(self.sending and "stopping, once what is being sent is answered; again: at once"
      or "stopping; again: at once")
    for _, operation in ipairs(self.waits) do operation:cancel() end
  end)
end

---Lets signals end the process again while `fn` runs, since nothing else ends a read from the
---keyboard. (Ctrl-C is raised by Lua's own program; before Lua 5.4 it takes two.)
---@param fn fun(): any
---@return any value of fn; nil: Ctrl-C ended it, and `name` says so
function Stop:released(fn)
  local client = self.client
  if self.signals then
    self.signals:close()
    self.signals = nil
  end
  local ok, value = pcall(fn)
  if client then assert(self:hold(client)) end
  if ok then return value end
  if not stop.is_interrupt(value) then error(value, 0) end
  self.name, self.at = "INT", core.now()
  io.stderr:write("\n")
end

---Whether a signal has come, also one that no step has told of yet. To be asked before anything
---begins that is sent once.
---@return string|nil name
function Stop:came()
  if self.signals then self.signals:collect() end
  return self.name
end

---Waits for something that goes on at the service: the first signal ends the wait.
---@param again string|nil the command that goes on with it
---@param operation pomex.Operation
---@param tick? fun() is called each second
---@return any value
---@return pomex.Error? err
function Stop:await(again, operation, tick)
  self.waits[#self.waits + 1] = operation
  if self.name then operation:cancel() end
  self.again = again
  while tick and not operation:done() do
    operation:wait(1)
    if not operation:done() then tick() end
  end
  local value, err = operation:wait()
  self.again = nil
  return value, err
end

---Waits for the answer to something that is sent once: the first signal lets it come.
---@param what string "the video"
---@param look string the command that shows what became of it
---@param start fun(): pomex.Operation sends it
---@return any value
---@return pomex.Error? err
function Stop:send(what, look, start)
  self.sending, self.look = what, look
  local value, err = start():wait()
  self.sending = nil
  return value, err
end

---Whether an error is the one by which Lua's own program ends on Ctrl-C.
---@param err any
---@return boolean
function stop.is_interrupt(err)
  return tostring(err):find("interrupted!", 1, true) ~= nil
end

---@param out pomex.CommandOutput
---@return pomex.CommandStop
function stop.new(out)
  return setmetatable({ out = out, waits = {}, others = {} }, Stop)
end

return stop
