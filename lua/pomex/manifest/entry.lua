--- One line of a manifest in its short form, as an entry for `jobs:add`.

local errors = require "pomex.errors"
local misuse = require "pomex.misuse"
local values = require "pomex.values"

local entry = {}

---What `model` may be called for short.
entry.MODELS = {
  fast = "byteplus/seedance-2.0-fast", standard = "byteplus/seedance-2.0",
}

-- The kind of each field, and which kind of job has it.
local FIELDS = {
  key = { "string" },
  prompt = { "string", "video" }, images = { "images", "video" }, model = { "string", "video" },
  duration = { "seconds", "video" }, ratio = { "string", "video" },
  resolution = { "string", "video" }, seed = { "whole", "video" }, set = { "set", "video" },
  save = { "string", "video" }, price = { "money", "video" },
  portrait = { "string", "portrait" }, group_id = { "string", "portrait" },
  name = { "string", "portrait" }, asset_type = { "string", "portrait" },
}

local function is_number(value, least)
  return type(value) == "number" and value >= least and value < math.huge
end

-- Of each kind: whether a value is of it, and its name.
local KINDS = {
  string = { function(v) return type(v) == "string" end, "a text" },
  seconds = { function(v) return is_number(v, 0) and v > 0 end, "a number of seconds above 0" },
  whole = { function(v) return type(v) == "number" and v % 1 == 0 end, "a whole number" },
  money = { function(v) return is_number(v, 0) end, "an amount of 0 or more" },
  images = { function(v) return type(v) == "table" and v[1] == nil end,
    "names with an asset each" },
  set = { function(v) return type(v) == "table" and v[1] == nil end, "fields with a value each" },
}

-- A value of CSV as what it stands for.
local function scalar(text)
  if text == "true" then return true end
  if text == "false" then return false end
  return tonumber(text) or text
end

local function number(text)
  return tonumber(text)
end

-- "rachel=asset-…;tom=job:tom-front"
local function images_of(text, fault)
  local images = {}
  for part in text:gmatch("[^;]+") do
    local name, asset = part:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    -- A link that no name stands before has a = in its query.
    if not name or name == "" or asset == "" or name:find("[/:].*%?") then
      if part:find("%S") then
        fault(("images: %s is not NAME=ASSET"):format(errors.quoted_ref(part)))
      end
    elseif images[name] then
      fault(("images: %s stands twice"):format(errors.quoted(name)))
    else
      images[name] = asset
    end
  end
  return images
end

local READ = { seconds = number, whole = number, money = number, images = images_of }

---The values of a record of CSV by the names of its columns. Empty fields are left out.
---@param columns string[]
---@param record string[]
---@param fault fun(message: string)
---@return table
function entry.of_record(columns, record, fault)
  local given = {}
  for i, column in ipairs(columns) do
    local value = record[i]
    local field = column:match("^set%.(.+)$")
    if value ~= "" and field then
      given.set = given.set or {}
      given.set[field] = scalar(value)
    elseif value ~= "" then
      local read = READ[FIELDS[column][1]]
      -- What cannot be read is judged as it stands.
      given[column] = read and read(value, fault) or value
    end
  end
  return given
end

---What is wrong with the name of a field.
---@param name string
---@param of_csv? boolean it is that of a column
---@return string
function entry.unknown(name, of_csv)
  local nearest = misuse.nearest(name, FIELDS)
  return ("there is no %s %s%s (others of the service's %s)"):format(
    of_csv and "column" or "field", errors.quoted(name),
    nearest and "; the nearest is " .. errors.quoted(nearest) or "",
    of_csv and "are called set.FIELD" or "go into set")
end

---@param name string
---@return boolean
function entry.is_column(name)
  return FIELDS[name] ~= nil and name ~= "set" or name:find("^set%..") ~= nil
end

-- Without these nothing more can be said of a line.
local NEEDED = { prompt = true, images = true, model = true, portrait = true, set = true }

---What is wrong with the name of a model; nil: it is one for short, or can be the service's.
---@param model string
---@return string|nil
function entry.wrong_model(model)
  if entry.MODELS[model] or model:find("/", 1, true) then return nil end
  return ('model must be fast, standard or a name like "%s", not %s'):format(
    entry.MODELS.fast, errors.quoted(model))
end

-- What is wrong with a field.
local function wrong_with(name, value, kind)
  local rule = FIELDS[name]
  if not rule then return entry.unknown(name) end
  if rule[2] and rule[2] ~= kind then return ("a %s has no %s"):format(kind, name) end
  if not KINDS[rule[1]][1](value) then
    return ("%s must be %s"):format(name, KINDS[rule[1]][2])
  end
  return name == "model" and entry.wrong_model(value) or nil
end

-- Whether a text can be an id of the service's. What those look like is not promised; but none has
-- an ellipsis, as a placeholder of an example has ("group-…"), or a character that is neither a
-- letter nor a digit nor one of "_-.:~".
local function can_be_id(text)
  return text:find("^[A-Za-z0-9_.:~-]+$") ~= nil and not text:find("..", 1, true)
end

-- What is wrong with an id; nil: it can be one.
local function wrong_id(name, id)
  if can_be_id(id) then return nil end
  return ("%s: %s is no id%s"):format(name, errors.quoted_ref(id),
    (id:find("…", 1, true) or id:find("...", 1, true)) and ", but a placeholder" or "")
end

-- What is wrong with an image: "job:KEY" and links are judged elsewhere.
local function wrong_image(name, ref)
  local is_link = ref:find("^%a[%w+.-]*://") and not ref:find("^asset://")
  if ref:find("^job:") or is_link then return nil end
  return wrong_id("images: " .. errors.quoted(name), (ref:gsub("^asset://", "")))
end

-- Takes out each field that is wrong. False: nothing more can be said of the line.
local function check_fields(given, kind, fault)
  local names, fine = {}, true
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local message = wrong_with(name, given[name], kind)
    if message then
      fault(message)
      given[name], fine = nil, fine and not NEEDED[name]
    end
  end
  for name, value in pairs(given.images or {}) do
    if type(name) == "string" and type(value) ~= "string" then
      fault(("images: %s must be an asset, \"job:KEY\" or a link"):format(errors.quoted(name)))
      fine = false
    elseif type(name) == "string" then
      local message = wrong_image(name, value)
      if message then fault(message) end
      fine = fine and not message
    end
  end
  local message = given.group_id and wrong_id("group_id", given.group_id)
  if message then fault(message) end
  fine = fine and not message
  return fine
end

local VIDEO = { "prompt", "images", "duration", "ratio", "resolution", "seed" }

local function video_of(given, defaults, fault)
  local video = {}
  for _, name in ipairs(VIDEO) do video[name] = given[name] end
  local model = given.model or defaults.model
  video.model = entry.MODELS[model] or model
  for name, value in pairs(given.set or {}) do
    if FIELDS[name] or name == "content" then
      fault(("set has %s, which is a field of its own"):format(errors.quoted(name)))
    else
      video[name] = value
    end
  end
  local save = given.save
  if not save and type(given.key) == "string" then
    save = (defaults.save or "{key}.mp4"):gsub("{key}", (given.key:gsub("%%", "%%%%")))
  end
  return { key = given.key, save = save, price = given.price, video = video }
end

---@param given table the fields of a line
---@param defaults { model?: string, save?: string } save: with {key}
---@param fault fun(message: string) is told what is wrong
---@return table|nil made nil: something is wrong with its fields
function entry.of(given, defaults, fault)
  local kind = given.portrait ~= nil and "portrait" or "video"
  if given.portrait ~= nil and given.prompt ~= nil then
    fault "there are a prompt and a portrait; a line has one of them"
    return nil
  end
  local empty = given.portrait == nil and given.prompt == nil
  local fine = check_fields(given, kind, fault)
  if empty then
    fault "there is neither a prompt nor a portrait"
    fine = false
  end
  if given.key == nil or given.key == "" then
    fault "the key is missing"
    fine = false
  end
  if not fine then return nil end
  if kind == "video" then return video_of(given, defaults, fault) end
  local group = given.group_id
  if group == "virtual" then group = values.VIRTUAL end
  return { key = given.key, portrait = { url = given.portrait, name = given.name,
    asset_type = given.asset_type or "Image", group_id = group } }
end

return entry
