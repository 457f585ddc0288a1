-- pomex.storecore: requests to the store of jobs as tables, and its answers as tables.

local core = require "pomex.core"
local ok, storecore = pcall(require, "pomex.storecore")
if not ok then
  -- Built without the store (POMEX_STORE=OFF); one that is there and cannot be loaded is a fault.
  assert(tostring(storecore):find("module 'pomex.storecore' not found", 1, true), storecore)
  return
end

describe("pomex.storecore", function()
  local folder, store

  -- The reply of a request; the store's thread needs a moment.
  local function ask(verb, fields)
    local ticket = assert(store:submit(verb, fields))
    local until_then = core.now() + 20
    while core.now() < until_then do
      local got, reply = store:take()
      if got then
        assert.equal(ticket, got)
        return reply
      end
    end
    error("the store did not answer " .. verb)
  end

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    store = assert(storecore.open { path = folder .. "/jobs.db", any_file_system = true })
  end)

  after_each(function()
    store:close()
    os.execute("rm -rf " .. folder)
  end)

  local function filled()
    local worker = ask("join", { base_url = "https://api.example", account = "api.example",
      key_hash = "7" }).worker
    ask("queue", { queue = "q", videos_cap = 10, money_cap = -1 })
    local put = ask("put", { queue = "q", jobs = {
      { key = "front", kind = "portrait", line = "l", body = "{}" },
      { key = "one", kind = "video", line = "l", body = "{}", save = "one.mp4",
        needs = { "front" }, due = 12.5 },
    } })
    assert.same({ "new", "new" }, put.verdicts)
    assert.same({ new = 2, same = 0, changed = 0, conflict = 0, save_taken = 0 }, put.counts)
    return worker
  end

  it("takes words, seconds, lists and flags, and gives them back", function()
    filled()
    local got = ask("get", { queue = "q", key = "one" })
    assert.equal("yes", got.answer)
    assert.equal("video", got.job.kind)
    assert.equal("ready", got.job.state)
    assert.equal("one.mp4", got.job.save)
    assert.equal(12.5, got.job.due)
    assert.equal(1, got.job.blocked)
    assert.is_false(got.job.stuck)
    assert.is_nil(got.job.task)
    assert.same({}, got.attempts)
    local list = ask("list", { queue = "q", states = { "ready", "done" }, limit = 10 })
    assert.equal(2, #list.jobs)
    assert.equal(0, #ask("list", { queue = "q", states = { "done" }, limit = 10 }).jobs)
    local counts = ask("counts", { queue = "q" })
    assert.equal(2, counts.states.ready)
    assert.equal(10, counts.videos_cap)
    assert.equal(-1, counts.money_cap)
  end)

  it("carries an attempt from claim to its id", function()
    local worker = filled()
    local claimed = ask("claim", { worker = worker, queue = "q", count = 5 })
    assert.equal(1, #claimed.jobs) -- the video waits for its portrait
    local job = claimed.jobs[1]
    local begun = ask("begin", { worker = worker, job = job.id, fence = job.fence, attempt = 1,
      cost = 7, body = "{}" })
    assert.equal("yes", begun.answer)
    local fact = ask("fact", { job = job.id, attempt = 1, kind = "task", task = "asset-1" })
    assert.equal("polling", fact.state)
    assert.equal("known", ask("fact", { job = job.id, attempt = 1, kind = "task",
      task = "asset-1" }).answer)
    assert.is_number(store:beat_asked())
    assert.equal("yes", ask("release", { worker = worker, jobs = { job.id } }).answer)
  end)

  it("says of a time that does not come that it is infinite", function()
    local worker = filled()
    ask("claim", { worker = worker, queue = "q", count = 5 })
    assert.equal(math.huge, ask("claim", { worker = worker, queue = "q", count = 5 }).next_due)
  end)

  it("raises with the field at fault, and keeps nothing of it", function()
    for _, row in ipairs {
      { "put", { queue = "q", jobs = { { key = 7 } } }, "put.jobs[1].key must be a string" },
      { "put", { queue = "q", jobs = { { kez = "7" } } }, "put.jobs[1].kez is no field" },
      { "put", { queue = "q", jobs = 7 }, "put.jobs must be a list, not a number" },
      { "put", { queue = "q", jobs = { 7 } }, "put.jobs[1] must be a table, not a number" },
      { "list", { queue = "q", states = { "x" } }, 'list.states[1] must not be "x"' },
      { "claim", { queue = "q", count = 0.5 }, "claim.count must be a whole number" },
      { "claim", { queue = "a\0b" }, "claim.queue must not hold a NUL byte" },
      { "get", { job = "q" }, "get.job is no field" },
      { "pause", { paused = 1 }, "pause.paused must be a boolean" },
      { "eat", {}, "no such verb" },
    } do
      local fine, message = pcall(store.submit, store, row[1], row[2])
      assert.is_false(fine)
      assert.is_truthy(tostring(message):find(row[3], 1, true), tostring(message))
    end
    assert.is_nil((store:take()))
  end)

  it("answers no more once it is closed", function()
    filled()
    store:close()
    store:close()
    assert.has_error(function() store:take() end, "pomex store is closed")
  end)

  it("names what it cannot open", function()
    local none, why = storecore.open { path = folder .. "/none/jobs.db" }
    assert.is_nil(none)
    assert.is_truthy(why:find("none", 1, true), why)
    assert.has_error(function() storecore.open {} end, "path must be a string without NUL bytes")
  end)
end)
