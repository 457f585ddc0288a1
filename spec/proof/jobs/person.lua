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
-- The last is never reached.
local CAPS = { math.floor(count / 2), math.floor(count * 4 / 5), count * 10 }

local function exists(file)
  local at = io.open(logs .. "/" .. file)
  if at then at:close() end
  return at ~= nil
end

-- A portrait that is unclear is looked for, and one that failed is tried again.
local function write_status(counts)
  local ended = counts.done + counts.failed + counts.unclear
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
  local made = #queue.ledger()
  local cap = counts.max_videos or 0
  if counts.videos > cap or made > cap then
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
    jobs:retry(job.key)
  end
end

while true do
  local counts, err = jobs:counts()
  if counts then
    look_at_cap(counts)
    write_status(counts)
    if counts.must_continue then note "MUST CONTINUE" end
    if counts.paused then jobs:pause(false) end
    if counts.stuck > 0 then set_going() end
    if not exists "settle" then send_again() end
  else
    note(tostring(err))
  end
  queue.pause(client, 1 / 4)
end
