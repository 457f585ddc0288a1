-- Hosts that a program brings itself: the one that docs/hosts.md shows, and those of earlier
-- versions.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local leaks = require "spec.support.leaks"
local pages = require "spec.support.pages"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

describe("a host of one's own:", function()
  local sb, client

  setup(function() sb = assert(sandbox.start { rate_limits = false, asset_seconds = 1 }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:clear_faults()
    sb.journal:clear()
  end)
  after_each(function()
    client:close()
    client = nil
    leaks.collect()
  end)

  local function new(host)
    client = assert(pomex.new(sb:client_options { host = host, rate_limits = false }))
  end

  local function upload()
    return client.assets:create { url = "https://cdn.example/a.jpg", asset_type = "Image",
      group_id = pomex.VIRTUAL }
  end

  describe("the one of docs/hosts.md", function()
    local host, run_loop, watched

    before_each(function()
      local code = pages.code "host" .. "\nreturn host, run_loop, readable"
      host, run_loop, watched = assert((loadstring or load)(code, "=docs/hosts.md"))()
      new(host)
    end)

    it("waits for many at once, and its loop ends by itself", function()
      sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
      local results
      local began = core.now()
      client:spawn(function()
        results = client:map({ 1, 2, 3 }, function(n) return client.assets:list().object, n end)
      end)
      assert.is_truthy(next(watched))
      run_loop()
      assert.same({ { "list", 1 }, { "list", 2 }, { "list", 3 } }, results)
      assert.is_true(core.now() - began < 2.9)
      assert.is_nil(next(watched))
    end)

    it("waits until a deadline, and for a poll between two looks", function()
      local ran_out, asset
      client:spawn(function()
        local created = assert(upload())
        local waiting = client.async.assets:wait(created.id)
        ran_out = select(2, waiting:wait(0.05))
        asset = assert(waiting:wait())
      end)
      run_loop()
      assert.equal("timeout_error", ran_out.type)
      assert.equal("active", asset.status)
    end)

    it("begins to watch again after it was idle, and no more after close", function()
      for _ = 1, 2 do
        local got
        client:spawn(function() got = client.assets:list() end)
        run_loop()
        assert.equal("list", got.object)
        assert.is_nil(next(watched))
      end
      client.async.assets:list()
      assert.is_truthy(next(watched))
      client:close()
      assert.is_nil(next(watched))
    end)

    it("raises what a task raised that nobody waits for", function()
      client:spawn(function()
        client.assets:list()
        error("unheard", 0)
      end)
      local ok, why = pcall(run_loop)
      assert.is_false(ok)
      assert.matches("^unheard", why)
    end)

    it("refuses a plain call outside of its coroutines before anything is sent", function()
      -- Only a fresh Lua has a main chunk that is no coroutine of the test runner's.
      local path = os.tmpname()
      local file = assert(io.open(path, "wb"))
      file:write(pages.code "host", ([[
        local pomex = require "pomex"
        local client = pomex.new { host = host, api_key = %q, base_url = %q }
        print(pcall(client.assets.list, client.assets))
        client:close()]]):format(sb.key, sb.url))
      file:close()
      local output = shell.bash(shell.lua() .. " " .. shell.quote(path))
      os.remove(path)
      assert.matches("false\tonly a coroutine can wait; client:spawn starts one", output)
      assert.same({}, sb.journal:requests())
    end)
  end)

  -- Written to the description that came with versions before 1.0, word for word:
  --   running, wait, spawn(f), refuse(client) → why, guard(client) raises, attach(client) sets
  --   client.loop.detach and client.loop.idle.
  describe("one for an earlier version", function()
    local woken, watching, calls

    -- Steps what is watched, and resumes what was woken, until neither is left.
    local function run_loop()
      for _ = 1, 10000 do
        local list = woken
        woken = {}
        for _, co in ipairs(list) do assert(coroutine.resume(co)) end
        if not watching and not woken[1] then return end
        if watching then
          watching:poll(0.05)
          watching:step()
        end
      end
      error("the loop does not end")
    end

    local function older()
      woken, watching, calls = {}, nil, { attach = 0, detach = 0, idle = 0 }
      local host = {}
      function host.running() return (coroutines.running()) end
      function host.wait(_, ready, timeout)
        local me, deadline = coroutines.current(), timeout and core.now() + timeout
        local function wake() woken[#woken + 1] = me end
        while not ready() and not (deadline and core.now() >= deadline) do
          ready:subscribe(wake)
          coroutine.yield()
        end
        ready:unsubscribe(wake)
      end
      function host.spawn(f) woken[#woken + 1] = coroutine.create(f) end
      return host
    end

    local function watches(host)
      function host.attach(c)
        calls.attach = calls.attach + 1
        local loop = c.loop
        if loop.detach then return end
        watching = c
        function loop.detach()
          calls.detach = calls.detach + 1
          watching, loop.detach, loop.idle = nil, nil, nil
        end
        function loop.idle()
          calls.idle = calls.idle + 1
          watching, loop.detach, loop.idle = nil, nil, nil
        end
      end
      return host
    end

    it("starts tasks with spawn(f), and watches with attach until idle is called", function()
      new(watches(older()))
      local got, extra
      client:spawn(function(...)
        got, extra = client.assets:list(), select("#", ...)
      end, 1, nil, nil)
      run_loop()
      assert.equal("list", got.object)
      assert.equal(3, extra)
      assert.is_true(calls.attach > 0)
      assert.same({ 1, 0 }, { calls.idle, calls.detach })
      client.async.assets:list()
      assert.equal(client, watching)
      client:close()
      assert.same({ 1, 1 }, { calls.idle, calls.detach })
    end)

    it("is asked by refuse before a plain call, and by guard before anything is started", function()
      local host = watches(older())
      function host.refuse(c) return c.budget == 120 and "not in this program" or nil end
      new(host)
      assert.has_error(function() client.assets:list() end, "not in this program")
      assert.equal("pending", (tostring(client.async.assets:list()):match("pending")))
      function host.guard() error("not in this phase", 0) end
      assert.has_error(function() client.async.assets:list() end, "not in this phase")
      assert.equal(1, #sb.journal:requests() + client.loop.count)
    end)

    it("starts its coroutines with start, in the host that here returns", function()
      local host = older()
      local outer = { running = host.running, wait = host.wait, here = function() return host end }
      function outer.spawn() error("not called") end
      function host.start(task, f, ...)
        task.name = "started"
        return coroutines.spawn(task, f, ...)
      end
      new(outer)
      local task = client:spawn(function(x) return x, nil, 3 end, "x")
      assert.equal("started", task.name)
      assert.same({ "x", nil, 3 }, { task:outcome() })
    end)
  end)
end)
