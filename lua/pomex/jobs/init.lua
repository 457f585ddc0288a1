--- Jobs: videos and portraits that outlive a process. A store, which is a file, keeps what was
--- asked for and what became of it; any number of processes run its jobs.
---
---     local jobs = pomex.check(pomex.jobs.open(client, "campaign.jobs.db", { queue = "spring" }))
---     jobs:add { key = "front", portrait = { url = "https://…", asset_type = "Image",
---       group_id = person } }
---     jobs:add { key = "one", save = "one.mp4", video = { model = "byteplus/seedance-2.0-fast",
---       prompt = "The person in {rachel} waves.", images = { rachel = "job:front" } } }
---     local counts, err = jobs:run { out = "videos", max_videos = 100 }

local add = require "pomex.jobs.add"
local asks = require "pomex.jobs.asks"
local calls = require "pomex.calls"
local catch = require "pomex.host.catch"
local core = require "pomex.core"
local money = require "pomex.jobs.money"
local options = require "pomex.options"
local persons = require "pomex.jobs.persons"
local runs = require "pomex.jobs.run"

---@class pomex.JobsModule
local module = { check = add.check, cost = add.cost }

---@class pomex.Jobs
---@field client pomex.Client
---@field queue string
local Jobs = {}
Jobs.__index = Jobs
for name, method in pairs(persons) do Jobs[name] = method end

local OPEN = {
  queue = "string", out = "string", prices = "table", failed_is_free = "boolean", by = "string",
  pause_on_failures = "boolean",
  max_tasks = "whole", file_system = "string", log = "callable",
  beat_seconds = "seconds", still_seconds = "seconds",
}

local function to_stderr(line)
  io.stderr:write(line, "\n")
end

---Opens a store, which is made if it is not there. WAITS for the disk.
---@param client pomex.Client whose base URL and key the jobs are for
---@param path string of the store's file
---@param opts? pomex.JobsOptions
---@return pomex.Jobs|nil jobs
---@return pomex.Error? err store_error: it cannot be used, or pomex was built without it
function module.open(client, path, opts)
  options.expect("jobs.open", "path", path, "string")
  if type(client) ~= "table" or type(client.loop) ~= "table" then
    options.misuse("jobs.open: client must be a client, not " .. type(client))
  end
  opts = options.optional("jobs.open", opts, OPEN) or {}
  local found, storecore = pcall(require, "pomex.storecore")
  if not found then
    return nil, asks.error("pomex was built without the store of jobs (POMEX_STORE): "
      .. tostring(storecore))
  end
  local store, why = storecore.open { path = path, any_file_system = opts.file_system == "any",
    beat_seconds = opts.beat_seconds, still_seconds = opts.still_seconds }
  if not store then return nil, asks.error(why) end
  return setmetatable({
    client = client, asks = asks.new(client, store), queue = opts.queue or "default",
    out = opts.out, prices = opts.prices, failed_is_free = opts.failed_is_free or false,
    pause_on_failures = opts.pause_on_failures ~= false,
    by = opts.by or os.getenv("USER") or "somebody", log = opts.log or to_stderr,
    max_tasks = opts.max_tasks or 0, still_seconds = opts.still_seconds or 60,
    version = "pomex " .. core.VERSION, worker = nil, running = nil, made = false,
  }, Jobs)
end

---Whether the running code may wait, and the store can be asked; makes the queue.
---@private
---@return boolean|nil
---@return pomex.Error? err
function Jobs:ready()
  calls.require_waitable(self.client.async)
  if self.made then return true end
  local reply, err = self.asks:must("queue", { queue = self.queue, videos_cap = -1,
    money_cap = -1 })
  self.made = reply ~= nil
  return self.made or nil, err
end

-- The account is the base URL's host.
local function account_of(url)
  return url:match("^%a+://([^/]*)") or url
end

---Makes this process a worker of the store.
---@private
---@return integer|nil worker
---@return pomex.Error? err
function Jobs:join()
  if self.worker then return self.worker end
  local url = self.client:base_url()
  local account = account_of(url)
  local reply, err = self.asks:must("join", { base_url = url, account = account,
    key_hash = self.client.loop.handle:key_mark(account), max_tasks = self.max_tasks })
  if not reply then return nil, err end
  if reply.key_changed then
    self.log "pomex jobs: the API key is another one than this store was last used with"
  end
  self.worker = reply.worker
  return self.worker
end

---Adds a job, or a list of jobs. All that can be checked is checked first; if anything is wrong
---with any of them, nothing is added. The same key with the same body counts as `same`; with
---another body it replaces that of a job that was never begun (`changed`), and else is a conflict.
---A run of this process begins them at once.
---@param given pomex.JobEntry|pomex.JobEntry[]
---@return { new: integer, same: integer, changed: integer, conflicting: integer }|nil counts
---@return pomex.Error? err invalid_request_error; `problems` is a list of lines, `faults` the same
---  as { at = which job, key, message }, and `counts` what was added where some conflict
function Jobs:add(given)
  local counts, err = add.jobs(self, given)
  if self.running then self.running:look() end
  return counts, err
end

local RUN = { out = "string", concurrency = "whole", max_videos = "whole", max_money = "number",
  forever = "boolean", on_update = "callable", on_progress = "callable" }

-- Makes the queue, with the caps that a run gives it.
local function open_queue(self, opts)
  local opened, err = self:ready()
  if not opened or not (opts.max_videos or opts.max_money) then return opened, err end
  return self.asks:must("queue", { queue = self.queue, videos_cap = opts.max_videos or -1,
    money_cap = opts.max_money and money.millionths(opts.max_money) or -1 })
end

---Runs the queue until none of its jobs can go on by itself, at the cap, or until `stop`.
---@param opts? pomex.JobsRunOptions
---@return pomex.JobsCounts|nil counts as `counts` returns them, with `ended`: why, in one word;
---  nil: the store could not be asked
---@return pomex.Error? err where `ended` is "store", "account", "error", "continue" or "unpriced"
function Jobs:run(opts)
  opts = options.optional("jobs:run", opts, RUN) or {}
  if self.running then options.misuse("jobs:run: it runs already") end
  calls.require_waitable(self.client.async)
  -- From here on `stop` is heard.
  local run = runs.new(self, opts)
  self.running = run
  local opened, err = open_queue(self, opts)
  local why = opened and run:work()
  self.running = nil
  if not opened then return nil, err end
  local counts
  counts, err = self:counts()
  if counts then counts.ended = run:ending(counts) end
  return counts, why or err
end

---Tells a run to end: nothing new begins, requests that are out come to their end, waits and
---downloads stop at once. May be called from anywhere, also from `on_update`.
function Jobs:stop()
  if self.running then self.running:stop() end
end

---What the store counts, as the run needs it.
---@private
---@return table|nil
---@return pomex.Error? err
function Jobs:read_counts()
  local url = self.client:base_url()
  return self.asks:must("counts", { queue = self.queue, base_url = url, account = account_of(url) })
end

---How many jobs are in each state, and what the queue has used of its caps. The store keeps these
---counts, so that they cost the same of any number of jobs.
---@return pomex.JobsCounts|nil counts
---@return pomex.Error? err
function Jobs:counts()
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

local PAGE = 500

local function states_of(state)
  if type(state) == "table" then return state end
  return state and { state } or nil
end

---The jobs of the queue, in the order in which they were added. Raises where the store cannot be
---asked.
---@param query? { state?: string|string[], stuck?: boolean }
---@return fun(): table|nil
function Jobs:each(query)
  query = options.optional("jobs:each", query, { state = "strings", stuck = "boolean" }) or {}
  local opened, err = self:ready()
  if not opened then error(tostring(err), 0) end
  local rows, at, last = {}, 0, 0
  local function fetch()
    local reply, why = self.asks:must("list", { queue = self.queue, after = last, limit = PAGE,
      states = states_of(query.state), stuck = query.stuck or false })
    if not reply then error(tostring(why), 0) end
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
function Jobs:events(query)
  query = options.optional("jobs:events", query,
    { key = "string", after = "whole", limit = "whole" }) or {}
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("events", { queue = self.queue, key = query.key,
    after = query.after or 0, limit = math.min(query.limit or PAGE, PAGE) })
  return reply and reply.events, err
end

---Closes the store. WAITS 2 s at most. A run that is under way ends.
function Jobs:close()
  self:stop()
  self.asks:close()
end

options.methods(Jobs, "jobs")

return module
