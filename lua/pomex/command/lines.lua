--- The line of a manifest that a job of a store is made by.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local json = require "pomex.json"
local place = require "pomex.jobs.place"

local lines = {}

---The manifest that a store stands beside.
---@param path string of the store
---@return string|nil
function lines.manifest_of(path)
  local file = not place.is_url(path) and path:match("^(.*)%.jobs%.db$")
  return file and campaign.exists(file) and file or nil
end

---A manifest as it is now, for what stands in its lines.
---@param path string
---@return pomex.Manifest|nil
---@return pomex.Error? err
function lines.read(path)
  return require("pomex.manifest").read(path, { model = "fast",
    has_portrait = function() return true end })
end

---The entry of a key.
---@param manifest pomex.Manifest|nil
---@param key string
---@return pomex.JobEntry|nil entry
---@return integer? line
function lines.find(manifest, key)
  for i, entry in ipairs(manifest and manifest.entries or {}) do
    if entry.key == key then return entry, manifest.lines[i] end
  end
end

---Whether a job is a portrait that the service refused: it does so again, of the same picture.
---@param job pomex.Job
---@return boolean
function lines.is_refused_portrait(job)
  return job.kind == "portrait" and job.state == "failed" and job.error ~= nil
    and job.error:find("^asset_failed") ~= nil
end

---What a person does about a portrait that was refused, before typing `jobs retry --from`.
---@param path string of the store
---@param job pomex.Job
---@param manifest? pomex.Manifest nil: the one beside the store
---@return string words
---@return string file of the manifest
---@return boolean? changed its line has another link by now
function lines.another_link(path, job, manifest)
  local file = manifest and manifest.path or lines.manifest_of(path)
  local entry, line = lines.find(manifest or file and lines.read(file), job.key)
  if not line then
    return "put another link into its line of the manifest, then", file or "MANIFEST"
  end
  local stored = json.object(job.body)
  local url = stored and stored.portrait and stored.portrait.url
  if entry.portrait and entry.portrait.url ~= url then
    return ("line %d of %s has another link by now"):format(line, errors.one_line(file)), file, true
  end
  return ("put another link into line %d of %s, then"):format(line, errors.one_line(file)), file
end

return lines
