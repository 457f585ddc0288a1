--- What a run leaves to a person: jobs that failed or are stuck, each with what to type; what is
--- unclear stands in unclear.lua.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local lines = require "pomex.command.lines"

local left = {}

local one_line = errors.one_line

---Of a video that failed, expired or was cancelled while it was made.
left.OF_FAILED = "whether a video that failed is billed, the service's document does not say: "
  .. "it is perhaps billed"

---So many jobs of a kind are named; `pomex jobs list` has them all.
left.MOST = 20

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

---The keys of up to MOST jobs of some states; how many there are is told.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param query table as `Jobs:each` takes it
---@return string[]
function left.keys_of(env, jobs, path, query)
  local count, keys = 0, {}
  for job in jobs:each(query) do
    count = count + 1
    if count <= left.MOST then keys[count] = job.key end
  end
  if count > left.MOST then
    env.out:tell(("  and %d more: %s"):format(count - left.MOST, about(env, path, "list")))
  end
  return keys
end

---Whether a person cancelled the job, and not the service its video.
---@param job pomex.Job with its attempts
---@return boolean
function left.is_cancelled_by_hand(job)
  local last = job.attempts[#job.attempts]
  return job.state == "cancelled"
    and not (last and last.stage == "ended" and last.task and last.task == job.task)
end

---Whether a job is a video that has an id and did not come about.
---@param job pomex.Job with its attempts
---@return boolean
function left.is_perhaps_billed(job)
  local last = job.attempts[#job.attempts]
  return job.kind == "video" and last ~= nil and last.stage == "ended" and last.task ~= nil
    and (job.state == "failed" or job.state == "expired" or job.state == "cancelled")
end

---What to do about a portrait that the service refused.
---@param env pomex.CommandEnv
---@param path string of the store
---@param job pomex.Job
---@param manifest? pomex.Manifest
---@return string command to type then
function left.refused(env, path, job, manifest)
  local words, file = lines.another_link(path, job, manifest)
  local command = about(env, path, "retry", job.key, "--from", file)
  env.out:tell(("  %s: %s"):format(words, command))
  return command
end

---What failed, expired or was cancelled.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param wanted table<string, boolean> the keys of the lines; others are not named once cancelled
---@param manifest? pomex.Manifest that was run
---@return boolean only_by_hand a person cancelled all of it
function left.failed(env, jobs, path, wanted, manifest)
  local first, by_hand, refused, perhaps = nil, false, false, false
  for _, key in ipairs(left.keys_of(env, jobs, path,
    { state = { "failed", "cancelled", "expired" } })) do
    local job = jobs:get(key)
    if job and left.is_cancelled_by_hand(job) then
      by_hand = true
      if wanted[key] then env.out:tell(one_line(key) .. " was cancelled by hand") end
    elseif job then
      env.out:tell(("%s %s%s"):format(one_line(key), job.state,
        job.error and ": " .. campaign.why(job.error) or ""))
      perhaps = perhaps or left.is_perhaps_billed(job)
      if lines.is_refused_portrait(job) then
        left.refused(env, path, job, manifest)
        refused = true
      else
        first = first or key
      end
    end
  end
  if perhaps then env.out:tell("  " .. left.OF_FAILED) end
  if not first then return by_hand and not refused end
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
  for _, key in ipairs(left.keys_of(env, jobs, path, { stuck = true })) do
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
