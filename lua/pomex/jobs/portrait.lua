--- A portrait, from `ready` to an active asset. Its name ends in 128 random bits, by which an
--- upload whose answer was lost is found from any process.

local attempt = require "pomex.jobs.attempt"
local bodies = require "pomex.jobs.body"
local canonical = require "pomex.jobs.canonical"
local json = require "pomex.json"
local looking = require "pomex.jobs.looking"
local orphans = require "pomex.jobs.orphans"
local values = require "pomex.values"

local portrait = {}

local PAGE = 500

-- How lost uploads are looked for: an upload that is not found in so many looks, over so many
-- seconds, is sent again: it is not known to cost anything.
portrait.SEARCH = { looks = 3, over = 600, every = 60 }

local function group_of(body)
  if body.group_id == nil then return values.VIRTUAL end
  return body.group_id
end

local function send(work, job, entry)
  local body = bodies.of_portrait(entry.portrait)
  attempt.send(work, job, { body = canonical.line(body), cost = 0 }, "assets.create", body)
end

local function look(work, job)
  looking.work(work, {
    wait = function(opts) return work.client.async.assets:wait(job.task, opts) end,
    failure = "asset_failed",
    ended = function()
      work:fact { kind = "ended", task = job.task, outcome = "done", cost = 0 }
    end,
    failed = function(err)
      work:fact { kind = "ended", task = job.task, outcome = "failed", cost = 0,
        failure = err.service_code or "asset_failed", error = tostring(err) }
    end,
  })
end

---Takes a portrait as far as it goes.
---@param work pomex.JobWork
function portrait.work(work)
  local job = work.job
  local entry = json.object(job.body)
  if not entry or type(entry.portrait) ~= "table" then
    work:say("has a body that is none of this version's")
    return
  end
  if job.state == "ready" and not work:stopping() then send(work, job, entry) end
  if job.state == "polling" then look(work, job) end
end

-- The ids of the assets of that name; nil: they could not be listed.
local function named(client, body)
  local ids, page = {}, 1
  while true do
    local list, err = client.async.assets:list({ group_id = group_of(body), page = page,
      limit = 100, sort_by = "create_time", sort_order = "desc" }):wait()
    if not list then return nil, err end
    local items = type(list.items) == "table" and list.items or {}
    for _, item in ipairs(items) do
      if item.name == body.name then ids[#ids + 1] = item.id end
    end
    if #items < 100 or #ids > 0 then return ids end
    page = page + 1
  end
end

-- Looks for the upload of one unclear portrait. True: it still is.
local function find(run, job)
  local got = run.asks:ask("get", { queue = run.queue, key = job.key })
  local last = got and got.answer == "yes" and got.attempts[#got.attempts]
  local body = last and json.object(last.body or "")
  if not body or got.job.state ~= "unclear" then return false end
  local ids, err = named(run.client, body)
  if not ids then
    run:say(("%s: %s"):format(job.key, tostring(err)))
    return true
  end
  if #ids > 0 then
    run:say(("%s is %s"):format(job.key, ids[1]))
    run.asks:ask("fact", { job = job.id, attempt = last.number, kind = "task", task = ids[1] })
    return false
  end
  local looks = run.looks[job.id] or { count = 0, first = run.now() }
  run.looks[job.id] = looks
  looks.count = looks.count + 1
  if looks.count >= run.search.looks and run.now() - looks.first >= run.search.over then
    run.looks[job.id] = nil
    local reply = run.asks:ask("resend", { queue = run.queue, key = job.key, by = "pomex",
      now = true })
    local sent = reply and reply.answer == "yes"
    run:say(("%s %s"):format(job.key, sent and "was not found, and is sent again"
      or reply and reply.why or "was not found"))
    if sent then run:look() end
  end
  return true
end

-- Whether the job is of the account that this client is of: at another one it is not to be found.
local function is_ours(run, job)
  return job.kind == "portrait" and job.base_url == run.client:base_url()
    and job.account == run.jobs:account_name()
end

---Looks for the uploads of the queue that are unclear. Says which videos a dead process left so.
---@param run table
---@return boolean any whether there still are such
function portrait.look_for_unclear(run)
  local any, last = false, 0
  while not run.stopping do
    local reply = run.asks:ask("list", { queue = run.queue, states = { "unclear" }, after = last,
      limit = PAGE })
    local rows = reply and reply.answer == "yes" and reply.jobs or {}
    for _, job in ipairs(rows) do
      if not run.stopping then orphans.found(run, job) end
      if is_ours(run, job) and not run.stopping then any = find(run, job) or any end
    end
    if #rows < PAGE then break end
    last = rows[#rows].id
  end
  return any
end

---The assets that an unclear upload can be: those of the names that its attempts had.
---@param client pomex.Client
---@param attempts table[]
---@return string[]|nil ids
---@return pomex.Error? err
function portrait.candidates(client, attempts)
  local all = {}
  for _, made in ipairs(attempts) do
    local body = json.object(made.body or "")
    if body then
      local ids, err = named(client, body)
      if not ids then return nil, err end
      for _, id in ipairs(ids) do all[#all + 1] = id end
    end
  end
  return all
end

return portrait
