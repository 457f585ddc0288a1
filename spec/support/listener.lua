--- A server that takes notices, for specs: on a free loopback port, one request at a time.

local cjson = require "cjson"
local socket = require "socket"

---@class Listener
---@field url string its origin
local listener = {}
listener.__index = listener

---@return Listener
function listener.new()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  return setmetatable({ server = server, url = ("http://127.0.0.1:%d"):format(port) }, listener)
end

---The next request, answered.
---@param timeout? number seconds to wait for it; 20
---@param status? integer to answer with; 200. 0: the connection is closed without an answer
---@return { method: string, path: string, body: string, json: any, type: string }|nil
function listener:take(timeout, status)
  self.server:settimeout(timeout or 20)
  local connection = self.server:accept()
  if not connection then return nil end
  connection:settimeout(20)
  local method, path = assert(connection:receive "*l"):match "^(%S+) (%S+) HTTP"
  local headers = {}
  for line in function() return assert(connection:receive "*l") end do
    local name, value = line:match "^([^:]+):%s*(.*)$"
    if not name then break end
    headers[name:lower()] = value
  end
  local body = assert(connection:receive(tonumber(headers["content-length"] or 0)))
  if status ~= 0 then
    connection:send(("HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"):format(
      status or 200))
  end
  connection:close()
  local decoded, json = pcall(cjson.decode, body)
  return { method = method, path = path, body = body, json = decoded and json or nil,
    type = headers["content-type"] }
end

---As many requests; raises if one does not come.
---@param count integer
---@return table[]
function listener:several(count)
  local taken = {}
  for i = 1, count do taken[i] = assert(self:take(), "only " .. i - 1 .. " came") end
  return taken
end

function listener:close()
  self.server:close()
end

return listener
