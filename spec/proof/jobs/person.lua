--- A person, while the workers work: looks at the queue, has what is unclear sent again now and
--- then, sets what is stuck going, and raises the cap where the queue has come to it.
---     person.lua COUNT SEED
--- Writes how far the queue is to the file "status", and what it says and sees to "person". Once
--- there is the file "settle", nothing is sent again.

local queue = require "spec.proof.jobs.queue"

local count = tonumber(arg[1])
math.randomseed(tonumber(arg[2]))

local note = queue.log "person"
local jobs, client = queue.open(note)
local logs = queue.env "LOGS"
-- How many videos were made that the store no longer knows of.
local forgotten = 0
-- What was begun when the cap was lowered for that: it may be more.
local begun_then = 0
-- The last is never reached.
local CAPS = { math.floor(count / 2), math.floor(count * 4 / 5), count * 10 }

local function exists(file)
  local at = io.open(logs .. "/" .. file)
  if at then at:close() end
  return at ~= nil
end

-- A portrait that is unclear is looked for, and one that failed is tried again.
local function write_status(counts)
  local ended = counts.done + counts.failed + counts.unclear + counts.cancelled
  for job in jobs:each { state = { "unclear", "failed" } } do
    if job.kind == "portrait" then ended = ended - 1 end
    if job.kind == "portrait" and job.state == "failed" then jobs:retry(job.key) end
  end
  local out = assert(io.open(logs .. "/status.draft", "w"))
  out:write(("%d %d %d %d\n"):format(ended, counts.unclear, counts.videos, counts.max_videos or 0))
  out:close()
  os.rename(logs .. "/status.draft", logs .. "/status")
end

-- What is begun, and what was made, against the cap of that time, which only grows.
local function look_at_cap(counts)
  local made = #queue.ledger() - forgotten
  local cap = counts.max_videos or 0
  if counts.videos > math.max(cap, begun_then) or made > math.max(cap, begun_then) then
    note(("OVER %d begun and %d made of a cap of %d"):format(counts.videos, made, cap))
  end
  local home = counts.sending + counts.polling + counts.saving - counts.stuck <= 0
  if not (home and counts.videos >= cap) and cap > 0 then return end
  for _, next_cap in ipairs(CAPS) do
    if next_cap > cap then
      if jobs:cap { videos = next_cap } then
        note(("cap %d after %d begun and %d made of %d"):format(next_cap, counts.videos, made, cap))
      end
      return
    end
  end
end

-- Nothing is out any more that was begun before the store was another one.
local SETTLED = queue.TIMEOUT + 4
local must_since

-- What was found to be forgotten, by its nonce.
local seen_before = {}

-- Whether the store knows this attempt, which is in the ledger.
local function knows(job, entry)
  local attempt = job and job.attempts[entry.attempt]
  return attempt and (attempt.body or ""):find("[" .. entry.nonce .. "]", 1, true)
end

-- Asked again where the answer was lost: it is the same if it was done.
local function cancel(key)
  local done, err
  for _ = 1, 20 do
    done, err = jobs:cancel(key)
    if done or not tostring(err):find("look whether it was done", 1, true) then break end
  end
  note(done and "cancelled " .. key or "not cancelled " .. tostring(err))
end

-- A store that was put back from a copy, or whose standby was promoted: what was made and is not
-- known there is not made again, and counts against the cap. Then it goes on.
local function see_what_was_made(counts)
  os.remove(logs .. "/status") -- it was that of the other database
  must_since = must_since or queue.now()
  if queue.now() < must_since + SETTLED then return end
  must_since = nil
  local lost = 0
  for _, entry in ipairs(queue.ledger()) do
    local job = jobs:get(entry.job)
    if not knows(job, entry) and not seen_before[entry.nonce] then
      seen_before[entry.nonce], lost = true, lost + 1
      note(("forgotten %s %s"):format(entry.nonce, entry.id))
      cancel(entry.job)
    end
  end
  forgotten = forgotten + lost
  if counts.max_videos then
    local cap = math.max(counts.max_videos - lost, 0)
    note(("cap %d, of which %d were made and forgotten"):format(cap, lost))
    begun_then = counts.videos
    assert(jobs:cap { videos = cap })
  end
  assert(jobs:continue())
  note "continued"
end

local function send_again()
  for job in jobs:each { state = "unclear" } do
    if job.kind == "video" and math.random() < 0.03 then
      note("resend " .. job.key)
      local done, err = jobs:resend(job.key, { now = true })
      note(("%s %s"):format(done and "resent" or "not resent", done and job.key or tostring(err)))
    end
  end
end

-- What is stuck goes on; a part in its way that nobody knows is taken away before.
local function set_going()
  for job in jobs:each { stuck = true } do
    local why = tostring(job.error)
    local part = why:match "(/%S+%.part) is there already, without a note"
    note(("stuck %s %s"):format(job.key, why))
    if part then os.remove(part) end
    -- It was made and saved before the database forgot it.
    if forgotten > 0 and why:find("there is a file at its name", 1, true) then
      cancel(job.key)
    else
      jobs:retry(job.key)
    end
  end
end

local function look()
  local counts, err = jobs:counts()
  if not counts then return note(tostring(err)) end
  if counts.must_continue and queue.env "STORE":find "^postgres" then
    return see_what_was_made(counts)
  end
  if counts.must_continue then note "MUST CONTINUE" end
  look_at_cap(counts)
  write_status(counts)
  if counts.paused then jobs:pause(false) end
  if counts.stuck > 0 then set_going() end
  if not exists "settle" then send_again() end
end

while true do
  -- A list that could not be read on raises.
  local well, why = pcall(look)
  if not well then note(tostring(why)) end
  queue.pause(client, 1 / 4)
end
