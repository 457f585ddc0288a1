--- A headless Chromium for specs, by ChromeDriver's HTTP interface (W3C WebDriver).

local http = require "spec.support.http"
local shell = require "spec.support.shell"
local socket = require "socket"

local ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
local FLAGS = { "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage", "--hide-scrollbars", "--ignore-certificate-errors" }

---@class Browser
local browser = {}
browser.__index = browser

---A loopback port that nobody listens on now.
function browser.free_port()
  local line = assert(socket.bind("127.0.0.1", 0))
  local _, port = line:getsockname()
  line:close()
  return math.floor(tonumber(port))
end

---Waits until something listens on the loopback port.
function browser.await_port(port)
  for _ = 1, 300 do
    local line = socket.connect("127.0.0.1", port)
    if line then
      line:close()
      return
    end
    socket.sleep(0.05)
  end
  error(("nothing listens on port %d after 15 seconds"):format(port))
end

---Starts a program in the background, without the sanitizer of this process; returns its id.
---@param command string for the shell
---@return string pid
function browser.background(command)
  local pipe = assert(io.popen("env -u LD_PRELOAD " .. command
    .. " < /dev/null > /dev/null 2>&1 & echo $!"))
  local pid = pipe:read("*l")
  pipe:close()
  return pid
end

---@param width integer of the window, as that of a phone
---@param height integer
---@param desktop? boolean a window with a mouse, not a phone
---@return Browser
function browser.start(width, height, desktop)
  local self = setmetatable({}, browser)
  local port = browser.free_port()
  self.pid = browser.background("chromedriver --port=" .. port)
  browser.await_port(port)
  self.base = ("http://127.0.0.1:%d/session"):format(port)
  self.profile = shell.bash("mktemp -d"):gsub("%s+$", "")
  local flags = { "--user-data-dir=" .. self.profile }
  for i, flag in ipairs(FLAGS) do flags[i + 1] = flag end
  local made = self:call("POST", "", { capabilities = { alwaysMatch = {
    acceptInsecureCerts = true,
    ["goog:loggingPrefs"] = { browser = "ALL" },
    ["goog:chromeOptions"] = { args = flags, mobileEmulation = { deviceMetrics = {
      width = width, height = height, pixelRatio = 1, touch = not desktop,
      mobile = not desktop } } },
  } } })
  self.base = self.base .. "/" .. made.sessionId
  return self
end

---One command; raises with the browser's words where it fails.
function browser:call(method, path, body)
  local reply = http.request(method, self.base .. path, { json = body })
  if reply.status ~= 200 then error(("%s %s: %s"):format(method, path, reply.text), 2) end
  return reply.body.value
end

function browser:open(url)
  self:call("POST", "/url", { url = url })
end

function browser:url()
  return self:call("GET", "/url")
end

---Runs a script in the page and returns its value.
function browser:run(script)
  return self:call("POST", "/execute/sync", { script = script, args = { false } })
end

local function find(self, selector)
  local found = self:call("POST", "/element", { using = "css selector", value = selector })
  return "/element/" .. found[ELEMENT]
end

function browser:click(selector)
  self:call("POST", find(self, selector) .. "/click", { none = true })
end

---Types a text into a field, in place of what is there.
function browser:type(selector, text)
  local element = find(self, selector)
  self:call("POST", element .. "/clear", { none = true })
  self:call("POST", element .. "/value", { text = text })
end

---Waits until the page's address matches; returns it.
function browser:await_url(pattern)
  local url
  for _ = 1, 200 do
    url = self:url()
    if url:find(pattern) then return url end
    socket.sleep(0.05)
  end
  error(("the page stayed at %s"):format(url))
end

---Waits until an expression is true in the page.
function browser:await(expression)
  for _ = 1, 200 do
    local ok, value = pcall(self.run, self, "return " .. expression)
    if ok and value == true then return end
    socket.sleep(0.05)
  end
  error("never came: " .. expression)
end

---What the browser's console got since the last call: errors of scripts, of pages that did not
---load and of their policies.
---@return string
function browser:complaints()
  local lines = {}
  for i, entry in ipairs(self:call("POST", "/se/log", { type = "browser" })) do
    lines[i] = entry.level .. " " .. entry.message
  end
  return table.concat(lines, "\n")
end

---Writes a picture of the window to a file.
function browser:save_picture(path)
  local file = assert(io.open(path, "wb"))
  file:write((require("mime").unb64(self:call("GET", "/screenshot"))))
  file:close()
end

---Writes a picture of the page to $POMEX_SCREENSHOTS/NAME.png, if that folder is given.
function browser:picture(name)
  local folder = os.getenv("POMEX_SCREENSHOTS")
  if folder then self:save_picture(folder .. "/" .. name .. ".png") end
end

function browser:stop()
  pcall(self.call, self, "DELETE", "")
  os.execute("kill " .. self.pid)
  os.execute("rm -rf " .. shell.quote(self.profile))
end

return browser
