-- The host "openresty" inside a real nginx: calls, waits, tasks, and requests that go away.
-- #once #openresty

local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

describe("openresty #once #openresty", function()
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

  for _, host in ipairs { "openresty", "auto" } do
    it("makes a video, with host = " .. host, function()
      start { host = host }
      sb:config { asset_seconds = 0.2, generation_seconds = 0.3 }
      local path = os.tmpname()
      os.remove(path)
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
    sb:fault { endpoint = "assets.list", delay = 3, times = 0 }
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
    assert.is_true(took >= 3 and took < 15, took)
    assert.is_true(slowest < 2.5, slowest)
  end)

  it("ends waits in time, and the operation goes on", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 3, times = 1 }
    assert.equal("timeout_error true true list", server:run [[
      local core = require "pomex.core"
      local began = core.now()
      local op = client.async.assets:list()
      local _, err = op:wait(0.1)
      local took = core.now() - began
      return table.concat({ err.type, tostring(took >= 0.1), tostring(took < 2.9),
        op:wait().object }, " ")
    ]])
  end)

  it("runs tasks side by side, and hands on what they raise", function()
    start {}
    sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
    assert.equal("list list 5 16 true oops", server:run [[
      local core = require "pomex.core"
      local began = core.now()
      local a = client:spawn(function() return client.assets:list().object end)
      local b = client:spawn(function(x) return client.assets:list().object .. " " .. x end, 5)
      local all = client:map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(i)
        return client.assets:list() and i * 2 end)
      local first, second = a:wait(), b:wait()
      local quick = core.now() - began < 8 -- 10, one after the other
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
    sb:config { asset_seconds = 0 }
    local id = server:run [[
      return pomex.check(client.assets:create { url = "https://a.test/a.jpg",
        asset_type = "Image", group_id = pomex.VIRTUAL }).id
    ]]
    -- Its first look finds it "processing", however late that comes.
    sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
      body = ('{"id":"%s","status":"processing"}'):format(id) }
    assert.equal("false mine true", server:run(([[
      local op = client.async.assets:wait(%q, { first = 0.02, max = 0.05,
        on_update = function(a) if a.status ~= "active" then error("mine", 0) end end })
      local ok, why = pcall(op.wait, op)
      return table.concat({ tostring(ok), why, tostring(not op:done()) }, " ")
    ]]):format(id)))
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
    server:run 'require("pomex.host.openresty_pump").keep = 0'
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
    nginx.await("the bridge's end", function()
      return proc.bridges(server:workers()[1]) == 0
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
end)
