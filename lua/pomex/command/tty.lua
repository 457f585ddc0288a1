--- The terminal, as far as the command without a store needs it.

local found, terminal = pcall(require, "pomex.terminal")

local tty = {}

---Whether a descriptor is a terminal.
---@param fd 0|1|2
---@return boolean
function tty.is(fd)
  if found then return terminal.isatty(fd) end
  local ok = os.execute(("test -t %d"):format(fd))
  return ok == true or ok == 0
end

---Asks on stderr, and reads a line.
---@param question string
---@return string|nil answer nil: there is none
function tty.ask(question)
  io.stderr:write(question)
  io.stderr:flush()
  return (io.read("*l"))
end

return tty
