--- Locales that no machine has by itself, made of Debian's sources, for programs of their own: the
--- C library reads LOCPATH when a program begins to use locales.

local shell = require "spec.support.shell"

local locales = {}

-- Each under the name by which os.setlocale finds it.
local SOURCES = {
  { "de_DE.UTF-8", "de_DE", "UTF-8" }, -- a decimal comma
  { "ps_AF.UTF-8", "ps_AF", "UTF-8" }, -- a decimal point of two bytes
  { "tr_TR", "tr_TR", "ISO-8859-9" },  -- "I" is not the capital of "i"
}

---Makes them.
---@return string folder remove it with `locales.remove`
function locales.make()
  local output, ok = shell.bash "mktemp -d"
  assert(ok, output)
  local folder = output:match "^(%S+)\n$"
  for _, source in ipairs(SOURCES) do
    output, ok = shell.bash(("localedef -i %s -f %s %s/%s"):format(source[2], source[3], folder,
      source[1]))
    assert(ok, output)
  end
  return folder
end

---@param folder string
function locales.remove(folder)
  shell.bash("rm -r " .. shell.quote(folder))
end

---Runs a Lua program that finds these locales.
---@param folder string
---@param script string
---@param ... string its arguments
---@return string output what it printed, errors too
---@return boolean ok
function locales.run(folder, script, ...)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(script)
  file:close()
  local command = { "export LOCPATH=" .. shell.quote(folder) .. "; " .. shell.lua(), name }
  for _, argument in ipairs { ... } do command[#command + 1] = shell.quote(argument) end
  local output, ok = shell.bash(table.concat(command, " "))
  os.remove(name)
  return output, ok
end

return locales
