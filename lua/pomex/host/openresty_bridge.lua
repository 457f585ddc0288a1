--- Bridges of the host "openresty": a thread in C and the cosocket that it writes to.

local core = require "pomex.core"

local bridges = {}

local ngx = ngx

-- What a cosocket takes as "for ever": it logs an error at each read time-out.
local NEVER = 2147483647

local told -- that there is none

-- It is worth a warning, once, unless somebody asked for it.
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

---A bridge and its socket, or nil: then there is none, and the log says why.
---@param wanted boolean
---@param paused boolean the last one broke just now
---@return table|nil bridge
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
  tell(ngx.WARN, why, "; for less, allow workers to start a thread, and to make a unix socket in "
    .. "/tmp, /dev/shm, /var/tmp or $TMPDIR (workers see that only with \"env TMPDIR;\" in "
    .. "nginx.conf)")
end

function bridges.close(made, sock)
  made:close()
  sock:close()
end

return bridges
