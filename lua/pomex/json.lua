--- The JSON of an answer as a Lua table. A null is an absent field, unknown fields stay, and whole
--- numbers are integers in the Luas that have them, whichever lua-cjson is installed.

local core = require "pomex.core"
local cjson = require "cjson"
local errors = require "pomex.errors"

local json = {}

local tidy, byte, find = core.tidy, string.byte, string.find
local BRACE, BRACKET = byte "{", byte "["

-- An instance of pomex's own, since the program can have set its own to anything. If this lua-cjson
-- can mark arrays, it does, so that an empty one from an answer is sent back as an array.
local function new()
  local own = cjson.new()
  own.decode_max_depth(64)
  own.decode_invalid_numbers(false)
  if own.decode_array_with_array_mt then own.decode_array_with_array_mt(true) end
  return own.decode
end

-- Whether the locale's decimal point has more than one byte, as that of ps_AF has: there `new` of
-- lua-cjson would end the program.
local function odd_point()
  return #core.decimal_point() ~= 1
end

local decode = odd_point() and core.plainly(new) or new()

-- Not 0.5: in such a locale Lua cannot read a fraction in a source file.
local HALF = 1 / 2

-- lua-cjson reads the locale's decimal point in `new`, and keeps it for every instance. Since then
-- the program can have changed the locale, or called another `new`, so a fraction is tried.
local function reads_fractions()
  local ok, half = pcall(decode, "0.5")
  return ok and half == HALF
end

local function decode_plainly(body)
  if not reads_fractions() then decode = new() end
  return decode(body)
end

local function read(body)
  if reads_fractions() then return decode(body) end
  if odd_point() then return core.plainly(decode_plainly, body) end
  decode = new()
  return decode(body)
end

-- OpenResty's lua-cjson marks tables that are arrays even when they are empty.
for _, name in ipairs { "empty_array", "empty_array_mt", "array_mt" } do
  local mark = cjson[name]
  if mark ~= nil then core.arrays[mark] = true end
end

-- The first byte that is no white space.
local function opener(body)
  local at = find(body, "[^ \t\r\n]")
  return at and byte(body, at)
end

local function unreadable(message, body, status, endpoint)
  return nil, errors.new("decode_error", {
    message = message, status = status, endpoint = endpoint, body = body:sub(1, 512),
    attempts = 1, retryable = false,
  })
end

local function parse(body, status, endpoint)
  local ok, value = pcall(read, body)
  if ok then return tidy(value) end
  -- The answer can be read when there is memory again, so this is no error of the answer.
  if value == "not enough memory" then error(value, 0) end
  return unreadable("the answer is not valid JSON: " .. tostring(value), body, status, endpoint)
end

---The object that `body` is.
---@param body string
---@param status? integer HTTP status, for the error
---@param endpoint? string "assets.get", for the error
---@return table|nil object
---@return pomex.Error? err decode_error
function json.object(body, status, endpoint)
  if byte(body, 1) ~= BRACE and opener(body) ~= BRACE then
    return unreadable("the answer is not a JSON object", body, status, endpoint)
  end
  return parse(body, status, endpoint)
end

--- The object that an operation of the core was answered with, which is released then. nil: whether
--- that is an object is for `json.object` to say.
---@param handle userdata
---@return table|nil object
function json.take(handle)
  return handle:take(decode)
end

---The page of a list that the document does not describe: its items may have either of two names.
---@param body string
---@param status? integer
---@param endpoint? string
---@param op? pomex.Operation whose answer it is
---@return table|nil page with `items`, with `total_count` where the service says how many, and with
---  `date`: when it answered by its own clock, seconds since 1970
---@return pomex.Error? err decode_error
function json.page(body, status, endpoint, op)
  local page, err = json.object(body, status, endpoint)
  if not page then return nil, err end
  if page.items == nil then page.items = page.data end
  if page.total_count == nil then page.total_count = page.total end
  if op and op.handle then page.date = op.handle:date() end
  if type(page.items) == "table" then return page end
  return unreadable("the list has neither items nor data", body, status, endpoint)
end

---The object or array that `body` is; an empty table for no body at all.
---@param body string
---@param status? integer
---@param endpoint? string
---@return table|nil value
---@return pomex.Error? err decode_error
function json.any(body, status, endpoint)
  if body == "" then return {} end
  if opener(body) ~= BRACKET then return json.object(body, status, endpoint) end
  return parse(body, status, endpoint)
end

return json
