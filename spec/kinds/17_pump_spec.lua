-- What steps a worker's clients ends, and nobody says so: nginx ends its timer, its bridge breaks,
-- it raises. Then another begins, and a worker that is told to end, ends.
-- #once #openresty

local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"
local socket = require "socket"

-- nginx 0.10.23 to 0.10.32 resumes the request out of what it waits in when `b` ends.
local RESUMED = [[
  location = /wait { content_by_lua_block {
    local a = ngx.thread.spawn(function() ngx.sleep(0.001) end)
    local b = ngx.thread.spawn(function()
      ngx.sleep(0.03)
      @HOW
    end)
    ngx.thread.wait(a, b)
    ngx.print(client.assets:list().object)
  } }
]]

-- Keeps the last bridge, and ends parts of it: of the struct in csrc/lua/bridge.c.
local BREAK = [[
  init_worker_by_lua_block {
    local core, ffi = require "pomex.core", require "ffi"
    ffi.cdef "int shutdown(int, int); int pthread_cancel(unsigned long);"
    local real, last = core.bridge
    function core.bridge()
      local made, why = real()
      last = made or last
      notes:incr("bridges", 1, 0)
      return made, why
    end
    function parts()
      return ffi.cast("struct { int set, bell, socket; bool met; unsigned long thread; } *", last)
    end
    function end_thread() return require("ffi").C.pthread_cancel(parts().thread) end
    function shut() return require("ffi").C.shutdown(parts().socket, 2) end
    pump = require "pomex.host.openresty_pump"
  }
]]

-- nginx ends the timer of the pump, which runs this.
local KILL = [[ client.async.assets:get("asset-1"):on_done(function()
  notes:set("killed", true)
  ngx.exit(200)
end) ]]

local LIST = "return client.assets:list().object"

describe("openresty, a pump that ended: #once #openresty", function()
  local sb, server, expected

  local function start(options)
    options.http = nginx.client(sb) .. BREAK .. (options.http or "")
    options.server = nginx.RUN .. (options.server or "")
    server = nginx.start(options)
  end

  local function await_note(name)
    nginx.await(name, function()
      return server:run(("return notes:get %q"):format(name)) ~= "nil"
    end)
  end

  -- A call that is answered after a while, and is being waited for, with a pump from the start: a
  -- wait without one looks often.
  local function waiting_call(delay)
    server:run('require("pomex.host.openresty_clients").linger = 1 ' .. LIST)
    sb:fault { endpoint = "assets.list", delay = delay, times = 1 }
    local connection = server:send("/run", LIST)
    connection:settimeout(10)
    nginx.await("the call", function() return server:run "return client.loop.count" == "1" end)
    return connection
  end

  local function quits()
    local began = socket.gettime()
    assert.equal(0, server:stop "QUIT")
    assert.is_true(socket.gettime() - began < 5)
  end

  setup(function() sb = assert(sandbox.start { rate_limits = false }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:clear_faults()
    expected = nil
  end)
  after_each(function()
    if not server then return end
    server:stop()
    assert.equal("", server:problems(expected))
    server = nil
  end)

  for _, how in ipairs { "", "return 1, 2", 'error("oops", 0)', 'error("timeout", 0)' } do
    it("survives requests that nginx resumes out of their waits: " .. how, function()
      sb:fault { endpoint = "assets.list", delay = 0.06, times = 0 }
      expected = how:find "error" and "lua user thread aborted" or nil
      start { server = RESUMED:gsub("@HOW", how) }
      local worker = server:workers()[1]
      for _ = 1, 8 do
        local open = {}
        for i = 1, 20 do open[i] = server:send "/wait" end
        for i = 1, 20 do assert.equal("list", (nginx.receive(open[i]))) end
      end
      assert.same({ worker }, server:workers())
      quits()
      assert.is_nil(server:log():find("signal 11", 1, true))
    end)
  end

  it("steps on at the next call after nginx ended its timer", function()
    expected = "it begins anew"
    start {}
    for round = 1, 3 do
      server:run 'notes:delete "killed"'
      server:run(KILL)
      await_note "killed"
      local began = socket.gettime()
      assert.equal("list", server:run(LIST))
      assert.is_true(socket.gettime() - began < 10) -- by itself it looks in half a minute
      assert.equal(round + 1, tonumber(server:run 'return notes:get "bridges"'))
    end
    quits()
  end)

  it("is not within a step for ever, if nginx keeps its coroutine as it was", function()
    local watcher = require "pomex.host.watcher"
    local client = assert(require("pomex").new { base_url = sb.url, api_key = sb.key,
      host = "coroutine" })
    client.async.assets:list():on_done(coroutine.yield)
    local co
    nginx.await("a step that does not end", function()
      co = coroutine.create(watcher.step)
      assert(coroutine.resume(co, client, error))
      return coroutine.status(co) == "suspended"
    end)
    assert.has_error(function() client:step() end)
    watcher.forsake(co, { client })
    local op = client.async.assets:list()
    nginx.await("the next call", function()
      client:step()
      return op:done()
    end)
    assert.equal("list", op:wait().object)
    client:close()
  end)

  it("steps on where nobody calls, by a timer", function()
    expected = "it begins anew"
    start {}
    sb:fault { endpoint = "assets.list", delay = 1, times = 1 }
    server:run [[
      pump.look = 0.5
      client.async.assets:list():on_done(function() notes:set("answered", true) end)
    ]]
    server:run(KILL)
    await_note "killed"
    await_note "answered"
  end)

  it("steps on where another state has that timer, by what waits", function()
    expected = "it begins anew"
    start {}
    server:run 'pump.look = 0.5 require("pomex.core").sentry = function() return false end'
    local connection = waiting_call(1)
    server:run(KILL)
    await_note "killed"
    assert.equal("list", (nginx.receive(connection)))
  end)

  it("looks within 30 s", function()
    start {}
    assert.is_true(tonumber(server:run "return pump.look + 1") <= 30)
  end)

  it("lets a worker end that is told to", function()
    expected = "it begins anew"
    start {}
    local connection = waiting_call(1)
    server:run(KILL)
    await_note "killed"
    local began = socket.gettime()
    server:signal "QUIT"
    assert.equal("list", (nginx.receive(connection)))
    nginx.await("its end", function() return not server:runs() end)
    assert.is_true(socket.gettime() - began < 5)
  end)

  for _, way in ipairs { "end_thread", "shut" } do
    it("gets another bridge when one breaks: " .. way, function()
      expected = "it begins anew"
      start {}
      server:run "pump.pause = 0.2"
      local connection = waiting_call(3)
      assert.equal("0", server:run("return " .. way .. "()"))
      nginx.await("its end", function()
        return server:log():find("it begins anew", 1, true)
      end)
      -- While the call goes on.
      nginx.await("another bridge", function() return server:run "return bridges()" == "1" end)
      assert.equal("1", server:run "return client.loop.count")
      assert.equal("list", (nginx.receive(connection)))
      quits()
    end)
  end

  for _, name in ipairs { "watch", "rearm" } do
    it("is told of what cannot be watched: " .. name, function()
      expected = "it begins anew"
      start {}
      local connection = waiting_call(1)
      server:run(([[
        local core = require "pomex.core"
        local made = core.bridge()
        local class = getmetatable(made)
        made:close()
        local real = class.@
        function class.@()
          class.@ = real
          notes:set("refused", true)
          return nil, "no memory"
        end
      ]]):gsub("@", name))
      assert.equal("list", server:run [[
        local c = new()
        c.assets:list()
        return c.assets:list().object
      ]])
      assert.equal("list", (nginx.receive(connection)))
      assert.equal("true", server:run 'return notes:get "refused"')
      quits()
    end)
  end

  it("goes on after it raised, and does not raise without end", function()
    expected = { "oops", "it begins anew" }
    start {}
    server:run [[
      pump.pause = 0.2
      local real = client.loop.unfinished
      function client.loop.unfinished()
        if ngx.get_phase() == "timer" then
          notes:incr("raised", 1, 0)
          error("oops", 0)
        end
        return real(client.loop)
      end
    ]]
    local began = socket.gettime()
    assert.equal("list", server:run(LIST))
    nginx.await("some times", function()
      local times = tonumber(server:run 'return notes:get "raised"') or 0
      -- It raises in a step, and then in the pump, which rests for half a second.
      assert.is_true(times < 10 + 12 * (socket.gettime() - began))
      return times > 16
    end)
    server:run "client.loop.unfinished = nil"
    nginx.await("another bridge", function()
      return server:run 'return client.assets:list().object .. " " .. bridges()' == "list 1"
    end)
    quits()
  end)

  it("that polls is missed, too", function()
    expected = "it begins anew"
    start {}
    server:run "pump.bridge, pump.stuck, pump.look = false, 0.5, 0.5"
    server:run(KILL)
    await_note "killed"
    nginx.await("its silence", function()
      return server:log():find("it begins anew", 1, true)
    end)
    assert.equal("list", server:run(LIST))
    quits()
  end)
end)
