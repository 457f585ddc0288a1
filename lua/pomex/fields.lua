--- The fields of a generation's body that pomex knows, and what is known of their values: `model`
--- and `content` are the document's, the others the upstream's, and not promised
--- (spec/document/beyond-the-document.md). Any other field is sent as it is, unless its name is a
--- slip of one of these: the service makes and bills a video that misses what was meant.

local core = require "pomex.core"
local errors = require "pomex.errors"
local misuse = require "pomex.misuse"
local text = require "pomex.text"

local fields = {}

local NO_CONTENT = 'content = pomex.content():text "…", or { { type = "text", text = "…" } }'

local function within(least, most)
  return function(value)
    return type(value) == "number" and value >= least and value <= most
  end
end

local function one_of(names)
  local known = {}
  for name in names:gmatch "[^ ]+" do known[name] = true end
  return function(value) return known[value] ~= nil end
end

local function is_fast(body)
  return type(body.model) == "string" and body.model:find("fast", 1, true) ~= nil
end

local SIZES, FAST_SIZES = one_of "480p 720p 1080p", one_of "480p 720p"
local SECONDS = within(4, 15)

-- Of each field whose values are known: whether one is of them, and which they are.
local VALUES = {
  model = { one_of "byteplus/seedance-2.0 byteplus/seedance-2.0-fast",
    "byteplus/seedance-2.0 and byteplus/seedance-2.0-fast" },
  resolution = {
    function(value, body) return (is_fast(body) and FAST_SIZES or SIZES)(value) end,
    "480p, 720p or 1080p (fast: up to 720p)",
  },
  ratio = { one_of "16:9 4:3 1:1 3:4 9:16 21:9 adaptive",
    "16:9, 4:3, 1:1, 3:4, 9:16, 21:9 or adaptive" },
  duration = { function(value) return value == -1 or SECONDS(value) end,
    "4 to 15 seconds, or -1" },
  execution_expires_after = { within(3600, 259200), "3600 to 259200 seconds" },
  priority = { within(0, 9), "0 to 9" },
}

-- The names as they are compared: without what sets their words apart.
local KNOWN, PLAIN = {}, {}

local function plain(name)
  return (text.lower(name):gsub("[ _-]", ""))
end

for name in ([[model content resolution ratio duration frames generate_audio watermark
  return_last_frame seed callback_url execution_expires_after priority safety_identifier]])
  :gmatch "%S+" do
  KNOWN[name], PLAIN[name] = true, plain(name)
end

-- The field that a name is a slip of. One that the body has besides cannot be meant.
local function meant_by(name, body)
  local given = plain(name)
  for known, its in pairs(PLAIN) do
    local most = #known >= 8 and 2 or 1
    if body[known] == nil and math.abs(#given - #its) <= most
      and misuse.distance(given, its) <= most then
      return known
    end
  end
end

-- An option of a text, written beside it: the prompt would be read as any other.
local RAW = '"raw" is no field of the body: an end user\'s words, as they are, are '
  .. "content = pomex.content():text(words, { raw = true })"

---What is wrong with the name of a field; nil: nothing is.
---@param body table
---@return string|nil
function fields.misspelt(body)
  if type(body.raw) == "boolean" then return RAW end
  for name in next, body do
    local meant = not KNOWN[name] and type(name) == "string" and meant_by(name, body)
    if meant then
      return ("unknown field %s of the body (is it %s?)"):format(errors.quoted(name),
        errors.quoted(meant))
    end
  end
end

-- Fields that no text can be meant by, as csrc/core/rules/kinds.c has them.
local NO_TEXT = {
  duration = "a number", execution_expires_after = "a number", frames = "a number",
  generate_audio = "true or false", priority = "a number", return_last_frame = "true or false",
  seed = "a number", watermark = "true or false",
}

---What is wrong with the name of a field, or with a text that is no text; nil: nothing is.
---@param body table
---@return string|nil
function fields.wrong(body)
  local slip = fields.misspelt(body)
  if slip then return slip end
  for name, kind in pairs(NO_TEXT) do
    if type(body[name]) == "string" then
      return ("%s must be %s, not the text %s"):format(name, kind, errors.quoted(body[name]))
    end
  end
end

---Raises where the name of a field is a slip, or a number is given as a text, unless the call asks
---for no checks.
---@param where string
---@param body table a plain copy
---@param opts table|nil a checked copy
function fields.check(where, body, opts)
  if opts and opts.validate == false then return end
  local what = fields.wrong(body)
  if what then misuse.raise(where .. ": " .. what .. "; validate = false sends it as it is") end
end

---Refuses a body without `content`, as `{ prompt = "…" }`, by the document's rule, and says how it
---is written.
---@param body table a plain copy
---@param opts table|nil a checked copy
---@return table|nil body
---@return pomex.Error? err
function fields.require_content(body, opts)
  if body.content ~= nil or opts and opts.validate == false then return body end
  return errors.invalid("generations.create", "content is required", NO_CONTENT)
end

---Each value that is beyond what is known of its field. The service may take it all the same.
---@param body table
---@return string[]
function fields.doubts(body)
  local list = {}
  for name, rule in pairs(VALUES) do
    local value = body[name]
    if value ~= nil and value ~= core.null and not rule[1](value, body) then
      local shown = type(value) == "string" and errors.quoted(value) or errors.one_line(value)
      list[#list + 1] = ("%s is %s, and known are %s"):format(name, shown, rule[2])
    end
  end
  table.sort(list)
  return list
end

return fields
