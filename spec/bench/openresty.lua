-- What pomex costs inside one nginx worker, beside a raw keepalive cosocket that sends the same
-- request and decodes the same answer, in the same run; openresty.sh calls it. Not a gate.

local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local shell = require "spec.support.shell"
local socket = require "socket"
local wrk = require "spec.bench.wrk"

local median, ms, row = wrk.median, wrk.ms, wrk.row

local UPSTREAM = [[
  default_type application/json;
  location = /v1/video/assets/asset-1 { return 200 '@ASSET'; }
  location /slow/ {
    content_by_lua_block {
      ngx.sleep(0.5)
      ngx.header.content_length = #'@ASSET'
      ngx.print('@ASSET')
    }
  }
  location /silent/ { content_by_lua_block { ngx.sleep(12) ngx.exit(404) } }
]]

local HTTP = [[
  init_by_lua_block {
    local pomex = require "pomex"
    cjson = require "cjson"
    local function new(folder)
      return pomex.check(pomex.new { base_url = "@URL" .. folder, api_key = "sk-bench",
        allow_http = true, host = "openresty", rate_limits = false, max_in_flight = 128 })
    end
    client, slow, silent = new "", new "/slow", new "/silent"
    if @POLLING then require("pomex.host.openresty_pump").bridge = false end

    local tcp = ngx.socket.tcp
    function raw()
      local sock = tcp()
      assert(sock:connect("127.0.0.1", @PORT))
      assert(sock:send("GET /v1/video/assets/asset-1 HTTP/1.1\r\nHost: a\r\n"
        .. "Authorization: Bearer sk-bench\r\n\r\n"))
      local length
      repeat
        local line = assert(sock:receive())
        length = tonumber(line:match("^Content%-Length: (%d+)")) or length
      until line == ""
      local body = assert(sock:receive(length))
      sock:setkeepalive(60000, 256)
      return cjson.decode(body)
    end
  }
]]

local SERVER = nginx.RUN .. [[
  location = /empty { content_by_lua_block { ngx.print("asset-1") } }
  location = /raw { content_by_lua_block { ngx.print(raw().id) } }
  location = /call { content_by_lua_block { ngx.print(client.assets:get("asset-1").id) } }
  location = /slow { content_by_lua_block { ngx.print(slow.assets:get("asset-1").id) } }
  location = /silent { content_by_lua_block { silent.assets:get("asset-1", { timeout = 20 }) } }
]]

local upstream = nginx.start {
  server = (UPSTREAM:gsub("@ASSET", wrk.ASSET)),
  http = "keepalive_timeout 1h; lua_check_client_abort on;",
}

local function start(polling)
  local values = { URL = upstream.url, PORT = ("%d"):format(upstream.port),
    POLLING = tostring(polling) }
  return nginx.start { http = (HTTP:gsub("@(%u+)", values)), server = SERVER }
end

local server = start(false)

local function load(path, connections, seconds)
  return wrk.load(server, path, connections, seconds)
end

-- In the background; its result comes from the function that this returns.
local function load_meanwhile(path, connections, seconds)
  local file = os.tmpname()
  shell.bash(("wrk -t1 -c%d -d%gs --latency %s%s > %s 2>&1 &"):format(connections, seconds,
    server.url, path, file))
  return function()
    local text
    nginx.await("wrk", function()
      text = shell.bash("cat " .. file)
      return text:find("Requests/sec", 1, true)
    end)
    os.remove(file)
    return ms(text:match("\n +50%%%s+(%S+)")), ms(text:match("\n +99%%%s+(%S+)"))
  end
end

-- In turns: what else the machine does falls on all alike.
---@param paths string[]
---@return table<string, number> p50 one at a time
local function several(paths)
  local lists, medians = {}, {}
  for _ = 1, 7 do
    for _, path in ipairs(paths) do
      lists[path] = lists[path] or {}
      table.insert(lists[path], load(path, 1, 1).p50)
    end
  end
  for path, list in pairs(lists) do medians[path] = median(list) end
  return medians
end

-- ------------------------------------------------------------------------------ one call

for _, path in ipairs { "/raw", "/call", "/empty" } do load(path, 32, 1) end
local p50s = several { "/raw", "/call" }
local raw, call = p50s["/raw"], p50s["/call"]
row("one call at a time: p50, raw cosocket", ("%.0f us"):format(raw * 1000))
row("  pomex", ("%.0f us, %.0f more"):format(call * 1000, (call - raw) * 1000))

local of_raw, of_call = load("/raw", 32, 4), load("/call", 32, 4)
row("32 at a time: requests/s; worker CPU a call, raw cosocket",
  ("%.0f; %.0f us"):format(of_raw.rate, of_raw.cpu))
row("  pomex", ("%.0f; %.0f us"):format(of_call.rate, of_call.cpu))

-- ------------------------------------------------------------------------- many slow ones

local alone = load("/empty", 1, 3)
local finish = load_meanwhile("/slow", 100, 6)
socket.sleep(1)
local beside = load("/empty", 1, 3)
local p50, p99 = finish()
row("100 calls of 500 ms in flight: p50, p99", ("%.1f ms, %.1f ms"):format(p50, p99),
  "p50 <= 505 ms")
row("another location meanwhile: p50, of its p50 alone",
  ("%.0f us, %.2f"):format(beside.p50 * 1000, beside.p50 / alone.p50), "<= 1.2")

-- ------------------------------------------------------------------------------- silence

local connections = {}
for i = 1, 100 do connections[i] = server:send("/silent") end
nginx.await("all to be sent", function()
  return server:run "return silent.loop.count" == "100"
end)
socket.sleep(2)
local worker = server:workers()[1]
local before = proc.usage(worker)
socket.sleep(5)
local after = proc.usage(worker)
row("100 calls in flight, silent for 5 s: CPU ticks, wake-ups",
  ("%d, %d"):format(after.ticks - before.ticks, after.switches - before.switches), "0, 0")
for _, connection in ipairs(connections) do nginx.receive(connection) end

-- ------------------------------------------------------------------------------- reloads

-- Each on a connection of its own: nginx closes kept ones at a reload, and wrk calls that a fault.
local reloads = {}
local file = os.tmpname()
shell.bash(("wrk -t1 -c16 -d9s --latency -H 'Connection: close' %s/call > %s 2>&1 &"):format(
  server.url, file))
for i = 1, 12 do
  socket.sleep(0.5)
  local old = server:workers()
  server:signal("HUP")
  local began = socket.gettime()
  server:await_gone(old)
  reloads[i] = (socket.gettime() - began) * 1000
end
local text
nginx.await("wrk", function()
  text = shell.bash("cat " .. file)
  return text:find("Requests/sec", 1, true)
end)
os.remove(file)
row("12 reloads under load: requests; failed",
  ("%s; %s"):format(text:match("(%d+) requests in"),
    text:match("Socket errors: [^\n]+") or text:match("Non%-2xx[^\n]+") or "0"), "none")
row("  an old worker is gone after, median", ("%.0f ms"):format(median(reloads)))

-- ---------------------------------------------------------------------------------- leaks

local function resident()
  server:run "collectgarbage() collectgarbage()"
  return tonumber((shell.bash(("awk '/^Rss:/ { print $2 }' /proc/%d/smaps_rollup"):format(
    server:workers()[1]))))
end

load("/call", 32, 4)
local size, calls = resident(), 0
while calls < 200000 do calls = calls + load("/call", 32, 5).count end
row(("memory before and after %d calls more"):format(calls),
  ("%d KB, %d KB"):format(size, resident()), "no growth")
local problems = server:problems()
server:stop("QUIT")

-- ------------------------------------------------------------------- without a thread

server = start(true)
load("/call", 32, 1)
row("without the thread (polling): one call, p50",
  ("%.0f us"):format(several({ "/call" })["/call"] * 1000))
finish = load_meanwhile("/slow", 100, 4)
p50, p99 = finish()
row("  100 calls of 500 ms in flight: p50, p99", ("%.1f ms, %.1f ms"):format(p50, p99))
server:stop("QUIT")
upstream:stop()
assert(problems == "", problems)
