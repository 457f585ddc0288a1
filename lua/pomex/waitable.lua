--- What operations and tasks share: being waited for by coroutines, and `on_done`.
---
--- A waitable is what a host's `wait` gets as `ready`: it is called to learn whether the wait
--- is over, and `ready:subscribe(who)` has `who` woken (a coroutine resumed by the next step,
--- a function called) when calling it again is worth while. Waking may be spurious.

local options = require "pomex.options"
local catch = require "pomex.host.catch"

local note = catch.note

---@class pomex.Waitable
local waitable = {}

---@param who thread|function
function waitable:subscribe(who)
  local first, coroutine = self.waiter, type(who) == "thread"
  if first == who then return end
  -- The first coroutine has a place of its own, since mostly there is but one.
  if first == nil and coroutine then
    self.waiter = who
    return
  end
  local others = self.waiters or {}
  self.waiters, self.crowded = others, true
  for i = 1, #others do
    if others[i] == who then return end
  end
  others[#others + 1] = who
end

---@param who thread|function
function waitable:unsubscribe(who)
  if self.waiter == who then self.waiter = nil end
  local others = self.waiters
  for i = others and #others or 0, 1, -1 do
    if others[i] == who then table.remove(others, i) end
  end
end

-- Nobody leaves the list before it is sure that he will be resumed: memory may run out.
function waitable:wake()
  local first, others, loop = self.waiter, self.waiters, self.client.loop
  if first ~= nil then
    loop:make_runnable(first)
    self.waiter = nil
  end
  for _ = 1, others and #others or 0 do
    local who = others[1]
    if type(who) == "thread" then
      loop:make_runnable(who)
      table.remove(others, 1)
    else
      table.remove(others, 1)
      who()
    end
  end
end

local function run_handler(self, handler, ...)
  local ok, err = pcall(handler, ...)
  if not ok then
    local loop = self.client.loop
    loop.unsure = true
    loop:failure("on_done: " .. catch.said(err))
  end
end

-- A handler leaves the list when there is an outcome to be told, and is called once.
local function run_first(self, handlers, ...)
  return run_handler(self, table.remove(handlers, 1), ...)
end

---Has `fn` called once with what `wait` would return, in the stepper and under pcall, or at
---once if it is done already; it must not wait. What it raises is raised by `client:step()`.
---Not called if the collector takes the client first, with all that was started on it.
---@param fn fun(value: any, err: pomex.Error?)
---@return self
function waitable:on_done(fn)
  options.expect("on_done", "fn", fn, "callable")
  if self.finished then
    run_handler(self, fn, self:outcome())
  else
    local handlers = self.handlers or {}
    self.handlers, self.crowded = handlers, true
    handlers[#handlers + 1] = fn
  end
  return self
end

---Marks it as over: handlers run, then waiters are woken. Cut short by an error, it can be
---called again.
function waitable:settle()
  self.finished = true
  local handlers = self.handlers
  while handlers and handlers[1] do run_first(self, handlers, self:outcome()) end
  if self.waiter ~= nil or self.waiters then self:wake() end
end

---Waits in the client's host until calling `self` is true or `deadline` has come.
---@param now fun(): number
---@param deadline? number monotonic seconds
---@return boolean ready
function waitable:pause(now, deadline)
  local client = self.client
  note(self)
  client.host.wait(client, self, deadline and math.max(deadline - now(), 0))
  if self() then return true end
  note(nil)
  return false
end

return waitable
