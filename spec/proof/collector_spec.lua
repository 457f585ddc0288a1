-- Lua's collector at every step: what is dropped is collected without harm, in whatever order,
-- and what is held is right.

local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

-- The ways to have it run all the time. Each begins, and returns what ends it.
local WAYS = {
  ["in small steps"] = function()
    interpreter.collector(100, 1000)
    debug.sethook(function() collectgarbage("step", 1) end, "", 7)
    return function() debug.sethook() end
  end,
  ["in full, again and again"] = function()
    debug.sethook(function() collectgarbage() end, "", 1009)
    return function() debug.sethook() end
  end,
}
if _VERSION == "Lua 5.4" then
  WAYS["by generations"] = function()
    collectgarbage("generational")
    debug.sethook(function() collectgarbage("step", 0) end, "", 7)
    return function()
      debug.sethook()
      collectgarbage("incremental")
    end
  end
end

describe("the collector at every step", function()
  local sb, group_id

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0.01, generation_seconds = 0, rate_limits = false })
    group_id = sb:add_person()
  end)
  teardown(function() sb:stop() end)

  local function portrait()
    return { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = group_id }
  end

  local function drain(client)
    for _ = 1, 4000 do
      if client:step() == 0 then return end
      client:poll(0.1)
    end
    error("it never ends")
  end

  -- From a session to a file, all that can be held being held and looked at in the end.
  local function whole_flow(path)
    local events, updates, told = 0, 0, {}
    local client = assert(pomex.new(sb:client_options {
      rate_limits = false, on_event = function(event) events = events + #event.name end }))
    local session = assert(client.sessions:create { callback_url = "https://app.example/cb" })
    assert.matches("^http", session.h5_link)
    local made = client.async.assets:create(portrait())
    made:on_done(function(asset) told[#told + 1] = asset.id end)
    local waits = {}
    for i = 1, 3 do
      waits[i] = client:spawn(function()
        return client.assets:wait(made:wait(), {
          first = 0.005, max = 0.005,
          on_update = function(seen) updates = updates + #seen.status end })
      end)
    end
    assert.equal("active", assert(waits[1]:wait()).status)
    local task = assert(client.generations:create_and_wait({
      model = "byteplus/seedance-2.0",
      content = pomex.content():text("{a} waves"):image(assert(made:wait()).id, "a"),
    }, { first = 0.005 }))
    return client, function()
      for i = 1, 3 do assert.equal("active", assert(waits[i]:wait()).status) end
      local file = assert(client.generations:download(task, path, {
        overwrite = true }))
      assert.is_true(file.size > 1000)
      local results = client:map({ "nope", made:wait().id, "nope" }, function(id)
        return client.assets:get(id)
      end, { concurrency = 2 })
      assert.equal("not_found_error", results[1][2].type)
      assert.equal(made:wait().id, results[2][1].id)
      assert.same({ made:wait().id }, told)
      assert.equal(made:wait(), made:wait())
      assert.is_true(events > 0)
    end
  end

  for way, begin in pairs(WAYS) do
    describe(way, function()
      local files, finish

      before_each(function()
        sb:clear_faults()
        sb.journal:clear()
        sb:state()
        files = leaks.open_files()
        finish = begin()
      end)
      after_each(function()
        finish()
        assert.equal(files, leaks.open_files())
      end)

      it("leaves a whole flow alone", function()
        local path = os.tmpname()
        local created = sb.ledger:count "generation"
        local client, finish_flow = whole_flow(path)
        finish_flow()
        client:close()
        os.remove(path)
        assert.equal(created + 1, sb.ledger:count "generation")
      end)

      it("takes what is dropped in flight, and lets it go on", function()
        local client = assert(pomex.new(sb:client_options { rate_limits = false }))
        local ended = 0
        for _ = 1, 10 do
          client.async.assets:get("nope"):on_done(function() ended = ended + 1 end)
          client.async.assets:get("nope")
          client:spawn(function()
            client.assets:list()
            ended = ended + 1
          end)
          client:spawn(function() client.async.assets:list():wait(5) end)
        end
        client:step()
        drain(client)
        assert.equal(20, ended)
        client:close()
      end)

      it("takes coroutines that wait, and clients, operations and tasks in any order", function()
        sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
        for _ = 1, 5 do
          local client = assert(pomex.new(sb:client_options { host = "coroutine" }))
          local ops = {}
          for i = 1, 4 do
            local op = client.async.assets:get("x")
            coroutine.wrap(function() op:wait() end)()
            coroutine.wrap(function() op:wait(30) end)()
            client:spawn(function() return op:wait() end)
            ops[i] = op
          end
          client:step()
          local kept = ops[1]
          client, ops = nil, nil -- luacheck: ignore 311
          leaks.collect()
          kept:cancel()
          assert.equal("cancelled_error", select(2, kept:outcome()).type)
        end
      end)
    end)
  end

  -- LuaJIT runs no finalizer on a trace: it leaves that, and with a collector that never pauses, or
  -- does a whole cycle in one step, it is back on it before any has run, for ever.
  local function without_compiler()
    local jit = rawget(_G, "jit")
    if not jit then return end
    jit.flush()
    jit.off()
    finally(jit.on)
  end

  -- They run where Lua allocates, and so in the middle of calls: a hook would run them between
  -- any two instructions, which no program has to bear.
  it("bears finalizers that call the client they find", function()
    without_compiler()
    sb:clear_faults()
    sb.journal:clear()
    local client = assert(pomex.new(sb:client_options { rate_limits = false }))
    local begun, calls = {}, 0
    interpreter.collector(1, 200)
    for _ = 1, 100 do
      interpreter.finalizer(function()
        calls = calls + 1
        local ok, op = pcall(client.async.assets.list, client.async.assets, { limit = 5 })
        if ok then begun[#begun + 1] = op end
        pcall(client.step, client)
      end)
      client.async:request("GET", "/v1/video/assets", { query = { limit = 1 } })
    end
    drain(client)
    leaks.collect()
    interpreter.collector(200, 200)
    drain(client)
    assert.is_true(calls == 100 and #begun > 0)
    for _, op in ipairs(begun) do assert.equal("list", assert(op:wait()).object) end
    local sent = sb.journal:requests "assets.list"
    assert.is_true(#sent >= 100)
    for _, request in ipairs(sent) do
      assert.is_truthy(request.query:find("limit=[15]$"), request.query)
    end
    client:close()
  end)

  it("runs no finalizer between what is to be sent and the sending of it", function()
    without_compiler()
    sb:clear_faults()
    sb.journal:clear()
    local client = assert(pomex.new(sb:client_options { rate_limits = false }))
    local nested
    -- The next allocation pays for a whole cycle, the one within `request`.
    collectgarbage()
    collectgarbage("stop")
    interpreter.collector(200, 1000000)
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", 200, 1000, 30) end
    local parts = { query = { limit = 1 } }
    interpreter.finalizer(function() nested = client.async.assets:list { limit = 5 } end)
    collectgarbage("restart")
    local op = client.async:request("GET", "/v1/video/assets", parts)
    local ran = nested ~= nil
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", 200, 100, 13) end
    interpreter.collector(200, 200)
    assert.is_true(ran)
    drain(client)
    assert.equal("list", assert(op:wait()).object)
    assert.equal("list", assert(nested:wait()).object)
    local queries = {}
    for _, request in ipairs(sb.journal:requests "assets.list") do
      queries[#queries + 1] = request.query
    end
    table.sort(queries)
    assert.same({ "limit=1", "limit=5" }, queries)
    client:close()
  end)

  -- A billed call that the service has carried out and does not answer. Returns its operation,
  -- and what its on_done was told.
  local function billed()
    local told = {}
    sb:clear_faults()
    sb:fault { endpoint = "generations.create", after_accept = "hang" }
    local made = sb.ledger:count "generation"
    local client = assert(pomex.new(sb:client_options()))
    local op = client.async.generations:create {
      model = "byteplus/seedance-2.0", content = pomex.content():text "a wave" }
    op:on_done(function(_, err) told[#told + 1] = err end)
    for _ = 1, 4000 do
      if sb.ledger:count "generation" > made then return op, told end
      client:step()
      client:poll(0.01)
    end
    error("it was never made")
  end

  it("leaves the client of a billed call to who holds the call", function()
    local made = sb.ledger:count "generation"
    local files = leaks.open_files()
    local op, told = billed()
    leaks.collect()
    assert.is_false(op:done())
    op:cancel()
    local value, err = op:wait()
    assert.is_nil(value)
    assert.equal("ambiguous_error", err.type)
    assert.equal("cancelled_error", err.cause)
    assert.is_true(err.maybe_billed)
    assert.equal(1, #told)
    assert.equal(err, told[1])
    op = nil -- luacheck: ignore 311
    leaks.collect()
    assert.equal(files, leaks.open_files())
    assert.equal(1, #told)
    assert.equal(made + 1, sb.ledger:count "generation")
  end)

  -- Nobody can step any more, and a finalizer calls nothing of the caller's.
  it("takes a billed call that nobody holds with its client, and sends it no more", function()
    local made = sb.ledger:count "generation"
    local files = leaks.open_files()
    sb.journal:clear()
    local told = select(2, billed())
    leaks.collect()
    assert.equal(files, leaks.open_files())
    assert.equal(0, #told)
    assert.equal(1, #sb.journal:requests "generations.create")
    assert.equal(made + 1, sb.ledger:count "generation")
  end)
end)
