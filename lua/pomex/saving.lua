--- Saves what the service has a link of: a video, its last frame, an asset's own file.

local calls = require "pomex.calls"
local core = require "pomex.core"
local errors = require "pomex.errors"
local operation = require "pomex.operation"
local options = require "pomex.options"

local saving = {}

-- Why no file can have that path; nil: one can, as far as the path itself tells.
local function path_fault(path)
  if path == "" or path:find("%z") then
    local _, err = errors.invalid("download", "the path must be that of a file",
      "path is " .. errors.quoted(path))
    return err
  end
end

---Looks whether a download could save to `path` now.
---@param path string
---@param overwrite? boolean
---@return boolean|nil fits
---@return pomex.Error? err
function saving.may(path, overwrite)
  local err = path_fault(path)
  if err then return nil, err end
  local fits, why = core.may_save(path, overwrite)
  if fits then return true end
  return nil, errors.wrap(why)
end

-- A link that can be one; else the service is asked for it.
local function usable(link)
  if type(link) == "string" and link ~= "" and not link:find("%z") then return link end
end

local function start(client, kind, where, id, link, path, opts)
  options.expect(where, "path", path, "string")
  local err = path_fault(path)
  if err then return operation.already_failed(client.root, err, kind, id) end
  return calls.start_download(client, kind, id, usable(link), path, opts)
end

---Starts a download of a task's video or last frame.
---@param client pomex.Client
---@param task string|pomex.Generation
---@param path string
---@param opts? pomex.DownloadOptions
---@return pomex.FileOperation
function saving.of_task(client, task, path, opts)
  local where = "generations:download"
  opts = options.optional(where, opts, options.DOWNLOAD)
  local id = calls.id_of(where, "task", task)
  local last_frame = opts and opts.what == "last_frame"
  if last_frame and opts.hold then
    options.misuse(where .. ": hold is for videos, not for what = \"last_frame\"")
  end
  local content = type(task) == "table" and type(task.content) == "table" and task.content or {}
  return start(client, calls.KINDS.download, where, id,
    content[last_frame and "last_frame_url" or "video_url"], path, opts)
end

---Starts a download of an asset's own file.
---@param client pomex.Client
---@param asset string|pomex.Asset
---@param path string
---@param opts? pomex.AssetDownloadOptions
---@return pomex.FileOperation
function saving.of_asset(client, asset, path, opts)
  local where = "assets:download"
  opts = options.optional(where, opts, options.DOWNLOAD_ASSET) or {}
  local id = calls.id_of(where, "asset", asset)
  opts.what = "asset"
  return start(client, calls.KINDS.asset_download, where, id,
    type(asset) == "table" and asset.url, path, opts)
end

return saving
