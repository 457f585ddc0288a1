--- Videos that a process which died left unclear. Nobody was there to say so: each run that is at
--- work then, or finds one when it begins, says it once, as of its own.

local core = require "pomex.core"
local works = require "pomex.jobs.work"

local orphans = {}

-- It can have become unclear so many seconds before the run began, since the store is opened first,
-- and that already finds workers dead. What is older was said by a run before, as was what became
-- unclear before the store was opened.
local BEFORE = 60

-- Seconds between two looks whether more are unclear, for a run that has always something to do.
local WATCH = 5

-- When the job became unclear, by our own clock, and who died, where that is why. A worker that
-- lived has said so itself.
local function orphaned(run, job)
  local reply = run.asks:ask("events", { queue = run.queue, key = job.key, after = 0,
    limit = 500 })
  local last
  for _, event in ipairs(reply and reply.answer == "yes" and reply.events or {}) do
    if event.name == "unclear" then last = event end
  end
  local who = last and (last.text or ""):match "^its worker died while it was sent:? ?(.*)$"
  -- A database has a clock of its own, which says how long ago it was.
  return who and core.wall() - last.age, who
end

-- Whether a run before has said it of what became unclear at that time.
local function was_said(run, at)
  return at < run.began - BEFORE or at < run.jobs.opened
end

---Says it of a job that the store calls unclear, to the log and to on_update.
---@param run pomex.JobRun
---@param job table as the store lists it
function orphans.found(run, job)
  -- A portrait is looked for, and costs nothing.
  if job.kind ~= "video" or job.base_url ~= run.client:base_url() then return end
  local told, name = run.jobs.told_unclear, ("%d/%d"):format(job.id, job.attempt)
  if told[name] then return end
  told[name] = true
  local at, who = orphaned(run, job)
  if not at or was_said(run, at) then return end
  local work = works.new(run, job)
  work:say(("is unclear: its process died while the request was out%s [maybe billed]"):format(
    who ~= "" and ": " .. who or ""))
  work:told()
end

---Has the run look for what is unclear, where there is more of it than before.
---@param run pomex.JobRun
function orphans.watch(run)
  local now = run.now()
  run.next_watch = run.next_watch or now + WATCH
  if run.stopping or now < run.next_watch then return end
  run.next_watch = now + WATCH
  local counts = run.jobs:read_counts()
  if not counts then return end
  if counts.states.unclear > run.seen_unclear then run.next_look = 0 end
  run.seen_unclear = counts.states.unclear
end

return orphans
