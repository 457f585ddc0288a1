--- Verification sessions.

local calls = require "pomex.calls"
local options = require "pomex.options"

local KINDS, require_waitable = calls.KINDS, calls.require_waitable
local BODY = { callback_url = "string", lang = "string" }

---@class pomex.AsyncSessions
---@field client pomex.Client
local AsyncSessions = {}
AsyncSessions.__index = AsyncSessions

---As `client.sessions:create`.
---@param body pomex.SessionBody
---@param opts? pomex.CallOptions
---@return pomex.SessionOperation
function AsyncSessions:create(body, opts)
  body = options.sent("sessions:create", body, BODY, "body")
  opts = options.optional("sessions:create", opts, options.CALL)
  return calls.start(self.client, KINDS["sessions.create"], nil, body, opts)
end

---@class pomex.Sessions
---@field async pomex.AsyncSessions
local Sessions = {}
Sessions.__index = Sessions

---Starts the verification of a person. Send `h5_link` of the answer to their phone, byte for byte;
---it works for about 30 minutes. Document section: Create Verification Session.
---@param body pomex.SessionBody
---@param opts? pomex.CallOptions
---@return pomex.Session|nil session
---@return pomex.Error? err invalid_request_error (no https callback_url, unknown lang), …
function Sessions:create(body, opts)
  return require_waitable(self.async):create(body, opts):wait()
end

options.methods(AsyncSessions, "client.async.sessions")
options.methods(Sessions, "client.sessions")

return function(client, async)
  async.sessions = setmetatable({ client = client }, AsyncSessions)
  client.sessions = setmetatable({ async = async.sessions }, Sessions)
end
