--- Notices of jobs: a notice is a fact of the attempt that its path names, once our own GET has
--- confirmed it. So an unclear job whose answer was lost is found again.

local base64url = require "pomex.base64url"
local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"
local options = require "pomex.options"

local notice = {}

---The `callback_url` of an attempt. Its random bits are in the body that is frozen with the
---attempt: another store that numbers its jobs alike has none that fits.
---@param notices pomex.Notices
---@param job table
---@param attempt integer
---@return string
function notice.url(notices, job, attempt)
  return notices:url(("job %.0f %.0f %s"):format(job.id, attempt,
    base64url.encode(core.random(16))))
end

local function foreign(why)
  return errors.invalid("jobs:notice", "the notice is of no attempt of this queue", why)
end

-- The job and the attempt that a tag names; nil, err: there are none.
local function find(jobs, tag)
  local id, number = tag:match "^job (%d+) (%d+) "
  if not id then return foreign "the tag is not of a job" end
  id, number = tonumber(id), tonumber(number)
  local reply, err = jobs.asks:must("list", { queue = jobs.queue, after = id - 1, limit = 1,
    stuck = false })
  if not reply then return nil, err end
  local row = reply.jobs[1]
  if not row or row.id ~= id then return foreign "there is no such job" end
  local job
  job, err = jobs:get(row.key)
  if not job then return nil, err end
  for _, attempt in ipairs(job.attempts) do
    local sent = attempt.number == number and json.object(attempt.body or "{}")
    local url = sent and sent.callback_url
    if type(url) == "string" then
      local path = url:gsub("^%a+://[^/]*", "")
      if jobs.notices:receive(path, "POST") == tag then return job, attempt end
    end
  end
  return foreign "no attempt of that job was sent with it"
end

-- What the service itself says of the candidate fits what was sent.
local function fits(attempt, task)
  return type(task.model) ~= "string" or not attempt.model or task.model == attempt.model
end

---Takes a notice that came to a URL of a job. Whoever waits for the task looks now; an attempt that
---has no id yet gets the notice's, if the service knows it. Call it after the notice was answered:
---it asks the store, and perhaps the service.
---@param self pomex.Jobs
---@param tag string as `notices:receive` returned it
---@param id? string the candidate that it returned beside it
---@return boolean|nil taken
---@return pomex.Error? err invalid_request_error: it is of no attempt of this queue, or its id of
---  another task; not_found_error: the service knows no such task
function notice.take(self, tag, id)
  if not self.notices then options.misuse "jobs:notice: jobs.open was given no notices" end
  options.expect("jobs:notice", "tag", tag, "string")
  if id ~= nil then options.expect("jobs:notice", "id", id, "string") end
  local opened, err = self:ready()
  if not opened then return nil, err end
  local job, attempt = find(self, tag)
  if not job then return nil, attempt end
  if attempt.task then
    self.client.generations:nudge(attempt.task)
    return true
  end
  if not id then return true end
  local task
  task, err = self.client.generations:get(id)
  if not task then return nil, err end
  if not fits(attempt, task) then return foreign "its id is of a task of another model" end
  self.log(("pomex jobs: %s is %s, says a notice"):format(job.key, id))
  local reply
  reply, err = self.asks:must("fact",
    { job = job.id, attempt = attempt.number, kind = "task", task = id, due = 0 })
  if not reply then return nil, err end
  self.client.generations:nudge(id)
  if self.running then self.running:look() end
  return true
end

return notice
