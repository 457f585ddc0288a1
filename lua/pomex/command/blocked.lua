--- Videos that wait for portraits which will not come by themselves, and the way out.

local bodies = require "pomex.jobs.body"
local errors = require "pomex.errors"
local json = require "pomex.json"
local text = require "pomex.text"

local one_line = errors.one_line

-- The keys of portraits that are waited for, and by how many; none is active.
local function waited_for(jobs)
  local counts, keys = {}, {}
  for job in jobs:each { state = "ready" } do
    local entry = job.blocked > 0 and json.object(job.body)
    for _, key in ipairs(entry and entry.video and bodies.needs(entry.video) or {}) do
      if not counts[key] then keys[#keys + 1] = key end
      counts[key] = (counts[key] or 0) + 1
    end
  end
  return keys, counts
end

---Why a run whose rest waits for portraits has ended: these were begun at another service, and
---given up there. `retry` does not bring them here, so that another key is needed.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@return string why
---@return string command to type next
return function(env, jobs)
  -- A store that cannot be read says so to what comes next.
  local well, keys, counts = pcall(waited_for, jobs)
  if not well then keys, counts = {}, {} end
  for _, key in ipairs(keys) do
    local job = jobs:get(key)
    if job and job.state ~= "done" then
      local elsewhere = job.base_url and job.base_url ~= jobs.client:base_url()
      env.out:tell(("%s for %s, which is %s%s: give the line of %s another key, and name that as "
        .. "job:KEY in the lines that need it"):format(counts[key] == 1 and "1 video waits"
        or text.count(counts[key], "video") .. " wait", one_line(key), job.state,
        elsewhere and " and was begun at " .. one_line(job.base_url) or "", one_line(key)))
    end
  end
  return "some wait for a portrait that does not come",
    env:again() .. "   # once that portrait has another key"
end
