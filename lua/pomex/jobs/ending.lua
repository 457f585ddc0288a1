--- Why a run ended: in a word for a program, as an error, and as lines for a person.

local bodies = require "pomex.jobs.body"
local errors = require "pomex.errors"
local json = require "pomex.json"

local ending = {}

local function is_barred_by(run, reason)
  return run.barred ~= nil and run.barred.reason == reason
end

---The word for `counts.ended`. Where several hold, the first of this order.
---@param run pomex.JobRun
---@param counts table as `Jobs:counts` returns them
---@return pomex.JobsEnding
function ending.word(run, counts)
  if run.word then return run.word end -- "store", "account" or "error"
  local left = counts.ready + counts.sending + counts.polling + counts.saving
  if counts.must_continue then return "continue" end
  if counts.unclear > 0 then return "unclear" end
  if left > 0 then
    if is_barred_by(run, "unpriced") then return "unpriced" end
    if is_barred_by(run, "cap") then return "cap" end
    if counts.paused then return "paused" end
    if run.stopping then return "stopped" end
  end
  if counts.failed + counts.cancelled + counts.expired > 0 then return "failed" end
  if counts.stuck > 0 then return "stuck" end
  if counts.foreign > 0 then return "foreign" end
  if counts.ready > 0 and counts.blocked == left then return "blocked" end
  return left > 0 and "stopped" or "done"
end

---Why the jobs that are left do not go on, where that is an error.
---@param run pomex.JobRun
---@return pomex.Error|nil
function ending.err(run)
  if run.err then return run.err end
  if run.must_continue or is_barred_by(run, "continue") then
    return errors.new("store_error", {
      message = "the store was moved, copied or put back, and may be older than what the account "
        .. "made: nothing was begun", hint = "look what was made since, and call jobs:continue()",
    })
  end
  if is_barred_by(run, "unpriced") then
    local _, err = errors.invalid("jobs", run.barred.why,
      "give the option prices, or the job a price")
    return err
  end
end

---Says what is left alone, because it was begun with another base URL or account.
---@param run pomex.JobRun
---@param counts table as the store gives them
function ending.say_foreign(run, counts)
  if counts.foreign > 0 then
    run:say(counts.foreign == 1 and "1 job was begun with another base URL, and is left alone"
      or ("%d jobs were begun with another base URL, and are left alone"):format(counts.foreign))
  end
end

---Says which portraits keep videos from beginning: "12 blocked by front (failed)".
---@param run pomex.JobRun
function ending.say_blocked(run)
  local reply = run.asks:ask("list", { queue = run.queue, states = { "ready" }, limit = 500 })
  local counts, keys = {}, {}
  for _, job in ipairs(reply and reply.answer == "yes" and reply.jobs or {}) do
    local entry = job.blocked > 0 and json.object(job.body)
    for _, key in ipairs(entry and entry.video and bodies.needs(entry.video) or {}) do
      if not counts[key] then keys[#keys + 1] = key end
      counts[key] = (counts[key] or 0) + 1
    end
  end
  for _, key in ipairs(keys) do
    local got = run.asks:ask("get", { queue = run.queue, key = key })
    local state = got and got.answer == "yes" and got.job.state or "missing"
    if state ~= "done" then run:say(("%d blocked by %s (%s)"):format(counts[key], key, state)) end
  end
end

return ending
