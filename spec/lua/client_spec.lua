-- pomex.new and the client itself.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"

local NOWHERE = { api_key = "sk-secret-key", base_url = "http://127.0.0.1:1" }

describe("require 'pomex'", function()
  it("has what the README shows, and loads parts when they are used", function()
    assert.equal(core.VERSION, pomex.VERSION)
    assert.equal(require("cjson").null, pomex.null)
    assert.equal("pomex.VIRTUAL", tostring(pomex.VIRTUAL))
    for _, name in ipairs { "content", "callback", "errors", "sandbox" } do
      assert.equal(require("pomex." .. name), pomex[name])
    end
    assert.is_nil(pomex.nothing)
  end)

  it("opens nothing and starts nothing", function()
    local before = leaks.open_files()
    local client = assert(pomex.new(NOWHERE))
    assert.equal(before, leaks.open_files())
    client:close()
  end)
end)

describe("pomex.check", function()
  it("returns what it was given", function()
    assert.same({ 1, nil, 3 }, { pomex.check(1, nil, 3) })
  end)

  it("raises the error itself, and what is none as a string, at the caller's line", function()
    local err = pomex.errors.new("timeout_error", { message = "too late" })
    local ok, raised = pcall(function() pomex.check(nil, err) end)
    assert.is_false(ok)
    if interpreter.yields_within_calls then
      assert.equal(err, raised)
    else
      assert.matches("^spec/lua/client_spec%.lua:%d+: timeout_error: too late$", raised)
    end
    ok, raised = pcall(function() pomex.check(nil, { "no error of pomex's" }) end)
    assert.is_false(ok)
    assert.matches("^spec/lua/client_spec%.lua:%d+: table: ", raised)
    assert.error_matches(function() pomex.check(nil, "why") end, "why")
    assert.error_matches(function() pomex.check(false) end, "no value")
  end)
end)

describe("a client", function()
  local sb, client
  bed({}, function(...) sb, client = ... end)

  it("shows no key", function()
    local shown = tostring(client)
    assert.matches("^pomex client %(http://127%.0%.0%.1:%d+, 0 pending%)$", shown)
    assert.is_nil(shown:find(sb.key, 1, true))
    for _, value in pairs(client) do assert.not_equal(sb.key, value) end
    assert.equal(sb.url, client:base_url())
    client:close()
    assert.matches("closed", tostring(client))
  end)

  it("raises when it is closed, and closes as often as one likes", function()
    client:close()
    client:close()
    for _, call in ipairs {
      function() client.assets:get("a") end,
      function() client.async.assets:get("a") end,
      function() client.assets:wait("a") end,
      function() client.generations:download("a", "/tmp/x") end,
      function() client:request("GET", "/") end,
      function() client:step() end,
      function() client:spawn(print) end,
      function() client:run(print) end,
      function() client:map({}, print) end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("^spec/lua/client_spec%.lua:%d+: pomex client is closed$", message)
    end
    assert.error_matches(function() client:pollfd() end, "pomex client is closed")
  end)

  it("is closed by the collector", function()
    local files = leaks.open_files()
    local own = assert(pomex.new(sb:client_options()))
    assert(own.assets:list())
    assert.is_true(leaks.open_files() > files)
    own = nil -- luacheck: ignore
    assert.equal(files, leaks.open_files())
  end)

  if interpreter.closes then
    it("is closed by the end of its block", function()
      local own = assert(load [[
        local client <close> = ...
        assert(client.assets:list())
        return client
      ]])(assert(pomex.new(sb:client_options())))
      assert.has_error(function() own:step() end)
    end)
  end

  it("tells those who wait when it is closed in the middle", function()
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
    local seen = {}
    local op = client.async.assets:get("a"):on_done(function(_, err) seen[#seen + 1] = err.type end)
    local task = client:spawn(function() return client.assets:get("b") end)
    local timed = client:spawn(function() return client.async.assets:get("c"):wait(30) end)
    client:step()
    client:close()
    assert.is_true(op:done())
    assert.is_true(task:done())
    assert.equal("cancelled_error", select(2, timed:wait()).type)
    local _, err = op:wait()
    assert.equal("cancelled_error", err.type)
    _, err = task:wait()
    assert.equal("cancelled_error", err.type)
    assert.same({ "cancelled_error" }, seen)
  end)

  it("may be closed from within a step", function()
    local closed
    client.async.assets:get("a"):on_done(function() client:close() closed = true end)
    client.async.assets:get("b")
    local task = client:spawn(function() return client.assets:get("c") end)
    for _ = 1, 1000 do
      if closed then break end
      client:step()
      if not closed then client:poll(1) end
    end
    assert.is_true(closed)
    assert.is_true(task:done())
  end)

  describe("request", function()
    it("asks for what this version does not know", function()
      local reply, err = client:request("GET", "/v1/video/assets", { query = { limit = 2 } })
      assert.is_nil(err)
      assert.equal("list", reply.object)
      local seen = sb.journal:requests()[1]
      assert.equal("GET", seen.method)
      assert.matches("limit=2", seen.query)
      assert.is_true(seen.authorized)
    end)

    it("sends headers and a body, once", function()
      sb:fault { endpoint = "sessions.create", status = 503, times = 0 }
      local reply, err = client:request("POST", "/v1/video/assets/sessions", {
        headers = { ["X-Test"] = "yes" }, body = { a = pomex.array(), b = 512.0 } })
      assert.is_nil(reply)
      assert.equal(503, err.status)
      local requests = sb.journal:requests()
      assert.equal(1, #requests)
      assert.equal("yes", requests[1].headers["x-test"])
      assert.same({ a = {}, b = 512 }, require("cjson").decode(requests[1].body))
    end)

    it("takes a list, and an empty body", function()
      local path = "/v1/video/assets"
      sb:fault { endpoint = "assets.list", status = 200, body = "[1,null,2.0]" }
      assert.same({ 1, nil, 2 }, client:request("GET", path))
      sb:fault { endpoint = "assets.list", status = 204, body = "" }
      assert.same({}, client:request("GET", path))
      sb:fault { endpoint = "assets.list", status = 200, body = "5" }
      local reply, err = client:request("GET", path)
      assert.is_nil(reply)
      assert.equal("decode_error", err.type)
    end)

    it("refuses what must not reach the wire", function()
      for _, arguments in ipairs {
        { "GET", "no-slash" }, { "GET", "/a b" }, { "GE T", "/a" }, { "GET", "/a\r\nX: y" },
        { "GET", "/a\0b" }, { "GET", "/a", { headers = { ["X"] = "a\r\nY: b" } } },
      } do
        local reply, err = client:request(arguments[1], arguments[2], arguments[3])
        assert.is_nil(reply)
        assert.equal("invalid_request_error", err.type)
        assert.is_true(err.client)
      end
      assert.equal(0, #sb.journal:requests())
      assert.error_matches(function() client:request("GET") end, "path must be a string")
      assert.error_matches(function() client:request("GET", "/a", { boby = 1 }) end, 'is it "body"')
    end)
  end)

  describe("on_event", function()
    it("is told of requests, and never of the key", function()
      local events = {}
      local own = assert(pomex.new(sb:client_options {
        on_event = function(event) events[#events + 1] = event end }))
      sb:fault { endpoint = "assets.list", status = 503, retry_after = 0 }
      assert(own.assets:list())
      own:close()
      local names = {}
      for _, event in ipairs(events) do
        names[#names + 1] = event.name
        assert.equal("assets.list", event.endpoint)
        for _, value in pairs(event) do
          assert.is_nil(tostring(value):find(sb.key, 1, true))
        end
      end
      assert.same({ "request", "response", "retry", "request", "response", "done" }, names)
      assert.equal(503, events[2].status)
      assert.equal(200, events[5].status)
    end)

    it("is told by close of what that ends, and what is perhaps billed", function()
      local ended, own = {}, nil
      own = assert(pomex.new(sb:client_options { on_event = function(event)
        if event.name ~= "done" then return assert.is_nil(event.billed) end
        ended[#ended + 1] = event
        own:close() -- while it closes
      end }))
      local hung = sb:fault { endpoint = "generations.create", after_accept = "hang" }
      local op = own.async.generations:create { model = "byteplus/seedance-2.0-fast",
        content = pomex.content():text "A wave." }
      for _ = 1, 1000 do
        own:poll(0.1)
        own:step()
        if sb:struck(hung) == 1 then break end
      end
      local look = own.async.generations:wait "cgt-1"
      -- As after an error (Ctrl-C) that took the operations from whoever waited.
      own:close()
      assert.equal(2, #ended)
      assert.equal("ambiguous_error", ended[1].type)
      assert.equal("maybe", ended[1].billed)
      assert.equal("generations.create", ended[1].endpoint)
      assert.equal(op:id(), ended[1].operation)
      assert.equal("maybe", select(2, op:wait()).billed)
      assert.equal("cancelled_error", ended[2].type)
      assert.equal(select(2, look:wait()).billed, ended[2].billed)
      own:close()
      assert.equal(2, #ended)
    end)

    it("may fail while the client closes: that is raised once all is closed", function()
      local own = assert(pomex.new(sb:client_options { on_event = function(event)
        if event.name == "done" then error "broken hook" end
      end }))
      local op = own.async.generations:wait "cgt-1"
      local ok, message = pcall(own.close, own)
      assert.is_false(ok)
      assert.matches("^on_event: .*broken hook$", message)
      assert.equal("cancelled_error", select(2, op:wait()).type)
      own:close()
    end)

    it("may fail: the call goes on, and step raises it", function()
      local calls = 0
      local own = assert(pomex.new(sb:client_options { on_event = function()
        calls = calls + 1
        if calls == 1 then error("broken hook") end
      end }))
      assert(own.assets:list())
      assert.is_true(calls > 1)
      local ok, message = pcall(own.step, own)
      assert.is_false(ok)
      assert.matches("^on_event: .*broken hook$", message)
      assert.equal(0, own:step())
      own:close()
    end)
  end)

  describe("a tick", function()
    it("never waits, and says how much is pending", function()
      sb:fault { endpoint = "assets.get", delay = 1 }
      assert.equal(0, client:step())
      local op = client.async.assets:get("a")
      local steps = 0
      while client:step() > 0 do
        client:step(0.001)
        steps = steps + 1
        assert.equal("number", type(client:pollfd()))
        client:poll(0.01)
      end
      -- Some hundred; one that waits for the answer would be the last.
      assert.is_true(steps > 3)
      assert.is_true(op:done())
    end)

    it("keeps to its budget with what it resumes, too", function()
      local resumed = 0
      for _ = 1, 50 do
        client:spawn(function()
          coroutine.yield()
          local until_then = core.now() + 0.002
          repeat until core.now() >= until_then
          resumed = resumed + 1
        end)
      end
      client:step(0.001)
      assert.equal(1, resumed)
      assert.equal(0, client:timeout())
      while client:step(0.001) > 0 do assert.is_true(client:poll(0)) end
      assert.equal(50, resumed)
      assert.error_matches(function() client:step("1") end, "budget must be a number")
    end)

    it("is not re-entrant", function()
      local message
      client.async.assets:list():on_done(function()
        message = select(2, pcall(client.step, client))
      end)
      while client:step() > 0 do client:poll(1) end
      assert.matches("within a step", message)
    end)

    it("says when it wants to be called at the latest", function()
      assert.is_nil(client:timeout())
      client:spawn(function() coroutine.yield() end)
      assert.equal(0, client:timeout())
      client:step()
      sb:fault { endpoint = "assets.get", before_accept = "hang" }
      client:spawn(function() client.async.assets:get("x"):wait(0.05) end)
      assert.is_true(client:timeout() <= 0.05)
    end)
  end)
end)
