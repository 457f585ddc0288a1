--- What speaks against a task that a person says an unclear video to be.

local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"
local made_at = require("pomex.jobs.candidates").made_at

local doubt = {}

-- By so much the clocks' whole seconds can differ; and how long an attempt can have been under way,
-- at least: a client's usual budget.
local SLACK, BUDGET = 10, 120

local function time(seconds)
  return os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(seconds))
end

-- By how much the service's clock is ahead. A service without a list is taken to have ours.
local function ahead(client)
  local list = client.async.generations:list({ page = 1, limit = 1 }):wait()
  return list and list.date and list.date - core.wall() or 0
end

-- Why the task was not made by an attempt's request, by its time.
local function of_time(attempt, at, clock, longest)
  local since = attempt.begun + clock
  if at < since - SLACK then
    return ("it was made at %s, before attempt %d was sent, at %s"):format(time(at),
      attempt.number, time(since))
  elseif at > since + longest + SLACK then
    return ("it was made at %s, long after attempt %d was sent, at %s"):format(time(at),
      attempt.number, time(since))
  end
end

-- Why not, by what it says of itself. The service chooses for "adaptive" and what is below 0.
local function of_fields(body, task)
  for _, name in ipairs { "model", "duration", "frames", "ratio", "resolution", "seed" } do
    local asked, said = body[name], task[name]
    local is_open = asked == nil or asked == "adaptive" or type(asked) == "number" and asked < 0
    if not is_open and said ~= nil and type(said) ~= "table" and said ~= asked then
      return ("its %s is %s, and %s was asked for"):format(name, errors.quoted(tostring(said)),
        errors.quoted(tostring(asked)))
    end
  end
end

---Why a task can be that of no attempt whose answer is missing: of the newest of them.
---@param client pomex.Client
---@param attempts table[]
---@param task table as the service shows it
---@return string|nil why nil: nothing speaks against it
function doubt.of_video(client, attempts, task)
  local at, longest, why = made_at(task), math.max(client.budget, BUDGET), nil
  local clock = ahead(client)
  for _, attempt in ipairs(attempts) do
    if not attempt.task then
      local body = json.object(attempt.body or "") or {}
      why = at and of_time(attempt, at, clock, longest) or of_fields(body, task)
      if not why then return nil end
    end
  end
  return why
end

---Why a task can be no video of a job of which the store knows no attempt, by what it says.
---@param job pomex.Job
---@param task table as the service shows it
---@return string|nil why nil: nothing speaks against it
function doubt.of_forgotten(job, task)
  local entry = json.object(job.body)
  return of_fields(entry and entry.video or {}, task)
end

return doubt
