-- client:map: what it takes, what it tells of while it goes on, and how it is broken off.

local bed = require "spec.support.bed"
local pomex = require "pomex"

local unpack = table.unpack or unpack

describe("client:map", function()
  local sb, client
  local new = bed({}, function(...)
    local made
    sb, made = ...
    client = client and made and client or made
  end)

  local function count(endpoint) return #sb.journal:requests(endpoint) end

  it("raises on what is no list, naming the argument and the key", function()
    for key, items in pairs { a = { a = 1 }, x = { 1, 2, x = 3 }, ["2.5"] = { [2.5] = 1 },
      ["-1"] = { 1, [-1] = 2 }, ["1000"] = { 1, [1000] = 2 } } do
      assert.error_matches(function() client:map(items, print) end,
        "client:map: items must be a list %(it has the key " .. key:gsub("%p", "%%%0") .. "%)")
    end
    for _, items in ipairs { 5, "list", true, print } do
      assert.error_matches(function() client:map(items, print) end, "items must be a list, not ")
    end
    assert.error_matches(function() client:map(nil, print) end, "items must be a list, not nil")
    assert.error_matches(function() client:map({}, print, { on_each = 1 }) end,
      "on_each must be a function")
    assert.same({}, client:map({ n = 0 }, error))
  end)

  describe("tells on_each of each that is over", function()
    it("in the order in which they end, with its value and its error", function()
      local seen = {}
      local ops = {}
      local results, err = client:map({ "a", "b", "c", "d" }, function(item, i)
        -- The first ends last.
        if i == 1 then repeat client.assets:list() until #seen == 3 end
        if item == "b" then return nil, "no b" end
        if item == "c" then error("no c", 0) end
        ops[#ops + 1] = client.assets:list().object
        return item .. "!"
      end, { on_each = function(i, value, why) seen[#seen + 1] = { i, value, why } end })
      assert.is_nil(err)
      assert.same({ { "a!" }, { nil, "no b" }, { nil, "no c" }, { "d!" } }, results)
      assert.same({ 1, "a!" }, seen[4])
      table.sort(seen, function(x, y) return x[1] < y[1] end)
      assert.same({ { 1, "a!" }, { 2, nil, "no b" }, { 3, nil, "no c" }, { 4, "d!" } }, seen)
    end)

    it("before the last is started", function()
      local started, before = 0, nil
      client:map({ 1, 2, 3, 4 }, function()
        started = started + 1
        return client.assets:list().object
      end, { concurrency = 2, on_each = function() before = before or started end })
      assert.is_true(before < 4)
    end)

    if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
      it("in the coroutine that maps, which may wait there", function()
        local pages = client:run(function()
          local own, seen = coroutine.running(), {}
          client:map({ 1, 2 }, function() return client.assets:list() end, {
            on_each = function(i)
              assert.equal(own, (coroutine.running()))
              seen[i] = client.assets:list().object
            end })
          return seen
        end)
        assert.same({ "list", "list" }, pages)
      end)
    end
  end)

  describe("broken off by an error in on_each", function()
    it("starts no more, lets those that run end, and returns what there is", function()
      local told = 0
      local results, err = client:map({ 1, 2, 3, 4, 5, 6 }, function(i)
        if i <= 2 then return i end
        return client.assets:list().object
      end, { concurrency = 4, on_each = function()
        told = told + 1
        error("mine", 0)
      end })
      assert.equal("mine", err)
      assert.equal(1, told)
      assert.same({ { 1 }, { 2 }, { "list" }, { "list" } }, { unpack(results, 1, 4) })
      for i = 5, 6 do
        assert.is_nil(results[i][1])
        assert.equal("cancelled_error", results[i][2].type)
        assert.matches("not started", results[i][2].message)
        assert.equal("no", results[i][2].billed)
      end
      assert.equal(6, #results)
      assert.equal(2, count "assets.list")
      assert.equal(0, client:step())
    end)

    it("hands on whatever was raised, also nil", function()
      local thrown = {}
      local _, err = client:map({ 1 }, function() end, { on_each = function() error(thrown) end })
      assert.equal(thrown, err)
      local results = client:map({ 1, 2 }, function(i) return i end,
        { concurrency = 1, on_each = function() error() end })
      assert.same({ 1 }, results[1])
      assert.equal("cancelled_error", results[2][2].type)
    end)
  end)

  describe("broken off by a cancel of its task", function()
    it("cancels those that run, starts no more, and says so of each", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
      local task = client:spawn(function()
        return client:map({ "done", "a", "b", "c" }, function(item)
          if item == "done" then return client.assets:list().object end
          return client.assets:get(item)
        end, { concurrency = 2 })
      end)
      assert(client:run(function()
        repeat client.assets:list() until count "assets.get" == 2
        return true
      end))
      task:cancel()
      local results, err = task:wait(10)
      assert.equal("cancelled_error", err.type)
      assert.equal("maybe", err.billed)
      assert.same({ "list" }, results[1])
      for i = 2, 3 do assert.equal("assets.get", results[i][2].endpoint) end
      for i = 2, 4 do assert.equal("cancelled_error", results[i][2].type) end
      assert.matches("not started", results[4][2].message)
      assert.equal(2, count "assets.get")
    end)

    it("says of a create in flight that it is perhaps billed", function()
      sb:fault { endpoint = "generations.create", after_accept = "hang" }
      local body = { model = "byteplus/seedance-2.0", content = pomex.content():text "A wave." }
      local task = client:spawn(function()
        return client:map({ body, body }, function(each) return client.generations:create(each) end,
          { concurrency = 1 })
      end)
      assert(client:run(function()
        repeat client.assets:list() until sb.ledger:count "generation" == 1
        return true
      end))
      task:cancel()
      local results, err = task:wait(10)
      assert.equal("ambiguous_error", results[1][2].type)
      assert.equal("maybe", results[1][2].billed)
      assert.equal("maybe", err.billed)
      assert.equal("no", results[2][2].billed)
      assert.equal(1, sb.ledger:count "generation")
    end)

    it("starts nothing where the task was cancelled before", function()
      local ran = false
      local results, err = client:run(function()
        local task
        task = client:spawn(function()
          client.assets:list()
          return client:map({ 1 }, function() ran = true end)
        end)
        task:cancel()
        return task:wait(10)
      end)
      assert.is_false(ran)
      assert.equal("no", err.billed)
      assert.equal("cancelled_error", results[1][2].type)
    end)
  end)

  it("broken off by a closed client, waits for what runs on another", function()
    local other = new()
    sb:fault { endpoint = "generations.create", delay = 0.2, times = 1 }
    local results, err = client:map({ "film", "close" }, function(item)
      if item == "film" then
        return other.generations:create { model = "byteplus/seedance-2.0",
          content = pomex.content():text "A wave." }
      end
      client.assets:list()
      client:close()
    end)
    assert.matches("the client was closed", err.message)
    assert.matches("^cgt%-", results[1][1].id)
  end)

  it("broken off by a closed client, returns what there is", function()
    local results, err = client:map({ 1, 2, 3 }, function(i)
      if i == 2 then client:close() end
      return i
    end, { concurrency = 1 })
    assert.same({ 1 }, results[1])
    assert.same({ 2 }, results[2])
    assert.matches("not started", results[3][2].message)
    assert.matches("the client was closed", err.message)
  end)
end)
