--- Carries on whatever the database says is not over: one loop in each worker.
---
--- A job is a row; who carries it on holds its lease, a key in a lua_shared_dict that runs out
--- by itself. A reload hands the jobs over: the old worker stops its waits, which are mere looks,
--- lets requests that leave a trace come to their end, and gives the leases back; the new one
--- finds the rows. After a crash the leases run out. Nothing here ever sends twice: see
--- `studio.schema` for why.

local app = require "studio.app"
local semaphore = require "ngx.semaphore"

local jobs = {}

local LOOK, LEASE, TURN = 1, 10, 600   -- seconds

local running = {}          -- by lease: { row =, operation =, leaving = }
local news = semaphore.new()
local me = ("%d"):format(ngx.worker.pid())

local KINDS = {
  { name = "portrait", work = "studio.uploading", at_work = [[select * from portraits
    where stuck = 0 and stage in ('new', 'sending', 'processing')]] },
  { name = "video", work = "studio.filming", at_work = [[select * from videos
    where stuck = 0 and stage in ('new', 'sending', 'queued', 'running', 'saving')]] },
}

---There may be a new row: look at once.
function jobs.nudge()
  if news:count() < 1 then news:post(1) end
end

-- The lease is ours only now: another worker may have done it all since we looked.
local function carry_on(kind, id, job)
  job.row = app.db():row(kind.at_work .. " and id = ?", id)
  if job.row then require(kind.work).run(job.row, job) end
end

local function run(kind, id, job, lease)
  local ok, trace = xpcall(carry_on, debug.traceback, kind, id, job)
  if not ok then
    ngx.log(ngx.ERR, kind.name, " ", id, ": ", trace)
    -- Not again and again: it waits for a hand.
    local words = "Something went wrong here. Nothing more was sent."
    if job.row then pcall(require(kind.work).stop, job.row, words) end
  end
  running[lease] = nil
  ngx.shared.leases:delete(lease)
end

local function look()
  for _, kind in ipairs(KINDS) do
    for _, row in ipairs(app.db():rows(kind.at_work)) do
      local lease = kind.name .. ":" .. row.id
      if not running[lease] and ngx.shared.leases:add(lease, me, LEASE) then
        local job = {}
        running[lease] = job
        ngx.thread.spawn(run, kind, row.id, job, lease)
      end
    end
  end
end

local function renew()
  for lease in pairs(running) do ngx.shared.leases:set(lease, me, LEASE) end
end

-- A wait only looks, and a download goes on where it stopped: both can end here and go on
-- elsewhere. A job that is sending has no operation, and is waited for.
local function hand_over()
  for _, job in pairs(running) do
    job.leaving = true
    if job.operation then job.operation:cancel() end
  end
end

local loop
function loop()
  local ending = ngx.now() + TURN
  while not ngx.worker.exiting() do
    local ok, trace = xpcall(look, debug.traceback)
    if not ok then ngx.log(ngx.ERR, "jobs: ", trace) end
    renew()
    news:wait(LOOK)
    -- nginx frees what a timer used when the timer is over: no timer should last for ever.
    if ngx.now() > ending and ngx.timer.at(0, loop) then return end
  end
  while next(running) do
    hand_over()
    renew()
    ngx.sleep(0.1)
  end
end

---For init_worker_by_lua.
function jobs.start()
  ngx.timer.at(0, loop)
end

return jobs
