--- The signed one-time `state` in a callback_url, and the check of it when a browser returns.
---
--- The state proves that this very callback_url was made by your app, for this subject, less than
--- an hour ago, and was not used before. It does not prove that the service sent the group_id
--- beside it: the redirect passes through the person's browser, which can change it. So an app must
--- also turn away a group that already belongs to another user, and should ask
--- `client.assets:confirm_group`.
--- Document section: Verification Callback (Your Endpoint).

local base64url = require("pomex.base64url").encode
local callback = require "pomex.callback"
local core = require "pomex.core"
local errors = require "pomex.errors"
local options = require "pomex.options"
local stores = require "pomex.callback.store"
local urls = require "pomex.callback.url"

local floor = math.floor
local check, expect, misuse = options.check, options.expect, options.misuse
local invalid = urls.invalid

---@class pomex.CallbackOptions
---@field secret string at least 32 random bytes, the same in every process; never the API key
---@field previous_secret? string the secret before: states signed with it are still accepted
---@field store? pomex.CallbackStore default: this process's memory, which raises where nginx has
---  several workers
---@field origin? string "https://app.example"; needed if `verify` gets paths
---@field ttl? number seconds for which a state is valid; 3600, at most a day
---@field skew? number seconds by which clocks may differ; 60, at most an hour
---@field now? fun(): number seconds since 1970; default: this machine's clock

---@class pomex.CallbackVerifier
local Verifier = {}
Verifier.__index = Verifier
Verifier.__name = "pomex.callback"

-- The secrets are kept apart from the verifier, so that code which prints or stores it has none.
local private = setmetatable({}, { __mode = "k" })

local LABEL = "pomex callback state v1"
local MIN_SECRET, MAX_TTL, MAX_SKEW = 32, 86400, 3600
local MAX_RETURN = 16 * 1024

-- Each part follows its length, so that no two lists of parts make the same bytes.
local function mac(key, ...)
  local parts = { ... }
  for i = 1, #parts do parts[i] = #parts[i] .. ":" .. parts[i] end
  return base64url(core.hmac_sha256(key.secret, table.concat(parts)))
end

local function key_of(name, secret)
  expect("callback.new", name, secret, "string")
  if #secret < MIN_SECRET then
    misuse(("callback.new: %s must have at least %d bytes, not %d"):format(
      name, MIN_SECRET, #secret))
  end
  return { secret = secret, id = base64url(core.hmac_sha256(secret, "kid")):sub(1, 8) }
end

local function own(self)
  return private[self] or misuse("a pomex.callback object is expected (a method is called with a "
    .. "colon, not a dot)")
end

local function subject_of(where, opts, known)
  opts = check(where, opts, known)
  expect(where, "subject", opts.subject, "string")
  if opts.subject == "" then misuse(where .. ": subject must not be empty") end
  return opts.subject, opts
end

local BASE = { subject = "string" }
local RETURN = { subject = "string", origin = "string" }

---A callback_url for one session: `base` with a signed state as the last segment of its path.
---@param base string https URL of your endpoint; its query and fragment stay, but are not signed,
---  so put anything that says who is being verified into the path, or into your own session
---@param opts { subject: string } who is being verified, by the name that your app uses; not empty
---@return string|nil callback_url for one call of `client.sessions:create`
---@return pomex.Error? err invalid_request_error: `base` is no URL that comes back unchanged
function Verifier:url(base, opts)
  local mine = own(self)
  expect("callback:url", "base", base, "string")
  local subject = subject_of("callback:url", opts, BASE)
  local origin, path, tail = urls.base(base, mine.origin)
  if not origin then return nil, path end
  local key = mine.key
  local expires = ("%.0f"):format(floor(mine.now() + mine.ttl))
  local nonce = base64url(core.random(16))
  local signature = mac(key, LABEL, key.id, expires, nonce, origin, path, subject)
  return origin .. path .. table.concat({ "v1", key.id, expires, nonce, signature }, ".") .. tail
end

local function time_is_right(mine, expires)
  local now = mine.now()
  if now > expires + mine.skew then
    return invalid("expired", "the state of this callback has expired",
      "start a new session for this person")
  end
  if expires > now + mine.ttl + mine.skew then
    return invalid("future", "the state of this callback is too new to be true",
      "it was signed by a clock that is ahead of this one, or with a longer ttl")
  end
  return true
end

local function claim(mine, nonce, expires)
  local ok, claimed, why = pcall(mine.store.claim, mine.store, nonce, expires)
  if ok and claimed == true then return true end
  if ok and claimed == false then
    return invalid("used", "the state of this callback was used before",
      "start a new session for this person")
  end
  -- Nothing but `true` counts as true: an adapter that returns Redis's 0 lets nobody in.
  if not ok then why = claimed end
  why = why ~= nil and tostring(why) or "it gave neither true nor false"
  return nil, errors.new("connection_error", {
    message = "the store of used states does not work", reason = "store", retryable = true,
    hint = (why:gsub(nonce:gsub("%-", "%%-"), "…")),
  })
end

---Reads a callback to a URL that `url` made, and no other. The state is used up last of all: a
---callback that is turned away, or says that the scan failed, leaves it as it was, so that the
---person can scan again on the same page.
---@param text string what the browser asked for, as it came: the whole URL, or the path with its
---  query (nginx: `ngx.var.request_uri`), at most 1 MiB
---@param opts { subject: string, origin?: string } subject: who came back, by your own session or
---  by the path of your base; origin: of the URL that was made, if `text` is a path
---@return pomex.Callback|nil person
---@return pomex.Error? err invalid_request_error, with `reason`: "malformed", "key" (no secret of
---  ours), "mismatch" (forged, or another subject, path or origin), "expired", "future", "used";
---  connection_error, "store"; else as `parse_unverified`: verification_failed, …
function Verifier:verify(text, opts)
  local mine = own(self)
  if type(text) ~= "string" then
    misuse("callback:verify: the raw URL or path is needed (nginx: ngx.var.request_uri), not "
      .. type(text))
  end
  local subject
  subject, opts = subject_of("callback:verify", opts, RETURN)
  local expected = mine.origin
  if opts.origin ~= nil then expected = urls.origin("callback:verify", opts.origin) end
  if #text > MAX_RETURN then
    return invalid("malformed", "the callback's URL is too long",
      ("it has %d bytes; at most %d are read"):format(#text, MAX_RETURN))
  end
  local origin, path = urls.place(text, expected)
  if not origin then return nil, path end
  local before, state = path:match("^(.*/)([^/]*)$")
  local id, digits, nonce, signature =
    (state or ""):match("^v1%.([0-9A-Za-z_-]+)%.([1-9]%d*)%.([0-9A-Za-z_-]+)%.([0-9A-Za-z_-]+)$")
  if not id then
    return invalid("malformed", "the callback's path does not end in a state",
      "was its URL made by callback:url?")
  end
  local key = mine.keys[id]
  if not key then
    return invalid("key", "the state of this callback was signed with another secret",
      "neither secret nor previous_secret of this process")
  end
  if not core.equal(signature, mac(key, LABEL, id, digits, nonce, origin, before, subject)) then
    return invalid("mismatch", "the state of this callback is not for this subject and URL",
      "it was forged or changed, or is another person's, another path's or another origin's")
  end
  local expires = tonumber(digits)
  local ok, err = time_is_right(mine, expires)
  if not ok then return nil, err end
  local person
  person, err = callback.parse_unverified(text)
  if not person then return nil, err end
  ok, err = claim(mine, nonce, expires + mine.skew)
  if not ok then return nil, err end
  return person
end

function Verifier:__tostring()
  return ("pomex callback verifier (key %s)"):format(own(self).key.id)
end

local function can_claim(store)
  local ok, method = pcall(function() return store.claim end)
  return ok and type(method) == "function"
end

local NEW = { secret = "string", previous_secret = "string", store = "object", origin = "string",
  ttl = "seconds", skew = "span", now = "callable" }

local state = {}

---@param given pomex.CallbackOptions
---@return pomex.CallbackVerifier
function state.new(given)
  given = check("callback.new", given, NEW)
  local key = key_of("secret", given.secret)
  local mine = { key = key, keys = { [key.id] = key }, ttl = 3600, skew = 60,
    now = given.now or core.wall }
  if given.previous_secret ~= nil then
    local previous = key_of("previous_secret", given.previous_secret)
    mine.keys[previous.id] = previous
  end
  for name, most in pairs { ttl = MAX_TTL, skew = MAX_SKEW } do
    if given[name] ~= nil then
      if given[name] > most then
        misuse(("callback.new: %s must be at most %d seconds"):format(name, most))
      end
      mine[name] = given[name]
    end
  end
  if given.origin ~= nil then mine.origin = urls.origin("callback.new", given.origin) end
  mine.store = given.store
  if mine.store == nil then
    mine.store = stores.memory()
  elseif not can_claim(mine.store) then
    misuse("callback.new: store must have a method claim(nonce, expires); for a lua_shared_dict, "
      .. "pomex.callback.shared_dict(dict)")
  end
  local self = setmetatable({}, Verifier)
  private[self] = mine
  return self
end

return state
