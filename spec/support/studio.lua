--- Starts the web app of examples/openresty for specs, by its own run.sh, and asks it things as a
--- browser without a window would: by the curl tool, with cookies.

local browser = require "spec.support.browser"
local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"
local socket = require "socket"

---@class Studio
---@field url string
---@field folder string of its state
---@field port integer
local studio = {}
studio.__index = studio

-- run.sh ends when our end of the pipe does, however we end. The key is in no command line.
local RUN = [[
cd / || exit 1
export POMEX_API_KEY="$(sed -n 1p "$1/key")" POMEX_BASE_URL="$(sed -n 2p "$1/key")"
export XDG_STATE_HOME="$1"
env --default-signal=INT bash "%s/examples/openresty/run.sh" --no-install %s \
  --port "$2" %s > "$1/out" 2>&1 < /dev/null &
pid=$!
echo $pid > "$1/pid"
cat > /dev/null
kill -INT $pid 2> /dev/null
wait $pid
echo $? > "$1/ended"
]]

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

---@param service? { key: string, url: string } a sandbox of ours; none: run.sh builds what it runs,
--- and starts a sandbox of its own
---@param before? Studio a stopped one, to go on with its state
---@param words? string for run.sh; none: with a sandbox of ours, "--open"
---@return Studio
function studio.start(service, before, words)
  local self = setmetatable({ service = service }, studio)
  self.visitors = before and before.visitors or 0
  self.root = before and before.root or shell.bash("mktemp -d"):gsub("%s+$", "")
  self.folder = self.root .. (service and "/pomex-studio/live" or "/sandbox")
  self.port = before and before.port or browser.free_port()
  self.url = ("https://127.0.0.1:%d"):format(self.port)
  write(self.root .. "/key", service and service.key .. "\n" .. service.url .. "\n" or "\n\n")
  write(self.root .. "/run", (service and "" or "unset POMEX_SANDBOX_BIN\n")
    .. RUN:format(nginx.root, service and "--built " .. shell.quote(nginx.build) or "",
      service and (words or "--open") or '--state "$1"'))
  os.remove(self.root .. "/ended")
  write(self.root .. "/out", "")
  self.pipe = assert(io.popen(("exec env -u LD_PRELOAD bash %s/run %s %d"):format(self.root,
    self.root, self.port), "w"))
  self:await("the studio", function()
    assert(not read(self.root .. "/ended"), self:said())
    return self:said():find("Ctrl-C stops it", 1, true)
  end)
  return self
end

---Calls `condition` until it is true; raises after 60 seconds.
function studio:await(what, condition)
  for _ = 1, 1200 do
    local got = condition()
    if got then return got end
    socket.sleep(0.05)
  end
  error(("never came: %s\n%s\n%s"):format(what, self:said(), self:problems()), 2)
end

---What run.sh printed.
function studio:said()
  return read(self.root .. "/out") or ""
end

---@return string log nginx's error.log
function studio:log()
  return read(self.folder .. "/error.log") or ""
end

---Its lines that say something is wrong.
function studio:problems()
  local found = {}
  for line in self:log():gmatch "[^\n]+" do
    if line:find "%[warn%]" or line:find "%[error%]" or line:find "%[crit%]"
      or line:find "%[alert%]" or line:find "%[emerg%]" then
      found[#found + 1] = line
    end
  end
  return table.concat(found, "\n")
end

---@return integer pid of nginx's master
function studio:master()
  return math.floor(tonumber(read(self.folder .. "/nginx.pid")))
end

---@return table<string, true> pids of its workers, those that are ending too
function studio:workers()
  local master = self:master()
  local children = read(("/proc/%d/task/%d/children"):format(master, master)) or ""
  local pids = {}
  for pid in children:gmatch "%d+" do pids[pid] = true end
  return pids
end

---Reloads nginx, and waits until the old workers are gone.
function studio:reload()
  local old = self:workers()
  shell.bash("kill -HUP " .. self:master())
  self:await("the end of the old workers", function()
    local now, left = self:workers(), 0
    for pid in pairs(old) do left = left + (now[pid] and 1 or 0) end
    return left == 0 and next(now) and next(now, (next(now)))
  end)
end

---Ends it as Ctrl-C does; its state stays.
---@return integer code of run.sh
function studio:stop()
  if not self.pipe then return end
  self.pipe:close()
  self.pipe = nil
  return tonumber(self:await("the end of the studio", function()
    return read(self.root .. "/ended")
  end))
end

---Ends it, and removes what it leaves.
function studio:remove()
  self:stop()
  shell.keep_logs(self.root)
  shell.bash("rm -rf " .. shell.quote(self.root))
end

-- ---------------------------------------------------------------------------------- visitors

---@class Visitor somebody's browser: cookies, no scripts
local Visitor = {}
Visitor.__index = Visitor

---@return Visitor
function studio:visitor()
  self.visitors = self.visitors + 1
  return setmetatable({ studio = self,
    jar = ("%s/jar-%d"):format(self.root, self.visitors) }, Visitor)
end

local function quoted_all(words)
  for i, word in ipairs(words) do words[i] = shell.quote(word) end
  return table.concat(words, " ")
end

---@return { status: integer, head: string, body: string }
function Visitor:ask(path, words)
  words = words or {}
  local url = path:find "^https?:" and path or self.studio.url .. path
  for _, word in ipairs { "-b", self.jar, "-c", self.jar, "--noproxy", "*", url } do
    words[#words + 1] = word
  end
  local text = shell.bash("curl -ski --max-time 30 " .. quoted_all(words))
  local head, body = text:match "^(.-\r\n)\r\n(.*)$"
  assert(head, text)
  return { status = tonumber(head:match "^HTTP/%S+ (%d+)"), head = head, body = body,
    location = head:match "\n[Ll]ocation: ([^\r]*)" }
end

function Visitor:get(path)
  return self:ask(path)
end

---Words for curl that post `fields`, from our own page unless `origin` says otherwise.
---@param origin? string|false false: none
function Visitor:form(fields, origin)
  local words = {}
  if origin ~= false then
    words = { "-H", "Origin: " .. (origin or self.studio.url) }
  end
  words[#words + 1] = "--data"
  words[#words + 1] = ""
  for name, value in pairs(fields) do
    words[#words + 1] = "--data-urlencode"
    words[#words + 1] = name .. "=" .. value
  end
  return words
end

function Visitor:post(path, fields, origin)
  return self:ask(path, self:form(fields, origin))
end

---The token of the form on a page that posts to `action`.
---@return string
function Visitor:once(path, action)
  local body = self:get(path).body
  local form = assert(body:match('action="' .. action:gsub("%-", "%%-") .. '"(.-)</form>'), body)
  return (form:match 'name="once" value="(%x+)"')
end

---Opens a studio and adds a person.
---@return string person's path, with the QR code
---@return string link of the face scan
function Visitor:begin(name)
  if not self.named then
    self.named = assert(self:post("/studio", { name = "Studio of " .. name }).status == 303)
  end
  local path = self:post("/people", { name = name, once = self:once("/", "/people") }).location
  return path, self:link(path)
end

---The link of the face scan on a person's page.
function Visitor:link(path)
  local link = assert(self:get(path).body:match 'id="h5" href="([^"]+)"')
  return (link:gsub("&amp;", "&"))
end

---Waits until a page shows something; returns the page's text.
function Visitor:await(path, pattern)
  return self.studio:await(pattern .. " on " .. path, function()
    local body = self:get(path).body
    return body:find(pattern) and body
  end)
end

---Uploads, and waits until it may be used.
function Visitor:upload(path, name, url)
  local answer = self:post(path .. "/portraits", { name = name,
    url = url or "https://cdn.example/" .. name .. ".jpg",
    once = self:once(path, path .. "/portraits") })
  assert(answer.status == 303, answer.body)
  self:await(path, 'data%-stage="active"')
end

---A video's fields, ready to post.
function Visitor:video_form(prompt)
  return { prompt = prompt, model = "byteplus/seedance-2.0-fast", duration = "5", ratio = "16:9",
    once = self:once("/", "/videos") }
end

---Asks for a video; returns its path.
function Visitor:film(prompt)
  local answer = self:post("/videos", self:video_form(prompt))
  assert(answer.status == 303, answer.body)
  return answer.location
end

return studio
