--- The Lua half of a client's loop: which operations are in flight, which coroutines can go
--- on, what failed with nobody to tell. It never waits; hosts do.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local failures = require "pomex.failures"
local protect = require "pomex.host.protect"

---@class pomex.Loop
local Loop = {}
Loop.__index = Loop

local now, pcall, running = core.now, pcall, coroutine.running

local loop = {}

---@param handle table the core's client
---@param on_event? fun(event: pomex.Event)
---@return pomex.Loop
function loop.new(handle, on_event)
  return setmetatable({
    core = handle, on_event = on_event,
    pending = {}, count = 0,            -- operations by id, until their end was reported
    runnable = {}, head = 1, tail = 0,  -- coroutines that the next step resumes
    queued = {},                        -- the same, by themselves
    later = {},                         -- those that yielded of their own accord
    timers = {}, due = nil,             -- deadlines of waiting coroutines, and the next one
    failures = failures.new(),
    unsure = false,                     -- a step was cut short: see rescue
    closed = false, ended = false,      -- ended: and everybody was told
    gates = setmetatable({}, { __mode = "k" }), -- what maps wait for
    kept = coroutines.keeps_tasks and {} or nil, -- tasks that nobody else may hold
    spares = {},                        -- core operations whose results were taken
    guard = nil,                        -- the host's: raises where nothing may be started
    attach = nil,                       -- has the host watch, if it does not already
    detach = nil,                       -- set by a host that watches: ends that
    idle = nil,                         -- set by it: a step left nothing pending
  }, Loop)
end

---Something is pending that no step knows of yet: a host with a loop of its own begins to
---watch, and the descriptor becomes readable when this half has work.
function Loop:stir()
  if self.stepping or self.closed then return end
  if self.attach then self.attach() end
  self:arm()
end

---For a wait: what is pending may have begun where the host did not watch.
function Loop:watch()
  if self.attach and not self.closed and self:left() > 0 then self.attach() end
end

---Has the descriptor tell of the work of this half, too.
---@param deaf? boolean not of errors that are yet to be raised
function Loop:arm(deaf)
  local due = not deaf and self:unheard() > 0 and 0 or self:timeout()
  if due then self.core:wake_in(due) end
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

---Tells the host if nothing is pending any more.
function Loop:rest()
  if self.idle and self:left() == 0 then self.idle() end
end

-- A coroutine is resumed by the next step; a host's function sees to it itself.
local function wake(self, who)
  if type(who) == "function" then who() else self:make_runnable(who) end
end

local function expire(self)
  local time, due = now(), nil
  if time < self.due then return end
  for who, deadline in pairs(self.timers) do
    if deadline <= time then
      wake(self, who)
      self.timers[who] = nil
    elseif not due or deadline < due then
      due = deadline
    end
  end
  self.due = due
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

-- Resumes what can go on, at least one, and stops at `deadline`.
local run
function run(self, deadline)
  if self.running and core.within(self.running, run, self) then return end
  self.running = core.thread()
  while self.head <= self.tail do
    local head = self.head
    local co = self.runnable[head]
    if co then
      self.queued[co] = nil
      coroutines.resume(self, co)
    end
    -- In this order: cut short in between, it is resumed once more, and not lost.
    self.head = head + 1
    self.runnable[head] = nil
    -- There is no next step of a closed one.
    if deadline and not self.closed and now() >= deadline then break end
  end
  self.running = false
  if self.head > self.tail then
    self.head = 1 -- first: cut short here, the queue holds nothing, and is not behind its end
    self.tail = 0
  end
end

local function events(self)
  local handle, hook = self.core, self.on_event
  local event = handle:next_event()
  while event do
    local ok, err = pcall(hook, event)
    if not ok then self:failure("on_event: " .. protect.said(err)) end
    event = not self.closed and handle:next_event()
  end
end

-- Each is pending until everybody who waits for it will learn of its end.
local function dispatch(self)
  local handle, pending = self.core, self.pending
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
          -- What settle comes to where one coroutine waits, and the whole point is its speed.
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

-- An error cut a step short: no memory, or Ctrl-C. What it had been told and did not hand on
-- is looked up.
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

local function turn(self, budget)
  self.stepping = running() or core.thread()
  local deadline = budget and budget > 0 and now() + budget or nil
  if self.unsure then rescue(self) end
  self.core:step(budget)
  if self.on_event then events(self) end
  if not self.closed then dispatch(self) end
  if self.due then expire(self) end
  local later = self.later
  for i = 1, #later do self:make_runnable(later[i]) end
  for i = #later, 1, -1 do later[i] = nil end
  if self.tail > 0 then run(self, deadline) end
  self.stepping = false
end

---Whether a step runs. One that an interrupt cut short is over, even if it could not say so.
---@return boolean
function Loop:in_step()
  local thread = self.stepping
  if not thread then return false end
  if core.within(thread, turn, self) then return true end
  self.unsure, self.running, self.stepping = true, false, false
  return false
end

---One round: the core's work, then everything that it made ready.
---@param budget? number seconds of work in the core
---@param deaf? boolean the descriptor does not tell of errors that are yet to be raised
function Loop:advance(budget, deaf)
  if self.closed then error("pomex client is closed", 0) end
  if self:in_step() then
    error("pomex: a wait or step within a step; wait in a task that client:spawn started", 0)
  end
  -- An interrupt (Ctrl-C) may raise at any line in there, and the client must stay usable.
  local ok, err = pcall(turn, self, budget)
  if not ok then self.unsure, self.running, self.stepping = true, false, false end
  if not self.closed and (self.due or self.tail > 0 or self.later[1] or self.unsure
    or not deaf and self:unheard() > 0) then
    self:arm(deaf)
  end
  if not ok then error(err, 0) end
  self:rest()
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
function Loop:left()
  local left = self.count + (self.tail - self.head + 1) + #self.later + self:unheard()
  return left > 0 and left or next(self.timers) and 1 or 0
end

---Ends everything; whoever waits is told. Cut short by an error, it can be called again.
function Loop:close()
  if self.ended then return end
  local ids, pending = {}, self.pending
  for id in pairs(pending) do ids[#ids + 1] = id end
  table.sort(ids)
  self.closed = true
  if self.detach then self.detach() end
  self.detach, self.idle = nil, nil
  self.core:close()
  for _, id in ipairs(ids) do
    local op = pending[id]
    if op then op:settle() end
    pending[id] = nil
  end
  for who in pairs(self.timers) do wake(self, who) end
  self.count, self.timers, self.due, self.failures = 0, {}, nil, failures.new()
  self.ended = true
  -- Within a step (an on_done closed the client) that step resumes them.
  if not self.stepping then run(self) end
end

return loop
