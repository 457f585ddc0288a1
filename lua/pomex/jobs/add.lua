--- Adding jobs: all that can be checked is checked before anything is put, and everything is put
--- before anything begins.

local bodies = require "pomex.jobs.body"
local canonical = require "pomex.jobs.canonical"
local core = require "pomex.core"
local errors = require "pomex.errors"
local money = require "pomex.jobs.money"
local options = require "pomex.options"
local saving = require "pomex.jobs.saving"
local text = require "pomex.text"

local add = {}

local ENTRY = {
  key = "string", save = "string", video = "table", portrait = "table", price = "number",
}

-- The store takes so many in one part.
local PART = 500

local MOST_SAID = 10

-- What one job is: for the store, and for the checks that look at several.
local function read(where, given)
  local entry = options.check(where, given, ENTRY)
  local kind = entry.video and "video" or "portrait"
  local wanted = given[kind]
  if (entry.video == nil) == (entry.portrait == nil) then
    return errors.invalid("jobs", "a job is either a video or a portrait")
  end
  if type(entry.key) ~= "string" or entry.key == "" or #entry.key > 200
    or text.is_treacherous(entry.key) then
    return errors.invalid("jobs",
      "a job needs a key of 1 to 200 bytes of UTF-8, on one line and without controls")
  end
  wanted = bodies.plain(wanted, function(what) options.misuse(where .. ": " .. what) end)
  if kind == "portrait" and wanted.group_id == nil then
    return errors.invalid("jobs", "a portrait needs a group_id: a person's, or pomex.VIRTUAL")
  end
  local fine, err = bodies.check(kind, wanted)
  if not fine then return nil, err end
  if kind == "video" then
    fine, err = saving.check_name(entry.save)
    if not fine then return nil, err end
  elseif entry.save then
    return errors.invalid("jobs", "a portrait is not saved")
  end
  if entry.price and (entry.price < 0 or entry.price > 1e6) then
    return errors.invalid("jobs", "price must be from 0 to 1,000,000")
  end
  return {
    key = entry.key, kind = kind, save = entry.save,
    line = canonical.line { [kind] = wanted },
    body = canonical.line { [kind] = wanted, price = entry.price },
    needs = kind == "video" and bodies.needs(wanted) or {}, due = 0,
  }
end

---Checks one job by all rules that need neither the service nor a store: what `jobs:add` would say
---of it alone. `pomex.jobs.check`.
---@param entry pomex.JobEntry
---@return boolean|nil fine
---@return pomex.Error? err invalid_request_error
function add.check(entry)
  options.expect("jobs.check", "entry", entry, "table")
  local job, err = read("jobs.check", entry)
  return job and true, err
end

---What a job reserves of a cap on money: what it can cost at most. `pomex.jobs.cost`.
---@param entry pomex.JobEntry that `check` finds right
---@param prices? table<string, number> of a million tokens, by model
---@return number|nil amount in the currency of the prices; nil: nobody knows. A portrait costs 0
function add.cost(entry, prices)
  options.expect("jobs.cost", "entry", entry, "table")
  if entry.portrait then return 0 end
  return money.amount(money.reserved(prices, entry.video, entry.price))
end

-- The job of that key in the store, if there is one. nil, err: the store cannot be asked.
local function known(jobs, key)
  local found, err = jobs.asks:must("get", { queue = jobs.queue, key = key })
  if not found and err.type ~= "not_found_error" then return nil, err end
  return found and found.job
end

-- Keys and names that stand twice, and portraits that are nowhere. nil, err: as `known`.
local function check_together(jobs, list, problem)
  local keys, saves, missing = {}, {}, {}
  for _, job in ipairs(list) do
    if keys[job.key] then problem(job, "the key stands twice") end
    if job.save and saves[job.save] then
      problem(job, ("%s is where %s saves, too"):format(
        errors.quoted(job.save), errors.quoted(saves[job.save])))
    end
    keys[job.key] = job.kind
    if job.save then saves[job.save] = job.key end
  end
  for _, job in ipairs(list) do
    for _, key in ipairs(job.needs) do
      local kind = keys[key]
      if not kind and not missing[key] then
        local found, err = known(jobs, key)
        if err then return nil, err end
        kind = found and found.kind
        keys[key] = kind or nil
      end
      if kind ~= "portrait" then
        missing[key] = true
        problem(job, ("%s is no portrait of this queue"):format(errors.quoted("job:" .. key)))
      end
    end
  end
  return true
end

-- Whether each new video can be saved: what is there may be the job's own, of an earlier run.
local function check_files(jobs, list, problem)
  if not jobs.out then return true end
  for _, job in ipairs(list) do
    local fits, why = true, nil
    if job.save then fits, why = core.may_save(saving.path(jobs.out, job.save), false) end
    if not fits and not saving.passes(why) then
      local found, err = known(jobs, job.key)
      if err then return nil, err end
      if not found then problem(job, why.message) end
    end
  end
  return true
end

local function said(faults)
  local problems = {}
  for i, fault in ipairs(faults) do
    problems[i] = ("job %d (%s): %s"):format(fault.at, errors.quoted(fault.key or "?"),
      fault.message)
  end
  local lines = {}
  for i = 1, math.min(#problems, MOST_SAID) do lines[i] = problems[i] end
  if #problems > MOST_SAID then
    lines[#lines + 1] = ("and %d more"):format(#problems - MOST_SAID)
  end
  local _, err = errors.invalid("jobs", table.concat(lines, "; "))
  err.problems, err.faults = problems, faults
  return nil, err
end

-- Reads them all: nil and an error that names each that cannot be put.
local function read_all(jobs, entries)
  local list, faults = {}, {}
  local function problem(job, what)
    faults[#faults + 1] = { at = job.at, key = job.key, message = what }
  end
  for at, given in ipairs(entries) do
    local where = ("jobs:add: job %d"):format(at)
    local job, err = read(where, given)
    if job then
      job.at = at
      list[#list + 1] = job
    else
      local key = type(given) == "table" and type(given.key) == "string" and given.key or nil
      local message = err.hint and err.message .. " (" .. err.hint .. ")" or err.message
      problem({ at = at, key = key }, message)
    end
  end
  local asked, err = check_together(jobs, list, problem)
  if asked and #faults == 0 then asked, err = check_files(jobs, list, problem) end
  if not asked then return nil, err end
  if #faults > 0 then return said(faults) end
  return list
end

local WORDS = {
  conflict = "was begun with another body: nothing was changed",
  save_taken = "another job saves there: nothing was changed",
}

-- The fields of one job that the store takes.
local function row(job)
  return { key = job.key, kind = job.kind, save = job.save, line = job.line, body = job.body,
    needs = job.needs, due = job.due }
end

---Puts jobs into the queue.
---@param jobs table
---@param given table an entry or a list of them
---@return table|nil counts
---@return pomex.Error? err
function add.jobs(jobs, given)
  if type(given) ~= "table" then options.misuse("jobs:add: a job or a list of jobs is needed") end
  local entries = given[1] == nil and next(given) ~= nil and { given } or given
  local opened, err = jobs:ready()
  if not opened then return nil, err end
  local list
  list, err = read_all(jobs, entries)
  if not list then return nil, err end
  local counts, refused, batch = { new = 0, same = 0, changed = 0, conflicting = 0 }, {}, nil
  local reply
  for first = 1, #list, PART do
    local rows, last = {}, math.min(first + PART - 1, #list)
    for i = first, last do rows[#rows + 1] = row(list[i]) end
    reply, err = jobs.asks:must("put", { queue = jobs.queue, jobs = rows, batch = batch,
      more = last < #list })
    if not reply then return nil, err end
    batch = reply.batch
    for i, verdict in ipairs(reply.verdicts) do
      local job, what = list[first + i - 1], WORDS[verdict]
      local name = what and "conflicting" or verdict
      counts[name] = counts[name] + 1
      if what then
        refused[#refused + 1] = { at = job.at, key = job.key, message = what,
          begun = verdict == "conflict" or nil }
      end
    end
  end
  local left = reply and reply.hidden or 0
  while left > 0 do
    reply, err = jobs.asks:must("put", { queue = jobs.queue, jobs = {}, batch = batch })
    if not reply then return nil, err end
    left = reply.hidden
  end
  if #refused == 0 then return counts end
  local _, refusal = said(refused)
  refusal.counts = counts
  return nil, refusal
end

return add
