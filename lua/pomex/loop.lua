--- The Lua half of a client's loop: which operations are pending, which coroutines can go on, and
--- which errors nobody has seen yet. It never waits; hosts do.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local step = require "pomex.step"

-- The most errors that are kept for `client:step()` to raise, the oldest first, when nobody has
-- seen them. An on_event that raises every time must not make the list grow for ever.
local MOST = 64

---@class pomex.Failures
local Failures = {}
Failures.__index = Failures

---@param message string
---@param task? pomex.Task the task that failed; somebody can still wait for it
function Failures:add(message, task)
  if #self >= MOST and not task then
    self.lost = self.lost + 1
  else
    self[#self + 1] = { message = message, task = task }
  end
end

--- How many errors are yet to be raised.
---@return integer
function Failures:count()
  for i = #self, 1, -1 do
    local task = self[i].task
    if task and task.collected then table.remove(self, i) end
  end
  return #self + (self.lost > 0 and 1 or 0)
end

--- Takes the oldest error that nobody has collected meanwhile. After the last one, a text says how
--- many were lost.
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

--- A loop works only when a step, a wait or the collector calls it. Hosts use `watch`, `wake_at`,
--- `stepping`, `closed` and `end_watch`.
---@class pomex.Loop
---@field handle userdata the core's client
---@field pending table<integer, pomex.Operation> by number, until their end was reported
---@field count integer of the pending operations
---@field closed boolean
---@field stepping thread|false the coroutine in which a step runs
---@field end_watch? pomex.StopWatching set while a host watches
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
    pending = {}, count = 0,            -- operations by number, until their end was reported
    runnable = {}, head = 1, tail = 0,  -- coroutines that the next step resumes
    queued = {},                        -- the set of those coroutines
    later = {},                         -- coroutines that yielded of their own accord
    timers = {}, due = nil,             -- deadlines of waiting coroutines, and the next of them
    failures = no_failures(),
    unsure = false,                     -- a step was cut short: see rescue in step.lua
    closed = false, ended = false,      -- ended: closed, and every waiter was told
    gates = setmetatable({}, { __mode = "k" }), -- see map.lua
    kept = coroutines.keeps_tasks and {} or nil, -- tasks that perhaps nothing else refers to
    elsewhere = {},                     -- the other loops that coroutines of its tasks wait on
    spares = {},                        -- the core's operations that can be used again
    kept_operations = {},               -- whole ones: see plain.lua
    sources = {},                       -- what else wakes the descriptor: see Loop:add_source
    begin_watch = nil,                  -- makes a host with a loop of its own watch
    end_watch = nil,                    -- ends the watch; nil: the host does not watch
  }, Loop)
end

--- Something new is pending: from now on a host with a loop of its own watches the client.
function Loop:begin()
  if self.begin_watch then self.end_watch = self.begin_watch(self.end_watch) end
end

--- The Lua half has work that no step knows of yet: the host watches the client, and the descriptor
--- becomes readable when the work is due.
function Loop:stir()
  if self.stepping or self.closed then return end
  self:begin()
  self:arm()
end

--- A host calls this before it waits: operations were perhaps started by code that its loop did not
--- run.
function Loop:watch()
  if self.begin_watch and not self.closed and self:unfinished() > 0 then self:begin() end
end

--- Makes the descriptor readable when the Lua half has work, too.
---@param deaf? boolean errors that are yet to be raised are no work
function Loop:arm(deaf)
  local due = not deaf and self:unheard() > 0 and 0 or self:timeout()
  if due then self.handle:wake_in(due) end
end

--- Makes the next step resume a coroutine. The coroutine is queued at most once: a second resume
--- would hit a later yield of its own.
---@param co thread
function Loop:make_runnable(co)
  if self.queued[co] then return end
  local tail = self.tail + 1
  -- The order matters: if an interrupt comes in between, the coroutine is queued twice, not lost.
  self.runnable[tail] = co
  self.tail = tail
  self.queued[co] = true
  if self.stepping then return end
  -- A closed loop has no next step, but a task of another client can have waited for one of its
  -- operations.
  if self.ended then return step.resume_runnable(self) end
  self:stir()
end

--- Wakes `who` (see ready:subscribe) at `deadline`; nil: no longer.
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

--- Makes the host stop watching if nothing is pending any more.
function Loop:rest()
  local stop = self.end_watch
  if stop and self:unfinished() == 0 and not stop() and self.end_watch == stop then
    self.end_watch = nil
  end
end

--- Wakes a waiter: the next step resumes a coroutine; a function is called.
---@param who thread|function
function Loop:wake(who)
  if type(who) == "function" then who() else self:make_runnable(who) end
end

---Keeps an error that nobody has seen, for `client:step()` to raise.
---@param message string
---@param task? pomex.Task the task that failed; somebody can still wait for it
function Loop:failure(message, task)
  if not self.closed then
    self.failures:add(message, task)
    self:stir()
  end
end

--- Has each step call `source:collect()`, once the core told what it had to tell. The source wakes
--- the client's descriptor by itself (handle:watch); as long as `source.outstanding` is above 0,
--- something of it is pending. `source:forsake()` is called when the client is closed.
---@param source table
function Loop:add_source(source)
  self.sources[#self.sources + 1] = source
end

---@param source table
function Loop:remove_source(source)
  for i = #self.sources, 1, -1 do
    if self.sources[i] == source then table.remove(self.sources, i) end
  end
end

--- How many answers the sources wait for.
---@return integer
function Loop:outstanding()
  local count = 0
  for i = 1, #self.sources do count = count + self.sources[i].outstanding end
  return count
end

--- Takes the oldest error that nobody has collected meanwhile.
---@return string|nil
function Loop:take_failure()
  return self.failures:take()
end

---Seconds until the Lua half has work for `advance`; nil: it has none.
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

--- How much is unfinished: operations, coroutines that are about to run or wait on other loops, and
--- errors yet to be raised. 1 if there are only coroutines that wait for something else with a
--- deadline.
---@return integer
function Loop:unfinished()
  local count = self.count + (self.tail - self.head + 1) + #self.later + self:unheard()
  for co, other in pairs(self.elsewhere) do
    if not other.closed and coroutine.status(co) ~= "dead" then count = count + 1 end
  end
  if self.sources[1] then count = count + self:outstanding() end
  return count > 0 and count or next(self.timers) and 1 or 0
end

--- Ends everything, and tells everybody who waits. If an error cuts this short, `close` can be
--- called again.
---@return string|nil failure what on_event raised
function Loop:close()
  if self.ended then return end
  local ids, pending = {}, self.pending
  for id in pairs(pending) do ids[#ids + 1] = id end
  table.sort(ids)
  self.closed = true
  if self.end_watch then self.end_watch() end
  self.end_watch = nil
  local failure = step.last_events(self)
  self.handle:close()
  for _, id in ipairs(ids) do
    local op = pending[id]
    if op then op:settle() end
    pending[id] = nil
  end
  for who in pairs(self.timers) do self:wake(who) end
  local sources = self.sources
  for i = #sources, 1, -1 do
    sources[i]:forsake()
    sources[i] = nil
  end
  self.count, self.timers, self.due, self.failures = 0, {}, nil, no_failures()
  self.ended = true
  -- If an on_done closed the client, the step that called it resumes the coroutines.
  if not self.stepping then step.resume_runnable(self) end
  return failure
end

return loop
