--- One step of a client's loop: operations learn of their news from the core, and the coroutines
--- that can go on are resumed.

local catch = require "pomex.host.catch"
local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"

local now, pcall, running = core.now, pcall, coroutine.running

local step = {}

-- Wakes the waiters whose deadline has come.
local function expire(self)
  local time, due = now(), nil
  if time < self.due then return end
  for who, deadline in pairs(self.timers) do
    if deadline <= time then
      self:wake(who)
      self.timers[who] = nil
    elseif not due or deadline < due then
      due = deadline
    end
  end
  self.due = due
end

local resume_runnable

--- Resumes the coroutines that can go on, at least one of them; stops at `deadline`.
---@param self pomex.Loop
---@param deadline? number monotonic seconds
function resume_runnable(self, deadline)
  if self.running and core.within(self.running, resume_runnable, self) then return end
  self.running = core.thread()
  while self.head <= self.tail do
    local head = self.head
    local co = self.runnable[head]
    if co then
      self.queued[co] = nil
      coroutines.resume(self, co)
    end
    -- The order matters: if an interrupt comes in between, the coroutine is resumed once more, not
    -- lost.
    self.head = head + 1
    self.runnable[head] = nil
    -- A closed client has no next step, so all of its coroutines are resumed now.
    if deadline and not self.closed and now() >= deadline then break end
  end
  self.running = false
  if self.head > self.tail then
    self.head = 1 -- first: cut short here, the queue holds nothing, and is not behind its end
    self.tail = 0
  end
end

step.resume_runnable = resume_runnable

-- Passes the core's events to on_event.
local function events(self)
  local handle, hook = self.handle, self.on_event
  local event = handle:next_event()
  while event do
    local ok, err = pcall(hook, event)
    if not ok then self:failure("on_event: " .. catch.said(err)) end
    event = not self.closed and handle:next_event()
  end
end

--- Ends every operation of a loop that is being closed, and tells on_event of that: nobody else
--- learns what became of a call that an error (Ctrl-C) tore away from its caller.
---@param self pomex.Loop
---@return string|nil failure the first error that on_event raised
function step.last_events(self)
  local handle, hook, failure = self.handle, self.on_event, nil
  if not hook or handle:closed() then return nil end
  local event = handle:next_event(true)
  while event do
    local ok, err = pcall(hook, event)
    if not ok then failure = failure or "on_event: " .. catch.said(err) end
    event = not handle:closed() and handle:next_event() -- on_event can close the client
  end
  return failure
end

-- Tells operations of news and of their end. An operation stays pending until it is certain that
-- everybody who waits for it will learn of its end.
local function dispatch(self)
  local handle, pending = self.handle, self.pending
  local id, done, update, progress = handle:next()
  while id do
    local op = pending[id]
    if op then
      if update or progress then op.news = true end
      if done then
        if op.crowded then
          op:settle()
          if self.closed then return end
        else
          -- This is `settle` for at most one waiting coroutine, but faster.
          op.finished = true
          local who = op.waiter
          if who ~= nil then
            self:make_runnable(who)
            op.waiter = nil
          end
        end
        pending[id] = nil
        self.count = self.count - 1
      else
        op:wake()
      end
    end
    id, done, update, progress = handle:next()
  end
end

-- An error cut a step short: memory ran out, or Ctrl-C raised. The core reported ends to that step
-- which it did not pass on, so each operation is asked whether it is over.
local function rescue(self)
  local ids = {}
  for id, op in pairs(self.pending) do
    if op:done() then ids[#ids + 1] = id end
  end
  table.sort(ids)
  for _, id in ipairs(ids) do
    self.pending[id]:settle()
    if self.closed then return end
    self.pending[id] = nil
    self.count = self.count - 1
  end
  for gate in pairs(self.gates) do gate:wake() end
  local count, queued = 0, {}
  for _ in pairs(self.pending) do count = count + 1 end
  for i = self.head, self.tail do
    local co = self.runnable[i]
    if co then queued[co] = true end
  end
  self.count, self.queued = count, queued
  self.unsure = false
end

-- The step itself; if it raises, `advance` puts things right.
local function turn(self, budget)
  self.stepping = running() or core.thread()
  local deadline = budget and budget > 0 and now() + budget or nil
  if self.unsure then rescue(self) end
  self.handle:step(budget)
  if self.on_event then events(self) end
  if not self.closed then dispatch(self) end
  -- The last first: one may take itself out of the list.
  for i = #self.sources, 1, -1 do self.sources[i]:collect() end
  if self.due then expire(self) end
  local later = self.later
  for i = 1, #later do self:make_runnable(later[i]) end
  for i = #later, 1, -1 do later[i] = nil end
  if self.tail > 0 then resume_runnable(self, deadline) end
  self.stepping = false
end

--- Whether a step runs. A step that an interrupt cut short is over, even if it could not note that.
---@param self pomex.Loop
---@return boolean
function step.in_step(self)
  local thread = self.stepping
  if not thread then return false end
  if core.within(thread, turn, self) then return true end
  self.unsure, self.running, self.stepping = true, false, false
  return false
end

--- Does one step: the work of the core, and then the work that it made ready.
---@param self pomex.Loop
---@param budget? number seconds after which to stop early
---@param deaf? boolean errors that are yet to be raised do not make the descriptor readable
function step.advance(self, budget, deaf)
  if self.closed then error("pomex client is closed", 0) end
  if self:in_step() then
    error("pomex: a wait or step within a step; wait in a task that client:spawn started", 0)
  end
  -- An interrupt (Ctrl-C) can raise at any line of `turn`, and the client must stay usable.
  local ok, err = pcall(turn, self, budget)
  if not ok then self.unsure, self.running, self.stepping = true, false, false end
  if not self.closed and (self.due or self.tail > 0 or self.later[1] or self.unsure
    or not deaf and self:unheard() > 0) then
    self:arm(deaf)
  end
  if not ok then error(err, 0) end
  self:rest()
end

return step
