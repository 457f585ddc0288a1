--- The host "luv": waits yield their coroutine, and a uv_poll handle on the client resumes it.
--- Tasks are coroutines of ours, free to yield for other things of luv's.

local coroutines = require "pomex.host.coroutine"
local luv = require "luv"
local catch = require "pomex.host.catch"
local watcher = require "pomex.host.watcher"

local host = { name = "luv", running = coroutines.running, spawn = coroutines.spawn }

-- By descriptor: the client that is watched, and luv's handle. A handle is never closed, but
-- stopped, and then holds no loop, and serves whoever has that number next: luv 1.44 crashes at
-- exit if a handle was closed and its loop ran no more.
---@type table<integer, pomex.Client>
local watched = {}
local handles = {}

---Whether luv itself resumes what runs: it knows no coroutines. nil: its loop does not run.
---@return boolean|nil
function host.own()
  if luv.loop_mode() then return false end
  return nil
end

-- luv ends the process, unless it is embedded, when a callback raises.
local function raise(message)
  error(message, 0)
end

local function must(result, why)
  return result or error("pomex: luv cannot watch the client: " .. tostring(why), 0)
end

local function handle_of(fd)
  local handle = handles[fd]
  -- Whoever walks through all of luv's handles may close this one, too.
  if not handle or handle:is_closing() then
    handle = must(luv.new_poll(fd))
    handles[fd] = handle
  end
  return handle
end

---Has luv's loop watch `client` while anything is pending.
---@param client pomex.Client
function host.attach(client)
  local loop, fd = client.loop, watcher.descriptor(client)
  local handle = handle_of(fd)
  if watched[fd] == client and handle:is_active() then return end
  local function stop()
    watched[fd] = nil
    if not handle:is_closing() then handle:stop() end
  end
  must(handle:start("r", function()
    local mine = watched[fd]
    if mine then watcher.step(mine, raise) end
  end))
  watched[fd], loop.detach, loop.idle = client, stop, stop
end

---Why the running coroutine may not wait; nil: it may.
---@return string|nil
function host.refuse()
  if not coroutines.running() then
    return 'pomex: with host = "luv" only a coroutine can wait; client:spawn starts one'
  end
  return watcher.busy()
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function host.wait(client, ready, timeout)
  local why = host.refuse()
  if why then error(why, 0) end
  client.loop:watch()
  return coroutines.wait(client, ready, timeout)
end

-- Whoever resumes it may see it end: it says so itself. (PUC 5.1 cannot yield in a pcall; there
-- an error goes to whoever resumed it.)
local function body(task, f, ...)
  if catch.PUC_51 then return task:finish(f(...)) end
  return task:ended(catch.call(f, ...))
end

---@param task pomex.Task
---@param f function
function host.start(task, f, ...)
  task.free = true
  return coroutines.start(task, body, task, f, ...)
end

return host
