--- Whether the key is of the account that made the jobs of a store. Another account's key finds
--- none of them: that says nothing about the jobs, and what is yet to be made would be billed
--- there.

local errors = require "pomex.errors"

local account = {}

-- So many jobs of each kind are asked for at most.
local MOST = 3

-- A service that does not answer is no reason to wait: the looks find that out, too.
local ONCE = { timeout = 15, max_retries = 0 }

-- Adds up to MOST of these jobs that have an id of this service's, and not by this run; the newest
-- first.
local function add(list, run, jobs, but)
  local count, url = 0, run.client:base_url()
  for i = #jobs, 1, -1 do
    local job = jobs[i]
    if count < MOST and job.task and job.id ~= but and job.base_url == url
      and not run.made_here[job.task] then
      count = count + 1
      list[#list + 1] = job
    end
  end
  return list
end

-- Jobs by which an account is known: some that are under way, and some that are done.
local function evidence(run, but)
  local list = {}
  for _, states in ipairs { { "polling", "saving" }, { "done" } } do
    local reply = run.asks:ask("list", { queue = run.queue, states = states, limit = 500 })
    add(list, run, reply and reply.answer == "yes" and reply.jobs or {}, but)
  end
  return list
end

-- Asks for one. True: it is known; false: it is not; nil: nobody can say so now.
local function asked(run, job)
  local async = run.client.async
  local op = (job.kind == "portrait" and async.assets or async.generations):get(job.task, ONCE)
  run.asking[op] = true
  if run.stopping then op:cancel() end
  local found, err = op:wait()
  run.asking[op] = nil
  if found then return true end
  if err.type == "not_found_error" then return false end
  return nil
end

-- Whether the account knows any of them; nil: nobody can say so now.
local function knows_any(run, list)
  for _, job in ipairs(list) do
    local known = asked(run, job)
    if known == nil or run.stopping then return nil end
    if known then return true end
  end
  return false
end

-- Ends the run: as for a key that is refused, nothing is begun, and no job is blamed.
local function another(run, first, count)
  local err = errors.new("not_found_error", { retryable = false,
    message = ("the account of this API key does not know %s (%s)%s, which the store has as made: "
      .. "the key is of another account, or the service has them no more"):format(first.key,
      first.task, count > 1 and (" and %d more that were looked at"):format(count - 1) or "") })
  err.unknown_key = first.key
  run:end_with(err, "account")
end

---Begins to ask for jobs that were claimed and are being made, once, before the run begins
---anything. Until that is answered, `run.checking` holds.
---@param run pomex.JobRun
---@param claimed table[]
function account.begin(run, claimed)
  local polling = {}
  for _, job in ipairs(claimed) do
    if job.state == "polling" then polling[#polling + 1] = job end
  end
  local list = add({}, run, polling)
  if run.checked or #list == 0 then return end
  run.checked, run.checking = true, true
  run.client:spawn(function()
    local known = knows_any(run, list)
    local all = known == false and evidence(run)
    if all then known = knows_any(run, all) end
    if known == false then another(run, list[1], #all) end
    run.knows_account = known or nil
    return true
  end):on_done(function(well, err)
    run.checking = false
    if not well then run:end_with(err, "error") end
    run:look()
  end)
end

---What it means that the service does not know the id of a job which is under way.
---@param work pomex.JobWork
---@return "gone"|"another"|"unknown" word "another": the run ends; "unknown": look again later
function account.judge(work)
  local run, job = work.run, work.job
  if run.knows_account or run.made_here[job.task] then return "gone" end
  local list = evidence(run, job.id)
  local known = knows_any(run, list)
  if known == nil then return "unknown" end
  run.knows_account = known
  if known then return "gone" end
  another(run, job, #list + 1)
  return "another"
end

return account
