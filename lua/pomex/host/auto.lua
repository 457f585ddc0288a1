--- The host "auto": asks at each wait which host runs there, and waits as that one does. It
--- yields no coroutine that neither pomex nor that host started.

local blocking = require "pomex.host.blocking"
local coroutines = require "pomex.host.coroutine"

local auto = { name = "auto" }

local loaded, running, started = package.loaded, coroutine.running, coroutines.started

-- What the host "openresty" needs of nginx. Unit tests of nginx code put a table of their own into
-- the global ngx, with some of it.
local OF_NGINX = {
  worker = "exiting", timer = "at", thread = "spawn", socket = "tcp", config = "ngx_lua_version",
}

local nginx -- the global ngx that turned out to be nginx's own

local function is_nginx(ngx)
  if rawequal(ngx, nginx) then return true end
  if type(ngx) ~= "table" then return false end
  for name, member in pairs(OF_NGINX) do
    local part = rawget(ngx, name)
    if type(part) ~= "table" or rawget(part, member) == nil then return false end
  end
  if not (rawget(ngx, "get_phase") and rawget(ngx, "sleep") and rawget(ngx, "log")) then
    return false
  end
  nginx = ngx
  return true
end

local function openresty()
  local ok, host = pcall(require, "pomex.host.openresty")
  if ok then return host end
  error(("pomex: the global ngx looks like nginx's, but the host \"openresty\" cannot be used: if "
    .. "ngx is a mock, say pomex.new{ host = \"blocking\" }; nginx itself needs lua-resty-core "
    .. "(%s)"):format(tostring(host)), 0)
end

-- The host with a loop that runs here, or may yet run; nil: none.
local function looping()
  local ngx = rawget(_G, "ngx")
  if ngx ~= nil and is_nginx(ngx) then return loaded["pomex.host.openresty"] or openresty() end
  local cqueues = loaded.cqueues
  if cqueues and cqueues.running() then return require "pomex.host.cqueues" end
  -- (Its copas does not tell whether it runs, so that one has to be named.)
  if loaded.luv and loaded.luv.loop_mode then return require "pomex.host.luv" end
end

---Who starts tasks here.
---@return pomex.Host
function auto.here()
  return looping() or blocking
end

---@param client pomex.Client
function auto.guard(client)
  local host = looping()
  if host and host.guard then host.guard(client) end
end

---@param client pomex.Client
function auto.attach(client)
  local host = looping()
  if host then host.attach(client) end
end

-- Who waits here; or nil, and why nobody does. host.own() is true in a coroutine that the host
-- resumes, nil where its loop does not run, and false where to yield would surprise somebody
-- and to block would stop the loop.
local function waiter()
  local host = looping()
  local own = host and (not host.own or host.own())
  if own == nil then return blocking end
  if own then return host end
  local co = running()
  if co and started[co] then return coroutines end
  return nil, ("pomex: %s did not start what runs here, and must not be held up; wait in a task "
    .. "that client:spawn started, or say pomex.new{ host = %q }"):format(host.name, host.name)
end

---@return any
function auto.running()
  local host = waiter()
  return host and host.running() or nil
end

---Why the running coroutine may not wait; nil: it may.
---@param client pomex.Client
---@return string|nil
function auto.refuse(client)
  local host, why = waiter()
  if not host then return why end
  return host.refuse and host.refuse(client)
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function auto.wait(client, ready, timeout)
  local host, why = waiter()
  if not host then error(why, 0) end
  client.loop:watch()
  return host.wait(client, ready, timeout)
end

---@param f function
function auto.spawn(f)
  return auto.here().spawn(f)
end

return auto
