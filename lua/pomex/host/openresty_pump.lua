--- The pump of the host "openresty": one light thread of a VM, in a timer of its own, steps
--- every client that has something pending. It sleeps in a read of the bridge's socket; where
--- there can be no bridge (threads or unix sockets are forbidden), it sleeps for milliseconds.
--- It ends when nothing has been pending for a moment, so that it holds no VM and no worker.

local core = require "pomex.core"
local watching = require "pomex.host.pump"

local pump = {
  bridge = true,   -- false: never try one
  linger = 0.25,   -- seconds for which idle clients stay watched: a pump that starts anew costs a
                   -- fifth of a millisecond
  up = false,      -- it learns of everything
}

local ngx, now, byte = ngx, core.now, string.byte
local exiting = ngx.worker.exiting

-- What a cosocket takes as "for ever": it logs an error at each read time-out.
local NEVER = 2147483647

---@type table<integer, pomex.Client>
local watched = {}
local worked = {}                -- those of them that had work since the bell rang
local asked                      -- when a timer for it was asked for
local running                    -- that timer runs
local bridge                     -- of the running pump
local ringing                    -- the bell will ring
local told                       -- that there is no bridge

local function ring()
  if bridge and not ringing then
    ringing = true
    bridge:ring_in(pump.linger)
  end
end

local function forget(fd, client)
  if watched[fd] ~= client then return end
  watched[fd], worked[fd] = nil, nil
  client.loop.detach, client.loop.idle = nil, nil
  if bridge then bridge:unwatch(fd) end
  -- It may have been the last one, and the pump asleep.
  ring()
end

-- The bell rings while a client is idle: one that was it all the time is let go.
local function bell()
  ringing = nil
  for fd, client in pairs(watched) do
    if client.loop:left() == 0 then
      if worked[fd] and not exiting() then ring() else forget(fd, client) end
    end
    worked[fd] = nil
  end
end

local function log(message)
  ngx.log(ngx.ERR, "pomex: ", message)
end

local function open_bridge()
  if not pump.bridge then return nil, nil, "it is switched off" end
  local made, why = core.bridge()
  if not made then return nil, nil, why end
  local sock = ngx.socket.tcp()
  sock:settimeouts(NEVER, NEVER, NEVER)
  local ok
  ok, why = sock:connect("unix:" .. made:path())
  if ok then ok, why = made:meet() end
  if ok then return made, sock end
  sock:close()
  made:close()
  return nil, nil, why
end

local function watch(fd)
  local ok, why = bridge:watch(fd)
  if not ok then error("pomex: " .. why, 0) end
end

local function run_bridge(sock)
  local mine, number = bridge, bridge:bell()
  for fd in pairs(watched) do watch(fd) end
  ring()
  while next(watched) do
    local message = sock:receive(4)
    if not message then return false end
    local a, b, c = byte(message, 1, 3)
    local fd = a + b * 256 + c * 65536
    local client = watched[fd]
    if client then
      watching.step(client, log)
      if watched[fd] == client then
        mine:rearm(fd)
        worked[fd] = true
      end
    elseif fd == number then
      bell()
    end
  end
  return true
end

-- Returns how much is left pending.
local function step_all()
  local all, left = {}, 0
  for fd, client in pairs(watched) do all[fd] = client end
  for fd, client in pairs(all) do
    if watched[fd] == client then watching.step(client, log) end
    local pending = client.loop:left()
    left = left + pending
    if pending == 0 then forget(fd, client) end
  end
  return left
end

-- Wakes a hundredth of the time that nothing happened for, within 1 to 10 ms: a call takes
-- that much longer, and a silent one costs little.
local function run_sleeping()
  local busy, seen = now(), 0
  while next(watched) do
    ngx.sleep(math.min(math.max((now() - busy) / 100, 0.001), 0.01))
    local left = step_all()
    if left ~= seen then busy, seen = now(), left end
  end
end

-- Those whose waits nobody would end any more.
local function close_all()
  local all = watched
  watched = {}
  for _, client in pairs(all) do
    client.loop.detach, client.loop.idle = nil, nil
    client.loop:close()
  end
end

local function serve()
  local sock, why
  bridge, sock, why = open_bridge()
  pump.up = true
  if not bridge then
    if not told then ngx.log(ngx.NOTICE, "pomex: no bridge thread (", why, "), so it polls") end
    told = true
    return run_sleeping()
  end
  local sound = run_bridge(sock)
  bridge:close()
  bridge, ringing = nil, nil
  sock:close()
  -- At worker_shutdown_timeout nginx closes every socket, and no request is left.
  if not sound and exiting() then close_all() end
  if not sound then pump.bridge = false end
end

local ensure

local function run()
  if running then return end
  running = true
  local ok, why = pcall(serve)
  if not ok then
    log(tostring(why))
    pump.bridge = false
  end
  if bridge then bridge:close() end
  bridge, ringing = nil, nil
  pump.up, running, asked = false, false, nil
  if next(watched) then ensure() end
end

-- nginx drops timers beyond lua_max_running_timers without a word to Lua: asks again, then.
function ensure()
  if running or asked and now() - asked < 1 then return end
  asked = ngx.timer.at(0, run) and now() or nil
end

---Something of `client` is pending: the pump learns of it, and starts if it must.
---@param client pomex.Client
function pump.attach(client)
  local loop = client.loop
  -- Watched already: but nginx may have dropped the pump's timer.
  if loop.detach then return ensure() end
  local fd = watching.descriptor(client)
  watched[fd] = client
  function loop.detach() forget(fd, client) end
  function loop.idle()
    if exiting() then forget(fd, client) else ring() end
  end
  if bridge then watch(fd) end
  ensure()
end

---Whether there is work, and no pump yet: nginx may have dropped its timer.
---@return boolean
function pump.late()
  return not pump.up and next(watched) ~= nil
end

---For those who wait while it is late: steps in its place.
function pump.rescue()
  if pump.up then return end
  ensure()
  step_all()
end

return pump
