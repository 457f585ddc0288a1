-- A get without options takes a shorter way than other calls (lua/pomex/plain.lua): nothing but its
-- speed tells it from them.

local bed = require "spec.support.bed"
local pomex = require "pomex"

describe("a plain get", function()
  local sb, client, id
  bed({}, function(...) sb, client = ... end)

  before_each(function()
    id = id or sb:add_assets { count = 1 }[1]
    sb:clear_faults()
  end)

  it("uses its operation again, and never that of a call that runs", function()
    local seen = {}
    local tasks = {}
    local ids = sb:add_assets { count = 20, name = "many" }
    for i = 1, 20 do
      tasks[i] = client:spawn(function()
        for n = 1, 20 do
          local asset = pomex.check(client.assets:get(ids[(i + n) % 20 + 1]))
          seen[#seen + 1] = asset.id == ids[(i + n) % 20 + 1]
        end
      end)
    end
    pomex.all(tasks)
    assert.equal(400, #seen)
    for i = 1, 400 do assert.is_true(seen[i]) end
    assert.equal(0, client.loop.count)
    assert.is_nil(next(client.loop.pending))
    assert.is_true(#client.loop.kept_operations <= 20)
  end)

  it("is not ended by the cancel of a task that had its operation before", function()
    local first = client:spawn(function()
      pomex.check(client.assets:get(id))
      coroutine.yield()
      while not sb.over do coroutine.yield() end
    end)
    while #client.loop.kept_operations == 0 do
      client:step()
      client:poll(0.01)
    end
    for i = #client.loop.kept_operations, 2, -1 do client.loop.kept_operations[i] = nil end
    sb:fault { endpoint = "assets.get", delay = 0.3 }
    local second = client:spawn(function() return client.assets:get(id) end)
    first:cancel()
    assert.equal(id, pomex.check(second:wait()).id)
    sb.over = true
    first:wait()
  end)

  it("can be cancelled as any call can", function()
    sb:fault { endpoint = "assets.get", before_accept = "hang" }
    local value, err
    local task = client:spawn(function() value, err = client.assets:get(id) end)
    while #sb.journal:requests "assets.get" == 0 do
      client:step()
      client:poll(0.01)
    end
    task:cancel()
    task:wait()
    assert.is_nil(value)
    assert.equal("cancelled_error", err.type)
    assert.equal(id, pomex.check(client.assets:get(id)).id)
  end)

  it("that blocks lets others hear of their end at once", function()
    sb:fault { endpoint = "assets.get", delay = 1 }
    local heard = false
    client.async.assets:list():on_done(function() heard = true end)
    pomex.check(client.assets:get(id))
    assert.is_true(heard)
  end)

  it("that blocks resumes tasks whose time has come, and passes events on", function()
    local woken, events = 0, 0
    local own = pomex.check(pomex.new(sb:client_options {
      on_event = function() events = events + 1 end }))
    sb:fault { endpoint = "assets.get", delay = 2 }
    local slow = own.async.assets:get(id)
    own:spawn(function()
      local _, err = slow:wait(0.05)
      if err and err.type == "timeout_error" then woken = woken + 1 end
    end)
    sb:fault { endpoint = "assets.get", delay = 2 }
    pomex.check(own.assets:get(id))
    assert.equal(1, woken)
    assert.is_true(events >= 4)
    pomex.check(slow:wait())
    own:close()
  end)

  it("that ended at once is told of by the next step", function()
    local op = client.async.assets:get(id)
    local handle = op.handle
    op:cancel()
    assert.is_true(handle:done())
    assert.is_false(handle:told())
    client:step()
    assert.is_true(handle:told())
    assert.equal("cancelled_error", select(2, op:wait()).type)
  end)

  it("reads what is no plain object, too", function()
    local bodies = { ' {"n":1}', '{"n":2,"list":[]}', '{"n":3,"x":null}' }
    for n, body in ipairs(bodies) do
      sb:fault { endpoint = "assets.get", status = 200, body = body }
      local asset = pomex.check(client.assets:get(id))
      assert.equal(n, asset.n)
      assert.is_nil(asset.x)
    end
    sb:fault { endpoint = "assets.get", status = 200, body = '{"n":1', times = 2 }
    local _, err = client.assets:get(id)
    local _, other = client.async.assets:get(id):wait()
    assert.equal("decode_error", err.type)
    assert.equal(other.message, err.message)
  end)

  it("says what is wrong as any call does", function()
    for _, wrong in ipairs { "nope", "", ".." } do
      local value, err = client.assets:get(wrong)
      local _, other = client.async.assets:get(wrong):wait()
      assert.is_nil(value)
      for _, field in ipairs { "type", "message", "status", "id", "endpoint", "attempts",
        "billed", "hint", "retryable" } do
        assert.equal(other[field], err[field], field)
      end
    end
    sb:fault { endpoint = "assets.get", body = "[]", times = 2 }
    local _, err = client.assets:get(id)
    local _, other = client.async.assets:get(id):wait()
    assert.equal("decode_error", err.type)
    assert.equal(other.message, err.message)
    assert.equal(other.body, err.body)
  end)
end)
