--- The terminal, as far as the command without a store needs it.

local terminal = require "pomex.terminal"

local tty = {}

---Whether a descriptor is a terminal.
---@param fd 0|1|2
---@return boolean
function tty.is(fd)
  return terminal.isatty(fd)
end

---How many columns the terminal of stderr has; 80 where it does not say so.
---@return integer
function tty.columns()
  return terminal.size(2) or 80
end

---Asks on stderr, and reads a line.
---@param question string
---@return string|nil answer nil: there is none
function tty.ask(question)
  io.stderr:write(question)
  io.stderr:flush()
  local answer = io.read "*l"
  if not answer then io.stderr:write("\n") end
  return answer
end

return tty
