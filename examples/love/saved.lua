--- What must outlive the window: whose face was verified (one verification, many portraits),
--- and the video that is ordered, or perhaps ordered, and paid for. A small JSON file, always
--- whole, and on the disk when `store` returns: also where the power fails a moment later.

local cjson = require "cjson"
local ffi = require "ffi"

local saved = {}

-- Lua itself cannot have the disk take what it wrote; LuaJIT, which LÖVE has in it, calls C. This
-- waits for the disk, for a frame or two or many: a thread does it.
ffi.cdef [[
int fileno(void *file);
int fsync(int descriptor);
int flock(int descriptor, int operation);
int fcntl(int descriptor, int command, ...);
int getpid(void);
]]

local LOCK_EX_NB, EWOULDBLOCK, F_SETFD, FD_CLOEXEC = 6, 11, 2, 1

local function synced(file)
  return file ~= nil and ffi.C.fsync(ffi.C.fileno(file)) == 0
end

local held   -- keeps the lock for as long as this process lives

---Has the folder for this process alone: two windows would forget each other's orders, and make
---them again.
---@param folder string
---@return boolean|nil ok
---@return string? who has it: "process 4711"
function saved.hold(folder)
  if held then return true end
  local file = io.open(folder .. "/.pomex-love.lock", "a+b")
  if not file then return true end   -- that nothing can be written there is said where it matters
  local descriptor = ffi.C.fileno(file)
  if ffi.C.flock(descriptor, LOCK_EX_NB) ~= 0 and ffi.errno() == EWOULDBLOCK then
    file:seek "set"
    local who = file:read "*l"
    file:close()
    return nil, who and "process " .. who or "another process"
  end
  -- Not for what the game starts, which can live longer.
  ffi.C.fcntl(descriptor, F_SETFD, ffi.cast("int", FD_CLOEXEC))
  held = file
  local now = io.open(folder .. "/.pomex-love.lock", "wb")
  if now then
    now:write(("%d\n"):format(ffi.C.getpid()))
    now:close()
  end
  return true
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return {} end
  local ok, all = pcall(cjson.decode, file:read("*a"))
  file:close()
  if ok and type(all) == "table" then return all end
  os.rename(path, path .. ".bad")   -- what it names may be paid for: not for us to overwrite
  return {}
end

---@param path string
---@param base_url string of the service that the ids belong to
---@return table ids group_id, asset_id, task_id, order: those that are known
function saved.load(path, base_url)
  local ids = read(path)[base_url]
  return type(ids) == "table" and ids or {}
end

---@param path string
---@param base_url string
---@param ids table all that `load` is to return
---@return boolean|nil ok
---@return string? why
function saved.store(path, base_url, ids)
  local all, draft = read(path), path .. "~"
  all[base_url] = ids
  local file, why = io.open(draft, "wb")
  if not file then return nil, why end
  local written = file:write(cjson.encode(all)) and file:flush() and synced(file)
  if not (file:close() and written) then return nil, "cannot write " .. draft end
  local renamed
  renamed, why = os.rename(draft, path)
  if not renamed then return nil, why end
  -- The name is the folder's to keep. Not every file system can; then it comes a little later.
  local folder = io.open(path:match "^(.*)/" or ".", "rb")
  if folder then
    synced(folder)
    folder:close()
  end
  return true
end

local keeper

---As `store`, in a thread, for a task: it goes on when the disk has it, and no frame waits.
---@return boolean|nil ok
---@return string? why
function saved.keep(path, base_url, ids)
  local answer = love.thread.newChannel()
  keeper = love.thread.newThread "keeper.lua"
  keeper:start(answer, path, base_url, cjson.encode(ids))
  while keeper:isRunning() do coroutine.yield() end
  local why = answer:pop() or keeper:getError()
  if why == true then return true end
  return nil, why
end

---At the game's end: waits until the disk has what is under way.
function saved.finish()
  if keeper then keeper:wait() end
end

return saved
