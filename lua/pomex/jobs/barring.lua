--- What stands against all ready jobs of a run: a cap, a pause, the account's gate, a full disk.

local core = require "pomex.core"
local streak = require "pomex.jobs.streak"

local barring = {}

-- Seconds until begin is asked again that said "not before something changes".
local ASK_AGAIN = 5
-- Seconds until it is said again why nothing begins.
local SAY_AGAIN = 60
-- A shorter rest is not worth a line.
local SHORT = 10

-- Says why nothing begins, at most once a minute. That as many tasks as there may be are in flight
-- is how it should be.
local function say_barred(run, reason, why)
  local said = run.said[reason]
  if reason == "tasks" or said and core.now() < said + SAY_AGAIN then return end
  run.said[reason] = core.now()
  run:say("nothing begins for now: " .. why)
end

-- Who is told to ask again so soon waits for the answer to another's request: seconds.
local PROBE = 1.5

-- Of a gate that is shut: by what refusal or doubts, until when, and what comes then.
local function gate_words(not_before, refusal, doubts)
  local text = refusal or ""
  local status = text:match "%[[^%[%]]*HTTP (%d+)[^%[%]]*%]$"
  local said = text:gsub(" %[[^%[%]]*%]$", ""):gsub("^[%l_]+: ", "")
  local what = doubts or ("the service refused a request (%s)"):format(status
    and ("HTTP %s, %s"):format(status, said) or said ~= "" and said or "it did not say why")
  if not_before < core.wall() + PROBE then
    return what .. "; one request is trying whether it takes them again"
  end
  local of_account = status and status ~= "429" and status ~= "503"
  return what .. os.date("!; the next one is tried by itself at %H:%M:%S UTC",
    math.ceil(not_before)) .. (of_account and ": see to the key or the account until then" or "")
end

---Nothing that is ready begins for now.
---@param run pomex.JobRun
---@param reason string
---@param not_before number seconds since 1970; infinite: until something changes
---@param why string|nil of a gate the error that shut it, as a line
function barring.bar(run, reason, not_before, why)
  if reason == "gate" then
    why = gate_words(not_before, why, streak.met(run.jobs.streak, why or ""))
  end
  if not_before < math.huge then
    run.not_before = math.max(run.not_before, math.min(not_before, core.wall() + 900))
    say_barred(run, reason, why)
  else
    run.barred = { reason = reason, why = why, at = core.now() }
  end
end

---Says until when a run has nothing to do, for whoever started it and sees nothing happen.
---@param run pomex.JobRun
function barring.rest(run)
  local due = run.next_due
  if next(run.active) or due == math.huge or due < core.wall() + SHORT then return end
  if core.wall() < run.not_before then return end -- something else was said already
  say_barred(run, "rest", os.date("!the next job is due at %H:%M:%S UTC", math.ceil(due)))
end

---@param run pomex.JobRun
---@return boolean
function barring.is_barred(run)
  return run.barred ~= nil or core.wall() < run.not_before or next(run.unkept) ~= nil
end

---What stood against all is asked about again, now and then: a person may have changed it.
---@param run pomex.JobRun
function barring.lift(run)
  if run.barred and core.now() > run.barred.at + ASK_AGAIN then run.barred = nil end
end

---Asks about the cap once more, when nothing is out: what came home since it stood in the way has
---perhaps given money back.
---@param run pomex.JobRun
---@return boolean asks
function barring.ask_last(run)
  if run.barred.reason ~= "cap" or run.asked_last then return false end
  run.barred, run.asked_last, run.next_due = nil, true, 0
  return true
end

return barring
