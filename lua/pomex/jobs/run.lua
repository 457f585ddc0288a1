--- A run: claims jobs, takes each as far as it goes in a task of its own, and ends when no job of
--- the queue can go on by itself.

local account = require "pomex.jobs.account"
local barring = require "pomex.jobs.barring"
local cancel = require "pomex.cancel"
local core = require "pomex.core"
local endings = require "pomex.jobs.ending"
local errors = require "pomex.errors"
local orphans = require "pomex.jobs.orphans"
local reach = require "pomex.jobs.reach"
local signals = require "pomex.jobs.signal"
local works = require "pomex.jobs.work"

local KINDS = { video = require "pomex.jobs.video", portrait = require "pomex.jobs.portrait" }

-- No byte of a request leaves so long after the last beat that was kept; the others bury a worker
-- whose beat stood still for `still_seconds`, 60 unless told otherwise. The rest is the margin.
local SEND_WITHIN = 45 / 60
-- Seconds that a file may be broken before the run ends; and half of those for which a run that was
-- told to stop tries to keep what it knows.
local BROKEN_FOR = 30
-- Seconds between two claims while nothing tells that there is more.
local LOOK = 1

---@class pomex.JobRun
local Run = {}
Run.__index = Run
Run.now = core.now
Run.bar, Run.is_barred = barring.bar, barring.is_barred
Run.answered, Run.kept, Run.is_over = reach.answered, reach.kept, reach.is_over

local run = {}

---@param jobs table
---@param opts table
---@return pomex.JobRun
function run.new(jobs, opts)
  return setmetatable({
    jobs = jobs, client = jobs.client, asks = jobs.asks, queue = jobs.queue, version = jobs.version,
    notices = jobs.notices, prices = jobs.prices, failed_is_free = jobs.failed_is_free,
    pause_on_failures = jobs.pause_on_failures,
    out = opts.out or jobs.out or ".", limit = math.max(opts.concurrency or 64, 1),
    on_update = opts.on_update, on_progress = opts.on_progress, forever = opts.forever or false,
    search = jobs.search or KINDS.portrait.SEARCH, broken_for = jobs.broken_for or BROKEN_FOR,
    remote = jobs.remote, unkept = {},
    active = {}, made_here = {}, asking = {},
    holders = {}, count = 0, to_release = {}, unsent = {}, said = {}, looks = {},
    not_before = 0, barred = nil, next_due = math.huge, next_look = 0, seen_unclear = 0,
    began = core.wall(), stopping = false, err = nil, word = nil, signal = signals.new(jobs.client),
  }, Run)
end

---A line for the log.
---@param text string
function Run:say(text)
  self.jobs.log("pomex jobs: " .. errors.one_line(text))
end

---By when a request must be sent that begins now: seconds of BOOTTIME; nil: never.
---@return number|nil
function Run:send_by()
  local store = self.asks.store
  local asked = store and store:beat_asked()
  return asked and asked + SEND_WITHIN * self.jobs.still_seconds
end

---The worker was declared dead: its jobs are others'. What it still has in hand ends by itself.
---@param worker integer
function Run:buried(worker)
  if self.worker ~= worker then return end
  self:say("this worker was declared dead; it begins anew under another name")
  self.worker, self.jobs.worker = nil, nil
  self.signal:raise()
end

---Begins nothing more; requests that are out come to their end, waits and downloads stop.
function Run:stop()
  if self.stopping then return end
  self.stopping, self.stopped_at = true, core.now()
  for work in pairs(self.active) do work:stop() end
  for op in pairs(self.asking) do op:cancel() end
  self.signal:raise()
end

---There may be something new to do.
function Run:look()
  self.next_due = 0
  self.signal:raise()
end

---Ends the run for a reason that is no job's.
---@param err pomex.Error
---@param word? pomex.JobsEnding "store" or "error", as the error says, unless it is another
function Run:end_with(err, word)
  if not self.err then
    self.err, self.word = err, word or err.type == "store_error" and "store" or "error"
  end
  self:stop()
end

local OVER = { done = true, failed = true, cancelled = true, expired = true, unclear = true }

---All that a job still has to do is to have its end kept: another one can begin meanwhile.
---@param work pomex.JobWork
function Run:makes_room(work)
  if work.made_room then return end
  work.made_room, self.count = true, self.count - 1
  self.signal:raise()
end

local function ended(self, work, well, err)
  local job = work.job
  self.active[work] = nil
  if self.holders[job.id] == work then self.holders[job.id] = nil end
  self:makes_room(work)
  -- What a worker held that was declared dead is nobody's, or this process has it anew.
  if work.worker == self.worker and not OVER[job.state] and job.state ~= "sending" then
    self.to_release[#self.to_release + 1] = job.id
  end
  if job.kind == "portrait" and job.state == "unclear" then
    self.unclear_portraits, self.next_look = true, 0
  end
  -- What came home has perhaps given money back.
  if self.barred and self.barred.reason == "cap" and OVER[job.state] then self.barred = nil end
  if not well then self:end_with(errors.is(err) and err or errors.new("store_error", {
    message = ("%s: %s"):format(job.key, tostring(err)) }), "error") end
  self.signal:raise()
end

local function start(self, job)
  local work = works.new(self, job)
  local kind, before = KINDS[job.kind], self.holders[job.id]
  -- It was another worker's, and still waits for what this one asks for from here on.
  if before then before:lose() end
  self.active[work], self.holders[job.id] = true, work
  self.count = self.count + 1
  self.client:spawn(function()
    kind.work(work)
    return true
  end):on_done(function(well, err) ended(self, work, well, err) end)
end

local function release(self)
  local ids = self.to_release
  if #ids == 0 or not self.worker then return end
  self.to_release = {}
  self.asks:ask("release", { worker = self.worker, jobs = ids })
end

-- Takes what there is room for. False: the store cannot be asked.
local function take(self)
  if not self.worker then
    local err
    self.worker, err = self.jobs:join()
    if not self.worker and reach.is_away(self, err) then
      self.next_due = core.wall() + LOOK
      return
    end
    if not self.worker then return self:end_with(err) end
  end
  local worker = self.worker
  local reply, err = self.asks:ask("claim", { worker = worker, queue = self.queue,
    count = math.min(self.limit - self.count, 500) })
  if not reply then return self:end_with(err) end
  -- Of a file a good answer says nothing: only what has to last is refused in one that was moved.
  if reply.answer == "broken" or self.remote then self:answered(reply) end
  -- A store that was put back from a copy has perhaps never heard of this worker.
  if reply.answer == "buried" or reply.answer == "missing" then
    self.next_due = core.wall() + LOOK
    return self:buried(worker)
  end
  if reply.answer ~= "yes" then
    self.next_due = core.wall() + LOOK
    return
  end
  self.next_due = reply.next_due
  account.begin(self, reply.jobs)
  for _, job in ipairs(reply.jobs) do
    if job.state == "ready" and (self.checking or self:is_barred()) or self.stopping then
      self.to_release[#self.to_release + 1] = job.id
      self.next_due = math.max(core.wall() + LOOK, self.not_before)
    else
      start(self, job)
    end
  end
  self.rests = true
end

-- Whether any job can go on by itself, whoever has it.
local function goes_on(self)
  local counts, err = self.jobs:read_counts()
  if not counts then
    if reach.is_away(self, err) then return true end
    self:end_with(err)
    return false
  end
  local states = counts.states
  local ready = states.ready - counts.blocked - (counts.stuck - counts.stuck_saving)
  self.must_continue, self.counts = counts.must_continue, counts
  if counts.paused or counts.must_continue then ready = 0 end
  local out = states.sending + states.polling + states.saving - counts.stuck_saving
  if out > 0 then
    self.asked_last = false
    return true
  end
  if ready > 0 and (not self.barred or barring.ask_last(self)) then return true end
  -- A burial tells nobody; perhaps what it made unclear is a portrait, which can be found.
  if states.unclear > self.seen_unclear then
    self.seen_unclear, self.next_look = states.unclear, 0
    self.signal:raise()
    return true
  end
  return self.unclear_portraits and states.unclear > 0
end

-- Looks for lost uploads, now and then.
local function look_for_unclear(self)
  if self.stopping or core.now() < self.next_look then return end
  self.unclear_portraits = KINDS.portrait.look_for_unclear(self)
  self.next_look = core.now() + self.search.every
end

local function pause(self)
  if self.stopping then return 60 end
  if self.count >= self.limit then return self.search.every end
  local due = self.next_due - core.wall()
  return math.max(math.min(due, LOOK), 1 / 100)
end

---Runs until nothing goes on by itself, or for ever.
---@return pomex.Error|nil why it ended early
function Run:work()
  while true do
    if cancel.here() or self.client.loop.closed then self:stop() end
    if self.client.loop.closed then break end
    reach.begin_anew(self)
    release(self)
    barring.lift(self)
    orphans.watch(self)
    look_for_unclear(self)
    if not self.stopping and not self.checking and self.count < self.limit then take(self) end
    local idle = not next(self.active) and not self.checking
    if idle and (self.stopping or not goes_on(self) and not self.forever) then break end
    -- Not of a run that ends here.
    if self.rests then barring.rest(self) end
    self.rests = false
    self.signal:wait(pause(self))
  end
  -- What is away is not asked any more: each question would take long.
  if self.broken_at and self.remote then return endings.err(self) end
  release(self)
  if not self.client.loop.closed then
    endings.say_blocked(self)
    if self.counts then endings.say_foreign(self, self.counts) end
  end
  return endings.err(self)
end

---Why it ended, in one word.
---@param counts table as `Jobs:counts` returns them
---@return pomex.JobsEnding
function Run:ending(counts)
  return endings.word(self, counts)
end

return run
