--- A video, from `ready` to `done`.

local attempt = require "pomex.jobs.attempt"
local bodies = require "pomex.jobs.body"
local canonical = require "pomex.jobs.canonical"
local json = require "pomex.json"
local looking = require "pomex.jobs.looking"
local money = require "pomex.jobs.money"
local notice = require "pomex.jobs.notice"
local saving = require "pomex.jobs.saving"
local text = require "pomex.text"

local video = {}

-- Seconds until a portrait that is not active is asked for again.
local AGAIN = 15

-- A portrait that is none of these is not active by itself.
local COMING = { ready = true, sending = true, polling = true }

-- The assets of the portraits that it needs; nil: one is not active.
local function assets_of(work, wanted)
  local assets = {}
  for _, key in ipairs(bodies.needs(wanted)) do
    local reply = work.run.asks:ask("get", { queue = work.run.queue, key = key })
    local found = reply and reply.answer == "yes" and reply.job
    -- A store that cannot answer says nothing about the portrait.
    if not found and (not reply or reply.answer ~= "missing") then return nil, key, true end
    if not found or found.state ~= "done" or not found.task then
      return nil, key, found and not found.stuck and COMING[found.state]
    end
    assets[key] = found.task
  end
  return assets
end

local function send(work, job, entry)
  local assets, key, comes = assets_of(work, entry.video)
  if not assets then
    return work:move { from = "ready", to = "ready", due = work:wall() + AGAIN, stuck = not comes,
      error = ("the portrait %s is not active"):format(key) }
  end
  local body, err = bodies.of_video(entry.video, assets)
  local fine = body and saving.check_name(job.save)
  if not fine then
    return work:move { from = "ready", to = "ready", stuck = true,
      error = tostring(err or "its save is no name of a file") }
  end
  -- A URL of the caller's own stays.
  if work.run.notices and body.callback_url == nil then
    body.callback_url = notice.url(work.run.notices, job, job.attempt + 1)
  end
  local file = saving.path(work.run.out, job.save)
  local fits, why = saving.fits(file)
  if not fits then return work.run:end_with(why) end
  attempt.send(work, job, {
    body = canonical.line(body), model = body.model, file = file,
    cost = money.reserved(work.run.prices, body, entry.price),
  }, "generations.create", body)
end

local OUTCOMES = { cancelled = "cancelled", canceled = "cancelled", expired = "expired" }

-- The service says that there will be no video.
local function failed(work, err)
  local object = type(err.object) == "table" and err.object or {}
  local status = text.lower(tostring(object.status or ""))
  work:fact { kind = "ended", task = work.job.task, cost = -1,
    outcome = OUTCOMES[status] or "failed", free = work.run.failed_is_free,
    failure = err.service_code or "generation_failed", error = tostring(err) }
end

local function look(work, job, entry)
  looking.work(work, {
    wait = function(opts)
      opts.on_update = function(seen) work:seen("status", seen.status) end
      return work.client.async.generations:wait(job.task, opts)
    end,
    failure = "generation_failed",
    ended = function(task)
      work:fact { kind = "ended", task = job.task, outcome = "saving", due = 0,
        note = saving.note(work:wall()), cost = money.settled(work.run.prices, entry.video, task) }
    end,
    failed = function(err) failed(work, err) end,
  })
end

---Takes a video as far as it goes.
---@param work pomex.JobWork
function video.work(work)
  local job = work.job
  local entry = json.object(job.body)
  if not entry or type(entry.video) ~= "table" then
    work:say("has a body that is none of this version's")
    return
  end
  if job.state == "ready" and not work:stopping() then send(work, job, entry) end
  if job.state == "polling" then look(work, job, entry) end
  if job.state == "saving" and not work:stopping() then saving.work(work, job) end
end

return video
