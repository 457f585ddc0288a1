--- Jobs of which nobody knows whether they were made: what a person knows them by, and what each
--- can be.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local json = require "pomex.json"
local left = require "pomex.command.left"

local unclear = {}

local about, one_line = left.about, errors.one_line

-- So many keys stand behind an id, and so many candidates behind a key.
local FEW = 3

---The words of a video: its prompt, or the texts of its content.
---@param job pomex.Job
---@return string|nil words
function unclear.words_of(job)
  local entry = json.object(job.body)
  local video = entry and entry.video
  if type(video) ~= "table" then return nil end
  if type(video.prompt) == "string" then return video.prompt end
  local texts = {}
  for _, part in ipairs(type(video.content) == "table" and video.content or {}) do
    if type(part) == "table" and type(part.text) == "string" then texts[#texts + 1] = part.text end
  end
  return #texts > 0 and table.concat(texts, " ") or nil
end

---The words of a video, cut, by which a person finds it in the service's console.
---@param job pomex.Job
---@return string|nil quoted
function unclear.prompt_of(job)
  local prompt = unclear.words_of(job)
  if not prompt then return nil end
  return errors.quoted(#prompt > 60
    and prompt:sub(1, 60):gsub("[\192-\255][\128-\191]*$", "") .. "…" or prompt)
end

---When the newest request of a job was sent.
---@param job pomex.Job with its attempts
---@return string
function unclear.sent_at(job)
  local last = job.attempts[#job.attempts]
  return last and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(last.begun)) or "?"
end

-- The id that its newest attempt has.
local function id_of(job)
  local last = job.attempts[#job.attempts]
  return last and last.task
end

-- What an unclear job can be, and why nobody looked. A service that has no list of tasks names no
-- videos: then there is none that is known.
local function candidates_of(env, jobs, job)
  if env.stop.name then return {}, "stopped" end
  if env.keyless then
    return {}, env.keyless.message == "there is no API key" and "no API key"
      or campaign.why(tostring(env.keyless))
  end
  local ids, err = jobs:candidates(job.key)
  if ids then return ids end
  return {}, err.type ~= "not_found_error" and campaign.why(tostring(err)) or nil
end

-- What a person knows a job by, and its video in the service's console.
local function tell_what(env, job)
  local prompt = unclear.prompt_of(job)
  env.out:tell(("%s is unclear: attempt %d, sent %s.%s%s"):format(one_line(job.key), job.attempt,
    unclear.sent_at(job), prompt and (" Its prompt: %s."):format(prompt) or "",
    job.error and " " .. campaign.why(job.error):gsub(" %b()$", "")
    or " Its process ended before the answer was kept."))
end

-- Of a job that has an id.
local function tell_id(env, path, job)
  env.out:tell "  it has an id, which only the key finds that it was made with:"
  env.out:tell("    " .. about(env, path, "adopt", job.key, id_of(job)))
end

---What is known of an unclear job, and the commands that settle it.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param job pomex.Job with its attempts
---@param all? boolean every candidate
function unclear.tell(env, jobs, path, job, all)
  local out, candidates, unseen = env.out, candidates_of(env, jobs, job)
  local most = all and #candidates or math.min(#candidates, FEW)
  tell_what(env, job)
  if id_of(job) then return tell_id(env, path, job) end
  for i = 1, most do
    out:tell("  it may be this one:     " .. about(env, path, "adopt", job.key, candidates[i]))
  end
  if #candidates > most then
    out:tell(("  or one of %d more, made further off in time: %s"):format(#candidates - most,
      about(env, path, "show", job.key)))
  end
  if #candidates == 0 then
    out:tell(("  %s; if the service's console has it:"):format(unseen
      and "candidates not looked for: " .. unseen or "no candidate is known"))
    out:tell("    " .. about(env, path, "adopt", job.key, "ID"))
  end
  out:tell("  if it is not there 15 minutes after that:")
  out:tell("    " .. about(env, path, "resend", job.key))
end

-- "a, b, c and 17 more".
local function listed(keys)
  local shown = {}
  for i = 1, math.min(#keys, FEW) do shown[i] = one_line(keys[i]) end
  local more = #keys > FEW and (" and %d more"):format(#keys - FEW) or ""
  return table.concat(shown, ", ") .. more
end

-- Each id once, with the jobs that it is offered for, and the commands for all.
local function tell_candidates(env, path, ids, keys_of_id, first)
  local out = env.out
  if #ids > 0 then out:tell "made then, by the account, and perhaps theirs:" end
  for i = 1, math.min(#ids, left.MOST) do
    out:tell(("  %s  for %s"):format(one_line(ids[i]), listed(keys_of_id[ids[i]])))
  end
  if #ids > left.MOST then
    out:tell(("  and %d more; all of one job: %s"):format(#ids - left.MOST,
      about(env, path, "show", first)))
  end
  out:tell(#ids > 0 and "an id is one job's; for each, once you looked:"
    or "for each that the service's console has:")
  out:tell("    " .. about(env, path, "adopt", "KEY", "ID"))
  out:tell "for each that is not there 15 minutes after it was sent:"
  out:tell("    " .. about(env, path, "resend", "KEY"))
end

---The same of all that are unclear: of several each is a line, and so is each id that they can be.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
function unclear.tell_all(env, jobs, path)
  local list, ids, keys_of_id, first, reason = {}, {}, {}, nil, nil
  for _, key in ipairs(left.keys_of(env, jobs, path, { state = "unclear" })) do
    list[#list + 1] = jobs:get(key)
  end
  if #list == 1 then return unclear.tell(env, jobs, path, list[1]) end
  for _, job in ipairs(list) do
    tell_what(env, job)
    if id_of(job) then
      tell_id(env, path, job)
    else
      first = first or job.key
      local candidates, unseen = candidates_of(env, jobs, job)
      reason = reason or unseen
      for _, id in ipairs(candidates) do
        if not keys_of_id[id] then ids[#ids + 1], keys_of_id[id] = id, {} end
        table.insert(keys_of_id[id], job.key)
      end
    end
  end
  if reason then env.out:tell("candidates not looked for: " .. reason) end
  if first then tell_candidates(env, path, ids, keys_of_id, first) end
end

return unclear
