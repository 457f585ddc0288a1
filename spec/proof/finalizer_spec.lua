-- A finalizer that runs just where the result of an operation becomes Lua's, and takes it, or
-- closes the client: Lua's collector may run one wherever Lua allocates.

local bed = require "spec.support.bed"
local cjson = require "cjson"
local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"

-- Calls `f(…)`; `finalizer` runs at the first allocation in it that looks for garbage.
local function with_finalizer(finalizer, f, ...)
  local ran = 0
  leaks.collect()
  collectgarbage("stop")
  interpreter.finalizer(function()
    ran = ran + 1
    finalizer()
  end)
  -- All of a cycle at once.
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 100, 1000, 30)
  else
    interpreter.collector(0, _VERSION == "Lua 5.1" and 0 or 1000000)
  end
  collectgarbage("restart")
  local a, b, c = f(...)
  interpreter.collector(200, 200)
  if _VERSION == "Lua 5.4" then collectgarbage("incremental", 200, 100, 13) end
  assert.equal(1, ran, "finalizers that ran in there")
  return a, b, c
end

describe("a finalizer", function()
  local sb, client
  bed({}, function(...) sb, client = ... end)

  setup(function() sb:add_assets { count = 100 } end)

  local function ended(op)
    while not op:done() do
      client.loop.handle:step()
      if not op:done() then client.loop.handle:poll(1) end
    end
    return op
  end

  it("may release what is just being read", function()
    local list = ended(client.async.assets:list { limit = 100 }).handle
    local plain = list:result()
    local body, status, attempts = with_finalizer(function() list:release() end, list.result, list)
    assert.equal(plain, body)
    assert.equal(200, status)
    assert.equal(1, attempts)
    assert.equal(0, select("#", list:result()))

    local missing = ended(client.async.assets:get "no-such-asset").handle
    local _, expected = missing:result()
    local none, err = with_finalizer(function() missing:release() end, missing.result, missing)
    assert.is_nil(none)
    assert.same(expected, err)
  end)

  it("may end an operation whose last reply is just being read", function()
    local id = client.assets:list { limit = 1 }.items[1].id
    sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json", times = 0,
      body = cjson.encode { id = id, status = "processing", name = ("n"):rep(5000) } }
    local looked
    local op = client.async.assets:wait(id, { first = 0.01, max = 0.01, on_update = function()
      looked = true
      error("enough", 0)
    end })
    assert.is_false((pcall(op.wait, op)))
    assert.is_true(looked)
    local core = op.handle
    local last = core:body()
    assert.is_true(#last > 5000)
    op:on_done(function() end)
    local body = with_finalizer(function() client:close() end, core.body, core)
    assert.is_true(body == last or body == "")
    sb:clear_faults()
  end)

  it("may take the result, and close the client, while another takes it", function()
    for _, call in ipairs { { "list", { limit = 100 } }, { "get", "no-such-asset" } } do
      local op = ended(client.async.assets[call[1]](client.async.assets, call[2]))
      local told, heard = 0, nil
      op:on_done(function(value, err) told, heard = told + 1, value or err end)
      local value, err = with_finalizer(function() client:close() end, op.outcome, op)
      assert.equal(heard, value or err)
      assert.equal(1, told)
      assert.equal(value, (op:wait()))
      client = assert(pomex.new(sb:client_options { rate_limits = false }))
    end
  end)

  it("may close the client from within the step that tells of the end", function()
    local told, op = 0, client.async.assets:list { limit = 100 }
    op:on_done(function(page) told = told + #page.items end)
    ended(op)
    with_finalizer(function() client:close() end, client.loop.advance, client.loop)
    assert.equal(100, told)
  end)
end)
