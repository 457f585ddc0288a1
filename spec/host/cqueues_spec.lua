-- The host "cqueues": controllers, more than one of them, and descriptors that go.

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"

local cqueues, lacking = interpreter.optional "cqueues"
if not cqueues then
  it("the host cqueues", function() pending(lacking) end)
  return
end

describe("the host cqueues", function()
  local sb, client
  local new = bed({ client = { host = "cqueues" } }, function(...) sb, client = ... end)

  local function returns(cq)
    assert(cq:loop(20))
    assert.is_true(cq:empty())
  end

  local function slow(seconds)
    sb:fault { endpoint = "assets.list", delay = seconds, times = 0 }
  end

  it("says that no controller runs, before anything is sent", function()
    sb.journal:clear()
    for _, call in ipairs { client.assets.list, client.async.assets.list } do
      local ok, why = pcall(call, client.assets.list == call and client.assets
        or client.async.assets)
      assert.is_false(ok)
      assert.equal("pomex: no controller of cqueues runs here; wait in "
        .. "cq:wrap(function() … end)", why)
    end
    assert.is_false(pcall(client.spawn, client, print))
    assert.equal(0, client:step())
    assert.equal(0, #sb.journal:requests())
  end)

  it("serves one controller after the other", function()
    local pages = {}
    for i = 1, 3 do
      local cq = cqueues.new()
      cq:wrap(function() pages[i] = client.assets:list() end)
      returns(cq)
      assert.equal("list", pages[i].object)
    end
  end)

  it("serves two controllers that take turns", function()
    slow(0.1)
    local controllers, pages = { cqueues.new(), cqueues.new() }, {}
    for i, cq in ipairs(controllers) do
      for n = 1, 2 do
        cq:wrap(function()
          client.assets:list()
          pages[i * 2 + n - 2] = client.assets:list()
        end)
      end
    end
    for _ = 1, 1000 do
      if controllers[1]:empty() and controllers[2]:empty() then break end
      for _, cq in ipairs(controllers) do assert(cq:step(0.005)) end
    end
    assert.equal(4, #pages)
  end)

  it("serves a controller within another", function()
    slow(0.1)
    local outer, inner, pages = cqueues.new(), cqueues.new(), {}
    inner:wrap(function() pages[1] = client.assets:list() end)
    outer:wrap(function() assert(inner:loop()) end)
    outer:wrap(function() pages[2] = client.assets:list() end)
    returns(outer)
    assert.is_true(inner:empty())
    assert.same({ "list", "list" }, { pages[1].object, pages[2].object })
  end)

  it("does not need a controller that was left", function()
    slow(0.1)
    local left, page, told = { cqueues.new() }, nil, nil
    left[1]:wrap(function() client.assets:list() end)
    assert(left[1]:step(0))
    assert(left[1]:step(0))
    local cq = cqueues.new()
    cq:wrap(function() client.async.assets:list():on_done(function(got) told = got end) end)
    returns(cq)
    assert.equal("list", told.object)
    left[1] = nil
    leaks.collect()
    cq:wrap(function() page = client.assets:list() end)
    returns(cq)
    assert.equal("list", page.object)
  end)

  it("tells the loop of an error that nobody collected, as a string, and goes on", function()
    slow(0.1)
    local cq, pages = cqueues.new(), {}
    for i = 1, 2 do
      cq:wrap(function()
        client:spawn(function()
          client.assets:list()
          error { code = i }
        end)
        pages[i] = client.assets:list()
      end)
    end
    cq:wrap(function() client:spawn(error, "at once", 0) end)
    local errors = {}
    for _ = 1, 10 do
      local ok, why = cq:loop(20)
      if ok then break end
      errors[#errors + 1] = why
    end
    assert.equal(3, #errors)
    assert.matches("^at once\nstack traceback:", errors[1])
    for _, why in ipairs(errors) do assert.equal("string", type(why)) end
    assert.equal(2, #pages)
    assert.is_true(cq:empty())
  end)

  it("lets go of a descriptor before it is closed, whoever gets its number", function()
    local cq = cqueues.new()
    for i = 1, 20 do
      slow(i % 2 == 0 and 5 or 0.01)
      local err, page, fd
      cq:wrap(function()
        local task = client:spawn(function() err = select(2, client.assets:list()) end)
        fd = client:pollfd()
        if i % 2 == 0 then cqueues.sleep(0.02) else task:wait() end
        client:close()
        task:wait()
        sb:clear_faults()
        new()
        page = client.assets:list()
        assert.equal(fd, client:pollfd())
      end)
      returns(cq)
      assert.equal(i % 2 == 0 and "cancelled_error" or nil, err and err.type)
      assert.equal("list", page.object)
    end
  end)

  it("has as many threads when it is idle as before", function()
    local cq = cqueues.new()
    cq:wrap(function()
      client.assets:list()
      assert.equal(1, cq:count())
      local op = client.async.assets:list()
      cqueues.sleep(0)
      assert.equal(2, cq:count())
      op:wait()
    end)
    returns(cq)
  end)
end)
