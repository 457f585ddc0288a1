-- The descriptor alone: a host that watches nothing else misses nothing.

local bed = require "spec.support.bed"
local pomex = require "pomex"
local socket = require "socket"

describe("watching only the descriptor", function()
  local sb, client
  bed({ client = { host = "coroutine" } }, function(...) sb, client = ... end)

  local function readable(seconds)
    local watched = { getfd = function() return assert(client:pollfd()) end }
    return socket.select({ watched }, nil, seconds)[1] ~= nil
  end

  -- Steps whenever the descriptor says so, until `over()`; false if it stays silent for 5 s.
  local function watch(over)
    for _ = 1, 10000 do
      if over() then return true end
      if not readable(5) then return false end
      client:step()
    end
    return false
  end

  it("ends a wait at its own deadline", function()
    sb:fault { endpoint = "assets.list", delay = 5, times = 1 }
    local err
    client:spawn(function()
      local op = client.async.assets:list()
      err = select(2, op:wait(0.05))
      op:cancel()
    end)
    assert.is_true(watch(function() return err end))
    assert.equal("timeout_error", err.type)
  end)

  it("ends a wait that began when all was silent", function()
    sb.journal:clear()
    sb:fault { endpoint = "assets.list", delay = 5, times = 1 }
    local op, err = client.async.assets:list(), nil
    assert.is_true(watch(function() return #sb.journal:requests() > 0 end))
    assert.is_true(watch(function() return (client:timeout() or 9) > 1 end))
    client:spawn(function() err = select(2, op:wait(0.05)) end)
    assert.is_true(readable(0.5))
    assert.is_true(watch(function() return err end))
    assert.equal("timeout_error", err.type)
    op:cancel()
  end)

  it("tells of what another coroutine cancelled", function()
    sb:fault { endpoint = "assets.list", delay = 5, times = 1 }
    local op, err = client.async.assets:list()
    client:spawn(function() err = select(2, op:wait()) end)
    client:step()
    op:cancel()
    assert.is_true(watch(function() return err end))
    assert.equal("cancelled_error", err.type)
  end)

  it("tells of an operation that was over before it began", function()
    local err
    client:spawn(function()
      local op = client.async.assets:create({ url = "ftp://x", asset_type = "Image",
        group_id = pomex.VIRTUAL })
      err = select(2, op:wait())
    end)
    assert.is_true(watch(function() return err end))
    assert.equal("invalid_request_error", err.type)
  end)

  it("goes on with tasks that yielded of their own accord", function()
    local turns = 0
    client:spawn(function()
      for _ = 1, 3 do
        turns = turns + 1
        coroutine.yield()
      end
    end)
    assert.is_true(watch(function() return turns == 3 end))
  end)

  it("wakes for a task's error that nobody collected", function()
    client:spawn(function() error("lost", 0) end)
    assert.is_true(readable(5))
    local ok, why = pcall(client.step, client)
    assert.is_false(ok)
    assert.matches("^lost\n", why)
  end)

  it("wakes for each of two errors of one step", function()
    for i = 1, 2 do
      client:spawn(function()
        coroutine.yield()
        error("lost " .. i, 0)
      end)
    end
    client:step()
    for i = 1, 2 do
      assert.is_true(readable(0))
      local ok, why = pcall(client.step, client)
      assert.is_false(ok)
      assert.matches("^lost " .. i .. "\n", why)
    end
    client:step()
    assert.is_false(readable(0.05))
  end)

  it("tells of what a step that raised left undone", function()
    sb:fault { endpoint = "assets.list", delay = 5, times = 2 }
    local first, second, err = client.async.assets:list(), client.async.assets:list(), nil
    client:spawn(function() err = select(2, first:wait()) end)
    second:subscribe(function() error("a host's own fault", 0) end)
    first:cancel()
    second:cancel()
    assert.error_matches(function() client:step() end, "a host's own fault")
    assert.is_nil(err)
    assert.is_true(readable(0))
    client:step()
    assert.equal("cancelled_error", err.type)
  end)

  it("is silent when there is nothing to do", function()
    local page
    client:spawn(function() page = client.assets:list() end)
    assert.is_true(watch(function() return page end))
    assert.equal(0, client:step())
    assert.is_false(readable(0.05))
  end)
end)
