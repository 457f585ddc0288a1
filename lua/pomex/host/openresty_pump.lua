--- The pump of the host "openresty": one light thread in each VM, in a timer of its own, steps
--- every client that has something pending. It sleeps in a read of the bridge's socket; if there
--- can be no bridge (threads or unix sockets are forbidden), it sleeps for milliseconds. It ends
--- when nothing has been pending for two minutes (without a bridge: for a moment), or when the
--- worker is told to end.
---
--- nginx can end the timer without telling Lua, and then no client would be stepped any more. So
--- each call checks whether the pump lives, and while something is pending, so does another timer.

local bridges = require "pomex.host.openresty_bridge"
local clients = require "pomex.host.openresty_clients"
local core = require "pomex.core"
local watcher = require "pomex.host.watcher"

local pump = {
  bridge = true,   -- false: the pump never tries a bridge
  keep = 120,      -- seconds for which the bridge stays without a client, since another costs a
                   -- folder, a socket and a thread
  look = 25,       -- seconds between two checks whether the pump lives, while there are no calls
  silent = 1,      -- seconds without a round after which a pump without a bridge counts as dead
  stuck = 20,      -- the same within a step, in which a handler perhaps waits although it must not
  pause = 10,      -- seconds without a bridge after a bridge broke at its start or the pump raised
  up = false,      -- the pump runs, and learns of every event
}

local ngx, now, byte = ngx, core.now, string.byte
local exiting = ngx.worker.exiting

local watched = clients.watched
local asked                      -- when a timer for a pump was asked for
local current                    -- the pump that runs: { co, beat }, its coroutine and last round
local polls_until = 0            -- no bridge is tried before that time
local look_due                   -- the time by which the timer will have checked the pump
local rests_since                -- the time since which the bridge has had no client

local look_later

-- For how many seconds a bridge without a client may sleep. nginx does not end a worker while the
-- pump waits: only where the timer will tell the pump of the worker's end may it stay.
local function rest()
  if exiting() then return 0 end
  look_later() -- nginx has perhaps dropped the last one
  if not look_due then return 0 end
  rests_since = rests_since or now()
  return math.min(rests_since + pump.keep - now(), pump.look)
end

-- Returns false if the bridge broke.
local function run_bridge(mine, sock)
  local own = clients.bridge
  local number = own:bell()
  for fd in pairs(watched) do
    if not own:watch(fd) then return false end
  end
  clients.ring()
  while current == mine do
    if next(watched) then
      rests_since = nil
    else
      local seconds = rest()
      if seconds <= 0 then break end
      clients.ring_in(seconds)
    end
    local message = sock:receive(4)
    -- If something other than the socket resumed this coroutine, `message` does not come from the
    -- bridge.
    if current ~= mine or type(message) ~= "string" then return false end
    local a, b, c = byte(message, 1, 3)
    local fd = a + b * 256 + c * 65536
    local client = watched[fd]
    if client then
      mine.beat = now()
      clients.step(client)
      if watched[fd] == client then
        if not own:rearm(fd) then return false end
        clients.worked[fd] = true
      end
    elseif fd == number then
      clients.bell()
    end
  end
  return true
end

-- Runs without a bridge. Each sleep lasts a hundredth of the time for which nothing has happened,
-- but 1 to 10 ms: a call takes that much longer, and a silent one costs little. After a pause, a
-- bridge is tried again.
local function run_sleeping(mine)
  local busy, seen = now(), 0
  local retry = polls_until > busy and polls_until or math.huge
  while next(watched) and current == mine and mine.beat < retry do
    ngx.sleep(math.min(math.max((now() - busy) / 100, 0.001), 0.01))
    if current ~= mine then return end
    mine.beat = now()
    local unfinished = clients.step_all()
    if unfinished ~= seen then busy, seen = now(), unfinished end
  end
end

local function serve(mine)
  local made, sock = bridges.open(pump.bridge, now() < polls_until)
  -- Perhaps another pump runs, because this one was taken for dead while it connected.
  if current ~= mine then return made and bridges.close(made, sock) end
  clients.bridge, pump.up = made, true
  if not made then return run_sleeping(mine) end
  local began = now()
  local sound = run_bridge(mine, sock)
  bridges.close(made, sock)
  if sound or current ~= mine then return end
  -- At worker_shutdown_timeout nginx closes every socket, and there are no more requests.
  if exiting() then return clients.close_all() end
  ngx.log(ngx.WARN, "pomex: the bridge thread's connection broke; it begins anew")
  if now() - began < pump.silent then polls_until = now() + pump.pause end
end

-- Forgets the pump, so that another can begin.
local function clear()
  clients.drop_bridge()
  rests_since, current, asked = nil, nil, nil
  pump.up = false
end

local ensure

local function run()
  if current then return end
  local mine = { co = coroutine.running(), beat = now() }
  current = mine
  local ok, why = pcall(serve, mine)
  if not ok then clients.log(tostring(why)) end
  if current ~= mine then return end
  clear()
  if not ok then
    -- If the pump raises whenever it runs, it pauses; meanwhile the waits step the clients
    -- themselves.
    local again = now() < polls_until
    polls_until = now() + pump.pause
    if again then
      asked = now()
      pcall(ngx.sleep, 0.5)
      asked = nil
    end
  end
  if next(watched) then ensure() end
end

local function dead(one)
  if clients.bridge then return not clients.bridge:alive() end
  return now() - one.beat > (watcher.steps_in(one.co) and pump.stuck or pump.silent)
end

local function bury()
  local co = current.co
  ngx.log(ngx.WARN, "pomex: the timer that steps this worker's clients has ended; it begins anew")
  clear()
  watcher.forsake(co, watched)
end

local look

-- There is one timer in each worker, also if each request has a VM of its own, which the timer
-- keeps alive. nginx can drop the timer without telling Lua.
function look_later()
  if look_due and now() < look_due or not core.sentry(pump.look + 1) then return end
  local ends = exiting()
  look_due = ngx.timer.at(ends and 0 or pump.look, look) and now() + pump.look + 1 or nil
end

function look()
  look_due = math.huge
  while next(watched) or clients.bridge do
    if next(watched) then ensure() else pump.revive() end
    if not pump.up then clients.step_all() end
    if not exiting() then break end
    clients.ring_in(0) -- idle clients and the bridge need not stay any longer
    ngx.sleep(0.1) -- a worker that exits starts no timers for later
  end
  look_due = nil
  if next(watched) or clients.bridge then return look_later() end
  core.sentry(0)
end

---Forgets a pump that is dead.
---@return boolean
function pump.revive()
  if not current or not dead(current) then return false end
  bury()
  return true
end

-- Starts a pump unless one lives. nginx drops timers beyond lua_max_running_timers without telling
-- Lua, so after a second pomex asks for a timer again.
function ensure()
  if current and not pump.revive() or asked and now() - asked < 1 then return end
  asked = ngx.timer.at(0, run) and now() or nil
end

--- Something of `client` is pending: tells the pump, and starts a pump if none runs.
---@param client pomex.Client
---@param stop? fun(): boolean|nil
---@return fun(): boolean|nil stop
function pump.watch(client, stop)
  if not stop then
    local fd = watcher.descriptor(client)
    watched[fd] = client
    function stop()
      if client.loop.closed or exiting() then return clients.forget(fd, client) end
      clients.ring()
      return true -- an idle client stays watched until the bell rings
    end
    -- A bridge that cannot watch the client is of no use.
    if clients.bridge and not clients.bridge:watch(fd) then bury() end
  end
  -- This is done for a client that is watched already, too: the pump has perhaps ended, or nginx
  -- has dropped its timer.
  ensure()
  look_later()
  return stop
end

--- The longest time that a wait may sleep at once, in seconds; nil: no limit.
---@return number|nil
function pump.span()
  -- There is work, but no pump yet: perhaps nginx dropped its timer.
  if not pump.up and next(watched) then return 0.02 end
  return not look_due and pump.look or nil
end

--- A wait calls this when its sleep ended after that time: checks whether the pump lives, and steps
--- in its place if not.
function pump.rescue()
  if not next(watched) then return end
  ensure()
  if not pump.up then clients.step_all() end
end

return pump
