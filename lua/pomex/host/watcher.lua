--- What hosts have in common that watch a client's descriptor in a loop of their own.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"

local now, yieldable = core.now, core.yieldable

local watcher = {}

local MAIN = {}
local stepping -- the coroutine in which a step of a host's runs just now

local function current()
  return coroutine.running() or MAIN
end

---Steps `client`. An error that nobody collected goes to `tell`, as a string; if there are more,
---the descriptor stays readable.
---@param client pomex.Client
---@param tell fun(message: string)
function watcher.step(client, tell)
  local outer = stepping
  stepping = current()
  local ok, why = pcall(client.step, client)
  stepping = outer
  if not ok then tell(tostring(why)) end
end

---Why the running coroutine may not wait: it is the one that steps, or cannot yield just here.
---@return string|nil
function watcher.busy()
  if stepping == current() then
    if core.within(core.thread(), watcher.step) then return coroutines.WITHIN_STEP end
    stepping = nil -- an interrupt cut that step short
  end
  return not yieldable() and coroutines.WITHIN_C or nil
end

---Whether a step runs in the coroutine `co`.
---@param co thread
---@return boolean
function watcher.inside(co)
  return stepping == co
end

---The coroutine `co` will never go on: a step of `clients` that it was in is over.
---@param co thread
---@param clients table<any, pomex.Client>
function watcher.forsake(co, clients)
  if stepping == co then stepping = nil end
  for _, client in pairs(clients) do
    local loop = client.loop
    if loop.stepping == co then loop.stepping, loop.running, loop.unsure = false, false, true end
  end
end

---A host's wait: `sleep(left)` returns after `left` seconds (nil: any), or when `wake` was called.
---@param host pomex.Host
---@param client pomex.Client
---@param ready table
---@param timeout number|nil seconds
---@param wake fun()
---@param sleep fun(left: number|nil)
function watcher.wait(host, client, ready, timeout, wake, sleep)
  local why = host.refuse()
  if why then error(why, 0) end
  client.loop:watch()
  local deadline = timeout and now() + timeout
  while not ready() do
    local left = deadline and deadline - now()
    if left and left <= 0 then break end
    ready:subscribe(wake)
    sleep(left)
  end
  ready:unsubscribe(wake)
end

---@param client pomex.Client
---@return integer fd
function watcher.descriptor(client)
  local fd, why = client:pollfd()
  return fd or error("pomex: cannot watch the client: " .. why, 0)
end

return watcher
