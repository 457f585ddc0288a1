--- Creates in a row that ended in doubt: what answers so (a load balancer's page, say) makes each
--- of a table unclear. So the account's gate is shut after a few, longer each time.

local core = require "pomex.core"

local streak = {}

-- So many shut the gate: after that each that is tried by itself does.
local FEW = 3
---Seconds that it is shut for: at first, and at most.
streak.FIRST, streak.LONGEST = 60, 900

local WORDS = "creates in a row ended in doubt"

---@class pomex.JobStreak
---@field count integer how many in a row
---@field times integer how often they shut the gate

---The service answered what says for certain whether something was made.
---@param self pomex.JobStreak
function streak.good(self)
  self.count, self.times = 0, 0
end

---A create ended in doubt. One that was out already while the gate was shut says nothing new.
---@param self pomex.JobStreak
---@param run pomex.JobRun
---@param times integer what `times` was when it was sent
function streak.doubt(self, run, times)
  self.count = self.count + 1
  if self.count < FEW or times ~= self.times then return end
  local seconds = math.min(streak.FIRST * 2 ^ self.times, streak.LONGEST)
  local until_then, text = core.wall() + seconds, ("%d %s"):format(self.count, WORDS)
  self.times = self.times + 1
  -- Here at once, and then in the store, for all: before the job is moved, which ends a probe. What
  -- a refusal asked for is not made shorter.
  run.not_before = math.max(run.not_before, until_then)
  run:say(("%s: nothing new is begun for %.0f s"):format(text, seconds))
  run.asks:ask("gate", { worker = run.worker, ["until"] = run.not_before, text = text })
end

---A gate that is shut: another process has perhaps counted.
---@param self pomex.JobStreak
---@param why string with what it was shut
---@return string|nil why nil: it was shut by a refusal
function streak.met(self, why)
  local count = tonumber(why:match("^(%d+) " .. WORDS .. "$"))
  if not count then return nil end
  self.count = math.max(self.count, FEW - 1)
  return why
end

return streak
