-- The tasks that an unclear video of a queue can be.

local bare = require "spec.support.http"
local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"
local named = require "pomex.jobs.candidates"

local video = jobs_bed.video

if not jobs_bed.built then return end

describe("jobs:candidates of a video", function()
  local env = {}
  jobs_bed.begin(env)

  before_each(function()
    env.sb:config { generation_list = true, list_as_data = false, list_totals = true,
      list_lag_seconds = 0, task_fields = false, task_kept_seconds = 3162240000,
      generation_cancel = true }
    env.sb.clock:advance(600) -- what other tests made is no candidate any more
  end)

  -- A queue whose job is unclear after its answer was lost, and the id of its task.
  local function unclear(fault)
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    if fault then env.sb:fault(fault) end
    local jobs = env.open()
    assert(jobs:add { video "lost" })
    assert.equal("unclear", env.run(jobs).ended)
    local entries = env.sb.ledger:entries()
    return jobs, entries[#entries].id
  end

  -- The clock of the sandbox is ahead of this machine's, as a service's may be.
  it("names its task, which is adopted and goes on to the end", function()
    local jobs, id = unclear()
    assert.equal(0, #env.sb.journal:requests "generations.list") -- nobody has asked yet
    assert.same({ id }, jobs:candidates "lost")
    assert.is_true(jobs:adopt("lost", id))
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, jobs_bed.billed(env.sb).lost)
  end)

  it("does so in whatever list there is", function()
    for number, case in ipairs { { { list_as_data = true }, true },
      { { list_totals = false }, true }, { { task_fields = true }, true },
      { { task_kept_seconds = 7 * 86400 }, true },
      { { generation_cancel = false }, true }, { { list_lag_seconds = 60 }, false } } do
      env.sb:config(case[1])
      env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local jobs = env.open { queue = "queue-" .. number }
      assert(jobs:add { video("lost-" .. number) })
      assert.equal("unclear", env.run(jobs).ended)
      local entries = env.sb.ledger:entries()
      assert.same(case[2] and { entries[#entries].id } or {}, jobs:candidates("lost-" .. number))
      env.sb.clock:advance(600)
      jobs:close()
    end
  end)

  it("is an error where the service lists no tasks", function()
    local jobs = unclear()
    env.sb:config { generation_list = false }
    local none, err = jobs:candidates "lost"
    assert.is_nil(none)
    assert.equal("not_found_error", err.type)
  end)

  -- Another program of the same account makes a task.
  local function stranger(model)
    local made = bare.request("POST", env.sb.url .. "/v1/video/generations", { key = env.sb.key,
      json = { model = model, content = { { type = "text", text = "a stranger" } } } })
    return made.body.id
  end

  it("names no task that a job has, or that was made at another time or of another model",
    function()
      env.sb:config { task_fields = true }
      stranger "byteplus/seedance-2.0-fast"
      env.sb.clock:advance(600)
      local jobs, id = unclear()
      stranger "byteplus/seedance-2.0"
      assert(jobs:add { video "another" })
      env.run(jobs)
      assert.equal("done", jobs:get("another").state)
      assert.same({ id }, jobs:candidates "lost")
    end)

  it("cannot tell another program's of the same seconds from its own", function()
    local jobs, id = unclear()
    local other = stranger "byteplus/seedance-2.0-fast"
    local ids = jobs:candidates "lost"
    table.sort(ids)
    local both = { id, other }
    table.sort(both)
    assert.same(both, ids)
  end)

  -- The list as if tasks had been made so many seconds before now, by the service's clock.
  local function listed(...)
    local date, items = assert(env.client.generations:list()).date, {}
    for i, ago in ipairs { ... } do
      items[i] = ('{"id":"ago-%d","created_at":%d}'):format(ago, date - ago)
    end
    env.sb:fault { endpoint = "generations.list", status = 200,
      body = ('{"items":[%s]}'):format(table.concat(items, ",")) }
  end

  it("names first what was made next to the attempt's begin", function()
    local begun = core.wall() - 60
    local attempts = { { begun = begun, body = "{}" } }
    listed(-80, 10, 35, 50, 61, 80)
    assert.same({ "ago-61", "ago-50", "ago-35", "ago-10" },
      named.of_video(env.client, attempts, {}))
    -- The request was out for half a minute.
    listed(10, 35, 50, 61)
    assert.same({ "ago-61", "ago-50", "ago-35" }, named.of_video(env.client, attempts,
      { { name = "begun", at = begun }, { name = "unclear", at = begun + 30 } }))
    -- Another attempt's end is not this one's.
    attempts[2] = { begun = begun + 20, task = "cgt-its" }
    listed(10, 61)
    assert.same({ "ago-61", "ago-10" }, named.of_video(env.client, attempts,
      { { name = "unclear", at = begun - 1 }, { name = "unclear", at = begun + 30 } }))
  end)

  it("leaves out what was made some seconds before, unless nothing else can be it", function()
    local attempts = { { begun = core.wall() - 60, body = "{}" } }
    listed(58, 65)
    assert.same({ "ago-58" }, named.of_video(env.client, attempts, {}))
    listed(64)
    assert.same({ "ago-64" }, named.of_video(env.client, attempts, {}))
  end)

  it("names none that was made long after its request was over", function()
    local jobs = unclear()
    listed(-60, 0)
    assert.same({ "ago-0" }, jobs:candidates "lost")
  end)

  -- What a store that was put back has forgotten.
  it("made_since names what the account made after the newest event and no job has", function()
    local jobs = env.open()
    assert(jobs:add { video "known" })
    assert.equal(1, env.run(jobs).done)
    jobs = env.open(nil, env.new()) -- of another client, which holds nothing
    assert.same({}, jobs:made_since())
    env.sb:config { task_fields = true }
    local made = bare.request("POST", env.sb.url .. "/v1/video/generations", { key = env.sb.key,
      json = { model = "byteplus/seedance-2.0-fast",
        content = { { type = "text", text = "others" } } } })
    local tasks = assert(jobs:made_since())
    assert.equal(1, #tasks)
    assert.same({ made.body.id, "byteplus/seedance-2.0-fast", "number" },
      { tasks[1].id, tasks[1].model, type(tasks[1].at) })
    env.sb:fault { endpoint = "generations.list", status = 200,
      body = '{"items":[{"id":"a","created_at":1e300},{"id":"b","created_at":-1}]}' }
    tasks = assert(jobs:made_since())
    assert.same({ "a", "b" }, { tasks[1].id, tasks[2].id })
    assert.same({}, { tasks[1].at, tasks[2].at }) -- no dates that could be shown
    env.sb:config { generation_list = false }
    local none, err = jobs:made_since()
    assert.is_nil(none)
    assert.equal("not_found_error", err.type)
  end)
end)
