--- Jobs of a store that were begun at another base URL, which a run leaves alone, and the way out.

local errors = require "pomex.errors"

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

-- Where those that were begun elsewhere were, and the keys of those of which nothing was made
-- there; and where the others were.
local function look(jobs)
  local here, keys, unsent_at, sent_at = jobs.client:base_url(), {}, nil, nil
  for listed in jobs:each() do
    local url = listed.base_url
    if url and url ~= here and not GIVEN_UP[listed.state] then
      local job = listed.state == "ready" and jobs:get(listed.key)
      if job and is_unsent(job) then
        keys[#keys + 1], unsent_at = job.key, url
      else
        sent_at = sent_at or url
      end
    end
  end
  return { keys = keys, unsent_at = unsent_at, sent_at = sent_at }
end

---Why a run whose rest was begun elsewhere has ended.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param count integer how many there are
---@param cancelling fun(...: string): string the command that cancels jobs
---@return string why
---@return string|nil url that they were begun at, for a shell; nil: `command`
---@return string|nil command to type next, where nothing was made elsewhere
return function(env, jobs, count, cancelling)
  -- A store that cannot be read says so to what comes next.
  local well, found = pcall(look, jobs)
  if not well then found = { keys = {} } end
  local first
  for i = 1, #found.keys, KEYS do
    local last = math.min(i + KEYS - 1, #found.keys)
    local command = cancelling((table.unpack or unpack)(found.keys, i, last))
    if not first then
      env.out:tell(("nothing of %s was made at %s. If that URL was a mistake, cancel %s, and give "
        .. "%s:"):format(#found.keys == 1 and one_line(found.keys[1])
        or ("%d jobs"):format(#found.keys), one_line(found.unsent_at),
        #found.keys == 1 and "it" or "them", #found.keys == 1 and "its line another key"
        or "their lines other keys"))
    end
    first = first or command
    env.out:tell("  " .. command)
  end
  local url = found.sent_at or found.unsent_at
  local who = count == 1 and "1 job was" or ("%d jobs were"):format(count)
  local where = url and ", " .. one_line(url) or ""
  local why = ("%s begun at another service%s"):format(who, where)
  if first and not found.sent_at then return why, nil, first end
  return why .. "; name it with --base-url", url and env.word(url) or "URL"
end
