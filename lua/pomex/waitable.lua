--- The common part of operations and coroutine tasks: coroutines can wait for them, and they have
--- `on_done`.
---
--- A host's `wait` gets a waitable as `ready`. `ready()` tells whether the wait is over.
--- `ready:subscribe(who)` has `who` woken when it is worth while to call `ready()` again: the next
--- step resumes a coroutine, a function is called. `who` can be woken although nothing has changed.

local options = require "pomex.options"
local catch = require "pomex.host.catch"

local note = catch.note

---@class pomex.Waitable: pomex.Ready
local waitable = {}

---@param who thread|function
function waitable:subscribe(who)
  local first, coroutine = self.waiter, type(who) == "thread"
  if first == who then return end
  -- The first coroutine has a field of its own, since mostly only one waits.
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

--- Wakes every subscriber. A subscriber is removed only after it was made runnable, since making it
--- runnable can fail for lack of memory.
---@private
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

-- The outcome is passed as an argument, so that it exists before the handler leaves the list.
local function run_first(self, handlers, ...)
  return run_handler(self, table.remove(handlers, 1), ...)
end

--- Calls `fn` once with the results of `wait`: in the step that learns of the end, or at once if
--- the end is known already. `fn` must not wait; an error that it raises is raised by
--- `client:step()`. `fn` is not called if the client and all that was started on it are collected
--- first.
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

--- Marks the waitable as over: runs the handlers, then wakes the waiters. If an error cuts this
--- short, `settle` can be called again.
---@private
function waitable:settle()
  self.finished = true
  local handlers = self.handlers
  while handlers and handlers[1] do run_first(self, handlers, self:outcome()) end
  if self.waiter ~= nil or self.waiters then self:wake() end
end

---Waits in the client's host until `self()` is true or `deadline` has come.
---@private
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
