-- Signed callbacks in a real nginx with several workers: its Lua is LuaJIT, so this runs where the
-- tests do.

if not rawget(_G, "jit") then return end

local callbacks = require "spec.support.callbacks"
local shell = require "spec.support.shell"
local socket = require "socket"

local CONFIG = [[
user root;
daemon off;
pid nginx.pid;
worker_processes 4;
@LOAD
error_log error.log;
events { worker_connections 256; }
http {
  access_log off;
  lua_package_path "@PATH;;";
  lua_package_cpath "@CPATH;;";
  lua_shared_dict states 1m;
  lua_shared_dict tiny 12k;
  init_by_lua_block {
    callback = require "pomex.callback"
    function verify(store)
      local cb = callback.new { secret = ("s"):rep(32), store = store, origin = "@ORIGIN" }
      local person, err = cb:verify(ngx.var.request_uri, { subject = "rachel" })
      ngx.print(person and person.group_id or err.reason, "@", ngx.worker.pid())
    end
  }
  server {
    listen 127.0.0.1:@PORT reuseport;
    location /pomex/ {
      content_by_lua_block { verify(callback.shared_dict(ngx.shared.states)) }
    }
    location /tiny/ {
      content_by_lua_block { verify(callback.shared_dict(ngx.shared.tiny)) }
    }
    location /memory/ {
      content_by_lua_block {
        local ok, why = pcall(verify)
        if not ok then ngx.print(why) end
      }
    }
  }
}
]]

describe("callbacks under nginx:", function()
  local folder, port, nginx

  local function send(path)
    local connection = assert(socket.connect("127.0.0.1", port))
    connection:settimeout(10)
    assert(connection:send(("GET %s HTTP/1.0\r\nHost: forged.example\r\n\r\n"):format(path)))
    return connection
  end

  local function receive(connection)
    local answer = assert(connection:receive "*a")
    connection:close()
    return answer:match("\r\n\r\n(.*)$")
  end

  local function get(path) return receive(send(path)) end

  local function awaited(what, condition)
    for _ = 1, 500 do
      if condition() then return end
      socket.sleep(0.02)
    end
    error("never came: " .. what .. "\n" .. shell.bash("cat " .. folder .. "/error.log"))
  end

  local function answers()
    local connection = socket.connect("127.0.0.1", port)
    return connection and connection:close()
  end

  setup(function()
    folder = os.tmpname()
    shell.bash(("rm %s && mkdir %s && mkdir %s/logs"):format(folder, folder, folder))
    local probe = assert(socket.bind("127.0.0.1", 0))
    port = select(2, probe:getsockname())
    probe:close()
    local values = { PATH = package.path, CPATH = package.cpath, PORT = ("%d"):format(port),
      ORIGIN = callbacks.ORIGIN, LOAD = require "spec.support.nginx".load }
    local file = assert(io.open(folder .. "/nginx.conf", "w"))
    file:write((CONFIG:gsub("@(%u+)", values)))
    file:close()
    shell.bash(("${POMEX_NGINX:-nginx} -p %s -c nginx.conf > %s/out 2>&1 &"):format(folder, folder))
    awaited("nginx", answers)
    -- It listens before it says which process it is.
    awaited("its pid", function()
      local pid = io.open(folder .. "/nginx.pid")
      nginx = pid and pid:read "*n"
      if pid then pid:close() end
      return nginx
    end)
  end)

  teardown(function()
    if nginx then
      shell.bash(("kill -TERM %d; while kill -0 %d; do sleep 0.02; done"):format(nginx, nginx))
    end
    shell.bash("rm -r " .. folder)
  end)

  local cb = callbacks.new { origin = callbacks.ORIGIN }

  local function path_of(place)
    local url = callbacks.signed(cb, callbacks.ORIGIN .. place)
    return (callbacks.returned(url):gsub("^https://[^/]*", ""))
  end

  it("a state is claimed once, however many workers are asked at the same time", function()
    local pids, used = {}, 0
    for _ = 1, 50 do
      local path, asked, let_in = path_of "/pomex/callback?theme=dark", {}, 0
      for i = 1, 8 do asked[i] = send(path) end
      for i = 1, 8 do
        local verdict, pid = receive(asked[i]):match("^(.*)@(%d+)$")
        pids[pid] = true
        if verdict == callbacks.GROUP then let_in = let_in + 1 end
        if verdict == "used" then used = used + 1 end
      end
      assert.equal(1, let_in)
    end
    assert.equal(50 * 7, used)
    assert.is_truthy(next(pids, next(pids)), "only one worker answered")
  end)

  it("what was used stays used over a reload", function()
    local path = path_of "/pomex/callback"
    local verdict, before = get(path):match("^(.*)@(%d+)$")
    assert.equal(callbacks.GROUP, verdict)
    local workers = {}
    for _ = 1, 40 do workers[get(path):match("^used@(%d+)$")] = true end
    workers[before] = true
    shell.bash(("kill -HUP %d"):format(nginx))
    awaited("new workers", function()
      local answer = answers() and get(path)
      local pid = answer and answer:match("^used@(%d+)$")
      return pid and not workers[pid]
    end)
    assert.matches("^used@", get(path))
    assert.matches("^" .. callbacks.GROUP:gsub("%-", "%%-") .. "@", get(path_of "/pomex/callback"))
  end)

  it("a dict that is full refuses, and forgets nothing that was used", function()
    local taken, refusals = {}, 0
    for _ = 1, 200 do
      local path = path_of "/tiny/callback"
      local verdict = get(path):match("^(.*)@")
      if verdict == callbacks.GROUP then
        taken[#taken + 1] = path
      else
        assert.equal("store", verdict)
        refusals = refusals + 1
      end
    end
    assert.is_true(#taken > 10 and refusals > 10)
    for _, path in ipairs(taken) do assert.matches("^used@", get(path)) end
  end)

  it("the store in memory is refused, with the reason", function()
    assert.matches("nginx has several workers.*shared_dict", get(path_of "/memory/callback"))
  end)

  it("more parameters than get_uri_args reads are all looked at", function()
    local path = path_of "/pomex/callback"
    assert.matches("^nil@", get(path .. ("&x=1"):rep(200) .. "&group_id=group-2"))
    assert.matches("^" .. callbacks.GROUP:gsub("%-", "%%-") .. "@", get(path .. ("&x=1"):rep(200)))
  end)
end)
