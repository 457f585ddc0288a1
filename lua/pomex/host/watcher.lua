--- The common part of the hosts that watch a client's descriptor in a loop of their own.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"

local now, yieldable = core.now, core.yieldable

local watcher = {}

local MAIN = {}
local stepping -- the coroutine in which a host is stepping a client

local function current()
  return coroutine.running() or MAIN
end

--- Steps `client`. An error that nobody collected is passed to `tell` as a string; if there are
--- more errors, the descriptor stays readable.
---@param client pomex.Client
---@param tell fun(message: string)
function watcher.step(client, tell)
  local outer = stepping
  stepping = current()
  local ok, why = pcall(client.step, client)
  stepping = outer
  if not ok then tell(tostring(why)) end
end

--- Whether the running coroutine may wait. It may not if it is stepping a client, or if it cannot
--- yield at this point.
---@return boolean|nil allowed
---@return string? why
function watcher.may_wait()
  if stepping == current() then
    if core.within(core.thread(), watcher.step) then return nil, coroutines.WITHIN_STEP end
    stepping = nil -- an interrupt cut that step short
  end
  if not yieldable() then return nil, coroutines.WITHIN_C end
  return true
end

---Whether the coroutine `co` steps a client just now.
---@param co thread
---@return boolean
function watcher.steps_in(co)
  return stepping == co
end

--- Notes that the coroutine `co` will never go on: if it was stepping one of `clients`, that step
--- is over.
---@param co thread
---@param clients table<any, pomex.Client>
function watcher.forsake(co, clients)
  if stepping == co then stepping = nil end
  for _, client in pairs(clients) do
    local loop = client.loop
    if loop.stepping == co then loop.stepping, loop.running, loop.unsure = false, false, true end
  end
end

--- The wait of a host. `sleep(seconds_left)` returns when `wake` was called, or after that many
--- seconds; without seconds it can return at any time.
---@param host pomex.Host
---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout number|nil seconds
---@param wake fun()
---@param sleep fun(seconds_left: number|nil)
function watcher.wait(host, client, ready, timeout, wake, sleep)
  local allowed, why = host.may(client, "wait")
  if not allowed then error(why, 0) end
  client.loop:watch()
  local deadline = timeout and now() + timeout
  while not ready() do
    local seconds_left = deadline and deadline - now()
    if seconds_left and seconds_left <= 0 then break end
    ready:subscribe(wake)
    sleep(seconds_left)
  end
  ready:unsubscribe(wake)
end

--- The descriptor to watch for reading; raises if there is none.
---@param client pomex.Client
---@return integer fd
function watcher.descriptor(client)
  local fd, why = client:pollfd()
  return fd or error("pomex: cannot watch the client: " .. why, 0)
end

return watcher
