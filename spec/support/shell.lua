--- Runs programs for specs.

local interpreter = require "spec.support.interpreter"

local shell = {}

---One word for the shell.
function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---How to start the Lua of this test run, with its paths and below its sanitizer, from bash.
---@return string
function shell.lua()
  local preload = os.getenv("LD_PRELOAD")
  return (preload and "env LD_PRELOAD=" .. shell.quote(preload) .. " " or "")
    .. shell.quote(interpreter.command)
end

---Runs a bash script, not below a sanitizer that this process may have been started with.
---@param script string
---@return string output what it printed, errors too
---@return boolean ok
function shell.bash(script)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(script)
  file:close()
  local pipe = assert(io.popen("env -u LD_PRELOAD bash " .. shell.quote(name)
    .. " 2>&1; echo \"=$?\""))
  local output, status = pipe:read("*a"):match("^(.*)=(%d+)\n$")
  pipe:close()
  os.remove(name)
  return output, status == "0"
end

---Keeps the logs of a server whose folder is about to go, where spec/run.sh looks for keys.
---@param folder string
function shell.keep_logs(folder)
  local kept = os.getenv "POMEX_KEPT_LOGS"
  if not kept then return end
  local output, ok = shell.bash(("find %s '(' -name '*.log' -o -name out ')' -exec cat {} + >> %s")
    :format(shell.quote(folder), shell.quote(kept)))
  assert(ok, output)
end

return shell
