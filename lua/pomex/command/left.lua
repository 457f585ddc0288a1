--- What a run leaves to a person: jobs that are unclear, failed or stuck, each with what to type.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local json = require "pomex.json"

local left = {}

local one_line = errors.one_line

-- So many jobs of a kind are named; `pomex jobs list` has them all.
local MOST = 20

---A command about the store, or a job in it.
---@param env pomex.CommandEnv
---@param path string of the store
---@param verb string
---@param ... string words; those of people are quoted for a shell
---@return string
function left.about(env, path, verb, ...)
  local words = { "jobs", verb }
  for _, word in ipairs { ... } do words[#words + 1] = env.word(word) end
  words[#words + 1] = "--store"
  words[#words + 1] = env.word(path)
  return env:command((table.unpack or unpack)(words))
end

local about = left.about

-- The keys of up to MOST jobs of some states; how many there are is told.
local function keys_of(env, jobs, path, query)
  local count, keys = 0, {}
  for job in jobs:each(query) do
    count = count + 1
    if count <= MOST then keys[count] = job.key end
  end
  if count > MOST then
    env.out:tell(("  and %d more: %s"):format(count - MOST, about(env, path, "list")))
  end
  return keys
end

---The words of a video: its prompt, or the texts of its content.
---@param job pomex.Job
---@return string|nil words
function left.words_of(job)
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
function left.prompt_of(job)
  local prompt = left.words_of(job)
  if not prompt then return nil end
  return errors.quoted(#prompt > 60
    and prompt:sub(1, 60):gsub("[\192-\255][\128-\191]*$", "") .. "…" or prompt)
end

---When the newest request of a job was sent.
---@param job pomex.Job with its attempts
---@return string
function left.sent_at(job)
  local last = job.attempts[#job.attempts]
  return last and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(last.begun)) or "?"
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

-- `unseen`: why no candidate was looked for. `others`: the keys to which each id is offered.
local function tell_unclear(env, path, job, candidates, unseen, others)
  local out, prompt = env.out, left.prompt_of(job)
  out:tell(("%s is unclear: attempt %d, sent %s.%s%s"):format(one_line(job.key), job.attempt,
    left.sent_at(job), prompt and (" Its prompt: %s."):format(prompt) or "",
    job.error and " " .. campaign.why(job.error):gsub(" %b()$", "")
    or " Its process ended before the answer was kept."))
  local last = job.attempts[#job.attempts]
  if last and last.task then
    out:tell "  it has an id, which only the key finds that it was made with:"
    return out:tell("    " .. about(env, path, "adopt", job.key, last.task))
  end
  for _, id in ipairs(candidates) do
    out:tell("  it may be this one:     " .. about(env, path, "adopt", job.key, id))
    local also = {}
    for _, key in ipairs(others and others[id] or {}) do
      if key ~= job.key then also[#also + 1] = one_line(key) end
    end
    if #also > 0 then
      out:tell("    also offered for " .. table.concat(also, ", ") .. ": one of them takes it")
    end
  end
  if #candidates == 0 then
    out:tell(("  %s; if the service's console has it:"):format(unseen
      and "candidates not looked for: " .. unseen or "no candidate is known"))
    out:tell("    " .. about(env, path, "adopt", job.key, "ID"))
  end
  out:tell("  if it is not there 15 minutes after that:")
  out:tell("    " .. about(env, path, "resend", job.key))
end

---What is known of an unclear job, and the commands that settle it.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param job pomex.Job with its attempts
function left.unclear(env, jobs, path, job)
  tell_unclear(env, path, job, candidates_of(env, jobs, job))
end

---The same of all that are unclear.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
function left.all_unclear(env, jobs, path)
  local list, others = {}, {}
  for _, key in ipairs(keys_of(env, jobs, path, { state = "unclear" })) do
    local job = jobs:get(key)
    if job then
      local candidates, unseen = candidates_of(env, jobs, job)
      list[#list + 1] = { job = job, candidates = candidates, unseen = unseen }
      for _, id in ipairs(candidates) do
        others[id] = others[id] or {}
        table.insert(others[id], key)
      end
    end
  end
  for _, each in ipairs(list) do
    tell_unclear(env, path, each.job, each.candidates, each.unseen, others)
  end
end

---Whether a person cancelled the job, and not the service its video.
---@param job pomex.Job with its attempts
---@return boolean
function left.is_cancelled_by_hand(job)
  local last = job.attempts[#job.attempts]
  return job.state == "cancelled"
    and not (last and last.stage == "ended" and last.task and last.task == job.task)
end

---What failed, expired or was cancelled.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param wanted table<string, boolean> the keys of the lines; others are not named once cancelled
---@return boolean only_by_hand a person cancelled all of it
function left.failed(env, jobs, path, wanted)
  local first, by_hand = nil, false
  for _, key in ipairs(keys_of(env, jobs, path,
    { state = { "failed", "cancelled", "expired" } })) do
    local job = jobs:get(key)
    if job and left.is_cancelled_by_hand(job) then
      by_hand = true
      if wanted[key] then env.out:tell(one_line(key) .. " was cancelled by hand") end
    elseif job then
      first = first or key
      env.out:tell(("%s %s%s"):format(one_line(key), job.state,
        job.error and ": " .. campaign.why(job.error) or ""))
    end
  end
  if not first then return by_hand end
  -- Where its line says something else by now, that is meant.
  local from = env.reworded and env.reworded[first]
  env.out:tell("  once more: " .. about(env, path, "retry", first, from and "--from", from))
  return false
end

-- A store that was put back has perhaps forgotten that the file is the job's own.
local function is_of_file(job)
  return job.error and job.error:find("there is a file at its name", 1, true)
end

---What is stuck.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
function left.stuck(env, jobs, path)
  for _, key in ipairs(keys_of(env, jobs, path, { stuck = true })) do
    local job = jobs:get(key)
    if job then
      env.out:tell(("%s is stuck: %s"):format(one_line(key), campaign.why(job.error
        or "three processes died over it")))
      if is_of_file(job) then
        env.out:tell("  look at that file; if it is this video, it is not to be billed again: "
          .. about(env, path, "adopt", key, "ID"))
        env.out:tell("  if it is another, move it away: " .. about(env, path, "retry", key))
      else
        env.out:tell("  once that is mended: " .. about(env, path, "retry", key))
      end
    end
  end
end

return left
