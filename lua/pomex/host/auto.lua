--- The host "auto": at each wait it finds out which host's loop runs, and waits as that host does.
--- It never yields a coroutine that neither pomex nor that host started.

local blocking = require "pomex.host.blocking"
local catch = require "pomex.host.catch"
local coroutines = require "pomex.host.coroutine"

local auto = { name = "auto" }

local loaded, running, started = package.loaded, coroutine.running, coroutines.started

-- The parts of nginx that the host "openresty" needs. Unit tests of nginx code put a table of their
-- own into the global ngx, which has only some of these parts.
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

-- The host whose loop runs here or will run, or nil. The second result tells whether that loop
-- itself resumes the running coroutine; nil means that the loop does not run yet.
local function looping()
  local ngx = rawget(_G, "ngx")
  if ngx ~= nil and is_nginx(ngx) then
    return loaded["pomex.host.openresty"] or openresty(), true
  end
  local cqueues = loaded.cqueues
  if cqueues then
    local controller, direct = cqueues.running()
    if controller then
      -- On PUC 5.1 a coroutine task runs one coroutine deeper than cqueues knows.
      return require "pomex.host.cqueues", direct or catch.current() ~= running()
    end
  end
  -- (Debian's copas does not tell whether it runs, so that host has to be named.)
  local luv = loaded.luv
  if luv and luv.loop_mode then
    -- luv resumes functions, never coroutines.
    local own = nil
    if luv.loop_mode() then own = false end
    return require "pomex.host.luv", own
  end
end

-- The host that waits here; or nil, and why nothing may wait. If a loop runs, a blocking wait would
-- stop it, and a yield of a coroutine that the loop did not start would surprise the code that
-- resumes the coroutine.
local function waiter()
  local host, own = looping()
  if own == nil then return blocking end
  if own then return host end
  local co = running()
  if co and started[co] then return coroutines end
  return nil, ("pomex: %s did not start the coroutine that runs here, and a wait would block its "
    .. "loop; wait in a task that client:spawn started, or say pomex.new{ host = %q }"):format(
    host.name, host.name)
end

---@param client pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function auto.may(client, what)
  local host, why
  if what == "wait" then
    host, why = waiter()
    if not host then return nil, why end
  else
    host = looping() or blocking
  end
  return host.may(client, what)
end

--- As blocking.place, where no host with a loop of its own was loaded.
---@param client pomex.Client
---@return thread|boolean|nil place
---@return pomex.Task? task
function auto.place(client)
  if loaded.cqueues == nil and loaded.luv == nil and rawget(_G, "ngx") == nil then
    return blocking.place(client)
  end
end

---@param client pomex.Client
---@param stop? fun(): boolean|nil
---@return fun(): boolean|nil stop
function auto.watch(client, stop)
  local host = looping()
  if host then return host.watch(client, stop) end
  return stop
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function auto.wait(client, ready, timeout)
  local host, why = waiter()
  if not host then error(why, 0) end
  client.loop:watch()
  return host.wait(client, ready, timeout)
end

---@param task pomex.Task
---@param f function
---@param ... any its arguments
function auto.spawn(task, f, ...)
  local host = looping() or blocking
  return host.spawn(task, f, ...)
end

return auto
