--- A disk on which each sync takes long: a library to be preloaded.

local shell = require "spec.support.shell"

local slow_disk = {}

-- Seconds that a sync takes longer.
slow_disk.SECONDS = 0.3

---Builds the library into `folder`.
---@param folder string
---@return string path
function slow_disk.build(folder)
  local path = folder .. "/syncs.so"
  local said, ok = shell.bash(("cc -shared -fPIC -O1 -o %s spec/support/syncs.c 2>&1"):format(path))
  assert(ok, said)
  return path
end

return slow_disk
