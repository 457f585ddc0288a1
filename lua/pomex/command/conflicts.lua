--- Lines of a manifest that say something else than what was begun: why, and what to type.

local ends = require "pomex.command.ends"
local reading = require "pomex.command.reading"
local stored = require "pomex.command.stored"

local conflicts = {}

local FAILED = { failed = true, cancelled = true, expired = true }

-- Whether `pomex jobs retry` gave the job other words.
local function is_reworded(jobs, key)
  for _, event in ipairs(jobs:events { key = key } or {}) do
    if event.name == "retry" and event.text then return true end
  end
  return false
end

-- Whether `retry` takes the line as it is now: not where its newest request was perhaps carried
-- out.
local function can_be_retried(job)
  local last = job.attempts[#job.attempts]
  return FAILED[job.state] and not (last and (last.stage == "out" or last.stage == "task"))
end

---Tells each line that the store did not take. `env.refused` is afterwards how many of them have no
---job; nil: none. `env.reworded` has afterwards the keys of those that
---say something else than what was begun, each with the manifest.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param manifest string its path
---@param faults pomex.ManifestFault[]
function conflicts.tell(env, jobs, path, manifest, faults)
  env.reworded = {}
  local kept, names, refused = false, nil, 0
  for _, fault in ipairs(faults) do
    local job = fault.begun and jobs:get(fault.key)
    if fault.begun then env.reworded[fault.key] = manifest end
    if not fault.begun then
      names = names or stored.by_name(jobs) or {}
      local other = names[fault.save]
      if other then fault.message = fault.message .. "; " .. stored.has_name(other) end
      if not jobs:get(fault.key) then refused = refused + 1 end
    end
    if job and can_be_retried(job) then
      fault.message = ("%s; it is %s, and this makes it as the line says: %s"):format(fault.message,
        job.state, ends.about(env, path, "retry", job.key, "--from", manifest))
    elseif job and is_reworded(jobs, fault.key) then
      fault.message = fault.message .. "; it was retried with other words, and keeps those"
    else
      kept = kept or fault.begun
    end
  end
  if refused > 0 then env.refused, env.fields.refused = refused, refused end
  reading.list_faults(env, manifest, faults)
  if kept then env.out:say "what was begun keeps its words; another key makes another job" end
end

return conflicts
