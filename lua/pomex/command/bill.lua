--- What a run is about to have billed, and the question about it. It is asked before anything is
--- put into the store: what is in there, every later run makes.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local exits = require "pomex.command.exits"
local json = require "pomex.json"
local reading = require "pomex.command.reading"
local text = require "pomex.text"

local bill = {}

---"2 videos and 1 portrait for at most 3.10".
---@param videos integer
---@param portraits integer
---@param entries pomex.JobEntry[] of both
---@param prices table<string, number>|nil
---@return string
function bill.words(videos, portraits, entries, prices)
  local what = campaign.count(videos, portraits)
  local sum, unknown = campaign.sum(entries, prices)
  if unknown > 0 or videos == 0 then return what end
  return ("%s for at most %s"):format(what, campaign.money(sum))
end

local function add(left, entry, is_other)
  left.entries[#left.entries + 1] = entry
  local name = entry.video and "videos" or "portraits"
  left[name] = left[name] + 1
  if is_other and entry.video then left.others = left.others + 1 end
end

-- What of the queue and of the manifest is yet to be begun. Raises where the store cannot be asked.
local function left_of(jobs, manifest)
  local left, wanted, known = { entries = {}, videos = 0, portraits = 0, others = 0 }, {}, {}
  local names = {}
  for _, entry in ipairs(manifest.entries) do wanted[entry.key] = entry end
  for job in jobs:each() do
    known[job.key] = true
    if job.save then names[job.save] = true end
    local entry = job.state == "ready" and not job.stuck
      and (job.attempt == 0 and wanted[job.key] or json.object(job.body))
    if entry then add(left, entry, not wanted[job.key]) end
  end
  for _, entry in ipairs(manifest.entries) do
    -- (What saves where another job does is not taken.)
    if not known[entry.key] and not (entry.save and names[entry.save]) then
      add(left, entry, false)
    end
  end
  return left
end

-- With --first only what was asked for is made.
local function refuse_others(env, jobs, path, left)
  local counts = jobs:counts()
  local cap = (counts and counts.videos or 0) + env.args.first
  return env:failed(("--first %d, but the store has %s %s yet to be made; a cap ends that: "
    .. "--max-videos"):format(env.args.first, text.count(left.others, "other video"),
    left.others == 1 and "that is" or "that are"),
    env:command("run", env.word(env.args.manifest), "--store", env.word(path), "--max-videos",
      ("%d"):format(cap)), exits.USAGE)
end

---Asks whether what is left may be billed, unless nothing is.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param manifest pomex.Manifest
---@param prices table<string, number>|nil
---@return integer|nil code nil: go on; else the reason has been told
function bill.ask(env, jobs, path, manifest, prices)
  local read, left = pcall(left_of, jobs, manifest)
  if not read then return env:failed(left, env:again(), exits.STORE) end
  if left.others > 0 and env.args.first then return refuse_others(env, jobs, path, left) end
  if left.others > 0 then
    env.out:tell(("%d of the videos %s in the store, and not in %s: %s"):format(left.others,
      left.others == 1 and "is" or "are", env.word(env.args.manifest),
      ends.about(env, path, "list", "--state", "ready")))
  end
  if left.videos == 0 then return nil end
  local doubts = #reading.doubts(manifest)
  if doubts > 0 then
    env.out:tell(("%s of values that the service may refuse: %s"):format(
      text.count(doubts, "warning"), campaign.following(env, "check")))
  end
  if left.portraits > 0 and not env.args.yes then
    env.out:tell(campaign.count(0, left.portraits)
      .. " will be uploaded first; no price for that is documented")
  end
  local _, code = env:confirm(bill.words(left.videos, 0, left.entries, prices))
  return code
end

return bill
