--- The URLs of callbacks: which of them a browser sends back byte for byte.

local callback = require "pomex.callback"
local errors = require "pomex.errors"
local options = require "pomex.options"
local lower = require("pomex.text").lower

local urls = {}

local MAX_BASE = 8 * 1024

-- Unlike a notice's, the service takes no such URL, not even of a loopback address: the client and
-- the sandbox refuse it as well.
local NO_HTTP = ", with https: the service takes no other callback_url. To try it on a server with "
  .. "http, keep such an origin, and ask that server for the path of the URL"

---An invalid_request_error with a `reason`. No message shows the state, the subject or a value of
---the query.
---@param reason string "malformed", "mismatch", …
---@param message string
---@param hint string
---@return nil
---@return pomex.Error
function urls.invalid(reason, message, hint)
  local _, err = errors.invalid(nil, message, hint)
  err.reason = reason
  return nil, err
end

local invalid = urls.invalid

-- The origin as browsers write it, and the path as it is; nil if it is no https URL that a browser
-- would send back unchanged.
local function split(url)
  local scheme, authority, path = url:match("^([A-Za-z][0-9A-Za-z+.-]*)://([^/?#\\]*)([^?#]*)")
  if not scheme or lower(scheme) ~= "https" then return nil end
  local host, port = authority:match("^([A-Za-z0-9._-]+):?(%d*)$")
  if not host then host, port = authority:match("^(%[[0-9A-Fa-f:.]+%]):?(%d*)$") end
  if not host or (tonumber(port) or 0) > 65535 then return nil end
  local number = tonumber(port) or 443
  return "https://" .. lower(host) .. (number ~= 443 and (":%d"):format(number) or ""), path
end

---The origin that an option names; raises on anything else.
---@param where string
---@param origin any
---@return string
function urls.origin(where, origin)
  options.expect(where, "origin", origin, "string")
  local known, path = split(origin)
  if not known or (path ~= "" and path ~= "/") or origin:find("[?#]") then
    options.misuse(('%s: origin must be like "https://app.example"%s'):format(where,
      lower(origin):find "^http://" and NO_HTTP or ""))
  end
  return known
end

local function has_bad_escape(text)
  return text:find("%%%X") or text:find("%%%x%X") or text:find("%%%x?$")
end

-- Whether a browser sends the path back byte for byte.
local function is_stable(path)
  if path:find("[^A-Za-z0-9._~!$&'()*+,;=:@%%/-]") or has_bad_escape(path) then return false end
  for segment in path:gmatch("[^/]+") do
    local plain = segment:gsub("%%2[eE]", ".")
    if plain == "." or plain == ".." then return false end
  end
  return true
end

-- What the service appends, of one letter each.
local SAMPLE = "resultCode=10000&group_id=g&verify_type=v&algorithmBaseRespCode=0"
  .. "&reqMeasureInfoValue=1"

---Takes the base of a callback_url apart.
---@param base string
---@param expected? string the origin that it must have
---@return string|nil origin
---@return string|pomex.Error path ends with a slash, and a state is appended to it
---@return string? tail its query and fragment
function urls.base(base, expected)
  local origin, path = split(base)
  if not origin or #base > MAX_BASE or base:find("[%c ]") then
    return invalid("base", "callback_url must be a valid https URL",
      ("the base: https, a host and a path, no user, at most %d bytes"):format(MAX_BASE))
  end
  if not is_stable(path) then
    return invalid("base", "a browser would change the path of the base",
      "escape what must be escaped, and leave out \".\" and \"..\"")
  end
  if expected and expected ~= origin then
    return invalid("base", "the base is not of the origin that callback.new was told", expected)
  end
  local tail = base:match("^[^?#]*(.*)$")
  local query = tail:match("^%?([^#]*)") or ""
  if has_bad_escape(query) or query:find("%%00") then
    return invalid("base", "the query of the base would spoil the callback: many servers refuse it",
      "it holds a % that two hexadecimal digits do not follow, or a NUL")
  end
  local fine, err = callback.parse_unverified("?" .. query .. "&" .. SAMPLE)
  if not fine then
    return invalid("base", "the query of the base would spoil the callback: " .. err.message,
      err.hint)
  end
  if path:sub(-1) ~= "/" then path = path .. "/" end
  return origin, path, tail
end

---Takes the URL or the path apart that a browser asked for.
---@param text string
---@param expected? string the origin that it must have; needed where `text` is a path
---@return string|nil origin
---@return string|pomex.Error path
function urls.place(text, expected)
  if text:find("^/") then
    return expected or options.misuse("callback:verify: a path alone was given: say `origin`, to "
      .. "callback.new or here"), text:match("^[^?#]*")
  end
  local origin, path = split(text)
  if origin and (not expected or expected == origin) then return origin, path end
  if text:find("^[A-Za-z][0-9A-Za-z+.-]*://") then
    return invalid("mismatch", "the callback came to another origin than its URL was made for",
      "give the path with its query alone where a proxy changes scheme or host")
  end
  return invalid("malformed", "a query alone holds no state: it is in the path",
    "give the whole URL, or the path with its query (nginx: ngx.var.request_uri)")
end

return urls
