--- Builds the `content` of a generation: text, and images that the text names.
---
---     pomex.content()
---       :text("The person in {rachel} waves at {tom}.")  -- "The person in image 1 waves at …"
---       :image(asset, "rachel")
---       :image("asset-20260619150241-b8xd4", "tom")
---
--- The document wants images named by their position ("image 1"). The builder counts them, so that
--- the text stays right when an image is added before others. "image N" counts `image_url` parts
--- only, in their order. Document section: Generate a Video From an Asset.

local errors = require "pomex.errors"
local misuse = require "pomex.misuse"
local prompt = require "pomex.prompt"
local lower = require("pomex.text").lower
local values = require "pomex.values"

local quoted, invalid = errors.quoted, prompt.invalid

---@class pomex.ContentPart
---@field type "text"|"image_url"|"video_url"|"audio_url"
---@field text? string
---@field image_url? { url: string }
---@field video_url? { url: string }
---@field audio_url? { url: string }
---@field role? string

---@class pomex.TextOptions
---@field raw? boolean true: an end user's words, which are sent as they are: no {name}, no checks

---@class pomex.MediaOptions
---@field role? string default: of the method

---@class pomex.Content
local Content = {}
Content.__index = Content
Content.__name = "pomex.content"

local MAX_ID = 256

local function check_type(where, value, wanted, what)
  if type(value) ~= wanted then
    misuse.raise(("%s: %s must be a %s, not %s"):format(where, what, wanted, type(value)))
  end
end

local function check_options(where, options, known)
  if options == nil then return {} end
  check_type(where, options, "table", "options")
  options = values.flat(options, {}, function(what)
    misuse.raise(("%s: the options table %s"):format(where, what))
  end)
  for key in pairs(options) do
    if key ~= known then
      misuse.raise(("%s: unknown option %q; the only one is %q"):format(
        where, tostring(key), known))
    end
  end
  return options
end

---Adds a text part. `{name}` becomes "image N" of the image added under that name, before or
---after; `{{` is a brace. `build` refuses an "image 7" of three, but not an "image 50 mm lens
---look": `pomex.measure` says which numbers are no positions.
---@param text string UTF-8
---@param options? pomex.TextOptions
---@return pomex.Content self
function Content:text(text, options)
  check_type("content:text", text, "string", "text")
  options = check_options("content:text", options, "raw")
  if options.raw ~= nil then check_type("content:text", options.raw, "boolean", "raw") end
  self.entries[#self.entries + 1] = { kind = "text", text = text, raw = options.raw }
  return self
end

local function add_media(self, kind, ref, name, options, role)
  local where = "content:" .. kind
  if type(ref) == "table" then
    if type(ref.id) ~= "string" then
      misuse.raise(("%s: %s must be an asset with an id, not a table without one"):format(
        where, kind))
    end
  elseif type(ref) ~= "string" then
    misuse.raise(("%s: %s must be an asset, its id or a URL, not %s"):format(
      where, kind, type(ref)))
  end
  if name ~= nil then check_type(where, name, "string", "name") end
  options = check_options(where, options, "role")
  if options.role ~= nil then check_type(where, options.role, "string", "role") end
  self.entries[#self.entries + 1] = {
    kind = kind, ref = ref, name = name, role = options.role or role,
  }
end

---Adds an image.
---@param ref table|string an asset (as `assets:create` or `assets:wait` returned it), an asset
---  id, "asset://<id>", or a public https link (the document does not promise links here); in the
---  video of a job also "job:KEY", which is a portrait of its queue
---@param name? string by which texts name it, in braces
---@param options? pomex.MediaOptions role: default "reference_image". The service documents no
---  other, but is known to take "first_frame" and "last_frame"
---@return pomex.Content self
function Content:image(ref, name, options)
  add_media(self, "image", ref, name, options, "reference_image")
  return self
end

---Adds a video. Not documented by the service: it promises text and images only.
---@param ref table|string as for `image`
---@param options? pomex.MediaOptions role: default "reference_video"
---@return pomex.Content self
function Content:video(ref, options)
  add_media(self, "video", ref, nil, options, "reference_video")
  return self
end

---Adds a sound. Not documented by the service: it promises text and images only.
---@param ref table|string as for `image`
---@param options? pomex.MediaOptions role: default "reference_audio"
---@return pomex.Content self
function Content:audio(ref, options)
  add_media(self, "audio", ref, nil, options, "reference_audio")
  return self
end

-- The rule of the core for ids, which keeps one from reaching another path.
local function check_id(id)
  if id == "" or id == "." or id == ".." or #id > MAX_ID or id:find("[/\\%%%c%s]") then
    return invalid("not an asset id", ("asset id is %s; an asset, its id, asset://<id> or an "
      .. "https link is wanted (the service cannot read local files)"):format(
        errors.quoted_ref(id)))
  end
  return "asset://" .. id
end

local ASSET_TYPES = { image = "Image", video = "Video", audio = "Audio" }

local function asset_url(asset, kind)
  local wanted = ASSET_TYPES[kind]
  if asset.object ~= nil and asset.object ~= "video.asset" then
    return invalid("not an asset", ("%s is a %s"):format(quoted(asset.id), quoted(asset.object)))
  end
  if asset.asset_type ~= nil and asset.asset_type ~= wanted then
    return invalid(("asset %s is not of the type %s"):format(quoted(asset.id), wanted),
      "asset_type is " .. quoted(asset.asset_type))
  end
  if asset.status ~= nil and lower(tostring(asset.status)) ~= "active" then
    return invalid(("asset %s is not active"):format(quoted(asset.id)),
      ("status is %s; assets:wait returns it when it is active"):format(quoted(asset.status)))
  end
  return check_id(asset.id)
end

-- A portrait of a queue has an asset only when its job is done.
local function job_url(entry, for_job)
  if for_job and entry.kind == "image" then return entry.ref end
  return invalid(("%s is the portrait of a job"):format(errors.quoted_ref(entry.ref)),
    "as an image a video of jobs:add takes it; a generation takes the asset of a job that is done: "
      .. "jobs:get(key).task")
end

local function url_of(entry, for_job)
  local ref = entry.ref
  if type(ref) == "table" then return asset_url(ref, entry.kind) end
  if ref:find "^job:." then return job_url(entry, for_job) end
  local scheme, rest = ref:match("^([A-Za-z][0-9A-Za-z+.-]*)://(.*)$")
  if not scheme then return check_id(ref) end
  if scheme == "asset" then return check_id(rest) end
  if scheme ~= "https" or rest:find("[%c%s]") or not rest:find("^[^/?#]") then
    return invalid(("%s must be an asset or a public https link"):format(entry.kind),
      ("%s is %s"):format(entry.kind, errors.quoted_ref(ref)))
  end
  return ref
end

local function text_part(entry, positions, count, used)
  if entry.raw then return { type = "text", text = entry.text } end
  local text, err = prompt.expand(entry.text, positions, used)
  if not text then return nil, err end
  local ok
  ok, err = prompt.check_positions(text, count)
  if not ok then return nil, err end
  return { type = "text", text = text }
end

local function media_part(entry, for_job)
  local url, err = url_of(entry, for_job)
  if not url then return nil, err end
  local kind = entry.kind .. "_url"
  return { type = kind, [kind] = { url = url }, role = entry.role }
end

---The array to send, a new one at each call; the builder can be added to and built again.
---@return pomex.ContentPart[]|nil parts
---@return pomex.Error? err invalid_request_error: a name is missing, unused or given twice; a text
---  names a position after the last image; an asset is known not to be active, or is of another
---  type; a reference is neither an asset nor an https link
function Content:build()
  return self:parts(false)
end

---The parts; `for_job`: a portrait of a queue stays "job:KEY", which the queue puts an asset for.
---@private
---@param for_job boolean
---@return pomex.ContentPart[]|nil parts
---@return pomex.Error? err
function Content:parts(for_job)
  local positions, count = prompt.number(self.entries)
  if not positions then return nil, count end
  local parts, used = {}, {}
  for i, entry in ipairs(self.entries) do
    local part, err
    if entry.kind == "text" then
      part, err = text_part(entry, positions, count, used)
    else
      part, err = media_part(entry, for_job)
    end
    if not part then return nil, err end
    parts[i] = part
  end
  for _, entry in ipairs(self.entries) do
    if entry.name and not used[entry.name] then
      return invalid(("no text mentions {%s}"):format(errors.one_line(entry.name)),
        "an image that no text names needs no name")
    end
  end
  return parts
end

misuse.methods(Content, "content")

---@class pomex.ContentModule
---@operator call: pomex.Content
local content = {}

---An empty builder. `pomex.content()` is the same.
---@return pomex.Content
function content.new()
  return setmetatable({ entries = {} }, Content)
end

---Whether `x` is a builder (and not a plain array of parts, which is sent as it is).
---@param x any
---@return boolean
function content.is(x)
  return type(x) == "table" and rawequal(getmetatable(x), Content)
end

return setmetatable(content, { __call = content.new })
