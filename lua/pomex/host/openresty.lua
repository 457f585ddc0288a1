--- The host "openresty": a wait sleeps in an ngx.semaphore, to which the pump posts, so that no
--- worker is ever blocked. A coroutine task is a light thread. The host works in timers, and in
--- every phase that can yield.

local pump = require "pomex.host.openresty_pump"
local semaphore = require "ngx.semaphore"
local watcher = require "pomex.host.watcher"

local get_phase = ngx.get_phase

local openresty = { name = "openresty", watch = pump.watch }

-- Seconds: 23 days, since nginx counts milliseconds in 31 bits.
local LONGEST = 2e6

-- The phases in which nginx cannot yield, by the names that users know.
local BARRED = {
  init = "init_by_lua", init_worker = "init_worker_by_lua", set = "set_by_lua",
  header_filter = "header_filter_by_lua", body_filter = "body_filter_by_lua",
  log = "log_by_lua", balancer = "balancer_by_lua",
  ssl_session_store = "ssl_session_store_by_lua", exit_worker = "exit_worker_by_lua",
}

-- In these phases nothing can be started either: in init_by_lua the operation would belong to the
-- master process, and in exit_worker_by_lua it would never end.
local CLOSED = { init = true, exit_worker = true }

local INSTEAD = {
  init = "make clients there, and use them in the workers",
  exit_worker = "nothing can begin there any more; a timer made earlier is called, with premature "
    .. "= true, when the worker is told to end",
}

local function why_barred(phase)
  return ("pomex: %s cannot wait; %s"):format(BARRED[phase],
    INSTEAD[phase] or "use the client in a timer: ngx.timer.at(0, function() … end)")
end

---@param _ pomex.Client
---@param what "wait"|"start"
---@return boolean|nil allowed
---@return string? why
function openresty.may(_, what)
  local phase = get_phase()
  if what == "start" then
    if CLOSED[phase] then return nil, why_barred(phase) end
    return true
  end
  if BARRED[phase] then return nil, why_barred(phase) end
  local allowed, why = watcher.may_wait()
  -- nginx uses a coroutine again even if it ended that coroutine in the middle of a step of the
  -- pump.
  if not allowed and pump.revive() then return watcher.may_wait() end
  return allowed, why
end

-- Waiters to be used again. A waiter whose light thread was killed in its wait does not come back
-- to this list; a later wake posts a semaphore that nobody waits for.
local spares = {}

local function new_semaphore()
  local sema, why = semaphore.new()
  return sema or error("pomex: no semaphore: " .. why, 0)
end

local function new_waiter()
  local sema = new_semaphore()
  local waiter, asleep = {}, false
  function waiter.wake()
    if asleep then
      asleep = false
      sema:post(2) -- one for the wait, and one for `is_sound`
    end
  end
  -- After ngx.thread.wait(a, b) has returned because `a` ended, the end of `b` resumes the parent
  -- from any wait that it is in by then. If the parent waits for this semaphore, it stays in the
  -- semaphore's queue. The semaphore must not be used again: it would resume a request that is long
  -- over.
  local function is_sound(ok, woken)
    -- The second post reaches this coroutine only if no other coroutine is before it in the queue.
    if woken then return ok and sema:wait(0) end
    return sema:count() >= 0
  end
  function waiter.sleep(span)
    span = math.max(math.min(span or LONGEST, pump.span() or LONGEST), 0.001)
    asleep = true
    local ok, err = sema:wait(span)
    local woken = not asleep
    asleep = false
    if not is_sound(ok, woken) then
      ngx.sleep(0.001) -- takes the coroutine out of the queue
      sema = new_semaphore()
    elseif not ok then
      if err ~= "timeout" then error("pomex: cannot wait: " .. tostring(err), 0) end
      pump.rescue()
    end
  end
  return waiter
end

---@param client pomex.Client
---@param ready pomex.Ready
---@param timeout? number seconds
function openresty.wait(client, ready, timeout)
  local waiter = table.remove(spares) or new_waiter()
  watcher.wait(openresty, client, ready, timeout, waiter.wake, waiter.sleep)
  if #spares < 64 then spares[#spares + 1] = waiter end
end

--- Starts a light thread. nginx keeps half a kilobyte of each until its parent ends.
--- ngx.thread.wait would free that, but it crashes if the parent has ended and the parent's
--- coroutine serves another request.
---@param task pomex.Task
---@param f function
---@param ... any its arguments
function openresty.spawn(task, f, ...)
  local phase = get_phase()
  if BARRED[phase] then error(why_barred(phase), 0) end
  ngx.thread.spawn(task.run, task, f, ...)
end

return openresty
