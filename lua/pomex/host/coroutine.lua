--- The host "coroutine": a wait yields, and `client:step()` resumes. For frame loops and for
--- schedulers of one's own; the tasks of every host that has none of its own kind.

local core = require "pomex.core"

local coroutines = { name = "coroutine" }

local now, yield, running = core.now, coroutine.yield, coroutine.running

-- What a wait yields, so that it can be told from a yield of the task's own.
local PARKED = setmetatable({}, { __tostring = function() return "pomex: waiting" end })

-- The coroutines that were started here: { loop =, fail =, waiting = }.
local started = setmetatable({}, { __mode = "k" })

---The running coroutine, or nil in the main one.
---@return thread|nil
function coroutines.running()
  local co, main = running()
  return not main and co or nil
end

---Whether the running coroutine is one that this client's `spawn` started.
---@param client pomex.Client
---@return boolean
function coroutines.owns(client)
  local record = started[running() or 0]
  return record ~= nil and record.loop == client.loop
end

---Yields until `ready()`, or `timeout` seconds have passed.
---@param client pomex.Client
---@param ready table
---@param timeout? number
function coroutines.wait(client, ready, timeout)
  local co = coroutines.running()
  if not co then
    error('pomex: with host = "coroutine" only a coroutine can wait; client:spawn starts one', 0)
  end
  local loop, record = client.loop, started[co]
  local deadline = timeout and now() + timeout
  if record then record.waiting = ready end
  while not ready() do
    if deadline then
      if now() >= deadline then
        ready:unsubscribe(co)
        break
      end
      loop:wake_at(co, deadline)
    end
    if loop.closed then error("pomex client is closed", 0) end
    ready:subscribe(co)
    yield(PARKED)
  end
  if deadline then loop:wake_at(co, nil) end
  if record then record.waiting = nil end
end

---Resumes a coroutine that a wait had yielded, and takes note of how it went.
---@param loop pomex.Loop
---@param co thread
function coroutines.resume(loop, co)
  if coroutine.status(co) ~= "suspended" then return end
  local record = started[co]
  local ok, what = coroutine.resume(co)
  if not ok then
    local trace = debug.traceback(co, tostring(what))
    -- 5.4: variables to be closed of a coroutine that failed wait for this.
    if coroutine.close then coroutine.close(co) end
    if record then
      record.fail(what, trace)
    else
      loop:failure(trace)
    end
  elseif record and what ~= PARKED and coroutine.status(co) == "suspended" then
    loop.later[#loop.later + 1] = co
  end
end

---Starts `f()` in a coroutine of ours, at once, up to its first wait. If it raises,
---`fail(err, traceback)` is called. A bare coroutine.yield() in it waits for the next step.
---@param f function
---@param fail fun(err: any, traceback: string)
---@param client pomex.Client
---@return table record its field `waiting` is what it waits for
function coroutines.spawn(f, fail, client)
  local co = coroutine.create(f)
  local record = { loop = client.loop, fail = fail }
  started[co] = record
  coroutines.resume(client.loop, co)
  return record
end

return coroutines
