--- The bodies of jobs: what a caller writes is checked, and becomes what is sent.

local content = require "pomex.content"
local core = require "pomex.core"
local errors = require "pomex.errors"
local fields = require "pomex.fields"
local values = require "pomex.values"

local body = {}

-- Stands for an asset that is not there yet, while a body is checked.
local PLACEHOLDER = "asset-of-a-job"

-- The key of the portrait that an image names; nil: it is none of a job.
local function key_of(ref)
  return type(ref) == "string" and ref:match "^job:(.+)$" or nil
end

-- The same of a part of the content.
local function key_of_part(part)
  local image = type(part) == "table" and part.image_url
  return type(image) == "table" and key_of(image.url) or nil
end

---The keys of the portraits that a video needs, in order.
---@param video table
---@return string[]
function body.needs(video)
  local keys, seen = {}, {}
  local function need(key)
    if key and not seen[key] then
      seen[key] = true
      keys[#keys + 1] = key
    end
  end
  for _, ref in pairs(video.images or {}) do need(key_of(ref)) end
  for _, part in ipairs(type(video.content) == "table" and video.content or {}) do
    need(key_of_part(part))
  end
  table.sort(keys)
  return keys
end

-- The content with the assets of its portraits.
local function resolved(parts, assets)
  local needy = false
  for _, part in ipairs(type(parts) == "table" and parts or {}) do
    needy = needy or key_of_part(part) ~= nil
  end
  if not needy then return parts end
  local sent = {}
  for i, part in ipairs(parts) do
    local key = key_of_part(part)
    if key then
      local copy = {}
      for name, value in pairs(part) do copy[name] = value end
      copy.image_url = { url = "asset://" .. (assets and assets[key] or PLACEHOLDER) }
      part = copy
    end
    sent[i] = part
  end
  return sent
end

-- The same images have the same numbers at each try.
local function names_of(images)
  local names = {}
  for name in pairs(images) do
    if type(name) ~= "string" then
      return errors.invalid("jobs", "images must be a table of names")
    end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function build(video, assets)
  local builder = content.new():text(video.prompt)
  local names, err = names_of(video.images or {})
  if not names then return nil, err end
  for _, name in ipairs(names) do
    local ref = video.images[name]
    if type(ref) == "table" then ref = ref.id end
    local key = key_of(ref)
    if key then ref = assets and assets[key] or PLACEHOLDER end
    if type(ref) ~= "string" then
      return errors.invalid("jobs", "the image " .. errors.quoted(name) .. " is no asset")
    end
    builder:image(ref, name)
  end
  return builder:build()
end

---The body of a generation.
---@param video table as it was added
---@param assets? table<string, string> the asset of each portrait that it needs; nil: for a check
---@return table|nil body
---@return pomex.Error? err
function body.of_video(video, assets)
  local sent = {}
  for name, value in pairs(video) do
    if name ~= "prompt" and name ~= "images" then sent[name] = value end
  end
  if video.content == nil then
    if type(video.prompt) ~= "string" then
      return errors.invalid("jobs", "a video needs a prompt, or its content")
    end
    local parts, err = build(video, assets)
    if not parts then return nil, err end
    sent.content = parts
  elseif video.prompt ~= nil or video.images ~= nil then
    return errors.invalid("jobs", "a video has its content, or a prompt and images")
  else
    sent.content = resolved(video.content, assets)
  end
  return sent
end

-- 128 random bits, by which an upload is found whose answer was lost.
local function unique(name)
  local bits = ("%02x"):rep(16):format(core.random(16):byte(1, -1))
  return (name and name ~= "" and name .. "-" or "pomex-") .. bits
end

---The body of an upload; its name is its own.
---@param portrait table as it was added
---@return table body
function body.of_portrait(portrait)
  local sent = {}
  for name, value in pairs(portrait) do sent[name] = value end
  sent.name = unique(portrait.name)
  if sent.group_id == "" then sent.group_id = nil end -- the default Virtual group
  return sent
end

---Checks what a job asks for by all rules that are known here.
---@param kind "video"|"portrait"
---@param wanted table a plain copy
---@return boolean|nil fine
---@return pomex.Error? err
function body.check(kind, wanted)
  local sent, err
  if kind == "video" then
    sent, err = body.of_video(wanted)
  else
    sent = body.of_portrait(wanted)
  end
  if not sent then return nil, err end
  local slip = kind == "video" and fields.wrong(sent)
  if slip then return errors.invalid("jobs", slip) end
  local endpoint = kind == "video" and "generations.create" or "assets.create"
  local fine
  fine, err = core.check(endpoint, sent)
  if fine then return true end
  return nil, errors.wrap(err)
end

---A plain copy of what a caller gave.
---@param given table
---@param misfit fun(what: string)
---@return table
function body.plain(given, misfit)
  local flat = values.flat(given, {}, misfit)
  local parts = flat.content
  if content.is(parts) then
    local err
    flat.content, err = parts:parts(true)
    if err then misfit("content: " .. tostring(err)) end
  end
  if rawequal(flat.group_id, values.VIRTUAL) then flat.group_id = "" end
  return values.deep(flat, nil, misfit)
end

return body
