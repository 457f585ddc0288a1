--- `client.async`: the same calls as the client's, each of which returns an operation at once.

local calls = require "pomex.calls"
local check_request = require "pomex.request"
local errors = require "pomex.errors"
local operation = require "pomex.operation"
local options = require "pomex.options"
local spend = require "pomex.spend"

-- The path of what makes a video.
local CREATES = "^/+v1/+video/+generations/*$"

local REQUEST = { query = "table", body = "any", headers = "headers" }

---@class pomex.Async
---@field sessions pomex.AsyncSessions
---@field assets pomex.AsyncAssets
---@field generations pomex.AsyncGenerations
---@field client pomex.Client
local Async = {}
Async.__index = Async

---As `client:request`.
---@param method string
---@param path string
---@param parts? pomex.RequestParts
---@param opts? pomex.CallOptions
---@return pomex.RequestOperation
function Async:request(method, path, parts, opts)
  options.expect("client:request", "method", method, "string")
  options.expect("client:request", "path", path, "string")
  parts = options.optional("client:request", parts, REQUEST)
  opts = options.optional("client:request", opts, options.CALL)
  if parts then check_request("client:request", parts) end
  if method:find("%z") or path:find("%z") then
    local _, err = errors.invalid("request", "the method and the path must not hold a NUL byte")
    return operation.already_failed(self.client, err, calls.KINDS.request)
  end
  local function start() return calls.start_request(self.client, method, path, parts, opts) end
  local creates = self.client.spending and method:upper() == "POST" and path:find(CREATES)
  if not creates then return start() end
  return spend.starting(self.client, calls.KINDS.request,
    type(parts and parts.body) == "table" and parts.body or {}, start)
end

options.methods(Async, "client.async")

local async = {}

---Gives a new client `client.async`, and its resources.
---@param client pomex.Client
function async.install(client)
  client.async = setmetatable({ client = client }, Async)
  for _, name in ipairs { "sessions", "assets", "generations" } do
    require("pomex." .. name)(client, client.async)
  end
end

return async
