--- One job in the hands of a run: what it asks of the store and of the service, and who is told.

local catch = require "pomex.host.catch"
local core = require "pomex.core"
local reach = require "pomex.jobs.reach"
local signals = require "pomex.jobs.signal"

local now = core.now

---@class pomex.JobWork
---@field run table
---@field job table as the store gave it, and as it has become since
---@field client pomex.Client
local Work = {}
Work.__index = Work

local work = {}

---@param run table
---@param job table
---@return pomex.JobWork
function work.new(run, job)
  return setmetatable({
    run = run, job = job, client = run.client, worker = run.worker, waiting = nil,
    signal = signals.new(run.client),
  }, Work)
end

---Seconds since 1970.
---@return number
function Work.wall()
  return core.wall()
end

---A line about the job for the log.
---@param text string
function Work:say(text)
  self.run:say(("%s %s"):format(self.job.key, text))
end

---Whether the run was told to stop: then waits and downloads end, and nothing begins.
---@return boolean
function Work:stopping()
  return self.run.stopping or self.lost or false
end

-- Calls a hook of the run with the job as it is now.
local function tell(self, name)
  local hook, job = self.run[name], self.job
  if not hook then return end
  local ok, err = pcall(hook, {
    key = job.key, kind = job.kind, state = job.state, task = job.task, attempt = job.attempt,
    error = job.error, saved = job.saved, stuck = job.stuck or false, status = job.status,
    percent = job.percent, save = job.save, at = core.wall(),
  })
  if not ok then self.client.loop:failure(name .. ": " .. catch.said(err)) end
end

---Tells the run's on_update of the job as it is now.
function Work:told()
  tell(self, "on_update")
end

---Notes how far the service or a download is, and tells the run's on_progress if that is new.
---@param name "status"|"percent"
---@param value string|integer
function Work:seen(name, value)
  if self.job[name] == value then return end
  self.job[name] = value
  tell(self, "on_progress")
end

---Waits for an operation; the run's `stop` ends it.
---@param op pomex.Operation
---@return any value
---@return pomex.Error? err
function Work:await(op)
  if self:stopping() then op:cancel() end
  self.waiting = op
  local value, err = op:wait()
  self.waiting = nil
  return value, err
end

---Waits until an operation stands that was started with `stand_by`; the run's `stop` cancels it.
---@param op pomex.Operation
---@return boolean stands false: it is over
function Work:await_turn(op)
  self.waiting = op
  local stands = op:await_turn()
  self.waiting = nil
  if stands and self:stopping() then op:cancel() end
  return stands and not self:stopping()
end

---Pauses; `stop` ends it.
---@param seconds number
function Work:rest(seconds)
  local deadline = now() + seconds
  while not self:stopping() and now() < deadline do self.signal:wait(deadline - now()) end
end

---The run stops: what the job waits for ends.
function Work:stop()
  if self.waiting then self.waiting:cancel() end
  self.signal:raise()
end

---The job is another's by now: nothing begins, and a wait or a download ends. The answer to a
---request that may be billed is awaited all the same.
function Work:lose()
  self.lost = true
  if self.job.state ~= "sending" then self:stop() end
end

-- What a verb writes, for whoever reads the log.
local WRITTEN = { fact = "what became of it", move = "how far it is", begin = "that it begins" }

local AGAIN = { busy = true, full = true, broken = true }

-- The longest pause, in seconds, until a database that is away is asked again.
local AWAY = 5

-- Asks until the store can answer. A fact is not given up while the run is there: it is perhaps the
-- id of a video that is paid for. `doubted` is called where nobody knows whether it was done.
local function persist(self, verb, fields, firmly, doubted)
  local run, pause = self.run, 1
  while true do
    local reply, err = run.asks:ask(verb, fields)
    if not reply then
      self:say(("%s could not be written to the store: %s"):format(WRITTEN[verb] or verb,
        tostring(err)))
      return nil, err
    end
    run:answered(reply)
    if not AGAIN[reply.answer] then
      run:kept(self, true)
      return reply
    end
    -- That a database is away is said once, for all.
    local away = run.remote and reply.answer == "broken"
    if not away then
      self:say(("%s is not in the store yet, and is tried again: %s"):format(WRITTEN[verb] or verb,
        reply.why or reply.answer))
    end
    if away and doubted then
      doubted()
      firmly = true
    end
    if self:stopping() and (not firmly or run:is_over()) then
      run:kept(self, true)
      return nil
    end
    if firmly then
      run:kept(self, false)
      self.signal:wait(pause)
    else
      self:rest(pause)
    end
    pause = math.min(pause * 2, away and AWAY or 30)
  end
end

local GOOD = { yes = true, known = true }

-- Whether an attempt of that number is this worker's: after a burial it is perhaps another's.
local function is_ours(self, number)
  local got = self.run.asks:ask("get", { queue = self.run.queue, key = self.job.key })
  local made = got and got.answer == "yes" and got.attempts[number]
  return made and made.worker == self.worker
end

---Asks for a begin, until the store can answer. One whose answer was lost on its way from a
---database is perhaps made there: its request is given up at once, the begin asked for again by its
---number, and then said to have sent nothing.
---@param fields table
---@param give_up fun() gives up the request
---@return table|nil reply
function Work:begin(fields, give_up)
  local job, run = self.job, self.run
  if next(run.unkept) then return nil end
  fields.worker, fields.job, fields.fence = self.worker, job.id, job.fence
  local lost = false
  local reply = persist(self, "begin", fields, false, function()
    lost = true
    give_up()
  end)
  if not lost then return reply end
  if reply and (GOOD[reply.answer] or is_ours(self, fields.attempt)) then
    job.attempt, job.state = fields.attempt, "sending"
    self:fact { kind = "never_left", due = 0, error = "the database went away while it was begun" }
  end
  return nil
end

---A fact about the job's newest attempt.
---@param fields table
---@return table|nil reply nil: it could not be kept
function Work:fact(fields)
  local job = self.job
  fields.job, fields.attempt = job.id, job.attempt
  if not self.run.pause_on_failures then fields.failure = nil end
  if fields.kind == "ended" and fields.outcome ~= "saving" then self.run:makes_room(self) end
  local reply = persist(self, "fact", fields, true)
  if not reply then return nil end
  if reply.answer == "missing" then
    self:say "is no more what it was in the store, which is older than this worker knows it"
    self.lost = true
    reach.is_older(self.run)
  end
  job.note = fields.note or job.note
  if reply.state then
    local changed = reply.state ~= job.state
    job.state, job.error = reply.state, fields.error
    if changed then self:told() end
  end
  if reply.answer == "second" or reply.answer == "refused" then self:say(reply.why) end
  return reply
end

---An opinion: only of the worker that holds the job.
---@param fields table
---@return boolean|nil moved nil: the job is another's by now, or the run stops
function Work:move(fields)
  local job = self.job
  fields.worker, fields.job, fields.fence = self.worker, job.id, job.fence
  if fields.to == "done" then self.run:makes_room(self) end
  local reply = persist(self, "move", fields, fields.to == "done")
  if not reply then return nil end
  if reply.answer == "yes" or reply.answer == "known" then
    local changed = job.state ~= fields.to or fields.stuck
    job.state, job.error = fields.to, fields.error
    job.stuck = fields.stuck or job.stuck
    job.saved = fields.saved or job.saved
    if changed then self:told() end
    return true
  end
  self.lost = true
  if reply.answer == "buried" then self.run:buried(self.worker) end
  if reply.answer == "refused" then self:say(reply.why or "is not moved so") end
  return nil
end

local function of_account(err)
  if err.endpoint == "download" then return false end
  return err.type == "authentication_error" or err.status == 401 or err.status == 402
    or err.status == 403 or err.proxy
    or type(err.message) == "string" and err.message:find("certificate is not trusted", 1, true)
end

---Whether an error is about the account and not about the job.
---@param err pomex.Error
---@return boolean
function Work.is_of_account(err)
  return of_account(err) and true or false
end

---Ends the run if an error is about the account.
---@param err pomex.Error
---@return boolean ended
function Work:ends_run(err)
  if not of_account(err) then return false end
  self.run:end_with(err, "account")
  return true
end

return work
