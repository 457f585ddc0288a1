--- The studio's jobs: pomex.jobs keeps them, and every worker runs them.
---
--- A row of `portraits` or `videos` says whose a job is and how it ended; its id is the job's key.
--- Until it has ended its stage is "new", and the store of jobs says how it stands. A worker that
--- dies tells nobody: so what a page shows is read there first, by `queue.catch_up`. How far a job
--- is between two looks lies in a lua_shared_dict: it is news, and nothing is lost with it.

local app = require "studio.app"
local cjson = require "cjson"
local errors_text = require "studio.errors_text"
local live = require "studio.live"
local log = require "studio.log"

local queue = {}

local LOOK = 10   -- seconds between two looks whether there is anything to run

local news = ngx.shared.live

local KINDS = {
  portrait = { name = "portraits", id = "asset_id", done = "active",
    entry = function(row)
      local person = app.db():row("select group_id from people where id = ?", row.person_id)
      return { key = row.id, portrait = { url = row.url, asset_type = "Image", name = row.name,
        group_id = person.group_id } }
    end },
  video = { name = "videos", id = "task_id", done = "ready",
    entry = function(row)
      local body = cjson.decode(row.content)
      if body[1] then body = { content = body } end   -- as an earlier version wrote it
      body.model = row.model
      return { key = row.id, save = row.id .. ".mp4", video = body }
    end },
}

local FAILED = { failed = true, cancelled = true, expired = true }

-- How the row ends; "new": not yet.
local function stage_of(kind, job)
  if job.stuck then return "stuck" end
  if job.state == "done" then return KINDS[kind].done end
  return FAILED[job.state] and "failed" or job.state == "unclear" and "unclear" or "new"
end

local function settle(row, job)
  local stage = stage_of(job.kind, job)
  if stage == row.stage then return end
  local kind = KINDS[job.kind]
  local well = stage == "new" or stage == kind.done
  -- Of the workers that see it end, one has changed the row.
  if app.db():run(([[update %s set stage = ?, %s = coalesce(?, %s), note = ?
    where id = ? and stage <> ?]]):format(kind.name, kind.id, kind.id), stage, job.task,
    well and "" or errors_text.job(job), row.id, stage) == 0 then return end
  if not well then
    log.failed(("%s %s, %s"):format(job.kind, row.id, stage), job.error or "its process died "
      .. "while the request was out" .. (job.kind == "video" and " [maybe billed]" or ""))
  elseif stage == "ready" then
    app.db():run("insert into took (model, seconds) values (?, ?)", row.model,
      ngx.time() - row.created)
  end
  live.touch(row.user_id)
end

local function row_of(job)
  return app.db():row(("select * from %s where id = ?"):format(KINDS[job.kind].name), job.key)
end

-- What a page calls it meanwhile. Its row says how it ended only a moment later, and a page of
-- another worker's can be made in between.
local function stage_now(job)
  local state = job.state
  if state == "ready" then return "new" end
  if FAILED[state] then return "failed" end
  if state ~= "polling" and state ~= "done" then return state end
  if job.kind == "portrait" then return "processing" end
  if state == "done" then return "saving" end
  return job.status == "running" and "running" or "queued"
end

local function told(job)
  local row = row_of(job)
  if not row then return end
  news:set("stage:" .. row.id, stage_now(job))
  if job.percent then news:set("percent:" .. row.id, job.percent) end
  settle(row, job)
  live.touch(row.user_id)
end

-- Adding a job again changes nothing: so a row that no job was made of yet is made up for.
local function add(kind, row)
  local counts, err = app.jobs:add(KINDS[kind].entry(row))
  if counts then return end
  if err.type == "invalid_request_error" then
    return settle(row, { kind = kind, state = "failed", error = tostring(err) })
  end
  log.failed(kind .. " " .. row.id, err)
end

local function add_all()
  for kind, of in pairs(KINDS) do
    local rows = app.db():rows(("select * from %s where stage = 'new'"):format(of.name))
    for _, row in ipairs(rows) do add(kind, row) end
  end
end

local running, again = false, false

local function rounds()
  while again and not ngx.worker.exiting() do
    again = false
    add_all()
    news:delete "trouble"
    news:delete "noticed"
    local _, err = app.jobs:run { out = app.state .. "/videos", on_update = told,
      on_progress = told }
    -- "closed": this worker had no time to stop, and others go on.
    if err and err.cause ~= "closed" then
      log.failed("jobs", err)
      return news:set("trouble", errors_text.trouble(err))
    end
  end
end

-- Runs the queue until nothing in it goes on by itself, whichever worker has it. A worker that
-- is told to end hands over: waits and downloads stop, and go on elsewhere; what leaves a trace
-- comes to its end.
local function run(premature)
  if premature then return app.jobs:stop() end
  again = true
  if running then return end
  running = true
  local ok, trace = xpcall(rounds, debug.traceback)
  running = false
  if not ok then log.write(ngx.ERR, "jobs: " .. trace) end
end

-- For what a worker that ended left, what ended with an error, and what a notice found again.
local function look(premature)
  if premature then return run(true) end
  if running then return end
  if news:get "noticed" or app.db():row [[select 1 from portraits where stage = 'new'
    union all select 1 from videos where stage = 'new']] then run() end
end

---For init_worker_by_lua.
function queue.start()
  ngx.timer.at(0, run)
  ngx.timer.every(LOOK, look)
end

---Has a new row carried out.
---@param kind "portrait"|"video"
---@param row table
function queue.add(kind, row)
  add(kind, row)
  ngx.timer.at(0, run)
end

---Lets a job go on that was set aside, has one that failed begun anew, or has one that is unclear
---sent again, which is perhaps billed twice: each because a person said so.
---@param kind "portrait"|"video"
---@param row table
---@param resend? boolean
function queue.resume(kind, row, resend)
  local ok, err
  if resend then
    ok, err = app.jobs:resend(row.id, { now = true, gone = true })
  else
    ok, err = app.jobs:retry(row.id)
  end
  if not ok then return log.failed(kind .. " " .. row.id, err) end
  settle(row, { kind = kind, state = "ready" })
  ngx.timer.at(0, run)
end

---Takes a notice of the service, after it was answered.
---@param tag string
---@param id string|nil
function queue.notice(tag, id)
  ngx.timer.at(0, function()
    local taken, err = app.jobs:notice(tag, id)
    if not taken then return log.failed("notice", err) end
    news:set("noticed", true)
  end)
end

---Takes what a row's job says of somebody out of the store.
---@param row table
---@return boolean done false: the job is still at work
function queue.forget(row)
  if row.stage == "unclear" or row.stage == "stuck" then app.jobs:cancel(row.id) end
  local ok, err = app.jobs:forget(row.id)
  return ok or err.type == "not_found_error"
end

---Brings the rows of a user up to what the store of jobs says.
---@param user_id string
function queue.catch_up(user_id)
  for kind, of in pairs(KINDS) do
    local rows = app.db():rows(([[select * from %s where user_id = ?
      and stage in ('new', 'unclear', 'stuck')]]):format(of.name), user_id)
    for _, row in ipairs(rows) do
      local job, err = app.jobs:get(row.id)
      if job then
        settle(row, job)
      elseif row.stage == "new" and err.type == "not_found_error" then
        queue.add(kind, row)
      end
    end
  end
end

---A row as a page shows it.
---@param row table|nil
---@return table|nil row the same
function queue.now(row)
  if row and row.stage == "new" then
    row.stage, row.note = news:get("stage:" .. row.id) or "new", news:get "trouble" or ""
    row.percent = news:get("percent:" .. row.id)
  end
  return row
end

return queue
