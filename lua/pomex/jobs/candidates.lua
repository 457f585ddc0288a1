--- The tasks that an unclear video can be, and those that a store which was put back may have
--- forgotten, by the account's list of tasks.

local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"

local candidates = {}

local LIMIT, MOST_PAGES = 100, 50

-- By so much a task can be made before or after the attempt, by the service's clock: seconds.
local SLACK = 5

-- One that was made by more seconds than these before the attempt is named only if no other can be
-- it: the cuts of both times, and a second for the clocks.
local BEFORE = 2

-- How long an attempt can have been under way, at least: a client's usual budget.
local BUDGET = 120

-- Seconds since 1970 of a time in UTC.
local function seconds(year, month, day, hour, minute, second)
  if month <= 2 then year, month = year - 1, month + 12 end
  local days = 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

local function read(text, pattern)
  local parts = { text:match(pattern) }
  for i = 1, 6 do
    parts[i] = tonumber(parts[i])
    if not parts[i] then return nil end
  end
  return seconds(parts[1], parts[2], parts[3], parts[4], parts[5], parts[6])
end

-- The year 10000: beyond it no date can be shown.
local LATEST = 253402300800

---When a task was made: by its created_at, else by its id, which carries the time in UTC+8.
---@param task table
---@return number|nil at seconds since 1970, by the service's clock
function candidates.made_at(task)
  local at = task.created_at
  if type(at) == "number" then return at >= 0 and at < LATEST and at or nil end
  if type(at) == "string" then
    return read(at, "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)")
  end
  local there = read(tostring(task.id), "^%a+%-(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)%-")
  return there and there - 8 * 3600
end

local made_at = candidates.made_at

-- What a body says to let the service choose.
local function is_open(asked)
  return asked == "adaptive" or type(asked) == "number" and asked < 0
end

-- Whether the task says nothing else than what was sent, where both say something.
local function is_alike(body, task)
  for key, asked in pairs(body) do
    local said = task[key]
    if said ~= nil and type(said) ~= "table" and type(asked) ~= "table" and not is_open(asked)
      and said ~= asked then
      return false
    end
  end
  return true
end

-- What has a NUL no store can be asked for, and nobody can type.
local function is_id(id)
  return type(id) == "string" and not id:find "%z"
end

-- Calls `each` for the tasks of the list, until it says that no older one is of use. nil: there is
-- no such list, or its answers have no Date.
local function walk(client, each)
  local seen = {}
  for page = 1, MOST_PAGES do
    local list, err = client.async.generations:list({ page = page, limit = LIMIT }):wait()
    if not list then return nil, err end
    if not list.date then
      return errors.invalid("jobs:candidates", "the service's list of tasks has no Date",
        "look into its console")
    end
    local ahead, news, older = list.date - core.wall(), 0, true
    for _, task in ipairs(list.items) do
      if type(task) == "table" and is_id(task.id) and not seen[task.id] then
        seen[task.id], news = true, news + 1
        older = each(task, ahead) and older
      end
    end
    if news == 0 or older then break end
  end
  return true
end

-- For how long the request of an attempt was out, by the store's clock; `longest` where the store
-- does not say when it ended. One that a dead worker sent ended before it is said to be unclear.
local function length(attempt, following, events, longest)
  for _, event in ipairs(events) do
    if event.name == "unclear" and event.at >= attempt.begun
      and (not following or event.at <= following.begun) then
      return math.min(event.at - attempt.begun, longest)
    end
  end
  return longest
end

-- The attempts that have no id.
local function without_id(attempts, events, longest)
  local sent = {}
  for i, attempt in ipairs(attempts) do
    if not attempt.task then
      sent[#sent + 1] = { begun = attempt.begun, body = json.object(attempt.body or "") or {},
        length = length(attempt, attempts[i + 1], events, longest) }
    end
  end
  return sent
end

---The ids of the tasks that an unclear video can be: made within an attempt's time by the service's
---clock, which say nothing else than what was sent, and which nobody in this process holds; in the
---order of how near to the begin of an attempt they were made. Those that were made some seconds
---before it are left out where others were not.
---@param client pomex.Client
---@param attempts table[]
---@param events table[] of the job
---@return string[]|nil ids
---@return pomex.Error? err not_found_error: the service lists no tasks
function candidates.of_video(client, attempts, events)
  local found, any_likely = {}, false
  local sent = without_id(attempts, events, math.max(client.budget, BUDGET))
  local walked, err = walk(client, function(task, ahead)
    local at, older, nearest, likely = made_at(task), true, math.huge, false
    for _, attempt in ipairs(sent) do
      local begun = attempt.begun + ahead
      local since = begun - SLACK
      older = older and at ~= nil and at < since - 1
      local fits = at ~= nil and at >= since - 1 and at <= since + attempt.length + 2 * SLACK
        and is_alike(attempt.body, task)
      if fits then nearest = math.min(nearest, math.abs(at - begun)) end
      likely = likely or fits and at >= begun - BEFORE
    end
    if nearest < math.huge and not client.loop.handle:holds(task.id) then
      found[#found + 1] = { id = task.id, nearest = nearest, place = #found, likely = likely }
      any_likely = any_likely or likely
    end
    return older
  end)
  if not walked then return nil, err end
  table.sort(found, function(a, b)
    if a.nearest ~= b.nearest then return a.nearest < b.nearest end
    return a.place < b.place
  end)
  local ids = {}
  for _, task in ipairs(found) do
    if task.likely or not any_likely then ids[#ids + 1] = task.id end
  end
  return ids
end

---The tasks that the account made since a time of this machine's clock, newest first, which nobody
---in this process holds.
---@param client pomex.Client
---@param since number seconds since 1970
---@return pomex.MadeTask[]|nil tasks
---@return pomex.Error? err not_found_error: the service lists no tasks
function candidates.since(client, since)
  local tasks = {}
  local walked, err = walk(client, function(task, ahead)
    local at = made_at(task)
    -- A time is in whole seconds, and one that nobody knows may be of now.
    local older = at ~= nil and at < since + ahead - SLACK - 1
    if not older and not client.loop.handle:holds(task.id) then
      tasks[#tasks + 1] = { id = task.id, status = task.status, model = task.model, at = at }
    end
    return older
  end)
  if not walked then return nil, err end
  return tasks
end

return candidates
