--- Cancelling of tasks: which task runs, whether it was cancelled, and what a cancel ends besides
--- the one thing that the task waits for.

local catch = require "pomex.host.catch"
local coroutines = require "pomex.host.coroutine"
local errors = require "pomex.errors"

local running, started = coroutine.running, coroutines.started

local cancel = {}

-- Whether any task was ever cancelled. Until one was, a wait need not find out which task runs.
local any = false

--- The task whose own coroutine runs; nil if another coroutine runs, or none.
---@return pomex.Task|nil
function cancel.running_task()
  local co = running()
  return co and started[co] or catch.task()
end

--- Whether the running task was cancelled: such a task, and a coroutine of the program's own that
--- runs within it, may begin nothing and may not wait.
---@return boolean
function cancel.here()
  if not any then return false end
  local task = cancel.running_task() or coroutines.enclosing()
  return task ~= nil and task.cancelled or false
end

--- Cancels `task`: ends what it waits for, and makes every later wait in it fail.
---@param task pomex.Task
function cancel.task(task)
  if task.finished or task.cancelled then return end
  task.cancelled, any = true, true
  local reach, waiting = task.reach, task.waiting
  while reach do
    for i = 1, #reach.ops do reach.ops[i]:cancel() end
    reach = reach.outer
  end
  if waiting and waiting.cancel then waiting:cancel() end
end

local function leave(task, reach, ok, ...)
  task.reach = reach.outer
  if not ok then error((...), 0) end
  return ...
end

---Runs `f(…)`; as long as it runs, a cancel of the running task cancels each of `ops`.
---@param ops (pomex.Operation|pomex.Task)[] the list can change meanwhile
---@param f function
---@param ... any its arguments
---@return any ... what f returns
function cancel.reaching(ops, f, ...)
  local task = cancel.running_task()
  if not task then return f(...) end
  local reach = { ops = ops, outer = task.reach }
  task.reach = reach
  -- PUC 5.1 cannot yield within a pcall. For the same reason no pcall in the task can catch what
  -- `f` raises, so `reach` need not be restored.
  if catch.PUC_51 then return leave(task, reach, true, f(...)) end
  return leave(task, reach, pcall(f, ...))
end

---The error of a wait in a cancelled task.
---@param message string
---@param billed pomex.Billed
---@return pomex.Error
function cancel.error(message, billed)
  return errors.bill(errors.new("cancelled_error", {
    message = message, hint = "the task was cancelled; a task of its own can clean up",
    retryable = false,
  }), billed)
end

return cancel
