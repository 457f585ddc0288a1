--- The terminal, as far as the command without a store needs it.

local terminal = require "pomex.terminal"

local tty = {}

---Whether a descriptor is a terminal.
---@param fd 0|1|2
---@return boolean
function tty.is(fd)
  return terminal.isatty(fd)
end

---The size of the terminal of stderr; 80 by 24 where it does not say so.
---@return integer columns
---@return integer rows
function tty.size()
  local columns, rows = terminal.size(2)
  return columns or 80, rows or 24
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
