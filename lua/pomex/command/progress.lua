--- A run as it is seen from outside: the screen of a terminal, a line a change where there is none,
--- and the signals that end it.

local campaign = require "pomex.command.campaign"
local core = require "pomex.core"
local errors = require "pomex.errors"
local screens = require "pomex.command.screen"
local signals = require "pomex.jobs.signal"
local terminal = require "pomex.terminal"

---@class pomex.CommandProgress
---@field env pomex.CommandEnv
---@field jobs pomex.Jobs
---@field screen pomex.CommandScreen
---@field looks_on? boolean others run the jobs: no log tells of them
---@field sending table<string, boolean> the keys of what is being sent
---@field tick? fun() is called every second
local Progress = {}
Progress.__index = Progress

local progress = {}

-- Seconds between two looks at what the store counts.
local COUNT = 1

local WORDS = {
  polling = "is being made", unclear = "is unclear",
  sending = "is being sent", saving = "is being saved", cancelled = "was cancelled",
  expired = "has expired", failed = "failed", ready = "is tried again",
}

-- The change in words; nil: something else tells of it.
local function words_of(self, job)
  local key = errors.one_line(job.key)
  -- What is being sent has at most the error of an attempt before.
  local why = job.error and job.state ~= "sending" and ": " .. campaign.why(job.error) or ""
  if job.stuck then return ("%s is stuck%s"):format(key, why) end
  -- What is said about the account ends the run: it is tried again by the next one.
  if job.state == "ready" and job.error and job.error:find "%[[^%[%]]*HTTP 40[123][^%[%]]*%]$" then
    return ("%s was refused, and nothing was billed%s"):format(key, why)
  end
  -- The log of a run has told why a job is unclear, and the id of one that is being made.
  local logged = job.state == "unclear" or job.state == "polling"
  if logged and not self.looks_on then return nil end
  local going_on = job.state == "sending" or job.state == "saving" or job.state == "polling"
  if self.screen.on and going_on then return nil end
  if job.state == "done" then
    if job.kind == "portrait" then return key .. " is active" end
    return not self.screen.on and ("%s is done"):format(key) or nil
  end
  return ("%s %s%s"):format(key, WORDS[job.state] or job.state, why)
end

---To be called for each change of a job's state.
---@param job pomex.JobUpdate
function Progress:update(job)
  local env = self.env
  self.sending[job.key] = job.state == "sending" or nil
  self.screen:update(job)
  -- One who looks on sees an end that the count perhaps has: it is counted anew.
  if self.looks_on then self.next_count = 0 else self.screen:ended(job) end
  local file = job.state == "done" and job.saved
    and campaign.file(self.folder, job.saved) or nil
  env.out:change({ type = "job", key = job.key, kind = job.kind, state = job.state, id = job.task,
    attempt = job.attempt, error = job.error, stuck = job.stuck or nil, file = file },
    words_of(self, job))
  if file then env.out:result(file) end
  self.signal:raise()
end

---To be called when the status or the percent of a job changed.
---@param job pomex.JobUpdate
function Progress:seen(job)
  self.screen:update(job)
  self.signal:raise()
end

-- What another run began has its time from there.
local function date(self)
  for _, job in ipairs(self.screen:undated()) do
    local known = self.jobs:get(job.key)
    local last = known and known.attempts[#known.attempts]
    if last then self.screen:began_at(job, last.begun) end
  end
end

-- One look: what the store counts, what is to be drawn.
local function look(self)
  local shown = self.screen
  shown.stopping = self.env.stop.name ~= nil
  if shown.on and core.now() >= self.next_count then
    local counts = self.jobs:counts()
    self.next_count = core.now() + COUNT
    if counts and not self.over then shown:counted(counts) end
  end
  if shown.on then date(self) end
  if self.tick and not self.over then self.tick() end
  if not self.over and shown:due() <= 0 then shown:draw() end
  return shown.on and math.min(shown:due(), COUNT) or COUNT
end

---Begins: from here on it draws, and a signal stops the run.
function Progress:start()
  self.jobs.client:spawn(function()
    while not self.over do self.signal:wait(look(self)) end
  end)
end

---Ends: what was drawn is taken away.
function Progress:finish()
  self.over = true
  self.screen:hide()
  self.screen.on = false
  if self.signal then self.signal:raise() end
end

---How many requests are out.
---@return integer
function Progress:out()
  local count = 0
  for _ in pairs(self.sending) do count = count + 1 end
  return count
end

---To be called before the client is made, so that the signals of a terminal are held with those
---that end the run.
---@param env pomex.CommandEnv
---@return pomex.CommandProgress
function progress.new(env)
  local self = setmetatable({ env = env, screen = screens.new(env.out), sending = {},
    next_count = 0, over = false }, Progress)
  if self.screen.on then
    env.stop.others.WINCH = function() self.screen:draw() end
    env.stop.others.TSTP = function()
      self.screen:hide()
      terminal.suspend()
      self.screen:draw()
    end
  end
  return self
end

---@param jobs pomex.Jobs
---@param folder string that videos are saved to
function Progress:watch(jobs, folder)
  self.jobs, self.folder, self.signal = jobs, folder, signals.new(jobs.client)
  local waits = self.env.stop.waits
  waits[#waits + 1] = { cancel = function()
    jobs:stop()
    self.signal:raise()
  end }
end

return progress
