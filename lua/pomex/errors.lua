--- Errors: a call that fails returns `nil, err`.
---
--- An error is a plain table with the fields below. `tostring(err)` is one line for a log: without
--- line breaks and control bytes, never with the body of an answer, nor with a link's query.

---@alias pomex.ErrorType
---| "invalid_request_error"  # 400, or refused here by the same rule (`client = true`)
---| "authentication_error"   # 401
---| "not_found_error"        # 404
---| "rate_limit_error"       # 429
---| "upstream_error"         # 502
---| "unavailable_error"      # 503
---| "api_error"              # any other HTTP status
---| "connection_error"       # the network
---| "file_error"             # a local file that cannot be written
---| "timeout_error"          # a budget or a deadline ran out
---| "decode_error"           # a body that is not what it should be
---| "ambiguous_error"        # perhaps a POST was carried out; it was not sent again
---| "asset_failed"           # the service's own "failed" of an asset
---| "generation_failed"      # the service's own "failed" of a generation
---| "cancel_failed"          # a generation that is not queued, and so was not cancelled
---| "verification_failed"    # the callback said that the scan did not succeed
---| "cancelled_error"        # you asked, and nothing that leaves a trace had been sent
---| "store_error"            # the store of jobs
---| "spend_error"            # the client may not spend that much (pomex.new's `spend`)
---| "late_error"             # send_by passed before anything was sent
---| "memory_error"           # an allocation failed

---"no": nothing was asked for that costs money, or it was not done. "maybe": pomex cannot know; or
---the generation failed, expired or was cancelled. "yes": the generation was made; `id` is its id.
---@alias pomex.Billed "no"|"maybe"|"yes"

---Document section: Error Handling.
---@class pomex.Error
---@field type pomex.ErrorType
---@field message string what happened, in the document's words where it has some
---@field status? integer HTTP status of the last answer
---@field endpoint? string "assets.get", …
---@field attempts? integer how often it was tried; 0: nothing was sent
---@field retryable? boolean the same call can succeed later, and to repeat it is safe
---@field retry_after? number seconds that the service asked for
---@field billed? pomex.Billed is a video paid for? (Of the callback's errors: nil)
---@field maybe_billed? boolean `billed ~= "no"`
---@field cause? pomex.ErrorType of an ambiguous_error: the type that it would have had
---@field hint? string the value at fault, or how to go on
---@field client? boolean refused here; nothing was sent
---@field proxy? boolean true: the proxy failed, and not the service
---@field id? string of the asset or generation that the call was about
---@field last_status? string of a wait that ran out of time, or a cancel: the last status seen
---@field object? pomex.Asset|pomex.Generation|table the service's answer, where it says "failed"
---@field candidates? string[] of an ambiguous upload or generation: the ids of assets, or of tasks,
---  that can be it
---@field file? pomex.File of create_and_wait: the video's, where only its last frame was not saved
---@field body? string the first 512 bytes of an answer that has no error in it
---@field request_id? string the X-Request-Id of the answer
---@field operation? integer `event.operation` of its events: the operation's `:id()`
---@field service_code? string the service's own `error.code`, also of what failed
---@field service_type? string the service's own `error.type`
---@field reason? string callbacks with a state: "expired", "used", … (pomex.CallbackVerifier)

local text_of = require "pomex.text"

local number, character_at = text_of.number, text_of.character_at

---@class pomex.ErrorsModule
local errors = {}

-- The message of an answer can have megabytes; a log line must not.
local MAX_TEXT = 1000

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- Bytes that are no UTF-8, the C1 controls and the two line separators of Unicode become \xNN,
-- since a terminal or a log viewer can act on any of them.
local function clean_high(run)
  local out, i = {}, 1
  while i <= #run do
    local character = character_at(run, i)
    if character and not character:find("^\226\128[\168\169]") then
      out[#out + 1], i = character, i + #character
    else
      out[#out + 1], i = hex(run:sub(i, i)), i + 1
    end
  end
  return table.concat(out)
end

---`text` on one line: control bytes, and bytes that are no UTF-8, become \xNN; cut after 1,000
---bytes.
---@param text any
---@return string
function errors.one_line(text)
  text = type(text) == "number" and number("%s", text) or tostring(text)
  local cut = #text > MAX_TEXT
  if cut then
    -- Not within a character: its first bytes alone would be shown as \xNN.
    text = text:sub(1, MAX_TEXT):gsub("[\192-\255][\128-\191]*$", "")
  end
  text = text:gsub("[%z\1-\31\127]", hex):gsub("[\128-\255]+", clean_high)
  return cut and text .. "…" or text
end

---`text` with what may be secret in a link cut: its query and fragment, often a signature, and a
---name and password. A log must not have them.
---@param text any
---@return any text the same, where it is no string
function errors.unsigned(text)
  if type(text) ~= "string" or not text:find("://", 1, true) then return text end
  text = text:gsub("([Hh][Tt][Tt][Pp][Ss]?://[^%s\"?#]*[?#])[^%s\"]+", "%1…")
  return (text:gsub("([Hh][Tt][Tt][Pp][Ss]?://)[^%s\"/?#]*@", "%1…@"))
end

local function facts(err)
  local list = {}
  local function add(value, format)
    if value ~= nil and value ~= "" then
      list[#list + 1] = format:format(errors.one_line(value))
    end
  end
  add(err.endpoint, "%s")
  add(err.id, "id %s")
  add(err.status ~= 0 and err.status or nil, "HTTP %s")
  add(err.cause, "%s")
  if err.attempts and err.attempts ~= 0 then
    add(err.attempts, err.attempts == 1 and "%s attempt" or "%s attempts")
  end
  add(err.last_status, "last status %s")
  add(err.retry_after, "retry after %s s")
  local billed = err.billed == "yes" and "billed" or err.maybe_billed and "maybe billed"
  add(billed or nil, "%s")
  add(err.service_code, "code %s")
  if err.service_type ~= err.type then add(err.service_type, "the service's type %s") end
  add(err.request_id, "request_id %s")
  return table.concat(list, ", ")
end

-- So many ids of candidates are named in a line.
local NAMED = 3

---What the request that is in doubt may have made: " (it may be cgt-…)", or nothing.
---@param err pomex.Error
---@return string
function errors.candidates_of(err)
  local list, named = err.candidates, {}
  if type(list) ~= "table" or #list == 0 then return "" end
  for i = 1, math.min(#list, NAMED) do named[i] = errors.one_line(list[i]) end
  local more = #list > NAMED and (" or one of %d more"):format(#list - NAMED) or ""
  return (" (it may be %s%s)"):format(table.concat(named, more == "" and " or " or ", "), more)
end

local metatable = { __name = "pomex.error" }

function metatable.__tostring(err)
  local line = errors.one_line(err.type or "error")
  if err.message ~= nil and err.message ~= "" then
    line = line .. ": " .. errors.unsigned(errors.one_line(err.message))
  end
  if err.hint ~= nil and err.hint ~= "" then
    line = line .. " (" .. errors.unsigned(errors.one_line(err.hint)) .. ")"
  end
  line = line .. errors.candidates_of(err)
  local known = facts(err)
  return known == "" and line or line .. " [" .. known .. "]"
end

function metatable.__concat(a, b)
  return tostring(a) .. tostring(b)
end

---Makes an error of a table that has the fields above.
---@package
---@param fields table
---@return pomex.Error err the same table
function errors.wrap(fields)
  return setmetatable(fields, metatable)
end

---@package
---@param kind pomex.ErrorType
---@param fields? table the other fields; copied
---@return pomex.Error
function errors.new(kind, fields)
  local err = { type = kind }
  for key, value in pairs(fields or {}) do err[key] = value end
  return errors.wrap(err)
end

---Has the error say whether a video is paid for.
---@package
---@param err pomex.Error
---@param billed pomex.Billed
---@return pomex.Error err the same
function errors.bill(err, billed)
  err.billed, err.maybe_billed = billed, billed ~= "no"
  return err
end

---An invalid_request_error of pomex's own, before anything is sent.
---@package
---@param endpoint? string "generations.create", …
---@param message string
---@param hint? string the value at fault, or what to do instead
---@return nil
---@return pomex.Error
function errors.invalid(endpoint, message, hint)
  return nil, errors.bill(errors.new("invalid_request_error", {
    message = message, hint = hint, endpoint = endpoint,
    client = true, attempts = 0, retryable = false,
  }), "no")
end

---`text` on one line, without what is secret in a link, and in quotes, for messages.
---@param text any
---@return string
function errors.quoted(text)
  return '"' .. errors.one_line(errors.unsigned(text)) .. '"'
end

---The same of what should be an id or a link, as the core shows it: one without its scheme, or with
---a space in it, has a signature, too.
---@param ref string
---@return string
function errors.quoted_ref(ref)
  return errors.quoted((ref:gsub("([/:][^?#]*[?#]).+$", "%1…")))
end

---Whether `x` is an error of pomex's.
---@param x any
---@return boolean
function errors.is(x)
  return type(x) == "table" and rawequal(getmetatable(x), metatable)
end

return errors
