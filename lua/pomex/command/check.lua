--- `pomex check`: every line of a manifest is looked at, and nothing is sent.

local campaign = require "pomex.command.campaign"
local core = require "pomex.core"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local reading = require "pomex.command.reading"
local store = require "pomex.command.store"
local stored = require "pomex.command.stored"
local text = require "pomex.text"

local check = {}

---@param parser table
function check.describe(parser)
  page.describe(parser, {
    usage = "pomex check MANIFEST [--out FOLDER] [--model MODEL]",
    what = "Check every line of a manifest, and send nothing.",
    examples = { "pomex check spring.csv", "pomex check spring.jsonl --json" },
    more = "Each fault is told with its line: keys and files that stand twice or are there\n"
      .. "already, names that no image has, fields that there are not, what the service's\n"
      .. "rules refuse. Values that it perhaps refuses are warnings. Of a store that is there\n"
      .. "already it says what of the manifest is new, changed, done. No API key is needed.",
  })
  campaign.manifest(parser)
  campaign.store(parser, "Default: MANIFEST.jobs.db.")
end

-- Why a name cannot be saved to. To have the file replaced is no advice: it is perhaps paid for.
local function taken(file)
  local _, why = core.may_save(file, false)
  if not why then return file .. " is there already" end
  return (why.message:gsub(" %(overwrite = true replaces it%)",
    ", and is of no job of this store: look at it before you move it away"))
end

---Names that are taken by files which are not those of an earlier run, and portraits that neither
---the manifest nor the store has.
---@param manifest pomex.Manifest
---@param folder string that it saves to
---@param jobs pomex.Jobs|nil the store
---@return pomex.ManifestFault[]|nil
---@return pomex.Error? err the store cannot be asked
function check.faults(manifest, folder, jobs)
  local faults, portraits, unasked = {}, {}, nil
  for _, entry in ipairs(manifest.entries) do portraits[entry.key] = entry.portrait end
  -- A store that does not answer is no fault of a line, and is not asked for the next one.
  local function known(key, kind)
    if not jobs or unasked then return unasked end
    local job, err = jobs:get(key)
    if not job and err.type ~= "not_found_error" then unasked = err end
    return unasked or job and (not kind or job.kind == kind)
  end
  for i, entry in ipairs(manifest.entries) do
    local function fault(message)
      faults[#faults + 1] = { line = manifest.lines[i], key = entry.key, message = message }
    end
    local file = entry.save and folder .. "/" .. entry.save
    if file and campaign.exists(file) and not known(entry.key) then
      fault(taken(file))
    end
    for _, ref in pairs(entry.video and entry.video.images or {}) do
      local key = ref:match("^job:(.+)$")
      if key and not portraits[key] and not known(key, "portrait") then
        fault(("images: %s is no portrait of the manifest or of the store"):format(ref))
      end
    end
    if unasked then return nil, unasked end
  end
  return faults
end

-- Tells what a store that is there already has of the manifest.
local function compare(env, manifest, jobs, path)
  local counts, kept = stored.compare(manifest, jobs)
  if not counts then return nil, kept end
  reading.list_faults(env, manifest.path, kept, "warning")
  for name, count in pairs(counts) do env.fields[name] = count end
  env.out:say(("beside %s: %s"):format(env.word(path), stored.words(counts)))
  return {}
end

---The same, of the store that the command line names, if it is there.
---@param env pomex.CommandEnv
---@param manifest pomex.Manifest
---@param compares? boolean whether what the store has of it is told
---@return pomex.ManifestFault[]|nil
---@return integer? code where it is nil
function check.places(env, manifest, compares)
  local path, jobs = campaign.store_of(env.args), nil
  if campaign.is_store(path) then
    local code
    jobs, code = store.look(env, path)
    if not jobs then return nil, code end
  end
  local faults, err = check.faults(manifest, campaign.folder(env.args), jobs)
  if faults and #faults == 0 and jobs and compares then
    faults, err = compare(env, manifest, jobs, path)
  end
  if faults and #faults == 0 and jobs then faults, err = stored.refused(manifest, jobs) end
  if jobs then jobs:close() end
  if not faults then return nil, env:failed(err, env:again(), exits.STORE) end
  return faults
end

-- Tells each value that the service may refuse, and says how many there are.
local function warn(env, manifest)
  local doubts = reading.doubts(manifest)
  reading.list_faults(env, manifest.path, doubts, "warning")
  env.fields.warnings = #doubts
  return #doubts > 0 and ", " .. text.count(#doubts, "warning") or ""
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function check.run(args, env)
  local manifest, code = reading.read(env)
  if not manifest then return code end
  local faults
  faults, code = check.places(env, manifest, true)
  if not faults then return code end
  if #faults > 0 then return reading.tell_faults(env, args.manifest, faults) end
  env.fields.videos, env.fields.portraits = manifest.videos, manifest.portraits
  env.out:result(("%s: %s, no fault%s"):format(args.manifest,
    campaign.count(manifest.videos, manifest.portraits), warn(env, manifest)))
  env.out:next(campaign.following(env, "run"))
  return exits.DONE
end

return check
