--- Coroutine tasks: functions that run in coroutines beside each other, and wait without blocking
--- one another. (The service also calls a video in the making a task; the code here calls it a
--- generation.)

local cancel = require "pomex.cancel"
local core = require "pomex.core"
local errors = require "pomex.errors"
local options = require "pomex.options"
local catch = require "pomex.host.catch"
local raised = require("pomex.host.uncaught").raised
local text = require "pomex.text"
local waitable = require "pomex.waitable"

local now = core.now
local unpack = table.unpack or unpack

local tasks = {}

--- A function that runs beside others. A wait in it never blocks the thread.
---@class pomex.Task: pomex.Waitable
---@field client pomex.Client
---@field private waiting pomex.Waitable|nil what the function waits for
---@field private finished boolean
---@field private collected boolean somebody has seen or will see its error
local Task = {}
Task.__index = Task
for name, method in pairs(waitable) do Task[name] = method end

function Task:__call()
  return self.finished or false
end

local RAISED = -1

local function over(task)
  local kept = task.client.loop.kept
  if kept then kept[task] = nil end
  return task:settle()
end

--- For hosts: the function returned. Storing a value and an error, as pomex returns them, needs no
--- memory.
---@private
---@param ... any what it returned
function Task:finish(...)
  local count = select("#", ...)
  if count > 2 then self.values = { ... } end
  self.count, self.value, self.second = count, ...
  over(self)
end

--- For hosts: the function raised. Everybody who waits for the task or has an on_done learns of it.
--- If there is nobody, the next step raises the error, unless somebody waits for the task before
--- that.
---@private
---@param err any
---@param trace? string with the traceback
function Task:fail(err, trace)
  self.count, self.value = RAISED, err
  self.collected = self.waiter ~= nil or self.waiters ~= nil or self.handlers ~= nil
    or self.collected
  if not self.collected then self.client.loop:failure(trace or catch.said(err), self) end
  over(self)
end

--- For hosts: the function ended; the arguments are the results of `catch.call`.
---@private
---@param ok boolean
---@param ... any
function Task:ended(ok, ...)
  if ok then self:finish(...) else self:fail(...) end
end

--- For hosts: runs the task's function `f(…)` in the coroutine that the host started for it. Never
--- raises.
Task.run = catch.run

-- Whether a coroutine can be made of a function in C: Lua 5.1 takes only functions in Lua.
local ANY_FUNCTION = pcall(coroutine.create, print)

local function is_in_lua(f)
  local library = rawget(_G, "debug")
  local ok, info = pcall(library and library.getinfo or error, f, "S")
  return ok and info.what ~= "C"
end

local function in_lua(f)
  if type(f) == "function" and (ANY_FUNCTION or is_in_lua(f)) then
    return f
  end
  return function(...) return f(...) end
end

---Starts `f(…)` in a task; it runs at once, up to its first wait.
---@param client pomex.Client
---@param f function
---@param ... any its arguments
---@return pomex.Task
function tasks.spawn(client, f, ...)
  -- Every field that the end of the task sets exists already, so that the end needs no memory.
  local task = setmetatable({
    client = client, waiting = nil, finished = false, collected = false, waiter = nil,
    count = nil, value = nil, second = nil,
  }, Task)
  client.host.spawn(task, in_lua(f), ...)
  return task
end

--- Returns what the function returned, or nil and the error that it raised.
---@private
---@return any ...
function Task:outcome()
  self.collected = true
  local count = self.count
  if count == RAISED then return nil, self.value end
  if count > 2 then return unpack(self.values, 1, count) end
  if count == 2 then return self.value, self.second end
  if count == 1 then return self.value end
end

-- The function goes on, and pomex does not know what it asks for. It could ask for a video, unless
-- the function is one of pomex's own.
local function goes_on(self, err)
  local waiting = self.waiting
  local handle = waiting and waiting.kind and waiting.handle
  local billed = handle and handle:billed() or "no"
  if billed == "no" and not self.unbilled then billed = "maybe" end
  err.id = billed == "yes" and waiting.object_id or nil
  return nil, errors.bill(err, billed)
end

local function ran_out(self, timeout)
  return goes_on(self, errors.new("timeout_error", {
    message = ("the task is not done after %s s of waiting"):format(
      text.number("%.14g", timeout)),
    hint = "the task goes on; call its wait again",
  }))
end

-- A cancelled task does not wait: it cancels what it would wait for.
local function given_up(self)
  self:cancel()
  return goes_on(self, cancel.error("the task that waits for this one was cancelled", "no"))
end

--- Waits for the function to end. If the function raised, its error is raised here.
---@param timeout? number seconds for this wait alone; then nil, timeout_error; the task goes on
---@return any ... what the function returned
function Task:wait(timeout)
  local deadline
  if timeout ~= nil then
    options.expect("task:wait", "timeout", timeout, "span")
    deadline = now() + timeout
  end
  local client = self.client
  local may = client.host.may
  if not self.finished and cancel.here() then return given_up(self) end
  while not self.finished do
    -- Code that cannot wait can still look with a timeout of 0.
    local looks = timeout == 0 and may and not may(client, "wait")
    if looks or not self:pause(now, deadline) and deadline then
      return ran_out(self, timeout)
    end
  end
  self.collected = true
  if self.count == RAISED then error(raised(self.value), 0) end
  return self:outcome()
end

---Whether the function has ended.
---@return boolean
function Task:done()
  return self.finished or false
end

---Cancels everything that the task waits for: an operation, a task, or those of `pomex.all` and
---`client:map`. The task's function gets the cancelled_error (or the ambiguous_error of a request
---that was perhaps carried out) and goes on, but can begin nothing any more: every later call and
---wait in it fails at once with a cancelled_error. No effect on a task that is done.
function Task:cancel()
  cancel.task(self)
end

function Task:__tostring()
  return ("pomex task (%s)"):format(
    self.finished and (self.count == RAISED and "failed" or "done") or "running")
end

local function outcomes(ops, cancelled)
  local results = {}
  for i = 1, #ops do
    local op = ops[i]
    -- The wait of a task would raise the task's error; the wait of an operation calls on_update
    -- meanwhile.
    if not rawequal(getmetatable(op), Task) then
      results[i] = { op:wait() }
    elseif cancelled and not op.finished then
      results[i] = { given_up(op) }
    else
      while not op.finished do op:pause(now) end
      results[i] = { op:outcome() }
    end
  end
  return results
end

--- Waits for all of `ops` (operations or coroutine tasks), and cancels none of them. If the waiting
--- task is cancelled, all of them are.
---@param ops (pomex.Operation|pomex.Task)[]
---@return { [1]: any, [2]: any }[] results `{ value, err }` of each, in their order; `err` is
---  also what a task raised
function tasks.all(ops)
  if type(ops) ~= "table" then options.misuse("pomex.all: a list of operations is needed") end
  for key in pairs(ops) do
    if type(key) ~= "number" and key ~= "n" then
      options.misuse(("pomex.all: a list is needed (it has the key %s)"):format(tostring(key)))
    end
  end
  for i = 1, #ops do
    local op = ops[i]
    if type(op) ~= "table" or not op.outcome then
      options.misuse(("pomex.all: item %d is not an operation or a task"):format(i))
    end
    if rawequal(getmetatable(op), Task) then op.collected = true end
  end
  -- A later cancel ends each of them; this wait still lasts until their outcomes are known.
  return cancel.reaching(ops, outcomes, ops, cancel.here())
end

options.methods(Task, "task", { "wait", "done", "cancel", "on_done" })

return tasks
