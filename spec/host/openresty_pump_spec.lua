-- The host "openresty" and nginx's own ways: phases, timers, what it costs to wait, and what its
-- pump does where nothing is pending or no thread is to be had.
-- #once #openresty

local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

-- What a call says in each phase.
local PHASES = [[
  location = /phases {
    set_by_lua_block $said { return select(2, pcall(client.assets.list, client.assets)) }
    content_by_lua_block {
      notes:set("set", ngx.var.said)
      ngx.print(client.assets:list().object)
    }
    header_filter_by_lua_block {
      notes:set("header_filter", select(2, pcall(client.assets.list, client.assets)))
    }
    body_filter_by_lua_block {
      notes:set("body_filter", select(2, pcall(client.assets.list, client.assets)))
    }
    log_by_lua_block {
      notes:set("log", select(2, pcall(client.assets.list, client.assets)))
      notes:set("log spawn", select(2, pcall(client.spawn, client, print)))
      client.async.assets:list():on_done(function(page) notes:set("async", page.object) end)
    }
  }
  location = /balancer { proxy_pass http://balanced; }
  location = /yields {
    rewrite_by_lua_block { ngx.ctx.said = client.assets:list().object }
    access_by_lua_block { ngx.ctx.said = ngx.ctx.said .. client.assets:list().object }
    content_by_lua_block { ngx.print(ngx.ctx.said) }
  }
  listen 127.0.0.1:@TLS ssl;
  ssl_certificate @FOLDER/cert.pem;
  ssl_certificate_key @FOLDER/key.pem;
  ssl_certificate_by_lua_block { notes:set("ssl_certificate", client.assets:list().object) }
]]

local UPSTREAM = [[
  ssl_session_tickets off;
  ssl_session_store_by_lua_block {
    notes:set("ssl_session_store", select(2, pcall(client.assets.list, client.assets)))
  }
  init_worker_by_lua_block {
    notes:set("init_worker", select(2, pcall(client.assets.list, client.assets)))
  }
  exit_worker_by_lua_block {
    notes:set("exit_worker", select(2, pcall(client.async.assets.list, client.async.assets)))
  }
  upstream balanced {
    server 127.0.0.1:1;
    balancer_by_lua_block {
      notes:set("balancer", select(2, pcall(client.assets.list, client.assets)))
      ngx.exit(503)
    }
  }
]]

describe("openresty, its pump: #once #openresty", function()
  local sb, server, expected

  local function start(options)
    options.http = nginx.client(sb, options.host) .. (options.http or "")
    options.server = nginx.RUN .. (options.server or "")
    server = nginx.start(options)
  end

  setup(function() sb = assert(sandbox.start { rate_limits = false }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:clear_faults()
    expected = nil
  end)
  after_each(function()
    if not server then return end
    server:stop("QUIT")
    -- Only what a test expects, and says so.
    assert.equal("", server:problems(expected))
    server = nil
  end)

  it("yields in every phase that can, and names those that cannot, and starts nothing there",
    function()
      local tls, folder = nginx.free_port(), os.tmpname()
      local before = #sb.journal:requests "assets.list"
      shell.bash(([[rm %s && mkdir %s && cd %s && openssl req -x509 -newkey rsa:2048 -nodes \
        -keyout key.pem -out cert.pem -subj /CN=localhost]]):format(folder, folder, folder))
      start { http = UPSTREAM, server = (PHASES:gsub("@(%u+)", {
        TLS = ("%d"):format(tls), FOLDER = folder })) }
      assert.equal("list", (server:get("/phases")))
      assert.equal("listlist", (server:get("/yields")))
      server:get("/balancer")
      -- TLS 1.3 has tickets, and stores nothing.
      shell.bash(("curl -sk --tls-max 1.2 https://127.0.0.1:%d/alive"):format(tls))
      local function note(name) return server:run(("return notes:get(%q)"):format(name)) end
      for _, way in ipairs { "init", "init async" } do
        assert.equal("pomex: init_by_lua cannot wait; make clients there, and use them in the "
          .. "workers", note(way))
      end
      for _, phase in ipairs { "init_worker", "set", "header_filter", "body_filter", "log",
        "balancer", "ssl_session_store" } do
        assert.equal(("pomex: %s_by_lua cannot wait; use the client in a timer: "
          .. "ngx.timer.at(0, function() … end)"):format(phase), note(phase))
      end
      assert.matches("^pomex: log_by_lua cannot wait", note "log spawn")
      assert.equal("list", note "ssl_certificate")
      nginx.await("what log_by_lua began", function() return note "async" == "list" end)
      assert.equal(before + 5, #sb.journal:requests "assets.list")
      server:signal("HUP")
      nginx.await("the end of a worker", function() return note "exit_worker" ~= "nil" end)
      assert.matches("^pomex: exit_worker_by_lua cannot wait; nothing can begin there any more",
        note "exit_worker")
      shell.bash("rm -r " .. folder)
      expected = "connect%(%) failed"
    end)

  it("waits in a timer, which log_by_lua can start", function()
    start { server = [[ location = /log {
      return 204;
      log_by_lua_block {
        ngx.timer.at(0, function() notes:set("timer", client.assets:list().object) end)
      }
    } ]] }
    server:get("/log")
    nginx.await("the timer", function()
      return server:run 'return notes:get "timer"' == "list"
    end)
  end)

  it("sleeps while 100 calls are silent: no CPU, no wake-ups", function()
    start {}
    sb:fault { endpoint = "assets.list", before_accept = "hang", times = 0 }
    local connections = {}
    for i = 1, 100 do
      connections[i] = server:send("/run",
        "return select(2, client.assets:list({}, { timeout = 20, max_retries = 0 })).type")
    end
    local worker = server:workers()[1]
    nginx.await("all to be sent", function()
      return server:run "return client.loop.count" == "100"
    end)
    local before = proc.usage(worker)
    nginx.await("silence", function()
      socket.sleep(1.5)
      local now = proc.usage(worker)
      local silent = now.switches == before.switches and now.ticks == before.ticks
      before = now
      return silent
    end)
    assert.equal(1, proc.bridges(worker))
    assert.equal("100", server:run "return client.loop.count") -- it was their silence
    for i = 1, 100 do assert.equal("timeout_error", (nginx.receive(connections[i]))) end
  end)

  it("ends the pump and the thread when nothing is pending, and begins again", function()
    start {}
    server:run 'require("pomex.host.openresty_pump").keep = 0'
    local worker = server:workers()[1]
    local files = proc.count(worker, "fd")
    for _ = 1, 3 do
      assert.equal("list 1",
        server:run 'return new().assets:list().object .. " " .. bridges()')
      nginx.await("the thread's end", function() return proc.bridges(worker) == 0 end)
    end
    -- Clients that nobody holds are collected, with their descriptors.
    nginx.await("the end of their descriptors", function()
      server:run "collectgarbage() collectgarbage() collectgarbage()"
      return proc.count(worker, "fd") <= files
    end)
    assert.equal("", (shell.bash("ls -d /tmp/pomex-" .. worker .. "-* 2> /dev/null")))
  end)

  it("loses no wait that begins while the pump ends", function()
    start {}
    assert.equal("200", server:run [[
      -- Around the time for which an idle client stays watched.
      for i = 1, 200 do
        pomex.check(client.assets:list())
        if i % 25 == 0 then ngx.sleep(0.2 + i / 1000) end
      end
      return 200
    ]])
  end)

  it("asks again for a timer that nginx dropped, though nobody waits", function()
    expected = "lua_max_running_timers are not enough"
    start { http = [[
      lua_max_running_timers 1;
      init_worker_by_lua_block {
        ngx.timer.at(0, function() while not notes:get "free" do ngx.sleep(0.01) end end)
      }
    ]] }
    server:run 'client.async.assets:list():on_done(function() notes:set("done", true) end)'
    nginx.await("the drop", function()
      return server:log():find("lua_max_running_timers are not enough", 1, true)
    end)
    server:run 'notes:set("free", true)'
    nginx.await("the answer", function()
      return server:run 'client.async.assets:list() return notes:get "done"' == "true"
    end)
  end)

  local function serves(worker)
    sb:fault { endpoint = "assets.list", delay = 0.4, times = 0 }
    local began = socket.gettime()
    assert.equal(20, server:many("return client.assets:list().object", 20).list)
    assert.is_true(socket.gettime() - began < 6) -- 8, one after the other
    assert.equal(0, proc.bridges(worker))
  end

  -- What comes of `real`, why it is none, and what nginx's own log says of that.
  local REFUSALS = {
    { 'return nil, "forbidden"', "forbidden" },
    { "local made = real() os.remove(made:path()) return made", "no such file or directory",
      "connect%(%) to unix:" },
  }
  for _, row in ipairs(REFUSALS) do
    it("polls where it gets no thread for now: " .. row[2], function()
      start { http = ([[ init_worker_by_lua_block {
        local core = require "pomex.core"
        real = core.bridge
        function core.bridge() notes:incr("tries", 1, 0) %s end
      } ]]):format(row[1]) }
      expected = { row[3] or "no bridge thread", "no bridge thread" }
      local worker, tries = server:workers()[1], 0
      for _ = 1, 2 do
        serves(worker)
        local before = tries
        tries = tonumber(server:run 'return notes:get "tries"')
        assert.is_true(tries > before)
        nginx.await("the end of the pump", function()
          return server:run 'return require("pomex.host.openresty_pump").up' == "false"
        end)
      end
      local log = server:log()
      assert.is_truthy(log:find("no bridge thread (" .. row[2] .. "), so it polls every", 1, true))
      assert.equal(1, select(2, log:gsub("no bridge thread", "")))
      -- Where every log shows it, with what to do.
      assert.matches("%[warn%][^\n]*no bridge thread[^\n]*env TMPDIR;", log)
      assert.equal("", (shell.bash("ls -d /tmp/pomex-" .. worker .. "-* 2> /dev/null")))
      assert.equal("list 1", server:run [[
        require("pomex.core").bridge = real
        return client.assets:list().object .. " " .. bridges()
      ]])
    end)
  end

  local NO_BRIDGE = [[
    init_worker_by_lua_block { require("pomex.host.openresty_pump").bridge = false }
  ]]

  it("polls where it is told to", function()
    start { http = NO_BRIDGE }
    serves(server:workers()[1])
    assert.matches("no bridge thread", server:log())
    -- Also without a wait.
    server:run 'client.async.assets:list():on_done(function() notes:set("done", true) end)'
    nginx.await("its end", function()
      return server:run 'return notes:get "done"' == "true"
    end)
  end)

  it("polls ever more seldom while nothing happens, and soon again when something does", function()
    start { http = NO_BRIDGE }
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 1 }
    sb:fault { endpoint = "assets.list", delay = 0.05, times = 0 }
    assert.equal("as it should", server:run [[
      local now = require("pomex.core").now
      local sleep, asked, at = ngx.sleep, {}, {}
      function ngx.sleep(seconds)
        asked[#asked + 1], at[#at + 1] = seconds, now()
        return sleep(seconds)
      end
      local function hundredth(seconds) return math.min(math.max(seconds / 100, 0.001), 0.01) end
      local began = now()
      local silent = client.async.assets:get "asset-1"
      for _ = 1, 500 do
        if asked[#asked] == 0.01 then break end
        sleep(0.02)
      end
      assert(asked[#asked] == 0.01, "it never sleeps for longer")
      -- The first step has found something to do, and no other has.
      for i = 3, #asked do
        assert(asked[i] <= hundredth(at[i] - began), "it sleeps for too long")
        assert(asked[i] >= hundredth(at[i - 1] - at[2]), "it does not sleep for long enough")
      end
      local count = #asked
      for _ = 1, 5 do
        client.assets:list()
        if math.min(unpack(asked, count + 1)) == 0.001 then break end
      end
      assert(math.min(unpack(asked, count + 1)) == 0.001, "it goes on sleeping")
      silent:cancel()
      return "as it should"
    ]])
  end)

  it("steps where it may have no timer", function()
    start { http = [[
      lua_max_running_timers 1;
      init_worker_by_lua_block { ngx.timer.at(0, function() ngx.sleep(1000) end) }
    ]] }
    serves(server:workers()[1])
    expected = "lua_max_running_timers are not enough"
    server:signal("TERM")
  end)
end)
