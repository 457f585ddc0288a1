--- A worker of the jobs proof: runs the queue until none of its jobs goes on by itself.
---     worker.lua INSTANCE [SIGNAL COUNT STEP]
--- At its COUNT-th STEP (steps.lua names them) it sends itself SIGNAL. Each prompt ends up with the
--- nonce of its attempt, "[job-KEY.ATTEMPT.iINSTANCE]", in what is frozen and in what is sent.

local attempt = require "pomex.jobs.attempt"
local queue = require "spec.proof.jobs.queue"
local steps = require "spec.proof.jobs.steps"
local streak = require "pomex.jobs.streak"
local Work = getmetatable(require("pomex.jobs.work").new({}, {}))

local instance = arg[1]
local note = queue.log("worker-" .. instance)
local jobs = queue.open(note)

steps.arm(jobs, note, arg[2], tonumber(arg[3]), arg[4])

-- Pauses that are made for a service of minutes and days. A lost upload is sent again after three
-- looks.
jobs.search = { looks = 3, every = 1, over = 5 }
streak.FIRST = streak.FIRST / steps.HASTE
local rest = Work.rest
function Work:rest(seconds)
  return rest(self, seconds / steps.HASTE)
end

local function mark(text, nonce)
  return (text:gsub("%[nonce%]", nonce))
end

local send = attempt.send
function attempt.send(work, job, begin, endpoint, body)
  local nonce = ("[%s.%d.i%s]"):format(job.key, job.attempt + 1, instance)
  if job.kind == "video" then
    begin.body = mark(begin.body, nonce)
    body.content[1].text = mark(body.content[1].text, nonce)
  end
  return send(work, job, begin, endpoint, body)
end

local counts, err = jobs:run { out = queue.env "FOLDER" .. "/out", concurrency = 6 }
note(("ended %s %s"):format(counts and counts.done or "?", tostring(err or "")))
jobs:close()
