--- All that this game does with pomex: its stages, one after the other, in one task.
--- Every wait in here yields to the game, which goes on drawing; client:step() resumes it.

local pomex = require "pomex"
local mp4 = require "mp4"
local order = require "order"
local saved = require "saved"

---What the screen shows, and where the person's answers arrive.
---@class Job
---@field stage string a key of `stages`
---@field waiting boolean it is the person's turn: see `tell`
---@field paying? number until when, at most, the answer to an order is waited for
---@field err? pomex.Error the stage failed; the next answer tries it again
---@field doubt? table nobody knows whether this was ordered: order, and what was found or err
local Job = {}
Job.__index = Job

local flow = { STAGES = { "session", "scan", "portrait", "video", "saved" } }

---@param client pomex.Client
---@param settings table callback_url, folder; live; token (of a sandbox)
---@return Job
function flow.new(client, settings)
  local job = setmetatable({ client = client, settings = settings, stage = "session",
    waiting = false, ids = {} }, Job)
  job.memory = settings.live and settings.folder .. "/progress.json"
  if job.memory then job.ids = saved.load(job.memory, client:base_url()) end
  return job
end

---The person's answer to what the screen asks. Any value but nil.
function Job:tell(answer)
  if self.waiting then self.answer, self.waiting = answer, false end
end

-- A bare yield in a task of pomex's is resumed by the next step.
function Job:ask()
  self.waiting = true
  while self.waiting do coroutine.yield() end
  self.began = love.timer.getTime()
  return self.answer
end

-- Remembers what is known of this person's video, all of it; nil and why where that fails.
function Job:keep(ids)
  self.ids, self.note = ids, nil
  if not self.memory then return true end
  local ok, why = saved.keep(self.memory, self.client:base_url(), ids)
  if not ok then self.note = "Not remembered: " .. why end
  return ok, why
end

function Job:path_of(id)
  return ("%s/%s.mp4"):format(self.settings.folder, (id:gsub("[^%w-]", "_")))
end

-- The terminal has what the screen says in words for who plays. The service may have quoted a
-- group.
function Job:report(err)
  print((("billed: %s; %s: %s"):format(err.billed or "no", self.stage, tostring(err))
    :gsub("group%-[%w-]+", "group-*")))
end

-- ------------------------------------------------------------------------------ the stages
-- Each returns the name of the next, or nil, err, and where to try again (else: itself).

local stages = {}

function stages.session(job)
  job.session = nil
  local session, err = job.client.sessions:create {
    callback_url = job.settings.callback_url, lang = "en" }
  if not session then return nil, err end
  job.session, job.session_began = session, love.timer.getTime()
  return "scan"
end

-- The sandbox has somebody who presses the button on its page. pomex.sandbox's `scan` does the
-- same, but waits for the answer; a game asks as it asks for everything else.
local function scan_in_sandbox(job, outcome)
  local reply, err = job.client:request("POST", "/_sandbox/scan", {
    body = { h5_link = job.session.h5_link, outcome = outcome },
    headers = { ["X-Sandbox-Token"] = job.settings.token },
  })
  if reply and not reply.location then
    err = pomex.errors.new("verification_failed", {
      message = "this link was used, or has expired" })
  end
  return reply and reply.location, err
end

function stages.scan(job)
  job.note = nil
  while true do
    local answer = job:ask()
    if answer.back then return answer.back end
    local address, err = answer.address, nil
    if answer.outcome then address, err = scan_in_sandbox(job, answer.outcome) end
    if not address then return nil, err, "session" end
    local person
    person, err = pomex.callback.parse_unverified(address)
    if person then
      job.note = nil
      job:keep { group_id = person.group_id }
      return "portrait"
    end
    -- A link serves one scan. What was merely pasted wrong can be pasted again.
    if err.type == "verification_failed" then return nil, err, "session" end
    job.note = "That is not the address: paste all of what the browser shows at the end."
  end
end

-- Leaves for another stage: another portrait is one of the same person, "session" a new person.
local function go_back(job, stage)
  local ids = job.ids
  if stage == "session" then job:keep {} end
  if stage == "portrait" then job:keep { group_id = ids.group_id } end
  return stage
end

function stages.portrait(job)
  local group_id, asset_id = job.ids.group_id, job.ids.asset_id
  job.asset = asset_id and { id = asset_id, status = "processing" } or nil
  if not asset_id then
    local answer = job:ask()
    if answer.back then return go_back(job, answer.back) end
    local asset, err = job.client.assets:create { url = answer.text, asset_type = "Image",
      group_id = group_id }
    if not asset then return nil, err end
    job.asset, asset_id = asset, asset.id
    job:keep { group_id = group_id, asset_id = asset_id }
  end
  local asset, err = job.client.assets:wait(asset_id, {
    on_update = function(seen) job.asset = seen end })
  if asset then
    job.asset = asset
    return "video"
  end
  if err.type == "asset_failed" or err.type == "not_found_error" then
    job:keep { group_id = group_id }
  end
  return nil, err
end

function stages.video(job)
  job.prompt, job.task, job.file, job.done, job.total = nil, nil, nil, nil, nil
  if job.ids.order then order.settle(job) end
  local ids = job.ids
  if ids.task_id then
    job.prompt = ids.prompt
    job.task = { id = ids.task_id, status = "queued" }
  else
    local answer = job:ask()
    if answer.back then return go_back(job, answer.back) end
    job.prompt = answer.text
    local task, err = order.place(job, job.prompt)
    if job.ids.order then
      job:report(err)
      return "video"
    end
    if not task then return nil, err end
    job.task = task
  end
  local task, err = job.client.generations:wait(job.task.id, {
    on_update = function(seen) job.task = seen end })
  if not task then
    if err.type == "generation_failed" or err.type == "not_found_error" then
      job:keep { group_id = ids.group_id, asset_id = ids.asset_id }
    end
    return nil, err
  end
  job.task = task
  job.path = job:path_of(task.id)
  -- Nobody else writes there; it is there already if the game ended before that was remembered.
  job.file, err = job.client.generations:download(task, job.path, { overwrite = true,
    on_progress = function(done, total) job.done, job.total = done, total end })
  if not job.file then return nil, err end
  job.seconds = mp4.seconds(job.path)
  return "saved"
end

function stages.saved(job)
  job:keep { group_id = job.ids.group_id, asset_id = job.ids.asset_id }
  local back = job:ask().back
  job.note = nil
  return go_back(job, back)
end

---Runs for ever; every stage that fails is tried again when the person says so.
function Job:run()
  local ids = self.ids
  local stage = (ids.task_id or ids.order) and "video" or ids.group_id and "portrait" or "session"
  while true do
    self.stage, self.began = stage, love.timer.getTime()
    local following, err, back = stages[stage](self)
    if not following then
      self:report(err)
      self.err = err
      self:ask()
      self.err = nil
    end
    stage = following or back or stage
  end
end

---Nothing half-written stays behind, but of a video that is paid for: its download goes on the
---next time.
function Job:stop()
  saved.finish()
  self.client:close()
  if self.path and not self.settings.live then
    os.remove(self.path .. ".part")
    os.remove(self.path .. ".part.note")
  end
end

return flow
