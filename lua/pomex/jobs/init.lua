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
local notice = require "pomex.jobs.notice"
local notices = require "pomex.notices"
local options = require "pomex.options"
local place = require "pomex.jobs.place"
local persons = require "pomex.jobs.persons"
local reading = require "pomex.jobs.reading"
local runs = require "pomex.jobs.run"

---@class pomex.JobsModule
local module = { check = add.check, cost = add.cost }

---@class pomex.Jobs
---@field client pomex.Client
---@field queue string
local Jobs = {}
Jobs.__index = Jobs
for _, part in ipairs { persons, reading } do
  for name, method in pairs(part) do Jobs[name] = method end
end

local OPEN = {
  queue = "string", out = "string", prices = "table", failed_is_free = "boolean", by = "string",
  pause_on_failures = "boolean",
  max_tasks = "whole", file_system = "string", log = "callable",
  beat_seconds = "seconds", still_seconds = "seconds", notices = "object",
}

local function to_stderr(line)
  io.stderr:write(line, "\n")
end

-- Who this is: the name that a shell gives, else the number of the user.
local function who()
  local name = os.getenv "USER" or os.getenv "LOGNAME"
  if name and name ~= "" then return name end
  local status = io.open "/proc/self/status"
  local said = status and status:read "*a" or ""
  if status then status:close() end
  local uid = said:match "\nUid:%s*(%d+)"
  return uid and "uid " .. uid or "somebody"
end

-- Why the part in C cannot be loaded.
local function unloaded(why)
  why = tostring(why)
  if why:find("libpq", 1, true) then
    return "the store of jobs needs libpq, which is not here: install libpq5; " .. why
  end
  return "pomex was built without the store of jobs (POMEX_STORE): " .. why
end

---Opens a store, which is made if it is not there. WAITS for the disk, or for the network.
---@param client pomex.Client whose base URL and key the jobs are for
---@param path string of the store's file, or the URL of a PostgreSQL database
---@param opts? pomex.JobsOptions
---@return pomex.Jobs|nil jobs
---@return pomex.Error? err store_error: it cannot be used, or pomex was built without it
function module.open(client, path, opts)
  options.expect("jobs.open", "path", path, "string")
  if type(client) ~= "table" or type(client.loop) ~= "table" then
    options.misuse("jobs.open: client must be a client, not " .. type(client))
  elseif client.root ~= client then
    options.misuse("jobs.open: client is one of client:with; open the jobs with the client that it "
      .. "was made of")
  end
  opts = options.optional("jobs.open", opts, OPEN) or {}
  if opts.notices ~= nil and not notices.is(opts.notices) then
    options.misuse("jobs.open: notices must be what pomex.notices.new returned")
  end
  local fine, err = place.check(path)
  if not fine then return nil, err end
  local veil = place.veil(path)
  local found, storecore = pcall(require, "pomex.storecore")
  if not found then return nil, asks.error(unloaded(storecore)) end
  local opened = core.wall()
  local store, why = storecore.open { path = path, any_file_system = opts.file_system == "any",
    beat_seconds = opts.beat_seconds, still_seconds = opts.still_seconds }
  if not store then return nil, asks.error(veil(why)) end
  return setmetatable({
    client = client, asks = asks.new(client, store, veil), remote = place.is_url(path),
    queue = opts.queue or "default",
    out = opts.out, prices = opts.prices, failed_is_free = opts.failed_is_free or false,
    pause_on_failures = opts.pause_on_failures ~= false,
    by = opts.by, log = opts.log or to_stderr,
    max_tasks = opts.max_tasks or 0, still_seconds = opts.still_seconds or 60,
    notices = opts.notices,
    version = "pomex " .. core.VERSION, worker = nil, running = nil, made = false,
    told_unclear = {}, opened = opened, streak = { count = 0, times = 0 },
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

---Who decides, and who works: asked for only then, since the process that opened the store is
---perhaps nginx's master, and this one a worker of another user.
---@private
---@return string
function Jobs:name()
  return self.by or who()
end

---Makes this process a worker of the store.
---@private
---@return integer|nil worker
---@return pomex.Error? err
function Jobs:join()
  if self.worker then return self.worker end
  local url = self.client:base_url()
  local account = self:account_name()
  local reply, err = self.asks:must("join", { base_url = url, account = account,
    key_hash = self.client.loop.handle:key_mark(account), max_tasks = self.max_tasks,
    name = self:name() })
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

-- Makes the queue, with the caps that a run gives it. Those of the first run stay.
local function open_queue(self, opts)
  local opened, err = self:ready()
  if not opened or not (opts.max_videos or opts.max_money) then return opened, err end
  local videos = opts.max_videos or -1
  local amount = opts.max_money and money.millionths(opts.max_money) or -1
  local set, counts
  set, err = self.asks:must("queue",
    { queue = self.queue, videos_cap = videos, money_cap = amount })
  if not set then return nil, err end
  counts, err = self:read_counts()
  if not counts then return nil, err end
  if counts.videos_cap ~= videos or counts.money_cap ~= amount then
    self.log(("pomex jobs: the queue keeps its cap: %s; jobs:cap changes it")
      :format(money.caps(counts.videos_cap, counts.money_cap)))
  end
  return true
end

-- nil, err: it could not begin. true, why: it ended.
local function work(self, run, opts)
  local opened, err = open_queue(self, opts)
  if not opened then return nil, err end
  return true, run:work()
end

-- A pcall of `work`. In a coroutine of PUC 5.1, where a pcall cannot wait, it is a plain call: an
-- error there leaves the queue running.
local function guarded(...)
  if not catch.PUC_51 then return catch.call(work, ...) end
  if coroutine.running() then return true, work(...) end
  return pcall(work, ...)
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
  if self.stopped_early then run:stop() end
  self.has_run, self.stopped_early = true, nil
  local ok, opened, err = guarded(self, run, opts)
  self.running = nil
  if not ok then -- Ctrl-C, or a fault of this module
    run:stop()
    error(opened, 0)
  end
  if not opened then return nil, err end
  if self.client.loop.closed then return nil, asks.closed() end
  local why = err
  local counts
  if run.remote and run.broken_at then return nil, why or asks.error(run.broken_why) end
  counts, err = self:counts()
  if counts then counts.ended = run:ending(counts) end
  return counts, why or err
end

Jobs.notice = notice.take

---Tells a run to end: nothing new begins, requests that are out come to their end, waits and
---downloads stop at once. May be called from anywhere, also from `on_update`. Before the first run
---it ends that one, as soon as it begins: a signal that comes while jobs are added is heard.
function Jobs:stop()
  if self.running then
    self.running:stop()
  elseif not self.has_run then
    self.stopped_early = true
  end
end

---Closes the store. WAITS 2 s at most. A run that is under way ends.
function Jobs:close()
  self:stop()
  self.asks:close()
end

options.methods(Jobs, "jobs")

return module
