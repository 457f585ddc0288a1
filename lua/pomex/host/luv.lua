--- The host "luv": a wait yields its coroutine, and a uv_poll handle on the client's descriptor
--- resumes it. Coroutine tasks are coroutines of pomex's, which can also yield for other callbacks
--- of luv's.

local coroutines = require "pomex.host.coroutine"
local luv = require "luv"
local catch = require "pomex.host.catch"
local watcher = require "pomex.host.watcher"

local host = { name = "luv" }

-- The watched clients, and luv's handles, both by descriptor. A handle is only stopped, never
-- closed: luv 1.44 crashes at exit if a handle was closed and its loop did not run after that. A
-- stopped handle keeps no loop alive, and serves the next client whose descriptor has its number.
---@type table<integer, pomex.Client>
local watched = {}
local handles = {}

-- When a callback raises, luv ends the process, unless luv is embedded in another program.
local function raise(message)
  error(message, 0)
end

local function must(result, why)
  return result or error("pomex: luv cannot watch the client: " .. tostring(why), 0)
end

local function handle_of(fd)
  local handle = handles[fd]
  -- A program that closes all of luv's handles closes this one, too.
  if not handle or handle:is_closing() then
    handle = must(luv.new_poll(fd))
    handles[fd] = handle
  end
  return handle
end

---@param client pomex.Client
---@param stop? fun()
---@return fun() stop
function host.watch(client, stop)
  local fd = watcher.descriptor(client)
  local handle = handle_of(fd)
  if stop and watched[fd] == client and handle:is_active() then return stop end
  must(handle:start("r", function()
    local mine = watched[fd]
    if mine then watcher.step(mine, raise) end
  end))
  watched[fd] = client
  return function()
    watched[fd] = nil
    if not handle:is_closing() then handle:stop() end
  end
end

---@param _ pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function host.may(_, what)
  if what == "start" then return true end
  if not coroutines.running() then
    return nil, 'pomex: with host = "luv" only a coroutine can wait; client:spawn starts one'
  end
  return watcher.may_wait()
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local allowed, why = host.may(client, "wait")
  if not allowed then error(why, 0) end
  client.loop:watch()
  return coroutines.wait(client, ready, timeout)
end

-- A callback of luv's can resume the task for the last time, and pomex would not see its end; so
-- the task itself reports how it ended. (Nothing can yield within a pcall on PUC 5.1: there an
-- error goes to the code that resumed the task.)
local function body(task, f, ...)
  if catch.PUC_51 then return task:finish(f(...)) end
  return task:ended(catch.call(f, ...))
end

---@param task pomex.Task
---@param f function
---@param ... any its arguments
function host.spawn(task, f, ...)
  task.resumed_elsewhere = true
  return coroutines.spawn(task, body, task, f, ...)
end

return host
