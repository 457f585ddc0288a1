--- The job of one video: ask for it, once, since it is billed; wait; save the file.

local app = require "studio.app"
local cjson = require "cjson"
local errors_text = require "studio.errors_text"
local videos = require "studio.videos"

local filming = {}

---@param row table
---@param note string
function filming.stop(row, note)
  videos.update(row, { stuck = 1, note = note })
end

-- Returns whether there is a task.
local function send(row)
  if not videos.claim(row) then return false end
  local task, err = app.client.generations:create {
    model = row.model, content = cjson.decode(row.content) }
  if task then
    row.stage, row.task_id = "queued", task.id
    videos.update(row, { stage = "queued", task_id = task.id })
    return true
  end
  videos.update(row, { stage = err.type == "ambiguous_error" and "unclear" or "failed",
    note = errors_text.generation(err) })
  return false
end

-- Returns the task once it has succeeded.
local function await(row, job)
  job.operation = app.client.async.generations:wait(row.task_id, { on_update = function(task)
    if task.status == "queued" or task.status == "running" then
      videos.update(row, { stage = task.status })
    end
  end })
  local task, err = job.operation:wait()
  if task then return task end
  if err.type == "generation_failed" then
    videos.update(row, { stage = "failed", note = errors_text.reason(err) })
  elseif not job.leaving and err.type ~= "timeout_error" then
    filming.stop(row, errors_text.waiting(err))
  end
end

-- The path is ours alone; a worker that ended here may have saved it without saying so.
local function save(row, job, task)
  videos.update(row, { stage = "saving" })
  job.operation = app.client.async.generations:download(task or row.task_id, videos.path(row), {
    overwrite = true, on_progress = function(done, total) videos.progress(row, done, total) end })
  local file, err = job.operation:wait()
  if file then
    videos.update(row, { stage = "ready", note = "" })
  elseif not job.leaving then
    filming.stop(row, errors_text.waiting(err))
  end
end

---@param row table
---@param job { leaving?: boolean, operation?: pomex.Operation }
function filming.run(row, job)
  if row.stage == "sending" then
    return videos.update(row, { stage = "unclear", note = errors_text.LOST_GENERATION })
  end
  if row.stage == "new" and not send(row) or job.leaving then return end
  local task
  if row.stage ~= "saving" then
    task = await(row, job)
    if not task or job.leaving then return end
  end
  save(row, job, task)
end

return filming
