-- Operations: asked now, waited for later, once, often or never.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"

describe("an operation", function()
  local sb, client, group_id
  bed({ sandbox = { asset_seconds = 0.1 } }, function(...) sb, client = ... end)

  setup(function() group_id = sb:add_person() end)
  before_each(function() sb:config { asset_seconds = 0.1 } end)

  local function portrait()
    return { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = group_id }
  end

  local function drive(condition)
    for _ = 1, 2000 do
      if condition() then return end
      client:step()
      if not condition() then client:poll(1) end
    end
    error("it never came")
  end

  it("is there at once, and done when it is stepped", function()
    local op = client.async.assets:list()
    assert.is_false(op:done())
    assert.equal("pomex operation (assets.list, pending)", tostring(op))
    drive(function() return op:done() end)
    assert.equal("pomex operation (assets.list, done)", tostring(op))
    assert.equal("list", op:wait().object)
  end)

  it("keeps its result, however often it is taken", function()
    local op = client.async.assets:list()
    local first = op:wait()
    leaks.collect()
    assert.equal(first, op:wait())
    assert.equal(first, op:wait(0))
    assert.equal(1, op:attempts())
    local failing = client.async.assets:get("nope")
    local _, err = failing:wait()
    local _, again = failing:wait()
    assert.equal(err, again)
    assert.equal("pomex operation (assets.get, failed)", tostring(failing))
  end)

  it("is what every plain call waits for", function()
    local names = { sessions = { "create" }, assets = { "create", "get", "list", "wait",
      "create_and_wait" }, generations = { "create", "get", "wait", "download",
      "create_and_wait" } }
    for resource, methods in pairs(names) do
      for _, method in ipairs(methods) do
        assert.equal("function", type(client.async[resource][method]))
        assert.equal("function", type(client[resource][method]))
      end
    end
  end)

  it("that is refused is done at once, and says so through wait", function()
    local op = client.async.sessions:create { callback_url = "http://a" }
    local _, err = op:wait()
    assert.equal("invalid_request_error", err.type)
    op = client.async.generations:create { model = "m", content = pomex.content():text("{x}") }
    assert.is_true(op:done())
    op:cancel()
    assert.equal(0, op:attempts())
    _, err = op:wait()
    assert.equal("generations.create", err.endpoint)
  end)

  it("runs beside others", function()
    sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
    local began, ops = core.now(), {}
    for i = 1, 8 do ops[i] = client.async.assets:list() end
    local results = pomex.all(ops)
    assert.equal(8, #results)
    for _, result in ipairs(results) do assert.equal("list", result[1].object) end
    assert.is_true(core.now() - began < 6) -- 8, one after the other
  end)

  describe("that is waited for with a timeout", function()
    it("goes on, and can be waited for again", function()
      sb:fault { endpoint = "assets.get", delay = 1 }
      local op = client.async.assets:get("nope")
      local value, err = op:wait(0.02)
      assert.is_nil(value)
      assert.equal("timeout_error", err.type)
      assert.matches("goes on", err.hint)
      assert.equal("nope", err.id)
      assert.equal("assets.get", err.endpoint)
      assert.is_true(err.retryable)
      assert.is_false(op:done())
      value, err = op:wait(0)
      assert.is_nil(value)
      assert.equal("timeout_error", err.type)
      value, err = op:wait(30)
      assert.is_nil(value)
      assert.equal("not_found_error", err.type)
      assert.equal(1, #sb.journal:requests("assets.get"))
    end)

    it("says the last status that it saw", function()
      sb:config { asset_seconds = 1000 }
      local asset = assert(client.assets:create(portrait()))
      local looks = 0
      local op = client.async.assets:wait(asset, { first = 0.01, on_update = function()
        looks = looks + 1
      end })
      local _, err
      repeat _, err = op:wait(0.05) until looks > 0
      assert.equal("timeout_error", err.type)
      assert.equal("processing", err.last_status)
      op:cancel()
    end)

    it("raises on a timeout that is none", function()
      local op = client.async.assets:list()
      assert.error_matches(function() op:wait("1") end, "timeout must be a number of seconds")
      assert.error_matches(function() op:wait(-1) end, "timeout must be a number of seconds")
      assert.error_matches(function() op:wait(0 / 0) end, "timeout must be a number of seconds")
      assert(op:wait(math.huge))
    end)
  end)

  describe("that is cancelled", function()
    it("ends at once", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang" }
      local op = client.async.assets:get("a")
      client:step()
      op:cancel()
      assert.is_true(op:done())
      op:cancel()
      local began = core.now()
      local value, err = op:wait()
      assert.is_nil(value)
      assert.equal("cancelled_error", err.type)
      assert.is_true(core.now() - began < 1)
    end)

    it("stays what it was if it was done", function()
      local op = client.async.assets:list()
      assert(op:wait())
      op:cancel()
      assert(op:wait())
    end)

    it("says that a billed request may have been carried out", function()
      sb:fault { endpoint = "generations.create", after_accept = "hang" }
      local op = client.async.generations:create { model = "byteplus/seedance-2.0",
        content = pomex.content():text("a wave") }
      drive(function() return sb.ledger:count "generation" == 1 end)
      op:cancel()
      local _, err = op:wait()
      assert.equal("ambiguous_error", err.type)
      assert.equal("cancelled_error", err.cause)
      assert.is_true(err.maybe_billed)
    end)
  end)

  describe("on_done", function()
    it("is called once, with what wait returns", function()
      local calls = {}
      local op = client.async.assets:list()
        :on_done(function(...) calls[#calls + 1] = { n = select("#", ...), ... } end)
        :on_done(function(value) calls[#calls + 1] = { n = 1, value } end)
      local page = op:wait()
      assert.equal(2, #calls)
      assert.equal(page, calls[1][1])
      assert.equal(1, calls[1].n)
      assert.equal(page, calls[2][1])
      client:step()
      assert.equal(2, #calls)
      op:on_done(function(value) calls[#calls + 1] = { value } end)
      assert.equal(page, calls[3][1])
    end)

    it("is called though nobody kept the operation", function()
      local calls, errs = 0, 0
      for i = 1, 30 do
        client.async.assets:get("nope-" .. i):on_done(function(value, err)
          assert(value == nil)
          calls = calls + 1
          if err.type == "not_found_error" then errs = errs + 1 end
        end)
        leaks.collect()
      end
      for _ = 1, 2000 do
        if client:step() == 0 then break end
        leaks.collect()
        client:poll(1)
      end
      assert.equal(30, calls)
      assert.equal(30, errs)
    end)

    it("that raises spoils nothing, and step raises it", function()
      local others = 0
      for i = 1, 3 do
        client.async.assets:list():on_done(function()
          others = others + 1
          if i == 2 then error("broken handler") end
        end)
      end
      assert(client.assets:list())
      -- The call's own steps raise nothing, and perhaps have called all three.
      local message
      local function try(f, ...)
        local ok, why = pcall(f, ...)
        message = ok and message or why
      end
      while others < 3 do try(drive, function() return others == 3 end) end
      for _ = 1, 3 do try(client.step, client) end
      assert.matches("on_done: .*broken handler", message)
      assert.equal(0, client:step())
    end)

    it("must not wait", function()
      local message
      client.async.assets:list():on_done(function()
        message = select(2, pcall(client.assets.list, client.assets))
      end)
      drive(function() return message end)
      assert.matches("within a step", message)
      assert(client.assets:list())
    end)

    it("may start more", function()
      local second
      client.async.assets:list():on_done(function() second = client.async.assets:list() end)
      drive(function() return second and second:done() end)
      assert(second:wait())
    end)
  end)

  it("that nobody keeps goes on", function()
    client.async.assets:create(portrait())
    leaks.collect()
    drive(function() return client:step() == 0 end)
    assert.equal(200, sb.journal:requests("assets.create")[1].status)
  end)

  describe("with functions of the caller's", function()
    -- One whose first look finds it "processing", however late that comes.
    local function processing()
      local asset = assert(client.assets:create(portrait()))
      sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
        body = ('{"id":"%s","status":"processing"}'):format(asset.id) }
      return asset
    end

    it("runs them where it is waited for; they may wait", function()
      local asset = processing()
      local inner, where = 0, {}
      local task = client:spawn(function()
        local here = coroutine.running()
        return client.assets:wait(asset, { first = 0.01, max = 0.03, on_update = function(a)
          where[#where + 1] = coroutine.running() == here
          assert(client.assets:get(a.id))
          inner = inner + 1
        end })
      end)
      assert.equal("active", task:wait().status)
      assert.is_true(inner >= 1)
      for _, same in ipairs(where) do assert.is_true(same) end
      assert.equal(inner, #where)
    end)

    it("leaves the wait with their error, and goes on", function()
      local asset = processing()
      local op = client.async.assets:wait(asset, { first = 0.01, max = 0.03,
        on_update = function(a)
          error("saw " .. a.status)
        end })
      local ok, message = pcall(op.wait, op)
      assert.is_false(ok)
      assert.matches("saw processing", message)
      assert.is_false(op:done())
      drive(function() return op:done() end)
      ok = pcall(op.wait, op)
      -- A look since then is news that the function has not seen.
      if not ok then assert.equal("active", op:wait().status) end
    end)

    it("raises from a plain call too, and the client stays usable", function()
      local asset = processing()
      assert.error_matches(function()
        client.assets:wait(asset, { first = 0.01, on_update = function() error("enough") end })
      end, "enough")
      assert.equal("active", assert(client.assets:wait(asset)).status)
    end)
  end)

  describe("of a download", function()
    it("tells how far it is", function()
      sb:config { generation_seconds = 0 }
      local task = assert(client.generations:create_and_wait {
        model = "byteplus/seedance-2.0", content = pomex.content():text("a wave") })
      local path = os.tmpname()
      local op = client.async.generations:download(task, path, { overwrite = true })
      assert.is_true((op:progress()) < 2600000)
      local file = assert(op:wait())
      assert.same({ file.size, file.size }, { op:progress() })
      os.remove(path)
      sb:config { generation_seconds = 12 }
    end)
  end)

  it("of several thousand leaves nothing behind", function()
    for _ = 1, 200 do client.assets:get("nope") end
    local before, open = leaks.memory(), leaks.open_files()
    for _ = 1, 2000 do client.assets:get("nope") end
    assert.is_true(leaks.memory() - before < 50)
    assert.equal(open, leaks.open_files())
    assert.equal(0, client:step())
  end)
end)
