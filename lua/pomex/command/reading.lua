--- Reads a manifest for a command, and tells its faults.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local fields = require "pomex.fields"
local text = require "pomex.text"

local reading = {
  -- What a value of no known kind comes to.
  MAY_BE_REFUSED = ": the service may refuse it, or take another",
}

---Tells each fault of a manifest, with its line.
---@param env pomex.CommandEnv
---@param path string
---@param faults pomex.ManifestFault[]
---@param kind? "fault"|"warning" default: "fault"
function reading.list_faults(env, path, faults, kind)
  for _, fault in ipairs(faults) do
    local line = ("%s:%d: %s%s%s"):format(errors.one_line(path), fault.line,
      kind == "warning" and "warning: " or "",
      fault.key and errors.quoted(fault.key) .. ": " or "",
      -- Of the library alone, and no advice where the file is perhaps paid for.
      (errors.one_line(fault.message):gsub(" %(overwrite = true replaces it%)", "")))
    if env.out.json then
      env.out:change { type = kind or "fault", file = path, line = fault.line, key = fault.key,
        message = fault.message }
    else
      env.out:tell(line)
    end
  end
end

---Each value of a manifest that the service may refuse, with its line.
---@param manifest pomex.Manifest
---@return pomex.ManifestFault[]
function reading.doubts(manifest)
  local doubts = {}
  for i, entry in ipairs(manifest.entries) do
    for _, message in ipairs(entry.video and fields.doubts(entry.video) or {}) do
      doubts[#doubts + 1] = { line = manifest.lines[i], key = entry.key,
        message = message .. reading.MAY_BE_REFUSED }
    end
  end
  return doubts
end

---Tells each fault of a manifest, and that nothing was sent.
---@param env pomex.CommandEnv
---@param path string
---@param faults pomex.ManifestFault[]
---@return integer code
function reading.tell_faults(env, path, faults)
  reading.list_faults(env, path, faults)
  env.fields.faults = #faults
  return env:failed(("%s: %s; nothing was sent"):format(path,
    text.count(#faults, "fault")), campaign.following(env, "check"), exits.USAGE)
end

-- The first videos, and the portraits that they need.
local function first_of(manifest, count)
  local needed, kept, videos = {}, { entries = {}, lines = {} }, 0
  for _, entry in ipairs(manifest.entries) do
    if entry.video and videos < count then
      videos = videos + 1
      for _, ref in pairs(entry.video.images or {}) do
        local key = ref:match("^job:(.+)$")
        if key then needed[key] = true end
      end
    end
  end
  videos = 0
  for i, entry in ipairs(manifest.entries) do
    local wanted = needed[entry.key] and entry.portrait
    if entry.video and videos < count then
      videos, wanted = videos + 1, true
    end
    if wanted then
      kept.entries[#kept.entries + 1] = entry
      kept.lines[#kept.lines + 1] = manifest.lines[i]
    end
  end
  kept.path, kept.videos, kept.portraits = manifest.path, videos, #kept.entries - videos
  return kept
end

---Reads the manifest. Where there is a store, portraits that no line has may be there.
---@param env pomex.CommandEnv
---@return pomex.Manifest|nil
---@return integer? code where it is nil: the faults have been told
function reading.read(env)
  local args = env.args
  local _, save = campaign.folder(args)
  local stored = campaign.is_store(campaign.store_of(args))
  local manifest, err = require("pomex.manifest").read(args.manifest, { model = args.model,
    save = save, has_portrait = stored and function() return true end or nil })
  if manifest then return args.first and first_of(manifest, args.first) or manifest end
  if err.faults then return nil, reading.tell_faults(env, args.manifest, err.faults) end
  return nil, env:failed(err, env:command(args.command, "--help"), exits.USAGE)
end

---Faults of `jobs:add` as those of the manifest's lines.
---@param manifest pomex.Manifest
---@param faults table[]
---@return pomex.ManifestFault[]
function reading.at_lines(manifest, faults)
  local list = {}
  for i, fault in ipairs(faults) do
    list[i] = { line = manifest.lines[fault.at], key = fault.key, message = fault.message,
      begun = fault.begun, save = manifest.entries[fault.at].save }
  end
  return list
end

return reading
