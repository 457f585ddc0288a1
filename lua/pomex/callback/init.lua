--- Reads the redirect with which the person's browser comes back to your callback_url.
---
--- The redirect has no signature and passes through a browser that is not yours, so that everybody
--- who can reach your callback can make up a group_id. Hence the name `parse_unverified`: before
--- you bind the group to a user, make sure that this user's browser started the session.
--- `callback.new` does that with a signed one-time state in the callback_url.
--- Document section: Verification Callback (Your Endpoint).

local errors = require "pomex.errors"
local misuse = require "pomex.misuse"

---@class pomex.Callback
---@field group_id string the asset group of this person; persist it
---@field result_code "10000"
---@field verify_type? string "real_time", …; nil: the redirect did not say
---@field upstream_code? string the upstream sub-code, for diagnostics
---@field billed? boolean whether this verification was billed; nil: the redirect did not say

---@class pomex.CallbackModule
local callback = {}

-- Reading takes time for each parameter. No server reads an address as long as this.
local MAX_QUERY = 1024 * 1024
local MAX_KNOWN = 16 * 1024 -- bytes of the parameters below, together
local MAX_ID = 256

local KNOWN = {
  resultCode = true, group_id = true, verify_type = true,
  algorithmBaseRespCode = true, reqMeasureInfoValue = true,
}

-- No message shows a value of the query except the codes: a log must not have a group_id in it.
local function invalid(message, hint)
  return errors.invalid(nil, message, hint)
end

local function is_escaped_badly(text)
  return text:find("%%%X") or text:find("%%%x%X") or text:find("%%%x?$")
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- A whole URL, a path with a query ("/cb?…"), or the query alone, with or without its "?".
local function query_of(text)
  if text:find("^[A-Za-z][0-9A-Za-z+.-]*://") or text:find("^/") then
    text = text:gsub("#.*$", "")
    return text:match("%?(.*)$") or ""
  end
  return (text:gsub("^%?", ""))
end

local function too_long(size, most)
  return invalid("the callback's query is too long",
    ("it has %d bytes; at most %d are read"):format(size, most))
end

-- Takes one of the known parameters into `fields`. A NUL ends a text for whoever reads it in C.
local function take(fields, key, value)
  if fields[key] then
    return invalid("the callback's query names a parameter twice", key)
  end
  if value:find("\0", 1, true) then
    return invalid("the callback's query holds a NUL", "in " .. key)
  end
  fields[key] = value
  fields.size = fields.size + #key + #value
  if fields.size > MAX_KNOWN then return too_long(fields.size, MAX_KNOWN) end
  return true
end

-- A parameter that nobody needs holds anything: the scan is perhaps paid for, and its result must
-- not be lost because of a "%" in somebody else's parameter. A second "?" separates like a "&": the
-- service may append its query to a callback_url that has one already.
local function from_string(text)
  if #text > MAX_QUERY then return too_long(#text, MAX_QUERY) end
  local fields = { size = 0 }
  for pair in query_of(text):gmatch("[^&?]+") do
    local raw_key, raw_value = pair:match("^([^=]*)=?(.*)$")
    local key = decode(raw_key)
    if KNOWN[key] then
      if is_escaped_badly(raw_value) then
        return invalid("the callback's query has a bad escape", "in " .. key)
      end
      local ok, err = take(fields, key, decode(raw_value))
      if not ok then return nil, err end
    end
  end
  return fields
end

local function from_table(args)
  local fields = { size = 0 }
  for key in pairs(KNOWN) do
    local value = args[key]
    if type(value) == "table" then
      return invalid("the callback's query names a parameter twice", key)
    end
    if value == true then value = "" end
    if value ~= nil then
      if type(value) ~= "string" then
        misuse.raise(("callback.parse_unverified: %s must be a string, not %s"):format(
          key, type(value)))
      end
      local ok, err = take(fields, key, value)
      if not ok then return nil, err end
    end
  end
  return fields
end

local function filled(value)
  if value ~= "" then return value end
end

local function billing(flag)
  if flag == "1" then return true end
  if flag == "0" then return false end
end

local function short(text)
  return errors.quoted(#text > 64 and text:sub(1, 64) .. "…" or text)
end

local PRE_RECORD = "the verification used a pre-recorded video, which gives no usable group"
local USE_REAL_TIME = "verify_type is \"pre_record\"; create a new session and have the person "
  .. "scan live (real_time)"

local function failed(fields, message, hint)
  return nil, errors.new("verification_failed", {
    message = message, hint = hint, retryable = false,
    object = {
      result_code = fields.resultCode,
      upstream_code = filled(fields.algorithmBaseRespCode),
      verify_type = filled(fields.verify_type),
      billed = billing(fields.reqMeasureInfoValue),
    },
  })
end

-- The group_id will stand in the paths and queries of requests, so the rule for ids holds for it.
local function usable_id(id)
  return id ~= "." and id ~= ".." and #id <= MAX_ID and not id:find("[/\\%%%z\1-\31\127]")
end

local function judge(fields)
  local code = fields.resultCode
  if not code then
    return invalid("resultCode is missing from the callback's query",
      "was this a redirect of the verification page?")
  end
  if fields.verify_type == "pre_record" then
    return failed(fields, PRE_RECORD, USE_REAL_TIME)
  end
  if code ~= "10000" then
    local sub = filled(fields.algorithmBaseRespCode)
    return failed(fields, "the person was not verified: resultCode is " .. short(code),
      sub and "algorithmBaseRespCode is " .. short(sub) or nil)
  end
  local group_id = filled(fields.group_id)
  if not group_id then
    return invalid("group_id is missing from the callback's query",
      "resultCode says success, and a success carries one")
  end
  if not usable_id(group_id) then
    return invalid("group_id in the callback's query cannot be an id",
      ("it is \"..\", longer than %d bytes, or holds a slash, a percent sign or a control byte")
        :format(MAX_ID))
  end
  return {
    group_id = group_id, result_code = code, verify_type = filled(fields.verify_type),
    upstream_code = filled(fields.algorithmBaseRespCode),
    billed = billing(fields.reqMeasureInfoValue),
  }
end

---Reads a callback. Nothing in it is proved: see the top of this file.
---@param query string|table the raw query (best: exactly what the browser sent), a whole URL
---  or its path with the query, at most 1 MiB; or, weaker, a table of decoded values such as
---  OpenResty's `ngx.req.get_uri_args()`: a table as a value is a parameter given twice,
---  `true` one without a value. Such a table no longer shows bad escapes, nor what was cut, nor
---  what stands behind a second "?". Only the service's five parameters are looked at
---@return pomex.Callback|nil person
---@return pomex.Error? err verification_failed: the scan did not succeed (`object` has
---  result_code, upstream_code, verify_type and billed), or was pre-recorded;
---  invalid_request_error: this is no callback of the service
function callback.parse_unverified(query)
  local fields, err
  if type(query) == "string" then
    fields, err = from_string(query)
  elseif type(query) == "table" then
    fields, err = from_table(query)
  else
    misuse.raise("callback.parse_unverified: query must be a string or a table, not "
      .. type(query))
  end
  if not fields then return nil, err end
  return judge(fields)
end

---Makes a verifier, which signs callback_urls and checks what comes back to them. Raises on a
---secret of fewer than 32 bytes.
---@param given pomex.CallbackOptions
---@return pomex.CallbackVerifier
function callback.new(given)
  return require("pomex.callback.verifier").new(given)
end

---A store of used states in a `lua_shared_dict`: see `pomex.callback.store`.
---@param dict table `ngx.shared.NAME`
---@param prefix? string of its keys
---@return pomex.CallbackStore
function callback.shared_dict(dict, prefix)
  return require("pomex.callback.store").shared_dict(dict, prefix)
end

---A store of used states in this process's memory, the default: see `pomex.callback.store`.
---@param most? integer
---@return pomex.CallbackStore
function callback.memory(most)
  return require("pomex.callback.store").memory(most)
end

return callback
