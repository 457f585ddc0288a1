--- The Lua half of a client's loop: which operations are in flight, which coroutines can go
--- on, what failed with nobody to tell. It never waits; hosts do.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local step = require "pomex.step"

-- Errors that nobody could be told of, for `step` to raise, the oldest first.
-- Those of one who says nothing but errors (an on_event that raises at each) are not all kept.
local MOST = 64

---@class pomex.Failures
local Failures = {}
Failures.__index = Failures

---@param message string
---@param task? pomex.Task the one that failed: it may yet be waited for
function Failures:add(message, task)
  if #self >= MOST and not task then
    self.lost = self.lost + 1
  else
    self[#self + 1] = { message = message, task = task }
  end
end

---How many are yet to be raised.
---@return integer
function Failures:count()
  for i = #self, 1, -1 do
    local task = self[i].task
    if task and task.collected then table.remove(self, i) end
  end
  return #self + (self.lost > 0 and 1 or 0)
end

---The oldest that still nobody collected; in the end, how many were not kept.
---@return string|nil
function Failures:take()
  local count, lost = self:count(), self.lost
  if count == 0 then return nil end
  if self[1] then return table.remove(self, 1).message end
  self.lost = 0
  return ("pomex: %d more errors in on_event or on_done"):format(lost)
end

local function no_failures()
  return setmetatable({ lost = 0 }, Failures)
end

---@class pomex.Loop
local Loop = {}
Loop.__index = Loop
Loop.in_step, Loop.advance = step.in_step, step.advance

local now = core.now

local loop = {}

---@param handle table the core's client
---@param on_event? fun(event: pomex.Event)
---@return pomex.Loop
function loop.new(handle, on_event)
  return setmetatable({
    handle = handle, on_event = on_event,
    pending = {}, count = 0,            -- operations by id, until their end was reported
    runnable = {}, head = 1, tail = 0,  -- coroutines that the next step resumes
    queued = {},                        -- the same, by themselves
    later = {},                         -- those that yielded of their own accord
    timers = {}, due = nil,             -- deadlines of waiting coroutines, and the next one
    failures = no_failures(),
    unsure = false,                     -- a step was cut short: see rescue
    closed = false, ended = false,      -- ended: and everybody was told
    gates = setmetatable({}, { __mode = "k" }), -- what maps wait for
    kept = coroutines.keeps_tasks and {} or nil, -- tasks that nobody else may hold
    spares = {},                        -- core operations whose results were taken
    begin_watch = nil,                  -- has the host watch, if it has a loop of its own
    end_watch = nil,                    -- ends that; nil: the host does not watch
  }, Loop)
end

---Something new is pending: a host with a loop of its own watches from now on.
function Loop:begin()
  if self.begin_watch then self.end_watch = self.begin_watch(self.end_watch) end
end

---The Lua half has work that no step knows of yet: the host watches, and the descriptor becomes
---readable when the work is due.
function Loop:stir()
  if self.stepping or self.closed then return end
  self:begin()
  self:arm()
end

---Called by a host before it waits: operations may have been started where its loop did not run.
function Loop:watch()
  if self.begin_watch and not self.closed and self:unfinished() > 0 then self:begin() end
end

---Has the descriptor tell of the work of this half, too.
---@param deaf? boolean not of errors that are yet to be raised
function Loop:arm(deaf)
  local due = not deaf and self:unheard() > 0 and 0 or self:timeout()
  if due then self.handle:wake_in(due) end
end

---Once only, until it is resumed: a second time would find it in a yield of its own.
---@param co thread
function Loop:make_runnable(co)
  if self.queued[co] then return end
  local tail = self.tail + 1
  -- In this order: cut short in between, it is queued twice, and not lost.
  self.runnable[tail] = co
  self.tail = tail
  self.queued[co] = true
  if not self.stepping then self:stir() end
end

---Has `who` (as in ready:subscribe) woken at `deadline`, or (nil) no more.
---@param who thread|function
---@param deadline? number monotonic seconds
function Loop:wake_at(who, deadline)
  local sooner = deadline and (not self.due or deadline < self.due)
  if sooner then self.due = deadline end
  self.timers[who] = deadline
  if sooner then
    self:stir()
  elseif not deadline and not self.stepping then
    self:rest()
  end
end

---Has the host watch no longer if nothing is pending any more.
function Loop:rest()
  local stop = self.end_watch
  if stop and self:unfinished() == 0 and not stop() and self.end_watch == stop then
    self.end_watch = nil
  end
end

---Wakes a coroutine, which the next step resumes, or calls a function, which sees to it itself.
---@param who thread|function
function Loop:wake(who)
  if type(who) == "function" then who() else self:make_runnable(who) end
end

---Keeps an error that nobody can be told, for `step` to raise.
---@param message string
---@param task? table the task that failed, which may yet be waited for
function Loop:failure(message, task)
  if not self.closed then
    self.failures:add(message, task)
    self:stir()
  end
end

---The oldest error that still nobody collected.
---@return string|nil
function Loop:take_failure()
  return self.failures:take()
end

---Seconds until `advance` has work of this half; nil: it has none of its own.
---@return number|nil
function Loop:timeout()
  if self.tail > 0 or self.later[1] or self.unsure then return 0 end
  return self.due and math.max(self.due - now(), 0)
end

---How many errors are yet to be raised.
---@return integer
function Loop:unheard()
  return self.failures:count()
end

---How much is not over: operations, coroutines about to run, errors yet to be raised; 1 if
---all that is left are deadlines of those who wait for something else.
---@return integer
function Loop:unfinished()
  local count = self.count + (self.tail - self.head + 1) + #self.later + self:unheard()
  return count > 0 and count or next(self.timers) and 1 or 0
end

---Ends everything; whoever waits is told. Cut short by an error, it can be called again.
function Loop:close()
  if self.ended then return end
  local ids, pending = {}, self.pending
  for id in pairs(pending) do ids[#ids + 1] = id end
  table.sort(ids)
  self.closed = true
  if self.end_watch then self.end_watch() end
  self.end_watch = nil
  self.handle:close()
  for _, id in ipairs(ids) do
    local op = pending[id]
    if op then op:settle() end
    pending[id] = nil
  end
  for who in pairs(self.timers) do self:wake(who) end
  self.count, self.timers, self.due, self.failures = 0, {}, nil, no_failures()
  self.ended = true
  -- Within a step (an on_done closed the client) that step resumes them.
  if not self.stepping then step.resume_runnable(self) end
end

return loop
