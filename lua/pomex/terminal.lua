--- The terminal of a command: whether there is one, its size, and signals as events of a client's
--- loop. For programs that look after long work by themselves, as `bin/pomex` does; nothing else of
--- pomex touches signals.
---
---     local terminal = require "pomex.terminal"
---     local signals = pomex.check(terminal.signals { "INT", "TERM", "HUP" })
---     signals:watch(client, function(name) jobs:stop() end)
---
--- Lua's own handler of Ctrl-C raises at whatever line runs, also between an answer and the writing
--- of the id in it. Signals that are held here raise nowhere: they wake a wait at once, and a
--- function of the program's says what follows.

local core = require "pomex.terminalcore"
local errors = require "pomex.errors"
local options = require "pomex.options"

---@class pomex.TerminalModule
local terminal = {}

---@alias pomex.SignalName "INT"|"TERM"|"HUP"|"TSTP"|"WINCH"

---Whether a descriptor is a terminal.
---@param fd integer 0 is stdin, 1 stdout, 2 stderr
---@return boolean
function terminal.isatty(fd)
  options.expect("terminal.isatty", "fd", fd, "whole")
  return core.isatty(fd)
end

---The size of the window; hold "WINCH" to learn of its changes.
---@param fd integer of the terminal
---@return integer|nil columns nil: it is no terminal, or one that does not know its size
---@return integer? rows
function terminal.size(fd)
  options.expect("terminal.size", "fd", fd, "whole")
  return core.size(fd)
end

---From here on a write to a pipe that nobody reads any more (`pomex … | head`) fails, and does not
---end the process.
function terminal.ignore_broken_pipes()
  core.ignore_broken_pipes()
end

---Stops this process, as Ctrl-Z does to one that does not hold "TSTP"; returns when it goes on.
function terminal.suspend()
  core.suspend()
end

---@class pomex.Signals
---@field private held userdata
---@field private client? pomex.Client
---@field outstanding integer for the loop, which does not wait for signals: 0
local Signals = {}
Signals.__index = Signals

---Holds signals: they end nothing any more, and are read here. One that the process ignores already
---(nohup, a shell's `&`) stays ignored. Call it before the first client works, since a thread that
---was started earlier would still be ended by them. The processes that pomex starts
---(`pomex.sandbox.start`) do not inherit this; those of `os.execute` and `io.popen` do.
---@param names pomex.SignalName[]
---@return pomex.Signals|nil signals
---@return pomex.Error? err connection_error: no descriptor is left
function terminal.signals(names)
  options.expect("terminal.signals", "names", names, "table")
  local held, why = core.hold((table.unpack or unpack)(names))
  if held then return setmetatable({ held = held, outstanding = 0 }, Signals) end
  return nil, errors.new("connection_error", { message = "signals cannot be read: " .. why })
end

---The oldest signal that nobody has taken.
---@return pomex.SignalName|nil name nil: none has come
function Signals:take()
  return self.held:take()
end

---Has each signal wake the wait that is under way, and `fn` told of it, in a step of the client.
---The wait goes on, unless `fn` cancels what it waits for.
---@param client pomex.Client
---@param fn fun(name: pomex.SignalName) must not wait; an error that it raises is raised by
---  `client:step()`
---@return boolean|nil watched
---@return pomex.Error? err
function Signals:watch(client, fn)
  options.expect("signals:watch", "fn", fn, "callable")
  if self.client then options.misuse("signals:watch: a client watches them already") end
  local fd = self.held:fd()
  local watched, why = client.loop.handle:watch(fd)
  if not watched then
    return nil, errors.new("connection_error", { message = "signals cannot be watched: " .. why })
  end
  self.client, self.fn, self.fd = client, fn, fd
  client.loop:add_source(self)
  return true
end

---For the loop: tells of what has come.
---@private
function Signals:collect()
  local name = self.held:take()
  while name do
    local ok, err = pcall(self.fn, name)
    local client = self.client
    if not client then return end -- fn closed them
    if not ok then client.loop:failure("signals: " .. tostring(err)) end
    name = self.held:take()
  end
end

---For the loop: the client was closed.
---@private
function Signals:forsake()
  self.client, self.fd = nil, nil
end

---The signals do again as they did before they were held.
function Signals:close()
  local client, fd = self.client, self.fd
  self.client, self.fd = nil, nil
  if client then
    client.loop:remove_source(self)
    if not client.loop.closed then client.loop.handle:unwatch(fd) end
  end
  self.held:close()
end

options.methods(Signals, "signals")

return terminal
