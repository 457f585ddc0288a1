-- task:cancel(): what it reaches, and that nothing is begun in a cancelled task.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local pomex = require "pomex"

describe("a cancelled task", function()
  local sb, client
  bed({}, function(...) sb, client = ... end)

  local BODY = {
    model = "byteplus/seedance-2.0", content = { { type = "text", text = "A wave." } },
  }
  local function portrait()
    return { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = pomex.VIRTUAL }
  end

  local function is_puc_51() return _VERSION == "Lua 5.1" and not rawget(_G, "jit") end

  local function hang(endpoint)
    sb:fault { endpoint = endpoint, before_accept = "hang", times = 0 }
  end

  -- Steps until the sandbox has had so many requests.
  local function until_sent(endpoint, count)
    for _ = 1, 2000 do
      if #sb.journal:requests(endpoint) == count then return end
      client:step()
      client:poll(0.01)
    end
    error("it was never sent")
  end

  it("has all of pomex.all cancelled, operations and tasks", function()
    hang "assets.get"
    local ops = { client.async.assets:get("a"), client.async.assets:get("b"),
      client:spawn(function() return client.assets:get("c") end) }
    local task = client:spawn(function() return pomex.all(ops) end)
    until_sent("assets.get", 3)
    task:cancel()
    for _, result in ipairs(task:wait(10)) do
      assert.is_nil(result[1])
      assert.equal("cancelled_error", result[2].type)
      assert.equal("assets.get", result[2].endpoint)
    end
  end)

  it("has the task cancelled that it waits for, and what that waits for, however deep", function()
    hang "assets.get"
    local function nested(depth)
      if depth > 0 then return client:run(nested, depth - 1) end
      return pomex.all { client.async.assets:get("a"), client.async.assets:get("b") }
    end
    local task = client:spawn(nested, 20)
    until_sent("assets.get", 2)
    task:cancel()
    local results = task:wait(10)
    for i = 1, 2 do assert.equal("cancelled_error", results[i][2].type) end
  end)

  it("cancels what it waits for in an on_update within pomex.all", function()
    hang "assets.list"
    sb:config { asset_seconds = 3600 }
    local asset = assert(client.assets:create(portrait()))
    local inner
    local function look()
      inner = inner or client.async.assets:list()
      inner:wait()
    end
    local task = client:spawn(function()
      return pomex.all {
        client.async.assets:wait(asset.id, { first = 0.01, max = 0.02, on_update = look }),
        client.async.assets:wait(asset.id) }
    end)
    until_sent("assets.list", 1)
    task:cancel()
    for _, result in ipairs(task:wait(10)) do assert.equal("cancelled_error", result[2].type) end
    assert.equal("cancelled_error", select(2, inner:wait()).type)
    sb:config { asset_seconds = 0 }
  end)

  if not is_puc_51() then -- whose pcall cannot yield
    it("lets those be that a pomex.all raised away from", function()
      hang "assets.list"
      sb:config { asset_seconds = 3600 }
      local asset = assert(client.assets:create(portrait()))
      local other, why
      local task = client:spawn(function()
        other = client.async.assets:list()
        local looks = client.async.assets:wait(asset.id, { first = 0.01, on_update = function()
          error("mine", 0)
        end })
        why = select(2, pcall(pomex.all, { looks, other }))
        looks:cancel()
        return client.assets:list()
      end)
      until_sent("assets.list", 2)
      task:cancel()
      assert.equal("cancelled_error", select(2, task:wait(10)).type)
      assert.equal("mine", why)
      assert.is_false(other:done())
      other:cancel()
      sb:config { asset_seconds = 0 }
    end)
  end

  it("begins nothing any more, by any call, and says so at once", function()
    hang "assets.get"
    local began, before = core.now(), sb.ledger:count "generation"
    local calls = {
      function() return client.assets:create(portrait()) end,
      function() return client.assets:list() end,
      function() return client.assets:wait("x") end,
      function() return client.assets:create_and_wait(portrait()) end,
      function() return client.assets:confirm_group("g") end,
      function() return client.sessions:create { callback_url = "https://app.example/cb" } end,
      function() return client.generations:create(BODY) end,
      function() return client.generations:create_and_wait(BODY) end,
      function() return client:request("POST", "/v1/video/generations", { body = BODY }) end,
      function() return client.async.assets:list():wait() end,
      function() return client.async.assets:create_and_wait(portrait()):wait() end,
      function() return client.async.assets:confirm_group("g"):wait() end,
      function() return client.async.generations:create_and_wait(BODY):wait() end,
      function() return client:run(function() return client.generations:create(BODY) end) end,
      function() return nil, client:map({ 1 }, function() error "ran" end)[1][2] end,
      function() return nil, pomex.all({ client.async.generations:create(BODY) })[1][2] end,
    }
    local task = client:spawn(function()
      client.assets:get("x")
      local errs = {}
      for i, call in ipairs(calls) do errs[i] = select(2, call()) end
      return errs
    end)
    until_sent("assets.get", 1)
    task:cancel()
    local errs = task:wait(10)
    for i = 1, #calls do
      assert.equal("cancelled_error", errs[i].type, i)
      assert.equal("no", errs[i].billed, i)
    end
    assert.equal(1, #sb.journal:requests())
    assert.equal(before, sb.ledger:count "generation")
    assert.is_true(core.now() - began < 5)
  end)

  it("begins nothing in a coroutine of the program's own either", function()
    hang "assets.get"
    local before = sb.ledger:count "generation"
    local task = client:spawn(function()
      client.assets:get("x")
      return coroutine.wrap(function() return client.async.generations:create(BODY) end)()
    end)
    until_sent("assets.get", 1)
    task:cancel()
    local op = task:wait(10)
    local _, err = op:wait(10)
    assert.equal("cancelled_error", err and err.type)
    assert.equal("no", err.billed)
    assert.equal(1, #sb.journal:requests())
    assert.equal(before, sb.ledger:count "generation")
  end)

  it("gives up what others began, and knows that a video is perhaps or surely paid for", function()
    hang "assets.get"
    hang "generations.get"
    sb:fault { endpoint = "generations.create", after_accept = "hang", times = 0 }
    local create = client.async.generations:create(BODY)
    local generation = client:spawn(function() return client.generations:create(BODY) end)
    local film = client.async.generations:wait("cgt-1")
    local done = client.async.assets:list()
    until_sent("generations.create", 2)
    assert(done:wait())
    local task = client:spawn(function()
      client.assets:get("x")
      return { { done:wait() }, { create:wait() }, { generation:wait() }, { film:wait(3) },
        { client.generations:wait("cgt-2") },
        { client.generations:download("cgt-3", "/nowhere/x") } }
    end)
    until_sent("assets.get", 1)
    task:cancel()
    local results = task:wait(10)
    assert.equal("list", results[1][1].object)
    assert.equal("ambiguous_error", results[2][2].type)
    assert.equal("maybe", results[2][2].billed)
    assert.equal("cancelled_error", results[3][2].type)
    assert.equal("maybe", results[3][2].billed)
    for i, id in pairs { [5] = "cgt-2", [6] = "cgt-3" } do
      assert.equal("cancelled_error", results[i][2].type)
      assert.equal("yes", results[i][2].billed)
      assert.equal(id, results[i][2].id)
    end
    assert.equal("cancelled_error", results[4][2].type)
    assert.equal("ambiguous_error", select(2, generation:wait()).type)
  end)

  it("says of a create that it is in the middle of what it always said", function()
    local before = sb.ledger:count "generation"
    sb:fault { endpoint = "generations.create", after_accept = "hang" }
    local task = client.async.generations:create_and_wait(BODY)
    until_sent("generations.create", 1)
    task:cancel()
    local _, err = task:wait(10)
    assert.equal("ambiguous_error", err.type)
    assert.is_true(err.maybe_billed)
    assert.equal(before + 1, sb.ledger:count "generation")
  end)

  it("has made what it made: the id is in the error", function()
    local task
    task = client.async.generations:create_and_wait(BODY, { on_created = function()
      task:cancel()
    end })
    local _, err = task:wait(10)
    assert.equal("cancelled_error", err.type)
    assert.equal("yes", err.billed)
    assert.matches("^cgt%-", err.id)
    assert.equal(0, #sb.journal:requests "generations.get")
  end)

  it("is still cancelled where it did not wait at that time, or had not begun", function()
    local begun
    local task = client:spawn(function()
      coroutine.yield()
      begun = true
      return select(2, client.assets:list())
    end)
    task:cancel()
    task:cancel()
    assert.equal("cancelled_error", task:wait(10).type)
    assert.is_true(begun)
    assert.equal(0, #sb.journal:requests())
    task:cancel()
    assert.equal("cancelled_error", task:wait(10).type)
  end)

  it("may start a task that cleans up", function()
    hang "assets.get"
    local page, task
    task = client:spawn(function()
      local _, err = client.assets:get("x")
      client:spawn(function() page = client.assets:list() end)
      return err
    end)
    until_sent("assets.get", 1)
    task:cancel()
    assert.equal("cancelled_error", task:wait(10).type)
    while client:step() > 0 do client:poll(1) end
    assert.equal("list", page.object)
  end)

  it("stops no other task, though both wait for one", function()
    local shared = client:spawn(function() return client.assets:list() end)
    local one = client:spawn(function() return select(2, client.assets:get("x")) end)
    local two = client:spawn(function() return shared:wait() end)
    one:cancel()
    assert.equal("list", two:wait().object)
    assert.equal("list", client.assets:list().object)
  end)

  it("may wait for each other with another: neither hangs", function()
    local one, two
    one = client:spawn(function()
      coroutine.yield()
      return two:wait()
    end)
    two = client:spawn(function()
      coroutine.yield()
      return one:wait()
    end)
    client:step()
    client:step()
    one:cancel()
    assert.is_true(two.cancelled)
  end)
end)
