--- The host "openresty": a wait is an ngx.semaphore that the pump posts, so no worker is ever
--- blocked; tasks are light threads. In every phase that may yield, and in timers.

local pump = require "pomex.host.openresty_pump"
local semaphore = require "ngx.semaphore"
local watcher = require "pomex.host.watcher"

local get_phase = ngx.get_phase

local openresty = { name = "openresty", attach = pump.attach }

-- 23 days: nginx counts milliseconds in 31 bits.
local LONGEST = 2e6

-- The phases in which nginx cannot yield, as users know them.
local BARRED = {
  init = "init_by_lua", init_worker = "init_worker_by_lua", set = "set_by_lua",
  header_filter = "header_filter_by_lua", body_filter = "body_filter_by_lua",
  log = "log_by_lua", balancer = "balancer_by_lua",
  ssl_session_store = "ssl_session_store_by_lua", exit_worker = "exit_worker_by_lua",
}

-- In these not even what waits for nothing can be started: it would belong to the master, or
-- never end.
local CLOSED = { init = true, exit_worker = true }

---Why the running code may not wait; nil: it may.
---@return string|nil
function openresty.refuse()
  local phase = get_phase()
  if not BARRED[phase] then
    local why = watcher.busy()
    -- nginx has coroutines serve again, also one that it ended within a step.
    if why and pump.revive() then return watcher.busy() end
    return why
  end
  return ("pomex: %s cannot wait; %s"):format(BARRED[phase], phase == "init"
    and "make clients there, and use them in the workers"
    or "use the client in a timer: ngx.timer.at(0, function() … end)")
end

local refuse = openresty.refuse

function openresty.guard()
  if CLOSED[get_phase()] then error(refuse(), 0) end
end

---@return thread|nil
function openresty.running()
  return not BARRED[get_phase()] and coroutine.running() or nil
end

-- To be used again. One whose light thread was killed in its wait does not come back here, and
-- whoever wakes it later posts a semaphore that nobody waits for.
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
      sema:post(2) -- one for the wait, and one for `left`
    end
  end
  -- After ngx.thread.wait(a, b) returned for one, nginx resumes its parent at the end of the
  -- other out of whatever it waits in by then. That leaves it in the semaphore's queue: whoever
  -- gets this semaphore next would resume a request that is long over.
  local function left(ok, woken)
    if woken then return ok and sema:wait(0) end -- it has none for those that somebody precedes
    return sema:count() >= 0
  end
  function waiter.sleep(span)
    span = math.max(math.min(span or LONGEST, pump.span() or LONGEST), 0.001)
    asleep = true
    local ok, err = sema:wait(span)
    local woken = not asleep
    asleep = false
    if not left(ok, woken) then
      ngx.sleep(0.001) -- takes the coroutine out of that queue
      sema = new_semaphore()
    elseif not ok then
      if err ~= "timeout" then error("pomex: cannot wait: " .. tostring(err), 0) end
      pump.rescue()
    end
  end
  return waiter
end

---@param client pomex.Client
---@param ready table
---@param timeout? number seconds
function openresty.wait(client, ready, timeout)
  local waiter = table.remove(spares) or new_waiter()
  watcher.wait(openresty, client, ready, timeout, waiter.wake, waiter.sleep)
  if #spares < 64 then spares[#spares + 1] = waiter end
end

---Starts `f()`, which never raises, in a light thread. nginx keeps half a kilobyte of each until
---its parent ends; to wait for it would free that, but ngx.thread.wait crashes where the parent
---ended and its coroutine serves another request.
---@param f function
function openresty.spawn(f)
  if BARRED[get_phase()] then error(refuse(), 0) end
  ngx.thread.spawn(f)
end

return openresty
