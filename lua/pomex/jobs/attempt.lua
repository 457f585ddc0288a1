--- One attempt: its turn, then `begin`, then one request, then what became of it. It is never sent
--- again by itself: whoever finds it begun afterwards finds it unclear.

local calls = require "pomex.calls"
local errors = require "pomex.errors"
local reach = require "pomex.jobs.reach"
local spend = require "pomex.spend"
local streak = require "pomex.jobs.streak"

local attempt = {}

-- Seconds that the account's gate is shut for when the service does not say for how long.
local TURNED_AWAY = 5
local NOT_ACCEPTED = 60
local LONGEST = 900

-- begin said "not before T": the reasons that are the queue's or the account's, and not the job's.
local OF_ALL = { cap = true, unpriced = true, paused = true, continue = true, tasks = true,
  gate = true, room = true }

local function later(work, reply)
  local reason = reply.reason
  if reason == "exists" then
    work:say(reply.why)
    work:move { from = "ready", to = "ready", stuck = true, error = reply.why }
  elseif OF_ALL[reason] then
    if reason == "continue" then reach.is_older(work.run) end
    work.run:bar(reason, reply.not_before, reply.why)
  end
end

-- How long one that never left pauses: longer each time.
local function pause_of(work, job)
  local counts = work.run.unsent
  counts[job.id] = (counts[job.id] or 0) + 1
  return math.min(2 ^ counts[job.id], 300)
end

local function turned_away(work, err, seconds)
  local at = work:wall() + math.min(seconds, LONGEST)
  return work:fact { kind = "turned_away", due = at, gate_until = at, error = tostring(err) }
end

-- Nothing was made, for certain. A refusal of what was asked for ends the job; anything else is
-- begun anew when it is due.
local function not_made(work, job, err)
  local text = tostring(err)
  if err.status then streak.good(work.run.jobs.streak) end
  if err.type == "late_error" then
    return work:fact { kind = "late", due = 0, error = text }
  end
  local missing = err.status == 404
  if work.is_of_account(err) or missing then
    turned_away(work, err, NOT_ACCEPTED)
    return work.run:end_with(err, "account")
  end
  if err.status == 429 or err.status == 503 then
    return turned_away(work, err, err.retry_after or TURNED_AWAY)
  end
  if err.client or (err.status or 0) >= 400 then
    return work:fact { kind = "ended", outcome = "failed", free = true, cost = 0,
      failure = err.type, error = text }
  end
  return work:fact { kind = "never_left", due = work:wall() + pause_of(work, job), error = text }
end

local function has_id(work, job, id)
  -- Said before it is kept: if the disk takes nothing more, it is at least in a log.
  work:say("is " .. id)
  job.task, work.run.made_here[id] = id, true
  streak.good(work.run.jobs.streak)
  local reply = work:fact { kind = "task", task = id, due = 0 }
  if reply and reply.answer == "refused" then
    work:move { from = "sending", to = "unclear", error = reply.why }
  end
end

local function in_doubt(work, err, times)
  work:say("is unclear: " .. tostring(err))
  streak.doubt(work.run.jobs.streak, work.run, times)
  work:move { from = "sending", to = "unclear", error = tostring(err) }
end

local function start(client, kind, body)
  local opts = { max_retries = 0, stand_by = true, adopt = "none" }
  if kind.endpoint == "generations.create" then return spend.start(client, body, opts) end
  return calls.start(client, kind, nil, body, opts)
end

-- The request, with its turn and its slot in the core, and not sent yet: what is begun can then be
-- sent at once, and a kill leaves few in doubt. nil: the run stops, or nothing may begin.
local function stand(work, job, endpoint, body)
  local kind = calls.KINDS[endpoint]
  while not work:stopping() and not work.run:is_barred() do
    local op = start(work.client, kind, body)
    if work:await_turn(op) then return op end
    local _, err = op:outcome()
    if work.client.loop.closed then return nil end
    if err.type == "spend_error" then
      work:say(tostring(err))
      return work.run:bar("cap", math.huge, err.message) and nil
    end
    if err.client then
      return work:move { from = "ready", to = "ready", stuck = true, error = tostring(err) } and nil
    end
    -- Turns are rare, or memory is; a limit of the client's own ends here as well.
    if err.type ~= "timeout_error" and err.type ~= "cancelled_error" then
      work:say("has no turn: " .. tostring(err))
      work:move { from = "ready", to = "ready", due = work:wall() + pause_of(work, job),
        error = tostring(err) }
      return nil
    end
  end
end

---Begins and sends. Afterwards `job.state` says where the job is.
---@param work pomex.JobWork
---@param job table which is ready
---@param begin table what is frozen with the attempt: body (a line), cost, model, file
---@param endpoint "generations.create"|"assets.create"
---@param body table what is sent
function attempt.send(work, job, begin, endpoint, body)
  local run = work.run
  local op = stand(work, job, endpoint, body)
  if not op then return end
  begin.attempt = job.attempt + 1
  begin.version = run.version
  local reply = work:begin(begin, function() op:cancel() end)
  if not reply or reply.answer ~= "yes" and reply.answer ~= "known" then op:cancel() end
  if not reply or work.client.loop.closed then return end
  if reply.answer == "later" then return later(work, reply) end
  if reply.answer == "buried" then return run:buried(work.worker) end
  if reply.answer ~= "yes" and reply.answer ~= "known" then
    if reply.why then work:say(reply.why) end
    return
  end
  job.attempt, job.state, run.asked_last = begin.attempt, "sending", false
  run.begun_anew = false
  work:told()
  local send_by = run:send_by()
  if not send_by then
    op:cancel()
    not_made(work, job, errors.new("late_error", { message = "its worker was declared dead" }))
    return
  end
  local times = run.jobs.streak.times
  op:proceed(send_by)
  -- Waited for to its end, whoever wants to stop.
  local made, err = op:wait()
  local id = made and made.id or err and err.billed == "yes" and err.id
  if id then
    has_id(work, job, id)
  elseif err.billed == "no" and err.type ~= "ambiguous_error" then
    not_made(work, job, err)
  else
    in_doubt(work, err, times)
  end
end

return attempt
