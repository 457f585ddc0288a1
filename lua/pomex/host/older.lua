--- Adapts hosts that were written for the first versions of pomex. Such a host is a table with a
--- function `running`, which nothing calls, and with `wait` and `spawn(f)`; some hosts also have
--- `start`, `here`, `refuse`, `guard` and `attach`. The comments below tell what each function did.

local options = require "pomex.options"

local unpack = table.unpack or unpack

local older = {}

local NEEDED = { "running", "wait", "spawn" }
local OPTIONAL = { "start", "here", "refuse", "guard", "attach" }

---Whether a table is such a host.
---@param host table
---@return boolean
function older.is(host)
  return host.running ~= nil
end

-- `start(task, f, …)` started a coroutine of pomex's. `spawn(f)` started something that calls f(),
-- which never raises. `here()` returned the host that starts tasks in the running code.
local function spawn(host, task, f, ...)
  if host.here then host = host.here() end
  if host.start then return host.start(task, f, ...) end
  local count, arguments = select("#", ...), { ... }
  host.spawn(function() task:run(f, unpack(arguments, 1, count)) end)
end

-- `refuse(client)` returned why the running code cannot wait, or nil; `guard(client)` raised if it
-- cannot start anything.
local function may(host, client, what)
  if what == "wait" then
    local why = host.refuse and host.refuse(client)
    if why then return nil, why end
  elseif host.guard then
    local ok, why = pcall(host.guard, client)
    if not ok then return nil, why end
  end
  return true
end

-- `attach(client)` watched the client and set two functions: `client.loop.idle`, which is called
-- after a step that left nothing pending, and `client.loop.detach`, which is called before the
-- descriptor is closed.
local function watch(host, client)
  local loop = client.loop
  host.attach(client)
  return function()
    local stop = loop.closed and loop.detach or not loop.closed and loop.idle
    if stop then stop() end
    return loop.detach ~= nil
  end
end

---@param host table
---@return pomex.Host
function older.adapt(host)
  for _, name in ipairs(NEEDED) do options.expect("host", name, host[name], "callable") end
  for _, name in ipairs(OPTIONAL) do
    if host[name] ~= nil then options.expect("host", name, host[name], "callable") end
  end
  return {
    name = host.name,
    wait = host.wait,
    spawn = function(...) return spawn(host, ...) end,
    may = function(...) return may(host, ...) end,
    watch = host.attach and function(client) return watch(host, client) end,
  }
end

return older
