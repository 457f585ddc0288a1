--- Bare HTTP for specs that look at the sandbox without the client in between.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local bare = {}

---@class BareReply
---@field status integer
---@field headers table<string, string> by lower-case name
---@field text string
---@field body any the text as JSON, or nil

---@param method string
---@param url string
---@param options? { key?: string, headers?: table, json?: any, text?: string, type?: string|false }
---@return BareReply
function bare.request(method, url, options)
  options = options or {}
  local text = options.text or options.json ~= nil and cjson.encode(options.json) or nil
  local headers = {}
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  if options.key then headers["Authorization"] = "Bearer " .. options.key end
  if text then
    headers["Content-Length"] = tostring(#text)
    if options.type ~= false then headers["Content-Type"] = options.type or "application/json" end
  end
  local parts = {}
  local ok, status, got = http.request {
    method = method, url = url, headers = headers, redirect = false,
    source = text and ltn12.source.string(text) or nil, sink = ltn12.sink.table(parts),
  }
  assert(ok, status)
  local answer = table.concat(parts)
  local decoded, body = pcall(cjson.decode, answer)
  return { status = status, headers = got, text = answer, body = decoded and body or nil }
end

---Percent-encodes one value of a query.
function bare.escape(text)
  return (tostring(text):gsub("[^%w_.-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return bare
