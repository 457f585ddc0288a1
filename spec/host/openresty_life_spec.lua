-- Workers of nginx come and go: reloads, stops, kills, several at once, a VM a request; and the
-- example of the host's name.
-- #once #openresty

local conf = require "spec.support.nginx_conf"
local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

-- Where a VM lives for one request.
local FRESH = [[
  lua_code_cache off;
  server {
    listen 127.0.0.1:@OTHER reuseport;
    location / {
      content_by_lua_block {
        local pomex = require "pomex"
        local client = pomex.check(pomex.new { base_url = "@URL", api_key = "@KEY",
          host = "openresty", rate_limits = false })
        ngx.print(pomex.check(client.assets:list()).object)
      }
    }
  }
]]

local LIST = "return client.assets:list().object"

describe("openresty, workers: #once #openresty", function()
  local sb, server, expected

  local function filled(text, more)
    local values = { URL = sb.url, KEY = sb.key }
    for name, value in pairs(more or {}) do values[name] = value end
    return (text:gsub("@(%u+)", function(name) return values[name] end))
  end

  local function start(options)
    options.http = nginx.client(sb) .. (options.http or "")
    options.server = nginx.RUN .. (options.server or "")
    server = nginx.start(options)
  end

  local function leftovers(pids)
    local found = ""
    for _, pid in ipairs(pids) do
      found = found .. shell.bash("ls -d /tmp/pomex-" .. pid .. "-* 2> /dev/null")
    end
    return found
  end

  setup(function() sb = assert(sandbox.start { rate_limits = false }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:clear_faults()
    sb:config { rate_limits = false }
    expected = nil
  end)
  after_each(function()
    if not server then return end
    server:stop("QUIT")
    assert.equal("", server:problems(expected))
    server = nil
  end)

  it("all keep one account's limit with a client that init_by_lua made", function()
    sb:config { rate_limits = true }
    start { workers = 4, listen = "reuseport" }
    local connections, workers = {}, {}
    local began = socket.gettime()
    for i = 1, 13 do
      connections[i] = server:send("/run", [[
        pomex.check(client.sessions:create { callback_url = "https://a.test/cb", lang = "en" })
        return ngx.worker.pid()
      ]])
    end
    for _, connection in ipairs(connections) do
      workers[nginx.receive(connection)] = true
    end
    local took, count = socket.gettime() - began, 0
    for worker in pairs(workers) do
      assert.matches("^%d+$", worker)
      count = count + 1
    end
    assert.is_true(count >= 2, count)
    -- Three at once and three a second from there; a tenth for what they took on the way.
    assert.is_true(took < 15, took)
    local requests, shortest = sb.journal:requests "sessions.create", math.huge
    for i = 4, #requests do
      shortest = math.min(shortest, requests[i].at - requests[i - 3].at)
    end
    assert.is_true(shortest > 0.6, shortest)
  end)

  it("end after a reload when their work is done, and no request fails", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 0.4, times = 0 }
    for _ = 1, 5 do
      local old, connections = server:workers(), {}
      for i = 1, 20 do connections[i] = server:send("/run", LIST) end
      server:run "return 1"
      server:signal("HUP")
      nginx.await("new workers", function()
        local pid = tonumber(server:run "return ngx.worker.pid()")
        return pid ~= old[1]
      end)
      for i = 1, 20 do assert.equal("list", (nginx.receive(connections[i]))) end
      local began = socket.gettime()
      server:await_gone(old)
      assert.is_true(socket.gettime() - began < 8)
      assert.equal("", leftovers(old))
    end
    assert.equal("list", server:run(LIST))
  end)

  it("finish a timer's work, too, before they end", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 0.5, times = 0 }
    local old = server:workers()
    server:run [[
      ngx.timer.at(0, function() notes:set("done", client.assets:list().object) end)
      client.async.assets:list():on_done(function() notes:set("told", "true") end)
    ]]
    server:signal("HUP")
    server:await_gone(old)
    assert.equal("list true", server:run 'return notes:get "done" .. " " .. notes:get "told"')
  end)

  it("end at worker_shutdown_timeout, whatever still waits", function()
    start { main = "worker_shutdown_timeout 1s;" }
    sb:fault { endpoint = "assets.list", before_accept = "hang", times = 0 }
    local old = server:workers()
    local waiting = server:send("/run", LIST)
    server:run "ngx.timer.at(0, function() client.assets:list() end)"
    nginx.await("both to be sent", function()
      return server:run "return client.loop.count" == "2"
    end)
    local began = socket.gettime()
    server:signal("HUP")
    server:await_gone(old)
    local took = socket.gettime() - began
    assert.is_true(took > 0.9 and took < 15, took)
    waiting:close()
    assert.equal("", leftovers(old))
  end)

  it("stop at once, and finish first when they are asked to quit", function()
    for signal, delay in pairs { TERM = 8, QUIT = 0.7 } do
      sb:clear_faults()
      sb:fault { endpoint = "assets.list", delay = delay, times = 0 }
      start { workers = 2 }
      local workers, connections = server:workers(), {}
      for i = 1, 10 do connections[i] = server:send("/run", LIST) end
      server:run "return 1"
      local began = socket.gettime()
      server:signal(signal)
      if signal == "QUIT" then
        for i = 1, 10 do assert.equal("list", (nginx.receive(connections[i]))) end
      end
      nginx.await("its end", function() return not server:runs() end)
      local took = socket.gettime() - began
      if signal == "TERM" then assert.is_true(took < 4, took) end
      assert.equal(0, server:stop())
      assert.equal("", server:problems())
      assert.equal("", leftovers(workers))
    end
  end)

  it("follow one that was killed", function()
    start {}
    for _ = 1, 3 do
      local old = server:workers()
      sb:fault { endpoint = "assets.list", before_accept = "hang" }
      local lost = server:send("/run", LIST)
      nginx.await("it to be sent", function()
        return server:run "return client.loop.count" == "1"
      end)
      server:signal("KILL", old[1])
      assert.same({ "", 0 }, { nginx.receive(lost) })
      server:await_gone(old)
      -- What was killed may not have got as far as the service.
      sb:clear_faults()
      assert.equal(20, server:many(LIST, 20).list)
      assert.equal("", leftovers(old))
    end
    expected = "exited on signal 9"
  end)

  -- Those that were begun: how many have been cut, where each is either cut or whole.
  local function cut(connections)
    local count = 0
    for _, connection in ipairs(connections) do
      local body, status = nginx.receive(connection)
      if status == 0 then count = count + 1 else assert.equal("list", body) end
    end
    return count
  end

  it("go on in all four when one of them is killed under load", function()
    start { workers = 4, listen = "reuseport" }
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
    sb:fault { endpoint = "assets.list", delay = 0.1, times = 0 }
    local function all_answer()
      local heard = {}
      nginx.await("an answer of each of four workers", function()
        for answer in pairs(server:many(
          'return client.assets:list().object .. " of " .. ngx.worker.pid()', 16)) do
          assert.matches("^list of %d+$", answer)
          heard[tonumber(answer:match "%d+")] = true
        end
        local workers, count = server:workers(), 0
        for _, pid in ipairs(workers) do count = count + (heard[pid] and 1 or 0) end
        return #workers == 4 and count == 4
      end)
    end
    all_answer()
    local lost, connections = server:workers()[1], {}
    for i = 1, 60 do
      connections[i] = server:send("/run", ([[
        local lost = ngx.worker.pid() == %d
        if lost then notes:set("caught", true) end
        return (lost and client.assets:get "x" or client.assets:list()).object
      ]]):format(lost))
    end
    nginx.await("one to be caught", function()
      return server:run 'return notes:get "caught"' == "true"
    end)
    server:signal("KILL", lost)
    assert.is_true(cut(connections) > 0)
    server:await_gone { lost }
    all_answer()
    expected = "exited on signal 9"
  end)

  it("take no part of the account's limit with them when they are killed", function()
    -- It lets a connection come about, and never begins TLS.
    local silent = assert(socket.bind("127.0.0.1", 0))
    finally(function() silent:close() end)
    server = nginx.start { workers = 2, listen = "reuseport", server = nginx.RUN,
      http = nginx.client { key = "none", url = "https://127.0.0.1:"
        .. ("%d"):format(select(2, silent:getsockname())) } }
    silent:settimeout(20)
    local create = "client.%ssessions:create { callback_url = 'https://a.test/cb', lang = 'en' }"
    local holder = server:run(create:format("async."):rep(3, " ") .. " return ngx.worker.pid()")
    -- The other two wait for what it speaks.
    local first = assert(silent:accept())
    server:signal("KILL", holder)
    server:await_gone { holder }
    local waiting = server:send("/run", create:format(""))
    local second = assert(silent:accept())
    server:signal("TERM")
    for _, connection in ipairs { first, waiting, second } do connection:close() end
    expected = "exited on signal 9"
  end)

  it("keep the account's limit over a reload", function()
    server = nginx.start { server = nginx.RUN, http = filled [[
      init_by_lua_block {
        pomex = require "pomex"
        client = pomex.check(pomex.new { base_url = "@URL", api_key = "@KEY",
          rate_limits = { sessions = 0.05 } }) -- one in 20 s
      }
    ]] }
    local create = [[
      local session, err = client.sessions:create({ callback_url = "https://a.test/cb",
        lang = "en" }, { timeout = %s })
      return session and "made" or err.type]]
    local old = server:workers()[1]
    local held = server:send("/run", "ngx.sleep(2)") -- so that the old worker is still there
    assert.equal("made", (server:run(create:format "10")))
    assert.equal("timeout_error", (server:run(create:format "0.5")))
    server:signal("HUP")
    nginx.await("another worker", function()
      return server:run("return ngx.worker.pid()") ~= ("%d"):format(old)
    end)
    assert.equal("timeout_error", (server:run(create:format "0.5")))
    held:close()
  end)

  -- Begins 40 requests, each in a VM of its own, and awaits that the calls of all are sent.
  local function begin_fresh()
    local before, connections = #sb.journal:requests "assets.list", {}
    for i = 1, 40 do connections[i] = server:send("/") end
    nginx.await("all to be sent", function()
      return #sb.journal:requests "assets.list" == before + 40
    end)
    return connections
  end

  it("are reloaded, killed and stopped with lua_code_cache off, four of them", function()
    local port = nginx.free_port()
    start { workers = 4, http = filled(FRESH, { OTHER = ("%d"):format(port) }) }
    server.port = port
    -- The last is what nginx's Lua module says of any semaphore at a stop, without a code cache.
    expected = { "lua_code_cache is off", "exited on signal 9", "lua sema mm: freeing a block" }
    sb:fault { endpoint = "assets.list", delay = 0.5, times = 0 }
    local old, connections = server:workers(), begin_fresh()
    server:signal("HUP")
    assert.equal(0, cut(connections))
    server:await_gone(old)
    assert.equal("", leftovers(old))
    connections = begin_fresh()
    local lost = server:workers()[1]
    server:signal("KILL", lost)
    cut(connections)
    server:await_gone { lost }
    assert.equal(0, cut(begin_fresh()))
    nginx.await("four again", function()
      old = server:workers()
      return #old == 4
    end)
    connections = begin_fresh()
    server:signal("TERM")
    cut(connections)
    server:await_gone(old)
    assert.equal(0, server:stop())
    assert.equal("", server:problems(expected))
    assert.equal("", leftovers(old))
  end)

  it("keep one bridge and its VM, and no other, with lua_code_cache off", function()
    local port = nginx.free_port()
    start { http = filled(FRESH, { OTHER = ("%d"):format(port) }) }
    local worker, own = server:workers()[1], server.port
    server.port = port
    assert.equal("list", (server:get("/")))
    local function rests() return proc.bridges(worker) == 1 end
    nginx.await("the bridge of the first", rests)
    local files = proc.count(worker, "fd")
    for _ = 1, 3 do
      local connections = {}
      for i = 1, 60 do connections[i] = server:send("/") end
      for i = 1, 60 do assert.equal("list", (nginx.receive(connections[i]))) end
      nginx.await("the end of the others' bridges", rests)
      nginx.await("the end of their VMs", function()
        return proc.count(worker, "fd") <= files
      end)
    end
    assert.equal("", leftovers { worker })
    server.port = own
    expected = "lua_code_cache is off"
  end)

  it("need not be able to read where pomex lies", function()
    if shell.bash("id -u") ~= "0\n" then pending("only root has workers of another user") end
    local folder = shell.bash(("set -e; cd $(mktemp -d); cp -r %s/lua lua; mkdir lib; "
      .. "cp -r %s/lib/pomex lib; chmod 700 .; pwd"):format(nginx.root, nginx.build)):gsub("\n", "")
    local config = conf.WHOLE:gsub("@USER", "user nobody nogroup;")
      :gsub("@ROOT/lua", folder .. "/lua"):gsub("@BUILD", folder)
    server = nginx.start {
      config = config, env = { LUA_PATH = ";;", LUA_CPATH = ";;" },
      http = filled [[init_by_lua_block { pomex = require "pomex" }]],
      server = filled [[
        location = / {
          content_by_lua_block {
            local client = pomex.check(pomex.new { base_url = "@URL", api_key = "@KEY" })
            local task = client:spawn(function() return client.assets:list().object end)
            ngx.print(task:wait(), pomex.content():text "A wave." and pomex.callback.new {
              secret = ("s"):rep(32) } and " and more")
          }
        }
      ]],
    }
    local said = server:get("/")
    shell.bash("rm -r " .. folder)
    assert.equal("list and more", said)
  end)

  it("run the example", function()
    local file = assert(io.open(nginx.root .. "/examples/openresty.conf"))
    local config = file:read("*a")
    file:close()
    server = nginx.start {
      alive = "/assets",
      config = config:gsub("127%.0%.0%.1:8080", "127.0.0.1:@PORT"):gsub("stderr", "error.log"),
      env = {
        POMEX_API_KEY = sb.key, POMEX_BASE_URL = sb.url,
        LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(nginx.root, nginx.root),
        LUA_CPATH = nginx.build .. "/lib/?.so;;",
      },
    }
    assert.matches('"h5_link":"http', (nginx.receive(server:send("/sessions", ""))))
    local refused, status = nginx.receive(server:send("/assets?group_id=" .. ("g"):rep(300)))
    assert.equal(400, status)
    assert.matches('{"error":"group id', refused)
    assert.matches('"items":[]', (server:get("/assets?group_id=" .. sb:add_person())), 1, true)
    sb:fault { endpoint = "assets.list", status = 401 }
    assert.equal(502, select(2, server:get("/assets?group_id=" .. ("g"):rep(30))))
    expected = "%[warn%].*authentication_error"
    nginx.await("the line", function() return server:log():find "authentication_error" end)
    assert.is_nil(server:log():find("gggg", 1, true))
    assert.is_nil(server:log():find("group id error", 1, true)) -- a stranger's fault
  end)
end)
