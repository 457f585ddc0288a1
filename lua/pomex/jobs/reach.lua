--- Whether a run can reach its store. A file that is broken for long keeps nothing any more, and
--- the run ends; a database that is away comes back, and the run waits for it: nothing begins, and
--- what has to be kept is kept first when it is back.

local core = require "pomex.core"
local errors = require "pomex.errors"

local reach = {}

local function went(run, why)
  run.broken_at, run.broken_why = core.now(), why or "it does not answer"
  if run.remote then
    run:say(("the database is out of reach since %s, and nothing begins until it is back: %s")
      :format(os.date("!%H:%M:%S UTC"), run.broken_why))
  end
end

local function came(run)
  local seconds = core.now() - run.broken_at
  run.broken_at = nil
  if not run.remote then return end
  run:say(("the database is back after %d s"):format(math.ceil(seconds)))
  for work in pairs(run.unkept) do work.signal:raise() end
end

---Notes an answer of the store.
---@param run pomex.JobRun
---@param reply { answer: string, why?: string }
function reach.answered(run, reply)
  if reply.answer ~= "broken" then
    if run.broken_at then came(run) end
    return
  end
  if not run.broken_at then went(run, reply.why) end
  if run.remote or core.now() - run.broken_at < run.broken_for then return end
  run.gave_up = true
  run:end_with(errors.new("store_error", { message = reply.why, retryable = false }))
end

---Whether an error only says that the database is away, which is then noted.
---@param run pomex.JobRun
---@param err pomex.Error
---@return boolean
function reach.is_away(run, err)
  if not run.remote or err.cause ~= "broken" then return false end
  reach.answered(run, { answer = "broken", why = err.message })
  return true
end

---Notes whether something that has to be kept is kept. Until all is, nothing begins.
---@param run pomex.JobRun
---@param work pomex.JobWork
---@param kept boolean
function reach.kept(run, work, kept)
  if not kept then
    run.unkept[work] = true
  elseif run.unkept[work] then
    run.unkept[work] = nil
    run.signal:raise()
  end
end

---Notes that a database was put back from a copy: it says of jobs that this worker has them, and of
---requests that they are out, of which that knows better.
---@param run pomex.JobRun
function reach.is_older(run)
  run.older = run.remote and not run.begun_anew
  run.signal:raise()
end

---Has the worker leave such a database, and begin anew under another name; once, until something
---is begun again.
---@param run pomex.JobRun
function reach.begin_anew(run)
  local worker = run.worker
  if not run.older or not worker then return end
  local reply = run.asks:ask("leave", { worker = worker })
  if reply and reply.answer == "broken" then return end
  run.older, run.begun_anew = false, true
  run:buried(worker)
end

---Whether what has to be kept is given up: the run was told to stop long ago.
---@param run pomex.JobRun
---@return boolean
function reach.is_over(run)
  return run.gave_up or run.stopped_at ~= nil and core.now() - run.stopped_at > 2 * run.broken_for
end

return reach
