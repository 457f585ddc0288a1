--- What the kernel says of a process.

local shell = require "spec.support.shell"

local proc = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---How many entries a folder of a process in /proc has.
---@param pid integer
---@param folder string "fd", …
---@return integer
function proc.count(pid, folder)
  return tonumber((shell.bash(("ls /proc/%d/%s | wc -l"):format(pid, folder))))
end

---The lines of a process's status file.
---@param pid integer
---@return string
function proc.status(pid)
  return read(("/proc/%d/status"):format(pid))
end

---How many threads of a process are bridges (an emulator has threads of its own).
---@param pid integer
---@return integer
function proc.bridges(pid)
  return tonumber((shell.bash(("grep -hsx pomex-bridge /proc/%d/task/*/comm | wc -l"):format(pid))))
end

---What all threads of a process used: clock ticks of CPU, and how often they went to sleep.
---@param pid integer
---@return { ticks: integer, switches: integer }
function proc.usage(pid)
  local ticks, switches = 0, 0
  for thread in shell.bash(("ls /proc/%d/task"):format(pid)):gmatch("%d+") do
    local folder = ("/proc/%d/task/%s/"):format(pid, thread)
    local user, system = read(folder .. "stat"):match("^%d+ %b()" .. (" %S+"):rep(11)
      .. " (%d+) (%d+)")
    ticks = ticks + tonumber(user) + tonumber(system)
    switches = switches + tonumber(read(folder .. "status"):match(
      "\nvoluntary_ctxt_switches:%s*(%d+)"))
  end
  return { ticks = ticks, switches = switches }
end

---How many seconds of a processor all threads of a process used, to a millisecond and better.
---@param pid integer
---@return number
function proc.seconds(pid)
  local sum = 0
  for thread in shell.bash(("ls /proc/%d/task"):format(pid)):gmatch("%d+") do
    sum = sum + tonumber(read(("/proc/%d/task/%s/schedstat"):format(pid, thread)):match("^%d+"))
  end
  return sum / 1e9
end

return proc
