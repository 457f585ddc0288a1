-- generations:nudge, and the way from a task's change to who waits for it: sandbox, a server of the
-- app's own, pomex.notices, nudge.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local listeners = require "spec.support.listener"
local pomex = require "pomex"

local SECRET = ("s"):rep(32)

describe("client.generations:nudge", function()
  local sb, client, listener, notices
  local new = bed({ sandbox = { generation_seconds = 1000 } }, function(...) sb, client = ... end)

  setup(function() listener = listeners.new() end)
  teardown(function() listener:close() end)

  -- Each test takes the notices that it causes, and then none is left for the next one.
  before_each(function()
    sb:config { notices = false }
    sb.clock:advance(5000)
    sb:config { notices = true, notice_delay_seconds = 0, notices_twice = false,
      notices_reversed = false, notices_first = false, notices_forged = false }
    notices = pomex.notices.new { secret = SECRET, base = listener.url .. "/notices" }
  end)

  local function create(tag)
    return pomex.check(client.generations:create { model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text "a wave", callback_url = tag and notices:url(tag) or nil })
  end

  -- One notice, taken as an app does; steps the client meanwhile, as the app's loop would.
  local function take()
    local notice
    repeat
      client:step()
      notice = listener:take(0.005)
    until notice
    local tag, id = notices:receive(notice.path, notice.method, notice.body)
    if not tag then return nil, id end
    if id then client.generations:nudge(id) end
    return tag, id, notice.json.status
  end

  local function look(op, condition)
    local deadline = core.now() + 20
    while not condition() do
      assert.is_true(core.now() < deadline, "it never came")
      client:step()
      client:poll(0.01)
    end
    return op
  end

  it("has a wait look now, and says how many do [beyond 12]", function()
    local task = create()
    sb.journal:clear()
    local op = client.async.generations:wait(task, { timeout = 3000, first = 1000, max = 1000 })
    local other = client.async.generations:wait(task.id, { first = 1000, max = 1000 })
    client:step()
    assert.equal(0, client.generations:nudge "cgt-of-nobody")
    sb.clock:advance(2000)
    assert.is_false(op:done())
    assert.equal(2, client.generations:nudge(task))
    look(op, function() return op:done() and other:done() end)
    assert.equal("succeeded", op:wait().status)
    assert.equal("succeeded", other:wait().status)
    assert.equal(0, client.generations:nudge(task))
  end)

  it("raises on misuse, and in a closed client", function()
    assert.error_matches(function() client.generations:nudge() end,
      "generations:nudge: task must be an id")
    assert.error_matches(function() client.generations:nudge {} end,
      "generations:nudge: task must be an id")
    assert.error_matches(function() client.generations.nudge "a" end, "with a colon")
    assert.error_matches(function() pomex.new { nudges = {} } end, "post%(id%) and attend")
    assert.error_matches(function() pomex.notices.shared_dict {} end, "lua_shared_dict NAME")
    local closed = new()
    closed:close()
    assert.error_matches(function() closed.generations:nudge "a" end, "closed")
  end)

  it("is told of each change by the service, and the wait ends with the last notice", function()
    local task = create "film-1"
    local op = client.async.generations:wait(task, { first = 1000, max = 1000, timeout = 3000 })
    assert.same({ "film-1", task.id, "queued" }, { take() })
    sb.clock:advance(300)
    assert.same({ "film-1", task.id, "running" }, { take() })
    assert.is_false(op:done())
    sb.clock:advance(1000)
    assert.same({ "film-1", task.id, "succeeded" }, { take() })
    look(op, function() return op:done() end)
    assert.equal("succeeded", op:wait().status)
  end)

  it("believes nothing: a forged notice has a wait look, and no more [beyond 13]", function()
    sb:config { notices_forged = true }
    local task = create "film-2"
    local op = client.async.generations:wait(task, { first = 1000, max = 1000, timeout = 3000 })
    local tag, foreign, said = take()
    assert.same({ "film-2", "succeeded" }, { tag, said })
    assert.is_not_equal(task.id, foreign)
    assert.equal("not_found_error", select(2, client.generations:get(foreign)).type)
    local refused, err = take()
    assert.same({ nil, 404 }, { refused, err.status })
    assert.same({ "film-2", task.id, "queued" }, { take() })
    -- Somebody who knows the URL says that it is over.
    assert.equal(1, client.generations:nudge(task.id))
    local looks = #sb.journal:requests "generations.get"
    look(op, function() return #sb.journal:requests "generations.get" > looks end)
    assert.is_false(op:done())
    op:cancel()
  end)

  it("is right whatever the order of notices, and however often they come", function()
    sb:config { notices_twice = true, notices_reversed = true }
    local task = create "film-3"
    local op = client.async.generations:wait(task, { first = 1000, max = 1000, timeout = 3000 })
    sb.clock:advance(2000)
    local statuses = {}
    for i = 1, 6 do statuses[i] = select(3, take()) end
    assert.equal("succeeded succeeded running running queued queued",
      table.concat(statuses, " "))
    look(op, function() return op:done() end)
    assert.equal("succeeded", op:wait().status)
  end)

  it("finds the task of a create whose answer was lost: the path names the call [beyond 13]",
    function()
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local task, err = client.generations:create { model = "byteplus/seedance-2.0-fast",
        content = pomex.content():text "a wave", callback_url = notices:url "film-4" }
      assert.is_nil(task)
      assert.same({ "ambiguous_error", "maybe" }, { err.type, err.billed })
      local tag, id = take()
      assert.equal("film-4", tag)
      assert.equal("queued", pomex.check(client.generations:get(id)).status)
      assert.equal(sb.ledger:entries()[#sb.ledger:entries()].id, id)
      sb.clock:advance(2000)
      assert.equal("succeeded", pomex.check(client.generations:wait(id)).status)
      assert.equal("running", select(3, take()))
      assert.equal("succeeded", select(3, take()))
    end)

  it("of a notice before the answer is remembered for the wait that begins after it", function()
    sb:config { notices_first = true }
    local op = client.async.generations:create { model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text "a wave", callback_url = notices:url "film-5" }
    local tag, id = take()
    assert.equal("film-5", tag)
    look(op, function() return op:done() end)
    assert.equal(id, op:wait().id)
    local wait = client.async.generations:wait(id, { first = 1000, max = 1000, timeout = 3000 })
    look(wait, function() return #sb.journal:requests "generations.get" > 0 end)
    wait:cancel()
  end)
end)
