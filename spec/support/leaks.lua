--- Tells whether a test left something open.

local lfs = require "lfs"

local leaks = {}

---Collects everything that nothing refers to, finalizers of finalizers too. LuaJIT's machine code
---refers to objects that its program no longer has, so that code goes first.
function leaks.collect()
  if rawget(_G, "jit") then jit.flush() end
  for _ = 1, 4 do collectgarbage() end
end

---The memory of what is referred to, in KiB, without the machine code that LuaJIT has made.
---@return number
function leaks.memory()
  leaks.collect()
  return collectgarbage("count")
end

---How many descriptors this process has open.
---@return integer
function leaks.open_files()
  leaks.collect()
  local count = 0
  for name in lfs.dir("/proc/self/fd") do
    if name ~= "." and name ~= ".." then count = count + 1 end
  end
  return count
end

return leaks
