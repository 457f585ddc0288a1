--- The host "openresty": its bridge stays when nothing is pending, for the next call, and holds up
--- no worker that is told to end.

local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

-- Counts the bridges that are made.
local COUNT = [[
  init_worker_by_lua_block {
    local core = require "pomex.core"
    local real, last = core.bridge
    function core.bridge()
      notes:incr("made", 1, 0)
      last = real()
      return last
    end
    function break_bridge() last:close() end
    pump = require "pomex.host.openresty_pump"
    require("pomex.host.openresty_clients").linger = 0.05
  }
]]

local LIST = "return client.assets:list().object"

describe("openresty, a bridge without a client: #once #openresty", function()
  local sb, server, expected

  setup(function() sb = assert(sandbox.start { rate_limits = false }) end)
  teardown(function() sb:stop() end)

  local function start(http)
    expected = {}
    server = nginx.start { http = nginx.client(sb) .. COUNT .. (http or ""), server = nginx.RUN }
  end

  after_each(function()
    sb:clear_faults()
    server:stop()
    assert.equal("", server:problems(expected))
  end)

  -- The bridge watches no client any more.
  local function await_rest()
    nginx.await("rest", function() return server:run "return client.loop.end_watch" == "nil" end)
  end

  -- And not when the bridge would have ended by itself.
  local function quits_at_once()
    server:signal "QUIT"
    nginx.await("its end", function() return not server:runs() end)
  end

  it("serves the next calls, also of other clients", function()
    start()
    local worker = server:workers()[1]
    for _ = 1, 5 do
      assert.equal("list", server:run(LIST))
      await_rest()
      assert.equal("list", server:run "return new().assets:list().object")
      await_rest()
    end
    assert.equal("1", server:run 'return notes:get "made"')
    assert.equal(1, proc.bridges(worker))
  end)

  it("ends after a while, and leaves nothing", function()
    start()
    server:run "pump.keep = 0.3"
    local worker = server:workers()[1]
    for made = 1, 2 do
      assert.equal("list", server:run(LIST))
      nginx.await("its end", function() return proc.bridges(worker) == 0 end)
      assert.equal("false", server:run "return pump.up")
      assert.equal(tostring(made), server:run 'return notes:get "made"')
    end
    assert.equal("", (shell.bash("ls -d /tmp/pomex-" .. worker .. "-* 2> /dev/null")))
  end)

  it("stays for so long after the last call, and not after the first", function()
    start()
    server:run "pump.keep = 1"
    local worker = server:workers()[1]
    for _ = 1, 8 do
      assert.equal("list", server:run(LIST))
      await_rest()
      socket.sleep(0.2)
    end
    assert.equal("1", server:run 'return notes:get "made"')
    nginx.await("its end", function() return proc.bridges(worker) == 0 end)
  end)

  it("learns at once that the worker ends", function()
    start()
    assert.equal("list", server:run(LIST))
    await_rest()
    quits_at_once()
  end)

  it("holds up no reload", function()
    start()
    assert.equal("list", server:run(LIST))
    await_rest()
    local old = server:workers()
    server:signal "HUP"
    server:await_gone(old) -- within ten seconds, and not when the bridge would have ended by itself
    nginx.await("a new worker", function() return server:run(LIST) == "list" end)
    assert.equal("2", server:run 'return notes:get "made"')
  end)

  -- nginx drops timers without telling Lua.
  it("asks again for the timer that tells it so", function()
    start()
    server:run [[
      pump.look = 0.5
      local real = ngx.timer.at
      function ngx.timer.at(delay, ...)
        if delay == 0 then return real(delay, ...) end
        ngx.timer.at = real
        return true
      end
    ]]
    assert.equal("list", server:run(LIST))
    await_rest()
    assert.equal("1", server:run 'return notes:get "made"')
    nginx.await("another timer", function()
      return server:run "return ngx.timer.pending_count()" == "1"
    end)
    quits_at_once()
  end)

  it("does not stay where no timer would tell it so", function()
    start()
    server:run [[
      local real = ngx.timer.at
      function ngx.timer.at(delay, ...)
        if delay == 0 then return real(delay, ...) end
      end
    ]]
    local worker = server:workers()[1]
    assert.equal("list", server:run(LIST))
    nginx.await("its end", function() return proc.bridges(worker) == 0 end)
    assert.equal("list", server:run(LIST))
  end)

  it("is missed by nobody if it breaks", function()
    start()
    expected = "it begins anew"
    local worker = server:workers()[1]
    assert.equal("list", server:run(LIST))
    await_rest()
    server:run "pump.pause = 0 break_bridge()"
    nginx.await("its end", function() return server:log():find("it begins anew", 1, true) end)
    assert.equal(0, proc.bridges(worker))
    assert.equal("list 1", server:run 'return client.assets:list().object .. " " .. bridges()')
    await_rest()
    quits_at_once()
  end)
end)
