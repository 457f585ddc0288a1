--- What a queue says of its jobs.

local bodies = require "pomex.jobs.body"
local catch = require "pomex.host.catch"
local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"
local money = require "pomex.jobs.money"
local options = require "pomex.options"
local raised = require("pomex.host.uncaught").raised

---@class pomex.Jobs
local reading = {}

-- So many rows the store shows in one part.
local PAGE = 500

---The account is the base URL's host.
---@private
---@return string
function reading:account_name()
  local url = self.client:base_url()
  return url:match("^%a+://([^/]*)") or url
end

---How many workers the store has that nobody buried, and how many of these are dead for certain: of
---a file, by their locks; whether those of a database live only a run finds, within a minute.
---@return integer|nil alive as far as is known
---@return integer|pomex.Error dead
function reading:workers()
  local reply, err = self.asks:must("workers", {})
  if not reply then return nil, err end
  local dead = 0
  for _, worker in ipairs(reply.workers) do
    if worker.dead then dead = dead + 1 end
  end
  return #reply.workers - dead, dead
end

---The counter of each worker that nobody buried: one that lives moves it every few seconds.
---@private
---@return table<integer, integer>|nil beats by worker
---@return pomex.Error? err
function reading:beats()
  local reply, err = self.asks:must("workers", {})
  if not reply then return nil, err end
  local beats = {}
  for _, worker in ipairs(reply.workers) do beats[worker.id] = worker.beat end
  return beats
end

---Buries the workers that are dead for certain, as any run does by itself: what they were sending
---in that moment is unclear from then on, and can be adopted or sent again.
---@return integer|nil buried
---@return pomex.Error? err
function reading:bury()
  local reply, err = self.asks:must("workers", {})
  if not reply then return nil, err end
  local buried = 0
  for _, worker in ipairs(reply.workers) do
    if worker.dead then
      local done = self.asks:ask("bury", { worker = worker.id, beat = worker.beat })
      if done and done.answer == "yes" then buried = buried + 1 end
    end
  end
  return buried
end

---When a person last said `continue` of a store that was moved, copied or put back; now, where that
---is yet to be said.
---@return number|nil at seconds since 1970; nil: it was never needed, as far as its events go back
---@return pomex.Error? err
function reading:put_back()
  local counts, err = self:counts()
  if not counts then return nil, err end
  if counts.must_continue then return core.wall() end
  local at, last = nil, 0
  repeat
    local reply
    reply, err = self.asks:must("events", { after = last, limit = PAGE })
    if not reply then return nil, err end
    for _, event in ipairs(reply.events) do
      if event.name == "continue" then at = event.at end
      last = event.id
    end
  until #reply.events < PAGE
  return at
end

---What the store counts, as the run needs it.
---@private
---@return table|nil
---@return pomex.Error? err
function reading:read_counts()
  local url = self.client:base_url()
  return self.asks:must("counts", { queue = self.queue, base_url = url,
    account = self:account_name() })
end

---How many jobs are in each state, and what the queue has used of its caps. The store keeps these
---counts, so that they cost the same of any number of jobs.
---@return pomex.JobsCounts|nil counts
---@return pomex.Error? err
function reading:counts()
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self:read_counts()
  if not reply then return nil, err end
  local counts = {
    blocked = reply.blocked, stuck = reply.stuck, foreign = reply.foreign, videos = reply.videos,
    max_videos = reply.videos_cap >= 0 and reply.videos_cap or nil,
    money = money.amount(reply.money), max_money = money.amount(reply.money_cap),
    tasks = reply.tasks, gate_until = reply.gate_until > 0 and reply.gate_until or nil,
    paused = reply.paused, why = reply.why,
    must_continue = reply.must_continue, newest_event = reply.newest_event,
  }
  for state, count in pairs(reply.states) do counts[state] = count end
  return counts
end

local function states_of(state)
  if type(state) == "table" then return state end
  return state and { state } or nil
end

---The jobs of the queue, in the order in which they were added. Raises where the store cannot be
---asked.
---@param query? { state?: string|string[], stuck?: boolean }
---@return fun(): table|nil
function reading:each(query)
  query = options.optional("jobs:each", query, { state = "strings", stuck = "boolean" }) or {}
  local opened, err = self:ready()
  if not opened then error(raised(err), 0) end
  local rows, at, last = {}, 0, 0
  local function fetch()
    local reply, why = self.asks:must("list", { queue = self.queue, after = last, limit = PAGE,
      states = states_of(query.state), stuck = query.stuck or false })
    if not reply then error(raised(why), 0) end
    local count = #reply.jobs
    for _, job in ipairs(reply.jobs) do rows[#rows + 1] = job end
    if count > 0 then last = reply.jobs[count].id end
    return count == PAGE
  end
  local more = fetch()
  -- PUC 5.1 cannot wait within an iterator.
  while more and catch.PUC_51 do more = fetch() end
  return function()
    if at == #rows and more then
      rows, at = {}, 0
      more = fetch()
    end
    at = at + 1
    return rows[at]
  end
end

---What happened, oldest first.
---@param query? { key?: string, after?: integer, limit?: integer }
---@return table[]|nil events
---@return pomex.Error? err
function reading:events(query)
  query = options.optional("jobs:events", query,
    { key = "string", after = "whole", limit = "whole" }) or {}
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("events", { queue = self.queue, key = query.key,
    after = query.after or 0, limit = math.min(query.limit or PAGE, PAGE) })
  return reply and reply.events, err
end

-- The job that the store finds by one of the two.
local function one(self, key, id)
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("get", { queue = self.queue, key = key, task = id })
  if not reply then
    if err.type == "not_found_error" then
      err.message = key and "no job " .. errors.quoted(key)
        or "no job had the id " .. errors.quoted(id)
    end
    return nil, err
  end
  local entry = json.object(reply.job.body or "")
  reply.job.needs = entry and entry.video and bodies.needs(entry.video) or {}
  reply.job.attempts = reply.attempts
  for _, attempt in ipairs(reply.attempts) do
    attempt.cost, attempt.held = money.amount(attempt.cost), money.amount(attempt.held)
  end
  return reply.job
end

---A job with its attempts.
---@param key string
---@return pomex.Job|nil job
---@return pomex.Error? err not_found_error
function reading:get(key)
  options.expect("jobs:get", "key", key, "string")
  return one(self, key)
end

---The job that had an id of the service's in any of its attempts, as a bill names it.
---@param id string of a task or an asset
---@return pomex.Job|nil job with its attempts
---@return pomex.Error? err not_found_error
function reading:find(id)
  options.expect("jobs:find", "id", id, "string")
  return one(self, nil, id)
end

return reading
