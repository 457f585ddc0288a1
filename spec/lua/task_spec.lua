-- spawn, run, map and all.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"

describe("tasks", function()
  local sb, client
  bed({}, function(...) sb, client = ... end)

  local function drain()
    for _ = 1, 2000 do
      if client:step() == 0 then return end
      client:poll(1)
    end
    error("it never ends")
  end

  describe("spawn", function()
    it("runs at once up to the first wait, and never blocks", function()
      sb:fault { endpoint = "assets.list", delay = 2 }
      local steps = {}
      local began = core.now()
      local task = client:spawn(function(a, b)
        steps[#steps + 1] = "begun"
        local page = client.assets:list()
        steps[#steps + 1] = page.object
        return a, nil, b
      end, 1, 2)
      assert.is_true(core.now() - began < 1.9)
      assert.same({ "begun" }, steps)
      assert.is_false(task:done())
      assert.equal("pomex task (running)", tostring(task))
      assert.same({ 1, nil, 2 }, { task:wait() })
      assert.same({ 1, nil, 2 }, { task:wait() })
      assert.is_true(task:done())
      assert.equal("pomex task (done)", tostring(task))
      assert.same({ "begun", "list" }, steps)
    end)

    it("takes functions of C's, and what can be called", function()
      assert.equal("number", client:run(type, 5))
      local callable = setmetatable({}, { __call = function(_, x) return x + 1 end })
      assert.equal(6, client:run(callable, 5))
      assert.error_matches(function() client:run("f") end, "f must be a function")
    end)

    it("runs many side by side", function()
      sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
      local began, done = core.now(), 0
      for _ = 1, 10 do
        client:spawn(function()
          assert(client.assets:list())
          done = done + 1
        end)
      end
      drain()
      assert.equal(10, done)
      assert.is_true(core.now() - began < 8) -- 10, one after the other
    end)

    it("may spawn and wait for tasks of its own", function()
      local function count(depth)
        if depth == 0 then return client.assets:list() and 1 end
        local a = client:spawn(count, depth - 1)
        local b = client:spawn(count, depth - 1)
        return a:wait() + b:wait()
      end
      assert.equal(16, client:run(count, 4))
    end)

    it("lets several wait for one", function()
      local slow = client:spawn(function() return client.assets:list().object end)
      local got = {}
      for i = 1, 3 do client:spawn(function() got[i] = slow:wait() end) end
      drain()
      assert.same({ "list", "list", "list" }, got)
    end)

    it("lets several wait for one operation", function()
      local op = client.async.assets:list()
      local got = {}
      for i = 1, 4 do client:spawn(function() got[i] = op:wait().object end) end
      assert.equal("list", op:wait().object)
      drain()
      assert.same({ "list", "list", "list", "list" }, got)
    end)

    it("waits for a timeout, and goes on", function()
      sb:fault { endpoint = "assets.list", delay = 1 }
      local task = client:spawn(function() return client.assets:list() end)
      local value, err = task:wait(0.02)
      assert.is_nil(value)
      assert.equal("timeout_error", err.type)
      assert.equal("list", task:wait().object)
      sb:fault { endpoint = "assets.list", delay = 1 }
      local inner = client:run(function()
        local op = client.async.assets:list()
        local nothing, late = op:wait(0.02)
        assert(nothing == nil and late.type == "timeout_error")
        return (op:wait(30))
      end)
      assert.equal("list", inner.object)
    end)

    it("takes a bare yield for a wait until the next step", function()
      local ticks = 0
      client:spawn(function()
        for _ = 1, 3 do
          ticks = ticks + 1
          coroutine.yield()
        end
      end)
      assert.equal(1, ticks)
      assert.equal(1, client:step())
      assert.equal(2, ticks)
      client:step()
      assert.equal(3, ticks)
      assert.equal(0, client:step())
    end)

    it("is no place for a wait in a coroutine of one's own", function()
      local ok, message = client:run(function()
        return coroutine.resume(coroutine.create(function() return client.assets:list() end))
      end)
      assert.is_false(ok)
      assert.matches("in a coroutine of your own within a task", message)
      ok, message = client:run(function()
        client.assets:list()
        return coroutine.resume(coroutine.create(function() return client.assets:list() end))
      end)
      assert.is_false(ok)
      assert.matches("in a coroutine of your own within a task", message)
    end)

    it("cancels what it waits for", function()
      sb:fault { endpoint = "assets.list", before_accept = "hang", times = 0 }
      local task = client:spawn(function()
        local _, err = client.assets:list()
        return err.type
      end)
      client:step()
      task:cancel()
      assert.equal("cancelled_error", task:wait())
      task:cancel()
      local outer = client:spawn(function()
        local _, err = client:spawn(function() return client.assets:list() end):wait()
        return err.type
      end)
      client:step()
      outer:cancel()
      assert.equal("cancelled_error", outer:wait())
    end)

    if interpreter.closes then
      it("closes its variables when it fails", function()
        local closed = {}
        local f = assert(load [[
          local closed, client = ...
          return function()
            local guard <close> = setmetatable({}, { __close = function() closed[1] = true end })
            client.assets:list()
            error("late")
          end]])(closed, client)
        assert.error_matches(function() client:run(f) end, "late")
        assert.is_true(closed[1])
      end)
    end
  end)

  describe("an error", function()
    it("is raised where the task is waited for, as it was", function()
      local thrown = { code = 5 }
      local task = client:spawn(function()
        client.assets:list()
        error(thrown)
      end)
      local ok, err = pcall(task.wait, task)
      assert.is_false(ok)
      assert.equal(thrown, err)
      assert.equal("pomex task (failed)", tostring(task))
      ok, err = pcall(client.run, client, function() error("at once", 0) end)
      assert.is_false(ok)
      assert.equal("at once", err)
      drain()
    end)

    it("that nobody collects is raised by step, with a traceback", function()
      client:spawn(function()
        client.assets:list()
        local function culprit() error("nobody heard") end
        culprit()
      end)
      local ok, message = pcall(drain)
      assert.is_false(ok)
      assert.matches("nobody heard", message)
      assert.matches("culprit", message)
      drain()
      client:spawn(error, "at once")
      assert.error_matches(function() client:step() end, "at once")
      drain()
    end)

    it("that is collected before the next step is not", function()
      local task = client:spawn(error, "collected", 0)
      assert.is_false((pcall(task.wait, task)))
      drain()
      task = client:spawn(function()
        client.assets:list()
        error("told", 0)
      end)
      local told
      task:on_done(function(_, err) told = err end)
      drain()
      assert.equal("told", told)
    end)

    it("keeps a loop of step and poll from sleeping on it", function()
      client:map({ 1 }, error)
      assert.equal(0, client:step())
      client:spawn(error, "loud")
      assert.equal(0, client:timeout())
      assert.is_true(client:poll())
      assert.error_matches(function() client:step() end, "loud")
      local task = client:spawn(error, "heard")
      assert.is_false((pcall(task.wait, task)))
      assert.equal(0, client:step())
      assert.is_nil(client:timeout())
    end)

    it("is not lost when the client is closed", function()
      local own = assert(pomex.new(sb:client_options()))
      own:spawn(error, "unheard")
      assert.error_matches(function() own:close() end, "unheard")
      own:close()
      own = assert(pomex.new(sb:client_options()))
      sb:fault { endpoint = "assets.list", before_accept = "hang" }
      own:spawn(function() pomex.check(own.assets:list()) end)
      own:step()
      -- The one that closing itself brings about is no news.
      own:close()
    end)
  end)

  describe("all", function()
    it("waits for all, cancels none, and keeps the order", function()
      sb:fault { endpoint = "assets.list", delay = 0.2 }
      local results = pomex.all {
        client.async.assets:list(),
        client.async.assets:get("nope"),
        client:spawn(function() return client.assets:list().object, "second" end),
        client:spawn(function() error("raised", 0) end),
        client.async.sessions:create { callback_url = "http://a" },
      }
      assert.equal(5, #results)
      assert.equal("list", results[1][1].object)
      assert.is_nil(results[1][2])
      assert.is_nil(results[2][1])
      assert.equal("not_found_error", results[2][2].type)
      assert.same({ "list", "second" }, results[3])
      assert.same({ nil, "raised" }, results[4])
      assert.equal("invalid_request_error", results[5][2].type)
      drain()
    end)

    it("works within a task, and with none", function()
      assert.same({}, pomex.all {})
      local results = client:run(function()
        return pomex.all { client.async.assets:list(), client.async.assets:list() }
      end)
      assert.equal("list", results[2][1].object)
    end)

    it("has collected their errors before they come", function()
      sb:fault { endpoint = "assets.list", delay = 0.2 }
      local task = client:spawn(function()
        return pomex.all {
          client.async.assets:list(),
          client:spawn(function()
            client.assets:get("nope")
            error("in the meantime", 0)
          end),
        }
      end)
      drain()
      assert.same({ nil, "in the meantime" }, task:wait()[2])
    end)

    it("raises on what is no operation", function()
      assert.error_matches(function() pomex.all { 5 } end, "item 1 is not an operation")
      assert.error_matches(function() pomex.all() end, "a list of operations")
    end)
  end)

  describe("map", function()
    it("keeps the order, and at most so many at a time", function()
      local running, most = 0, 0
      local items = {}
      for i = 1, 40 do items[i] = "id-" .. i end
      local results = client:map(items, function(item, index)
        running = running + 1
        most = math.max(most, running)
        local _, err = client.assets:get(item)
        running = running - 1
        assert(err.type == "not_found_error")
        if index == 7 then error("seven", 0) end
        if index == 8 then return nil, "eight" end
        return item .. "!"
      end, { concurrency = 5 })
      assert.equal(5, most)
      assert.equal(40, #results)
      assert.equal("id-40!", results[40][1])
      assert.same({ nil, "seven" }, results[7])
      assert.same({ nil, "eight" }, results[8])
      drain()
    end)

    it("works in a task one by one, whatever its functions raise", function()
      local task = client:spawn(function()
        return client:map({ 0, 1, 2, 3 }, function(i)
          if i == 0 then error("zero", 0) end
          client.assets:get("nope")
          if i == 2 then error("two", 0) end
          return i
        end, { concurrency = 1 })
      end)
      drain()
      assert.same({ { nil, "zero" }, { 1 }, { nil, "two" }, { 3 } }, task:wait())
    end)

    it("works within a task, on nothing, and with functions that never wait", function()
      assert.same({}, client:map({}, print))
      assert.same({ { 2 }, { 4 } }, client:map({ 1, 2 }, function(i) return 2 * i end))
      local results = client:run(function()
        return client:map({ 1, 2, 3 }, function() return client.assets:list().object end)
      end)
      assert.same({ { "list" }, { "list" }, { "list" } }, results)
    end)

    it("raises on misuse", function()
      assert.error_matches(function() client:map(5, print) end, "items must be a list")
      assert.error_matches(function() client:map({}, 5) end, "fn must be a function")
      assert.error_matches(function() client:map({}, print, { concurency = 5 }) end, "concurrency")
    end)
  end)

  it("by the thousand leave nothing behind", function()
    local function some(count)
      local items = {}
      for i = 1, count do items[i] = "nope" end
      client:map(items, function(item) return client.assets:get(item) end, { concurrency = 64 })
    end
    some(200)
    local before = leaks.memory()
    some(2000)
    assert.is_true(leaks.memory() - before < 100)
    assert.equal(0, client:step())
  end)
end)
