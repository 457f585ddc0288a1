-- The host "openresty" inside a real nginx: waits, tasks, phases, and what it costs to wait.
-- #once #openresty

local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

-- A client of its own for each request that asks, and one that all share.
local HTTP = [[
  lua_shared_dict notes 1m;
  lua_check_client_abort on;
  init_by_lua_block {
    pomex = require "pomex"
    function new(more)
      local options = { base_url = "@URL", api_key = "@KEY", host = "@HOST",
        rate_limits = false, max_in_flight = 128 }
      for name, value in pairs(more or {}) do options[name] = value end
      return pomex.check(pomex.new(options))
    end
    notes = ngx.shared.notes
    client = new()
    notes:set("init", select(2, pcall(client.assets.list, client.assets)))
  }
]]

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
  init_worker_by_lua_block {
    notes:set("init_worker", select(2, pcall(client.assets.list, client.assets)))
  }
  upstream balanced {
    server 127.0.0.1:1;
    balancer_by_lua_block {
      notes:set("balancer", select(2, pcall(client.assets.list, client.assets)))
      ngx.exit(503)
    }
  }
]]

describe("openresty #once #openresty", function()
  local sb, server, expected

  local function start(options)
    local values = { URL = sb.url, KEY = sb.key, HOST = options.host or "openresty" }
    options.http = (HTTP:gsub("@(%u+)", values)) .. (options.http or "")
    options.server = nginx.RUN .. (options.server or "")
    server = nginx.start(options)
    return server
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
    local problems = {}
    for line in server:problems():gmatch("[^\n]+") do
      if not (expected and line:find(expected)) then problems[#problems + 1] = line end
    end
    assert.same({}, problems)
    server = nil
  end)

  for _, host in ipairs { "openresty", "auto" } do
    it("makes a video, with host = " .. host, function()
      start { host = host }
      sb:config { asset_seconds = 0.2, generation_seconds = 0.3 }
      local path = os.tmpname()
      assert.equal("active true succeeded " .. path, server:run(([[
        local seen = false
        local asset = pomex.check(client.assets:create_and_wait({ url = "https://a.test/a.jpg",
          asset_type = "Image", group_id = pomex.VIRTUAL }, { first = 0.05, max = 0.1 }))
        local task = pomex.check(client.generations:create_and_wait({
          model = "byteplus/seedance-2.0", content = pomex.content():text "A wave." },
          { first = 0.05, max = 0.1, on_update = function(t) seen = t.status ~= nil end }))
        local file = pomex.check(client.generations:download(task, "%s"))
        return table.concat({ asset.status, tostring(seen), task.status, file.path }, " ")
      ]]):format(path)))
      assert.equal("ftyp", shell.bash("head -c 8 " .. path .. " | tail -c 4"))
      os.remove(path)
    end)
  end

  it("never blocks the worker while 50 calls wait", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
    local began, connections, slowest = socket.gettime(), {}, 0
    for i = 1, 50 do
      connections[i] = server:send("/run", "return client.assets:list().object")
    end
    for _ = 1, 50 do
      local asked = socket.gettime()
      server:get("/alive")
      slowest = math.max(slowest, socket.gettime() - asked)
    end
    for i = 1, 50 do assert.equal("list", (nginx.receive(connections[i]))) end
    local took = socket.gettime() - began
    assert.is_true(took >= 1 and took < 1.9, took)
    assert.is_true(slowest < 0.3, slowest)
  end)

  it("sleeps while 100 calls are silent: no CPU, no wake-ups #timing", function()
    start {}
    sb:fault { endpoint = "assets.list", before_accept = "hang", times = 0 }
    local connections = {}
    for i = 1, 100 do
      connections[i] = server:send("/run",
        "return select(2, client.assets:list({}, { timeout = 6, max_retries = 0 })).type")
    end
    local worker = server:workers()[1]
    nginx.await("all to be sent", function()
      return server:run "return client.loop.count" == "100"
    end)
    local before = nginx.usage(worker)
    nginx.await("silence", function()
      socket.sleep(0.2)
      local now = nginx.usage(worker)
      local silent = now.switches == before.switches
      before = now
      return silent
    end)
    socket.sleep(1.5)
    assert.same(before, nginx.usage(worker))
    assert.equal(2, nginx.count(worker, "task"))
    for i = 1, 100 do assert.equal("timeout_error", (nginx.receive(connections[i]))) end
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
      shell.bash(("curl -sk https://127.0.0.1:%d/alive"):format(tls))
      local function note(name) return server:run(("return notes:get(%q)"):format(name)) end
      assert.equal("pomex: init_by_lua cannot wait; make clients there, and use them in the "
        .. "workers", note "init")
      for _, phase in ipairs { "init_worker", "set", "header_filter", "body_filter", "log",
        "balancer" } do
        assert.equal(("pomex: %s_by_lua cannot wait; use the client in a timer: "
          .. "ngx.timer.at(0, function() … end)"):format(phase), note(phase))
      end
      assert.matches("^pomex: log_by_lua cannot wait", note "log spawn")
      assert.equal("list", note "ssl_certificate")
      nginx.await("what log_by_lua began", function() return note "async" == "list" end)
      assert.equal(before + 5, #sb.journal:requests "assets.list")
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

  it("ends waits in time, and the operation goes on", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 0.4, times = 1 }
    assert.equal("timeout_error true true list", server:run [[
      local core = require "pomex.core"
      local began = core.now()
      local op = client.async.assets:list()
      local _, err = op:wait(0.1)
      local took = core.now() - began
      return table.concat({ err.type, tostring(took >= 0.1), tostring(took < 0.3),
        op:wait().object }, " ")
    ]])
  end)

  it("runs tasks side by side, and hands on what they raise", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 0.3, times = 0 }
    assert.equal("list list 5 16 true oops", server:run [[
      local core = require "pomex.core"
      local began = core.now()
      local a = client:spawn(function() return client.assets:list().object end)
      local b = client:spawn(function(x) return client.assets:list().object .. " " .. x end, 5)
      local all = client:map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(i)
        return client.assets:list() and i * 2 end)
      local first, second = a:wait(), b:wait()
      local quick = core.now() - began < 0.55
      local failed = client:spawn(error, "oops", 0)
      local _, why = pcall(failed.wait, failed)
      return table.concat({ first, second, all[8][1], tostring(quick), why }, " ")
    ]])
    -- Plain coroutines of nginx's work too, one after the other.
    assert.equal("list", server:run [[
      return coroutine.wrap(function() return client.assets:list().object end)()
    ]])
  end)

  it("logs, as a string, what a task raised and nobody collected", function()
    start {}
    assert.equal("spawned", server:run [[
      client:spawn(function()
        client.assets:list()
        error { code = 7 }
      end)
      client:spawn(function()
        client.assets:list()
        error("unheard " .. "of", 0)
      end)
      return "spawned"
    ]])
    nginx.await("the log", function() return server:log():find("pomex: unheard of", 1, true) end)
    assert.equal("list", server:run "return client.assets:list().object")
    expected = "pomex: "
  end)

  it("lets an error of on_update leave the wait, and the operation go on", function()
    start {}
    assert.equal("false mine true", server:run [[
      local asset = pomex.check(client.assets:create { url = "https://a.test/a.jpg",
        asset_type = "Image", group_id = pomex.VIRTUAL })
      local op = client.async.assets:wait(asset, { first = 0.02, max = 0.05,
        on_update = function(a) if a.status ~= "active" then error("mine", 0) end end })
      local ok, why = pcall(op.wait, op)
      return table.concat({ tostring(ok), why, tostring(not op:done()) }, " ")
    ]])
  end)

  it("refuses a wait within a step, which would wait for itself", function()
    start {}
    assert.equal("list", server:run [[
      local op = client.async.assets:list()
      op:on_done(function() notes:set("inner", select(2, pcall(client.assets.list,
        client.assets))) end)
      return op:wait().object
    ]])
    assert.equal("pomex: a wait within a step; wait in a task that client:spawn started",
      server:run 'return notes:get "inner"')
  end)

  it("cancels in the middle, and closes under a wait", function()
    start {}
    sb:fault { endpoint = "assets.list", before_accept = "hang", times = 0 }
    assert.equal("cancelled_error cancelled_error", server:run [[
      local one, two = client.async.assets:list(), nil
      local mine = new()
      ngx.thread.spawn(function() two = select(2, mine.assets:list()) end)
      ngx.thread.spawn(function()
        ngx.sleep(0.05)
        one:cancel()
        mine:close()
      end)
      local err = select(2, one:wait())
      ngx.sleep(0.01)
      return err.type .. " " .. two.type
    ]])
    nginx.await("the thread's end", function()
      return nginx.count(server:workers()[1], "task") == 1
    end)
    assert.equal("raised: pomex client is closed",
      (server:run "local c = new() c:close() return c.assets:list()"):gsub(" .*:%d+:", ""))
  end)

  it("goes on when the request of a wait is gone", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 0.5, times = 0 }
    local count = 20
    local gone = {}
    for i = 1, count do
      gone[i] = server:send("/run", [[
        ngx.on_abort(function() ngx.exit(499) end)
        local op = client.async.assets:list()
        op:on_done(function() notes:incr("done", 1, 0) end)
        notes:incr("begun", 1, 0)
        op:wait()
        notes:set("resumed", true)
      ]])
    end
    nginx.await("all to wait", function()
      return server:run 'return notes:get "begun"' == tostring(count)
    end)
    for i = 1, count do gone[i]:close() end
    nginx.await("all ends", function()
      return server:run 'return notes:get "done"' == tostring(count)
    end)
    assert.equal("nil", server:run 'return notes:get "resumed"')
    assert.equal(count, server:many("return client.assets:list().object", count).list)
    assert.equal("0", server:run "return client.loop.count")
  end)

  it("ends the pump and the thread when nothing is pending, and begins again", function()
    start {}
    local worker = server:workers()[1]
    local files = nginx.count(worker, "fd")
    for _ = 1, 3 do
      assert.equal("list", server:run "return new().assets:list().object")
      assert.equal(2, nginx.count(worker, "task"))
      nginx.await("the thread's end", function() return nginx.count(worker, "task") == 1 end)
    end
    -- Clients that nobody holds are collected, with their descriptors.
    server:run "collectgarbage() collectgarbage() collectgarbage()"
    assert.equal(files, nginx.count(worker, "fd"))
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

  for _, way in ipairs { "polls where it may have no thread",
    "steps where it may have no timer" } do
    local no_timer = way:find("timer") ~= nil
    it(way, function()
      start { http = no_timer and [[
        lua_max_running_timers 1;
        init_worker_by_lua_block { ngx.timer.at(0, function() ngx.sleep(1000) end) }
      ]] or [[
        init_worker_by_lua_block { require("pomex.host.openresty_pump").bridge = false }
      ]] }
      sb:fault { endpoint = "assets.list", delay = 0.2, times = 0 }
      assert.equal(1, nginx.count(server:workers()[1], "task"))
      local began = socket.gettime()
      assert.equal(20, server:many("return client.assets:list().object", 20).list)
      assert.is_true(socket.gettime() - began < 0.8)
      assert.equal(1, nginx.count(server:workers()[1], "task"))
      if no_timer then
        expected = "lua_max_running_timers are not enough"
        server:signal("TERM")
      else
        assert.matches("no bridge thread", server:log())
        -- Also without a wait.
        server:run 'client.async.assets:list():on_done(function() notes:set("done", true) end)'
        nginx.await("its end", function()
          return server:run 'return notes:get "done"' == "true"
        end)
      end
    end)
  end
end)
