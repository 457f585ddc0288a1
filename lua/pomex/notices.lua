--- Notices: the service POSTs to the `callback_url` of a generation's body when its task changes.
---
--- A notice is not signed, may come twice, late, out of order or before the answer to the create,
--- and may never come. So it is a reason to look, and never a fact. What is sure of it is its path,
--- which holds what you said when you made the URL, and a signature of it.
--- (spec/document/beyond-the-document.md, "Notices")

local base64url = require "pomex.base64url"
local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"
local options = require "pomex.options"
local lower = require("pomex.text").lower

local expect, misuse = options.expect, options.misuse

---@class pomex.NoticesOptions
---@field secret string at least 32 random bytes, the same in every process; never the API key
---@field previous_secret? string the secret before: URLs signed with it are still accepted
---@field base string "https://app.example/notices": where the service can reach you; http only for
---  a loopback address

---@class pomex.NoticesModule
local notices = {}

---@class pomex.Notices
local Notices = {}
Notices.__index = Notices
Notices.__name = "pomex.notices"

-- The keys are kept apart from the object, so that code which prints or stores it has none.
local private = setmetatable({}, { __mode = "k" })

local LABEL = "pomex notice v1"
local MIN_SECRET, MAX_TAG, MAX_BASE, MAX_PATH, MAX_BODY = 32, 256, 1024, 4096, 64 * 1024
local MAX_ID = 256

-- What is signed has one length, so that its signature takes one time.
local SIGNED = 512

-- A key of its own for each base: a URL of another app with the same secret is none of this one's.
local function key_of(name, secret, base)
  expect("notices.new", name, secret, "string")
  if #secret < MIN_SECRET then
    misuse(("notices.new: %s must have at least %d bytes, not %d"):format(
      name, MIN_SECRET, #secret))
  end
  return core.hmac_sha256(secret, ("%s %d:%s"):format(LABEL, #base, base))
end

local function signature(key, name)
  local signed = ("%d:%s"):format(#name, name)
  return base64url.encode(core.hmac_sha256(key, signed .. ("."):rep(SIGNED - #signed)))
end

-- The base and its path, each without a slash at the end; raises where no service could call it.
local function place(base)
  expect("notices.new", "base", base, "string")
  local scheme, host, path = base:match(
    "^(https?)://([^/?#@%s]+)([A-Za-z0-9._~!$&'()*+,;=:@%%/-]*)$")
  local loopback = host and (host:find "^127%.[%d.]+:?%d*$" or host:find "^%[::1%]:?%d*$"
    or lower(host):find "^localhost:?%d*$")
  if not host or path:find "^[^/]" or #base > MAX_BASE or scheme == "http" and not loopback then
    misuse(("notices.new: base must be an https URL of at most %d bytes, without a query"):format(
      MAX_BASE))
  end
  path = path:gsub("/+$", "")
  return scheme .. "://" .. host .. path, path
end

local function refused(status, reason, message, hint)
  local _, err = errors.invalid(nil, message, hint)
  err.status, err.reason = status, reason
  return nil, err
end

local function own(self)
  return private[self] or misuse("a pomex.notices object is expected (a method is called with a "
    .. "colon, not a dot)")
end

---The `callback_url` of one generation's body. Nothing is kept: the same tag has the same URL in
---every process, also after a restart.
---@param tag string what a notice is to be known by, at most 256 bytes: your own name of the call.
---  Whoever sees the URL can read it
---@return string callback_url
function Notices:url(tag)
  local mine = own(self)
  expect("notices:url", "tag", tag, "string")
  if tag == "" or #tag > MAX_TAG then
    misuse(("notices:url: tag must have 1 to %d bytes, not %d"):format(MAX_TAG, #tag))
  end
  local name = base64url.encode(tag)
  return ("%s/%s.%s"):format(mine.base, name, signature(mine.keys[1], name))
end

-- The tag of a path that `url` made; nil for any other, after the same work.
local function tag_of(mine, path)
  local before, name, given = path:match("^[^?#]*"):sub(1, MAX_PATH):match(
    "^(.*)/([A-Za-z0-9_-]+)%.([A-Za-z0-9_-]+)$")
  local shaped = before == mine.path and #name <= SIGNED - 8
  if not shaped then name, given = "", "" end
  local right = false
  for _, key in ipairs(mine.keys) do right = core.equal(given, signature(key, name)) or right end
  return right and shaped and base64url.decode(name) or nil
end

-- An id stands in the paths of requests.
local function usable(id)
  return type(id) == "string" and id ~= "" and id ~= "." and id ~= ".." and #id <= MAX_ID
    and not id:find "[/\\%%?#%z\1-\31\127]"
end

local function id_in(body)
  local notice = json.object(body)
  local id = notice and notice.id
  return usable(id) and id or nil
end

---Reads a request that came to your endpoint. Answer 200 with an empty body at once, or, where
---there is an error, with its `status`.
---@param path string as it came, with or without its query (nginx: `ngx.var.request_uri`)
---@param method string
---@param body string|nil at most 64 KiB; nil where there is none
---@return string|nil tag what the URL was made of: this alone is proved
---@return string|pomex.Error|nil id of a task, as the notice says it: a candidate, until a look at
---  it (`generations:get`) says more. nil: the notice has none. Without a tag: an
---  invalid_request_error with `status` (404, 405, 413) and `reason` ("path", "method", "size")
function Notices:receive(path, method, body)
  local mine = own(self)
  expect("notices:receive", "path", path, "string")
  expect("notices:receive", "method", method, "string")
  if body ~= nil then expect("notices:receive", "body", body, "string") end
  local tag = tag_of(mine, path)
  if not tag then
    return refused(404, "path", "no notice is expected at this path", "notices:url did not make it")
  end
  if method ~= "POST" then
    return refused(405, "method", "a notice comes by POST", "it was another method")
  end
  if body and #body > MAX_BODY then
    return refused(413, "size", "the notice is too long",
      ("it has %d bytes; at most %d are read"):format(#body, MAX_BODY))
  end
  return tag, id_in(body or "{}")
end

---Whether a value is what `new` returned.
---@param value any
---@return boolean
function notices.is(value)
  return private[value] ~= nil
end

---@return string
function Notices:__tostring()
  return ("pomex notices (%s)"):format(own(self).base)
end

local NEW = { secret = "string", previous_secret = "string", base = "string" }

---Makes the URLs of notices, and knows them again. Raises on a secret of fewer than 32 bytes.
---@param given pomex.NoticesOptions
---@return pomex.Notices
function notices.new(given)
  given = options.check("notices.new", given, NEW)
  local mine = {}
  mine.base, mine.path = place(given.base)
  mine.keys = { key_of("secret", given.secret, mine.base) }
  if given.previous_secret ~= nil then
    mine.keys[2] = key_of("previous_secret", given.previous_secret, mine.base)
  end
  local self = setmetatable({}, Notices)
  private[self] = mine
  return self
end

---Where nginx has several workers: what `generations:nudge` is told in one of them, the others
---learn through a `lua_shared_dict`. For the option `nudges` of `pomex.new`.
---@param dict table `ngx.shared.NAME`
---@param prefix? string of its keys; "pomex.nudge:"
---@return pomex.Nudges
function notices.shared_dict(dict, prefix)
  return require("pomex.nudges").shared_dict(dict, prefix)
end

return notices
