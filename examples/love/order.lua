--- A video is ordered once. Its order is on the disk before it is sent; where no answer to it is
--- known (it was lost, or the game was killed meanwhile), the game looks what the account made
--- since, and the person decides: nothing is ordered again by itself.
---
--- pomex.jobs does all of this and more (docs/jobs.md), for any number of videos and processes,
--- in a database of its own. A game that makes many videos uses it; this one makes one at a time,
--- and shows the plain calls that jobs are made of.

local pomex = require "pomex"

local order = {}

local SLACK = 120    -- seconds that this machine's clock may be ahead of the service's
local MOST = 4
local PAGES = 10     -- of 100 tasks, and no more
local LONGEST = 120  -- seconds that an order waits for its answer

-- How many seconds after `at` a task was made: its id carries the second, in UTC+8, or nothing.
local function made_after(id, at)
  local year, month, day, hour, min, sec =
    id:match "^cgt%-(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)%-"
  if not year then return nil end
  return os.time { year = year, month = month, day = day, hour = hour, min = min, sec = sec,
    isdst = false } - os.time(os.date("!*t", at + 8 * 3600))
end

local function is_among(list, id)
  for _, one in ipairs(list) do
    if one == id then return true end
  end
  return false
end

-- Whether no page behind this one can have a task of that time: all of it are older, and the newest
-- of them comes first. No document says in which order they are listed.
local function all_older(items, at)
  local first, last
  for _, task in ipairs(items) do
    local after = type(task) == "table" and made_after(tostring(task.id), at)
    if not after or after >= -SLACK then return false end
    first, last = first or after, after
  end
  return first ~= nil and first >= last
end

-- The account's tasks, by pages, each once; err: the service has no such list, or did not answer.
local function listed(client, at)
  local all, seen = {}, {}
  for page = 1, PAGES do
    local list, err = client.generations:list { page = page, limit = 100 }
    if not list then return nil, err end
    local before = #all
    for _, task in ipairs(list.items) do
      -- No document says what the items of this list have in them.
      local id = type(task) == "table" and tostring(task.id)
      if id and not seen[id] then
        seen[id] = true
        all[#all + 1] = { id = id, status = tostring(task.status), after = made_after(id, at) }
      end
    end
    local total = tonumber(list.total_count)
    -- Without a total a page that brings nothing new is the last: they may be smaller than asked.
    if #all == before or total and #all >= total or all_older(list.items, at) then
      return all
    end
  end
  return all, nil, true
end

---The account's tasks that the order may have made, the likeliest first. Those of another program
---on the same account look the same.
---@param client pomex.Client
---@param kept table prompt, at; candidates, where pomex named some when the answer was lost
---@param is_ours fun(id: string): boolean whether that video was saved here already
---@return table[]|nil tasks at most MOST: id, status, after (seconds, or nil); `cut`, where the
---  account has more than were looked at
---@return pomex.Error? err not_found_error: the service has no such list
local function look(client, kept, is_ours)
  local all, err, cut = listed(client, kept.at)
  if not all then return nil, err end
  local named, others = {}, {}
  for _, task in ipairs(all) do
    local fits = not task.after or task.after >= -SLACK
    local list = is_among(kept.candidates or {}, task.id) and named
      or fits and not is_ours(task.id) and others
    if list then list[#list + 1] = task end
  end
  local found = named[1] and named or others
  table.sort(found, function(a, b)
    return math.abs(a.after or math.huge) < math.abs(b.after or math.huge)
  end)
  for i = #found, MOST + 1, -1 do found[i] = nil end
  found.cut = cut and not named[1]
  return found
end

---Orders a video; what cannot be remembered is not ordered. Where nobody knows whether the order
---arrived, job.ids.order is still there.
---@param job Job
---@param prompt string
---@return pomex.Generation|nil task
---@return pomex.Error? err
function order.place(job, prompt)
  local group_id, asset_id = job.ids.group_id, job.ids.asset_id
  local kept = { prompt = prompt, at = os.time() }
  local remembered, why = job:keep { group_id = group_id, asset_id = asset_id, order = kept }
  if not remembered then
    job.ids.order = nil
    return nil, pomex.errors.new("file_error", { message = why, billed = "no" })
  end
  -- Quitting waits for this answer: it names what is paid for.
  job.paying = love.timer.getTime() + LONGEST
  local task, err = job.client.generations:create({
    model = "byteplus/seedance-2.0-fast",
    content = pomex.content():text(prompt):image(job.asset or asset_id, "person"),
  }, { timeout = LONGEST })
  local doubtful = err and err.billed == "maybe"
  kept.candidates = doubtful and err.candidates or nil
  local task_id = task and task.id or err.id
  job:keep { group_id = group_id, asset_id = asset_id, task_id = task_id,
    prompt = task_id and prompt, order = doubtful and kept or nil }
  job.paying = nil
  return task, err
end

---Asks the person what to do about job.ids.order, until that is said.
---@param job Job
function order.settle(job)
  local ids, kept = job.ids, job.ids.order
  local function is_ours(id)
    local file = io.open(job:path_of(id), "rb")
    return file ~= nil and file:close()
  end
  repeat
    job.doubt = { order = kept }
    job.doubt.found, job.doubt.err = look(job.client, kept, is_ours)
    if job.doubt.err then job:report(job.doubt.err) end
    local answer = job:ask()
    if answer.task then
      job:keep { group_id = ids.group_id, asset_id = ids.asset_id, task_id = answer.task,
        prompt = kept.prompt }
    elseif answer.anew or answer.forget then
      job:keep { group_id = ids.group_id, asset_id = ids.asset_id }
      job.wished = answer.anew and kept.prompt
    end
  until answer.task or answer.anew or answer.forget
  job.doubt = nil
end

return order
