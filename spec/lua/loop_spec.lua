-- The loop of a client: who is resumed, how often, and what becomes of errors that nobody collects.

local bed = require "spec.support.bed"
local core = require "pomex.core"

describe("the loop", function()
  local sb, client
  local new = bed({ client = false }, function(...) sb, client = ... end)

  local function silent()
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
  end

  local function drive(over, budget)
    for _ = 1, 4000 do
      if over() then return end
      client:step(budget)
      if not over() then client:poll(0.05) end
    end
    error("it never came")
  end

  it("tells all its tasks of a close within a step that is short of time", function()
    new { host = "coroutine" }
    silent()
    local told = 0
    for i = 1, 5 do
      client:spawn(function()
        local _, err = client.assets:get("x" .. i)
        assert(err.type == "cancelled_error")
        told = told + 1
      end)
    end
    client.async.assets:list():on_done(function() client:close() end)
    drive(function() return client.loop.closed end, 1e-7)
    assert.equal(5, told)
  end)

  -- Waits with a deadline, and then yields for a scheduler of its own.
  local function waits(op, seconds)
    local got = {}
    local co = coroutine.create(function()
      local _, err = op:wait(seconds)
      got.err = err and err.type or "none"
      got.yielded = coroutine.yield("mine")
    end)
    assert(coroutine.resume(co))
    return co, got
  end

  it("resumes once who waited with a deadline when it is closed", function()
    new { host = "coroutine" }
    silent()
    local co, got = waits(client.async.assets:get "a", 600)
    client:step()
    client:close()
    assert.equal("cancelled_error", got.err)
    assert.equal("suspended", coroutine.status(co))
    assert(coroutine.resume(co, "theirs"))
    assert.equal("theirs", got.yielded)
  end)

  it("resumes once whose deadline and answer come in one step", function()
    new { host = "coroutine" }
    local op = client.async.assets:list()
    local co, got = waits(op, 0.05)
    -- The core alone: what it has to tell waits for the step, and the deadline passes.
    while not op.handle:done() or client.loop:timeout() > 0 do
      client.loop.handle:step()
      client.loop.handle:poll(0.01)
    end
    client:step()
    assert.equal("none", got.err)
    assert.equal("suspended", coroutine.status(co))
  end)

  it("resumes once whose answer comes when he is about to learn that he is late", function()
    new { host = "coroutine" }
    sb:fault { endpoint = "assets.list", delay = 0.3 }
    for _ = 1, 3 do client:spawn(coroutine.yield) end
    local op, late = client.async.assets:list(), core.now() + 0.05
    local co, got = waits(op, 0.05)
    -- Each resumes one: those who stand before it.
    client:step(1e-7)
    while core.now() <= late do client.loop.handle:poll(0.01) end
    client:step(1e-7)
    while not op.handle:done() do
      client.loop.handle:poll(0.05)
      client.loop.handle:step()
    end
    drive(function() return client.loop:unfinished() == 0 end, 1e-7)
    assert.is_string(got.err)
    assert.equal("suspended", coroutine.status(co))
  end)

  describe("of a wait that blocks", function()
    -- Steps of the core in a wait of a second; one that spins makes a hundred thousand.
    local function rounds()
      sb:fault { endpoint = "assets.list", delay = 1 }
      local own, count = client.loop, 0
      local advance = own.advance
      function own.advance(...)
        count = count + 1
        return advance(...)
      end
      assert.equal("list", assert(client.assets:list()).object)
      own.advance = nil
      return count
    end

    it("sleeps while a task's error is not collected, and step raises it then", function()
      new {}
      client:spawn(error, "unheard", 0)
      assert.is_true(rounds() < 100)
      assert.equal(0, client:timeout())
      assert.is_true(client.loop.handle:poll(0))
      assert.matches("^unheard", select(2, pcall(client.step, client)))
    end)

    it("sleeps while what a handler raised is not, and keeps so much of it", function()
      local events = 0
      new { on_event = function()
        events = events + 1
        error("each", 0)
      end }
      assert.is_true(rounds() < 100)
      for _ = 1, 100 do client.async.assets:get("nope"):wait() end
      assert.is_true(events > 100)
      assert.is_true(#client.loop.failures <= 64)
      local last, raised = nil, 0
      while true do
        local ok, why = pcall(client.step, client)
        if ok then break end
        last, raised = why, raised + 1
      end
      assert.equal(65, raised)
      assert.equal(("pomex: %d more errors in on_event or on_done"):format(events - 64), last)
    end)
  end)
end)
