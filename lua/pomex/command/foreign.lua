--- Jobs of a store that were begun at another base URL, which a run leaves alone, and the way out.

local errors = require "pomex.errors"
local text = require "pomex.text"

local one_line = errors.one_line

-- The stages of attempts that made nothing, for certain.
local UNSENT = { never_left = true, late = true, turned_away = true }

-- Of these the store counts none as begun elsewhere.
local GIVEN_UP = { failed = true, cancelled = true, expired = true }

-- So many keys stand in one command.
local KEYS = 50

-- Whether nothing of it can have been made there.
local function is_unsent(job)
  for _, attempt in ipairs(job.attempts) do
    if not UNSENT[attempt.stage] then return false end
  end
  return job.state == "ready"
end

-- What `cancel` takes of those of which something was perhaps made.
local CANCELLED = { ready = true, polling = true, saving = true, unclear = true }

-- Where those that were begun elsewhere were, and the keys of those of which nothing was made
-- there; where the others were, and the keys of those that can be given up.
local function look(jobs)
  local here, keys, unsent_at, sent_at = jobs.client:base_url(), {}, nil, nil
  local others = {}
  for listed in jobs:each() do
    local url = listed.base_url
    if url and url ~= here and not GIVEN_UP[listed.state] then
      local job = listed.state == "ready" and jobs:get(listed.key)
      if job and is_unsent(job) then
        keys[#keys + 1], unsent_at = job.key, url
      else
        sent_at = sent_at or url
        if CANCELLED[listed.state] and #others < KEYS then others[#others + 1] = listed.key end
      end
    end
  end
  return { keys = keys, unsent_at = unsent_at, sent_at = sent_at, others = others }
end

local foreign = {
  -- A name of a file stays with the job that had it.
  SAVE = " (and another save, if a line has one)",
}

---Whether a line of the manifest names any job of a query; of those begun elsewhere and not given
---up, where that is asked.
---@param jobs pomex.Jobs
---@param wanted table<string, boolean> the keys of the manifest
---@param query table as of jobs:each
---@param elsewhere? boolean
---@return boolean
function foreign.any(jobs, wanted, query, elsewhere)
  local here, any = jobs.client:base_url(), false
  -- A store that cannot be read says so to what comes next.
  local well = pcall(function()
    for job in jobs:each(query) do
      local counts = not elsewhere
        or job.base_url and job.base_url ~= here and not GIVEN_UP[job.state]
      any = any or counts and wanted[job.key] or false
    end
  end)
  return any or not well
end

---What to say of jobs begun elsewhere of which none is a line's.
---@param count integer
---@return string
function foreign.others(count)
  return ("the store has %s more, begun at another service; no line here names %s"):format(
    text.count(count, "job"), count == 1 and "it" or "any of them")
end

---What of a manifest was given up at another service, and is made nowhere, in words; nil: nothing.
---@param jobs pomex.Jobs
---@param manifest pomex.Manifest
---@return string|nil
function foreign.given_up(jobs, manifest)
  local here, wanted, count, url = jobs.client:base_url(), {}, 0, nil
  for _, entry in ipairs(manifest.entries) do wanted[entry.key] = true end
  -- A store that cannot be read says so to what comes next.
  pcall(function()
    for job in jobs:each { state = { "failed", "cancelled", "expired" } } do
      if wanted[job.key] and job.base_url and job.base_url ~= here then
        count, url = count + 1, url or job.base_url
      end
    end
  end)
  if count == 0 then return nil end
  return ("%s of %s %s cancelled or failed at %s, and %s made here: give %s"):format(
    text.count(count, "line"), one_line(manifest.path), count == 1 and "was" or "were",
    one_line(url), count == 1 and "is not" or "are not",
    (count == 1 and "it another key" or "them other keys") .. foreign.SAVE)
end

---Why a run whose rest was begun elsewhere has ended.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param count integer how many there are
---@param cancelling fun(...: string): string the command that cancels jobs
---@return string why
---@return string|nil url that they were begun at, for a shell; nil: `command`
---@return string|nil command to type next, where nothing was made elsewhere
function foreign.tell(env, jobs, count, cancelling)
  -- A store that cannot be read says so to what comes next.
  local well, found = pcall(look, jobs)
  if not well then found = { keys = {}, others = {} } end
  local first
  for i = 1, #found.keys, KEYS do
    local last = math.min(i + KEYS - 1, #found.keys)
    local command = cancelling((table.unpack or unpack)(found.keys, i, last))
    if not first then
      env.out:tell(("nothing of %s was made at %s. If that URL was a mistake, cancel %s, and give "
        .. "%s:"):format(#found.keys == 1 and one_line(found.keys[1])
        or ("%d jobs"):format(#found.keys), one_line(found.unsent_at),
        #found.keys == 1 and "it" or "them", (#found.keys == 1 and "its line another key"
        or "their lines other keys") .. foreign.SAVE))
    end
    first = first or command
    env.out:tell("  " .. command)
  end
  if #found.others > 0 then
    local one = #found.others == 1
    env.out:tell(("perhaps %s made at %s. A run there sends it your key; if that service is not "
      .. "yours, give %s up:"):format(one and "one was" or ("%d were"):format(#found.others),
      one_line(found.sent_at), one and "it" or "them"))
    env.out:tell("  " .. cancelling((table.unpack or unpack)(found.others)))
  end
  local url = found.sent_at or found.unsent_at
  local who = count == 1 and "1 job was" or ("%d jobs were"):format(count)
  local where = url and ", " .. one_line(url) or ""
  local why = ("%s begun at another service%s"):format(who, where)
  if first and not found.sent_at then return why, nil, first end
  return why .. "; name it with --base-url", url and env.word(url) or "URL"
end

return foreign
