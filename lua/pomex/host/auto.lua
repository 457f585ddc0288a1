--- The host "auto": asks at each wait which host runs there, and waits as that one does. It
--- yields no coroutine that neither pomex nor that host started.

local blocking = require "pomex.host.blocking"
local coroutines = require "pomex.host.coroutine"

local auto = { name = "auto" }

local loaded, running = package.loaded, coroutine.running
local started, park = coroutines.started, coroutines.park

---The host whose loop is, or will be, the one that runs here; nil: none is.
---@return pomex.Host|nil
function auto.here()
  local ngx = rawget(_G, "ngx")
  if ngx and ngx.get_phase then return require "pomex.host.openresty" end
  local cqueues = loaded.cqueues
  if cqueues and cqueues.running() then return require "pomex.host.cqueues" end
  local luv = loaded.luv
  if luv and luv.loop_mode then return require "pomex.host.luv" end
end

local here = auto.here

function auto.guard()
  local host = here()
  if host and host.guard then host.guard() end
end

---Something is pending: the host that runs here begins to watch.
---@param client pomex.Client
function auto.attach(client)
  local host = here()
  if host then host.attach(client) end
end

---@return any
function auto.running()
  local host = here()
  return host and host.running() or nil
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function auto.wait(client, ready, timeout)
  local host = here()
  if not host then return blocking.wait(client, ready, timeout) end
  local co = running()
  local task = co and started[co]
  if task then
    host.attach(client)
    return park(client, co, task, ready, timeout)
  end
  -- true: this coroutine is the host's; nil: its loop does not run; false: it is somebody's
  -- who would not expect a yield, and blocking would stop the loop.
  local own = not host.own or host.own()
  if own then return host.wait(client, ready, timeout) end
  if own == nil then return blocking.wait(client, ready, timeout) end
  error(("pomex: a wait in a coroutine that is not %s's; wait in one that client:spawn "
    .. "started, or name the host: pomex.new{ host = %q }"):format(host.name, host.name), 0)
end

---The host to start a task with.
---@return pomex.Host
function auto.spawner()
  return here() or blocking
end

---@param f function
function auto.spawn(f)
  return auto.spawner().spawn(f)
end

return auto
