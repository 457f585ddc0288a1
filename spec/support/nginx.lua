--- Starts a real nginx with Lua for specs: in a folder of its own, on a free loopback port, as
--- whoever runs the specs. It ends with the specs, however they end.

local conf = require "spec.support.nginx_conf"
local shell = require "spec.support.shell"
local socket = require "socket"

---@class Nginx
---@field folder string
---@field port integer
---@field url string
---@field pid integer of the master
local nginx = {}
nginx.__index = nginx

local ROOT = shell.bash("pwd"):gsub("\n", "")
local BUILD = os.getenv("POMEX_LUAJIT_BUILD_DIR") or "build/luajit"
if not BUILD:find("^/") then BUILD = ROOT .. "/" .. BUILD end

-- $POMEX_NGINX: another nginx than the system's, with its Lua module built in or as a file.
local OWN = os.getenv("POMEX_NGINX")
local NGINX = OWN or "nginx"

-- Where this nginx has its modules: what it was configured with, or the system's usual places.
local MODULES = shell.bash(([[
  for folder in $(%s -V 2>&1 | tr ' ' '\n' | sed -n 's/^--modules-path=//p') %s; do
    [ -e "$folder/ngx_http_lua_module.so" ] && printf %%s "$folder" && break
  done]]):format(shell.quote(NGINX),
  OWN and "" or "/usr/lib/nginx/modules /usr/lib64/nginx/modules"))

local LOAD = ""
for _, name in ipairs { "ndk_http_module", "ngx_http_lua_module" } do
  if MODULES ~= "" then LOAD = LOAD .. ("load_module %s/%s.so;\n"):format(MODULES, name) end
end

nginx.root, nginx.build, nginx.RUN, nginx.client = ROOT, BUILD, conf.RUN, conf.client
---The lines of a configuration that load its modules.
nginx.load = LOAD

-- Other users can often not enter the folders that the specs lie in.
local USER = shell.bash("[ \"$(id -u)\" = 0 ] && printf 'user %s %s;' \"$(id -un)\" \"$(id -gn)\"")

-- It ends when its stdin does.
local RUN = [[
cd "$1" || exit 1
"${POMEX_NGINX:-nginx}" -p "$1/" -e "$1/error.log" -c "$1/nginx.conf" -g 'daemon off;' > out 2>&1 &
pid=$!
echo $pid > pid
cat > /dev/null
kill -TERM $pid 2> /dev/null
timeout 10 tail --pid=$pid -f /dev/null || kill -KILL $pid
wait $pid
echo $? > status
]]

---Calls `condition` until it is true; raises after 10 seconds.
---@param what string
---@param condition fun(): any
---@param seconds? number 10
---@return any
function nginx.await(what, condition, seconds)
  for _ = 1, 100 * (seconds or 10) do
    local got = condition()
    if got then return got end
    socket.sleep(0.01)
  end
  error("never came: " .. what, 2)
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

---@return integer
function nginx.free_port()
  local probe = assert(socket.bind("127.0.0.1", 0))
  local _, port = probe:getsockname()
  probe:close()
  return tonumber(port)
end

---@param folder string
---@param options { main?: string, http?: string, server?: string, workers?: integer,
---  listen?: string, config?: string }
local function configure(self, options)
  local values = {
    USER = USER, ROOT = ROOT, BUILD = BUILD, PORT = ("%d"):format(self.port),
    WORKERS = ("%d"):format(options.workers or 1), MAIN = options.main or "",
    HTTP = options.http or "", SERVER = options.server or "", LISTEN = options.listen or "",
  }
  -- A configuration of the examples loads the modules of Debian's nginx.
  local config = (options.config or conf.WHOLE):gsub("load_module [^\n]*\n", "")
  write(self.folder .. "/nginx.conf", LOAD .. config:gsub("@(%u+)", values))
end

---@param options table what goes where in the configuration; `env`: variables of the master;
---  `alive`: a path that answers
---@return Nginx
function nginx.start(options)
  assert(OWN or MODULES ~= "", "nginx with its Lua module was not found")
  assert(read(BUILD .. "/lib/pomex/core.so"), "POMEX_LUAJIT_BUILD_DIR must name a build of pomex "
    .. "for LuaJIT; there is none in " .. BUILD)
  local self = setmetatable({ folder = os.tmpname(), port = nginx.free_port() }, nginx)
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  shell.bash(("rm %s && mkdir %s"):format(self.folder, self.folder))
  configure(self, options)
  write(self.folder .. "/run", RUN)
  local words = { "exec env -u LD_PRELOAD" }
  for name, value in pairs(options.env or {}) do
    words[#words + 1] = name .. "=" .. shell.quote(value)
  end
  words[#words + 1] = ("bash %s/run %s"):format(self.folder, self.folder)
  self.pipe = assert(io.popen(table.concat(words, " "), "w"))
  local ok, why = pcall(nginx.await, "nginx", function()
    if self.pid and not self:runs() then error("it ended", 0) end
    self.pid = tonumber(read(self.folder .. "/pid") or nil)
    if not self.pid or not read(self.folder .. "/nginx.pid") then return false end
    -- The master listens before there is a worker who answers.
    return select(2, self:get(options.alive or "/alive")) > 0
  end)
  if not ok then
    local log = self:log()
    self:stop()
    error(("nginx did not start: %s\n%s"):format(why, log))
  end
  return self
end

---@param pid? integer the master
---@return boolean
function nginx:runs(pid)
  local state = read(("/proc/%d/stat"):format(pid or self.pid))
  return state ~= nil and not state:match("^%d+ %b() Z")
end

---What it logged and printed.
---@return string
function nginx:log()
  if self.last_log then return self.last_log end
  return (read(self.folder .. "/out") or "") .. (read(self.folder .. "/error.log") or "")
end

---The lines that say something is wrong.
---@param expected? string|string[] patterns: not those
---@return string
function nginx:problems(expected)
  local found = {}
  local function is_expected(line)
    for _, pattern in ipairs(type(expected) == "table" and expected or { expected }) do
      if line:find(pattern) then return true end
    end
  end
  for line in self:log():gmatch("[^\n]+") do
    for _, level in ipairs { "warn", "error", "crit", "alert", "emerg" } do
      if line:find("[" .. level .. "]", 1, true) and not is_expected(line) then
        found[#found + 1] = line
      end
    end
  end
  return table.concat(found, "\n")
end

---The pids of the workers, those that are ending too.
---@return integer[]
function nginx:workers()
  local path = ("/proc/%d/task/%d/children"):format(self.pid, self.pid)
  local pids = {}
  for pid in (read(path) or ""):gmatch("%d+") do pids[#pids + 1] = math.floor(tonumber(pid)) end
  return pids
end

---@param signal string "HUP", "QUIT", …
---@param pid? integer the master
function nginx:signal(signal, pid)
  shell.bash(("kill -%s %d"):format(signal, pid or self.pid))
end

---Awaits that every process of `pids` is gone.
---@param pids integer[]
function nginx:await_gone(pids)
  for _, pid in ipairs(pids) do
    nginx.await("the end of an old worker", function() return not self:runs(pid) end)
  end
end

---Begins a request: a POST where there is a body.
---@param path string
---@param body? string
---@param headers? string lines of the head, each with its end
---@param method? string
---@return table connection
function nginx:send(path, body, headers, method)
  local connection = assert(socket.connect("127.0.0.1", self.port))
  connection:settimeout(30)
  local length = body and ("Content-Length: %d\r\n"):format(#body) or ""
  assert(connection:send(("%s %s HTTP/1.0\r\n%s%s\r\n"):format(method or body and "POST" or "GET",
    path, length, headers or "") .. (body or "")))
  return connection
end

---Ends one.
---@return string body
---@return integer status 0: it was cut
function nginx.receive(connection)
  local answer, why, part = connection:receive("*a")
  connection:close()
  assert(answer or why == "closed", why)
  answer = answer or part
  local status, body = answer:match("^HTTP/1.%d (%d+).-\r\n\r\n(.*)$")
  return body or answer, tonumber(status) or 0
end

---@param path string
---@return string body
---@return integer status
function nginx:get(path)
  return nginx.receive(self:send(path))
end

---Runs Lua in a request, where the server has nginx.RUN.
---@param code string
---@return string result what it returned, or "raised: …"
function nginx:run(code)
  return (nginx.receive(self:send("/run", code)))
end

---The same `count` times at once.
---@param code string
---@param count integer
---@return table<string, integer> results how often each came
function nginx:many(code, count)
  local connections, bodies = {}, {}
  for i = 1, count do connections[i] = self:send("/run", code) end
  for i = 1, count do
    local body = nginx.receive(connections[i])
    bodies[body] = (bodies[body] or 0) + 1
  end
  return bodies
end

---Ends it and takes its folder away.
---@param signal? string "QUIT": after the requests in flight; else at once
---@return integer|nil status the exit status
function nginx:stop(signal)
  if not self.pipe then return end
  if signal and self.pid then
    self:signal(signal)
    pcall(nginx.await, "its end", function() return not self:runs() end)
  end
  self.pipe:close()
  self.pipe = nil
  local status = tonumber(read(self.folder .. "/status") or nil)
  self.last_log = self:log()
  shell.keep_logs(self.folder)
  shell.bash("rm -rf " .. self.folder)
  return status
end

return nginx
