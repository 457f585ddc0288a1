--- Starts pomex-sandbox for specs that know nothing of pomex: a shell, a fifo, luasocket.

local cjson = require "cjson"
local http = require "spec.support.http"
local shell = require "spec.support.shell"
local socket = require "socket"

---@class SandboxProcess
---@field url string
---@field key string
---@field token string
---@field pid integer
---@field host string
---@field port integer
local process = {}
process.__index = process

function process.binary()
  return assert(os.getenv("POMEX_SANDBOX_BIN"), "POMEX_SANDBOX_BIN must name pomex-sandbox")
end

---@param arguments? string[] after --port 0 --json --watch-stdin --quiet
---@param key? string
---@return SandboxProcess
function process.start(arguments, key)
  local fifo = os.tmpname()
  -- A sanitizer that the tests run below is not for shells; the sandbox has its own.
  local words = { "env -u LD_PRELOAD", key and "POMEX_SANDBOX_KEY=" .. key or "",
    shell.quote(process.binary()),
    "--port 0 --json --watch-stdin --quiet" }
  for _, word in ipairs(arguments or {}) do words[#words + 1] = shell.quote(word) end
  local output, made = shell.bash(("rm %s && mkfifo -m 600 %s"):format(fifo, fifo))
  assert(made, output)
  local pipe = assert(io.popen(("exec %s < %s"):format(table.concat(words, " "), fifo)))
  local input = assert(io.open(fifo, "w"))
  os.remove(fifo)
  local line = assert(pipe:read("*l"), "pomex-sandbox said nothing")
  local self = setmetatable(cjson.decode(line), process)
  self.pipe, self.input = pipe, input
  self.host, self.port = self.url:match("^http://(.*):(%d+)$")
  self.port = tonumber(self.port)
  return self
end

---Ends it; raises unless it ends well, so that a leak or a crash is seen. Asks by a signal, since
---a sandbox that was started later holds a copy of our end of the fifo.
function process:stop()
  if not self.pipe then return end
  local pipe = self.pipe
  self.pipe = nil
  os.execute("kill " .. ("%d"):format(self.pid))
  self.input:close()
  local ok, how, code = pipe:close()
  assert(ok, ("pomex-sandbox ended by %s %s"):format(tostring(how), tostring(code)))
end

---A request with the key, unless options.key says otherwise (false: none).
---@return BareReply
function process:request(method, path, options)
  options = options or {}
  local all = { headers = options.headers, json = options.json, text = options.text,
    type = options.type, key = options.key }
  if options.key == nil then all.key = self.key end
  if options.key == false then all.key = nil end
  local url = path:find("^http://") and path or self.url .. path
  return http.request(method, url, all)
end

function process:get(path, options)
  return self:request("GET", path, options)
end

function process:post(path, body, options)
  options = options or {}
  options.json = body
  return self:request("POST", path, options)
end

---A request below /_sandbox/; raises unless it is answered 200.
function process:control(method, path, body)
  local reply = http.request(method, self.url .. "/_sandbox/" .. path,
    { headers = { ["X-Sandbox-Token"] = self.token }, json = body })
  assert(reply.status == 200, ("%s %s: %s"):format(method, path, reply.text))
  return reply.body
end

---Sends bytes on a connection of their own; returns all that comes until it is closed, and why
---reading ended ("closed", "timeout"), and how many seconds that took.
function process:raw(bytes, seconds)
  local line = assert(socket.connect(self.host, self.port))
  line:settimeout(seconds or 10)
  local begin = socket.gettime()
  assert(line:send(bytes))
  local all, why, part = line:receive("*a")
  line:close()
  return all or part, why or "closed", socket.gettime() - begin
end

---The text of a GET with the key, for `raw`.
function process:get_text(path)
  return ("GET %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n\r\n")
    :format(path, self.host, self.port, self.key)
end

---A verified person of the main account: its group id.
function process:person()
  return self:control("POST", "people", {}).group_id
end

---The id of an asset that has become active.
function process:active_asset(group_id)
  local all = self:control("POST", "assets", { count = 1, group_id = group_id, status = "active" })
  return all.ids[1]
end

return process
