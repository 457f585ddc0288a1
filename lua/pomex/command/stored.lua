--- What a store has of a manifest, for `pomex check`.

local bodies = require "pomex.jobs.body"
local canonical = require "pomex.jobs.canonical"
local errors = require "pomex.errors"
local json = require "pomex.json"
local text = require "pomex.text"

local stored = {}

-- What is said of a state; the others are under way.
local WORDS = { ready = "ready", done = "done", unclear = "unclear", failed = "failed",
  cancelled = "failed", expired = "failed" }

-- In this order they are told.
local NAMES = { "new", "changed", "ready", "under_way", "done", "failed", "unclear" }

-- Whether the line asks for what the job is.
local function is_same(job, entry)
  local kind = entry.video and "video" or "portrait"
  local kept = json.object(job.body or "")
  return kept ~= nil and canonical.line { price = kept.price,
    [kind] = bodies.plain(entry[kind], function() end) } == job.body
end

-- The jobs of the store by their keys. Raises where it cannot be asked.
local function all(jobs)
  local by_key = {}
  for job in jobs:each() do by_key[job.key] = job end
  return by_key
end

---The jobs of a store by the names that they save to.
---@param jobs pomex.Jobs
---@return table<string, pomex.Job>|nil
---@return pomex.Error? err the store cannot be asked
function stored.by_name(jobs)
  local names = {}
  local read, err = pcall(function()
    for job in jobs:each() do
      if job.save then names[job.save] = job end
    end
  end)
  if not read then return nil, err end
  return names
end

---What to say of a line whose name another job has.
---@param job pomex.Job
---@return string
function stored.has_name(job)
  return ("it is %s, which is %s: give this line another save"):format(
    errors.one_line(job.key), job.state)
end

---Lines that a run does not take, since another job of the store saves there.
---@param manifest pomex.Manifest
---@param jobs pomex.Jobs
---@return pomex.ManifestFault[]|nil
---@return pomex.Error? err the store cannot be asked
function stored.refused(manifest, jobs)
  local names, err = stored.by_name(jobs)
  if not names then return nil, err end
  local known, faults = {}, {}
  for _, job in pairs(names) do known[job.key] = true end
  for i, entry in ipairs(manifest.entries) do
    local job = entry.save and not known[entry.key] and names[entry.save]
    if job then
      faults[#faults + 1] = { line = manifest.lines[i], key = entry.key,
        message = "another job saves there; " .. stored.has_name(job) }
    end
  end
  return faults
end

---How many lines of a manifest are new to the store, say something else than the job that it has,
---and in which states the jobs of the others are.
---@param manifest pomex.Manifest
---@param jobs pomex.Jobs
---@return table<string, integer>|nil counts
---@return pomex.ManifestFault[]|pomex.Error changed those that a run leaves as they were begun
function stored.compare(manifest, jobs)
  local read, by_key = pcall(all, jobs)
  if not read then return nil, by_key end
  local counts, kept = {}, {}
  for _, name in ipairs(NAMES) do counts[name] = 0 end
  for i, entry in ipairs(manifest.entries) do
    local job = by_key[entry.key]
    local name = not job and "new" or not is_same(job, entry) and "changed"
      or WORDS[job.state] or "under_way"
    counts[name] = counts[name] + 1
    if name == "changed" and job.attempt > 0 then
      kept[#kept + 1] = { line = manifest.lines[i], key = entry.key, message =
        ("says something else than what was begun, which is %s and keeps its words"):format(
        job.state) }
    end
  end
  return counts, kept
end

---The counts in words: "2 new, 1 changed, 5 done".
---@param counts table<string, integer>
---@return string
function stored.words(counts)
  local parts = {}
  for _, name in ipairs(NAMES) do
    if counts[name] > 0 then
      parts[#parts + 1] = text.number("%.0f", counts[name]) .. " " .. name:gsub("_", " ")
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing of it"
end

return stored
