--- Bridges of the host "openresty". A bridge is a thread in C that watches descriptors, and the
--- cosocket that it writes to.

local core = require "pomex.core"

local bridges = {}

local ngx = ngx

-- The longest time-out that a cosocket takes. It is used because a cosocket logs an error at each
-- time-out of a read.
local NEVER = 2147483647

local told -- whether the log says already that there is no bridge

-- Logs once why there is no bridge.
local function tell(level, why, advice)
  if told then return end
  told = true
  ngx.log(level, "pomex: no bridge thread (", why, "), so it polls every 1 to 10 ms", advice)
end

local function connect(made)
  local sock = ngx.socket.tcp()
  sock:settimeouts(NEVER, NEVER, NEVER)
  local ok, why = sock:connect("unix:" .. made:path())
  if ok then ok, why = made:meet() end
  if ok then return sock end
  sock:close()
  return nil, why
end

--- A bridge and its socket; nil if there can be none, and the log then says why.
---@param wanted boolean false: the program has switched bridges off
---@param paused boolean the last bridge broke just now, so none is tried
---@return userdata|nil bridge
---@return table|nil sock
function bridges.open(wanted, paused)
  if paused then return end
  if not wanted then return tell(ngx.NOTICE, "it is switched off", "") end
  local made, why = core.bridge()
  if made then
    local sock
    sock, why = connect(made)
    if sock then return made, sock end
    made:close()
  end
  tell(ngx.WARN, why, "; to avoid that, allow workers to start a thread, and to make a unix socket "
    .. "in /tmp, /dev/shm, /var/tmp or $TMPDIR (workers see this variable only with "
    .. "\"env TMPDIR;\" in nginx.conf)")
end

---@param made userdata a bridge
---@param sock table its socket
function bridges.close(made, sock)
  made:close()
  sock:close()
end

return bridges
