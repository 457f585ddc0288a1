-- The rows of beyond-the-document.md that are implemented, held by the client.

local cjson = require "cjson"
local pomex = require "pomex"
local bed = require "spec.support.bed"
local sandbox = require "pomex.sandbox"

describe("the client, beyond the document:", function()
  local sb, client
  local new = bed({ sandbox = { generation_seconds = 100 } }, function(...) sb, client = ... end)

  before_each(function()
    sb:config { generation_list = true, list_as_data = false, list_totals = true,
      list_lag_seconds = 0, task_fields = false, task_kept_seconds = 3162240000,
      generation_cancel = true, rate_limits = false }
  end)

  local function create(fields)
    local body = { model = "byteplus/seedance-2.0-fast", content = {
      { type = "text", text = "a wave" } } }
    for key, value in pairs(fields or {}) do body[key] = value end
    return pomex.check(client.generations:create(body))
  end

  local function count(endpoint)
    return #sb.journal:requests(endpoint)
  end

  -- As many tasks of a model of its own, the oldest first.
  local function several(how_many)
    local model, ids = "model-" .. create().id, {}
    for i = 1, how_many do ids[i] = create({ model = model }).id end
    return model, ids
  end

  it("a callback_url goes out as it is [beyond 10]", function()
    local notices = pomex.notices.new { secret = ("s"):rep(32), base = "https://app.example/n" }
    create { callback_url = notices:url "film-17" }
    local body = cjson.decode(sb.journal:requests("generations.create")[1].body)
    assert.equal(notices:url "film-17", body.callback_url)
  end)

  describe("a list of tasks", function()
    it("is asked for in the caller's words, also in those that pomex does not know [beyond 1]",
      function()
        assert.is_table(client.generations:list { page = 1, limit = 5, model = "m",
          status = { "queued", "running" }, ["filter.ids"] = "a", odd = true })
        local query = sb.journal:requests("generations.list")[1].query
        for _, part in ipairs { "page=1", "limit=5", "model=m", "status=queued%%2Crunning",
          "filter%.ids=a", "odd=true" } do
          assert.matches(part, query)
        end
        sb.journal:clear()
        assert.is_table(client.generations:list())
        assert.equal("", sb.journal:requests("generations.list")[1].query)
      end)

    it("has its items and its total whatever the service calls them [beyond 1]", function()
      local model, ids = several(3)
      for _, as_data in ipairs { false, true } do
        sb:config { list_as_data = as_data }
        local page = pomex.check(client.generations:list { model = model, limit = 2 })
        assert.equal(ids[3], page.items[1].id)
        assert.equal(3, page.total_count)
      end
      sb:config { list_totals = false }
      assert.is_nil(pomex.check(client.generations:list { model = model }).total_count)
      sb:fault { endpoint = "generations.list", body = '{"data":[{"id":"a"}],"total":7}' }
      local page = pomex.check(client.async.generations:list():wait())
      assert.same({ "a", 7 }, { page.items[1].id, page.total_count })
      sb:fault { endpoint = "generations.list", body = '{"object":"list"}' }
      local none, err = client.generations:list()
      assert.is_nil(none)
      assert.equal("decode_error", err.type)
    end)

    it("that is not there is a not_found_error [beyond 1]", function()
      sb:config { generation_list = false }
      local none, err = client.generations:list()
      assert.is_nil(none)
      assert.same({ "not_found_error", "generations.list", "no" },
        { err.type, err.endpoint, err.billed })
    end)

    it("is walked through to its end, with totals and without [beyond 1]", function()
      local model, ids = several(7)
      for _, settings in ipairs { { list_totals = true }, { list_totals = false },
        { list_totals = false, list_as_data = true } } do
        sb:config(settings)
        local seen = {}
        for task in client.generations:each { model = model, limit = 3 } do
          seen[#seen + 1] = task.id
        end
        assert.equal(7, #seen)
        for i, id in ipairs(ids) do assert.equal(id, seen[8 - i]) end
      end
      local some = 0
      for _ in client.generations:each { model = model, limit = 3, max = 4 } do some = some + 1 end
      assert.equal(4, some)
      sb:config { generation_list = false }
      assert.has_error(function() client.generations:each { model = model }() end)
    end)

    it("by a service that gives smaller pages than it was asked for has all [beyond 1]", function()
      local function page(first, last)
        local items = {}
        for i = first, last do items[#items + 1] = { id = "cgt-" .. i } end
        sb:fault { endpoint = "generations.list", body = cjson.encode { data = items } }
      end
      page(1, 10)
      page(9, 18) -- one came in front meanwhile
      page(19, 20)
      page(19, 20)
      local seen = {}
      for task in client.generations:each() do seen[#seen + 1] = task.id end
      assert.equal(20, #seen)
    end)

    it("is refused where its query cannot be sent [beyond 1]", function()
      for _, query in ipairs { { odd = { a = 1 } }, { odd = { {} } }, { odd = print },
        { timeout = 3 }, { page = "1" }, { 1 } } do
        assert.has_error(function() client.generations:list(query) end)
        assert.has_error(function() client.async.generations:list(query) end)
        assert.has_error(function() client.generations:each(query) end)
      end
      assert.equal(0, count "generations.list")
    end)
  end)

  it("waits as ever, whatever else the service has and says [beyond 1 2 3 7]", function()
    for _, settings in ipairs { { generation_list = false }, { list_as_data = true },
      { list_totals = false }, { list_lag_seconds = 60 }, { task_fields = true },
      { task_kept_seconds = 7 * 86400 }, { generation_cancel = false } } do
      sb:config(settings)
      local task, seen = create(), {}
      local done = pomex.check(client.generations:wait(task, { first = 0, max = 0.02,
        on_update = function(now)
          -- The next look may go out while the clock is being moved, and see the same once more.
          if now.status == seen[#seen] then return end
          seen[#seen + 1] = now.status
          sb.clock:advance(50)
        end }))
      assert.same({ "succeeded", task.id }, { done.status, done.id })
      assert.same({ "queued", "running" }, seen)
      sb.clock:advance(8 * 86400)
      local late, err = client.generations:wait(task)
      if settings.task_kept_seconds then
        assert.same({ "not_found_error", "yes" }, { err.type, err.billed })
      else
        assert.equal("succeeded", late.status)
      end
      sb:config { generation_list = true, list_as_data = false, list_totals = true,
        list_lag_seconds = 0, task_fields = false, task_kept_seconds = 3162240000,
        generation_cancel = true }
    end
  end)

  describe("a cancel", function()
    it("looks, deletes what is queued, and says that it is cancelled [beyond 2 3]", function()
      local task = create()
      local before = sb.ledger:count "generation"
      local cancelled = pomex.check(client.generations:cancel(task))
      assert.same({ task.id, "cancelled" }, { cancelled.id, cancelled.status })
      assert.same({ 1, 1 }, { count "generations.get", count "generations.cancel" })
      assert.equal(before - 1, sb.ledger:count "generation")
      local none, err = client.generations:wait(task)
      assert.is_nil(none)
      assert.same({ "generation_failed", "cancelled" }, { err.type, err.last_status })
      task = create()
      assert.equal("cancelled", pomex.check(client.async.generations:cancel(task.id):wait()).status)
    end)

    it("leaves anything else as it is, and names its status [beyond 2]", function()
      local task = create()
      for _, status in ipairs { "running", "succeeded" } do
        sb.clock:advance(60)
        local none, err = client.generations:cancel(task)
        assert.is_nil(none)
        assert.same({ "cancel_failed", status, task.id, "yes" },
          { err.type, err.last_status, err.id, err.billed })
        assert.equal(status, err.object.status)
        assert.matches(status, tostring(err))
      end
      assert.equal(0, count "generations.cancel")
      assert.equal("succeeded", pomex.check(client.generations:get(task)).status)
    end)

    it("of a task that nobody knows, or where none can be deleted, fails [beyond 2]", function()
      local none, err = client.generations:cancel "cgt-none"
      assert.is_nil(none)
      assert.equal("not_found_error", err.type)
      sb:config { generation_cancel = false }
      none, err = client.generations:cancel(create())
      assert.is_nil(none)
      assert.same({ "not_found_error", "generations.cancel" }, { err.type, err.endpoint })
      assert.has_error(function() client.generations:cancel {} end)
    end)

    it("whose answer is lost is sent once; a look says what came of it [beyond 5]", function()
      local task = create()
      sb:fault { endpoint = "generations.cancel", after_accept = "drop" }
      assert.equal("cancelled", pomex.check(client.generations:cancel(task)).status)
      assert.equal(1, count "generations.cancel")
      task = create()
      sb:fault { endpoint = "generations.cancel", before_accept = "drop" }
      local none, err = client.generations:cancel(task, { timeout = 3 })
      assert.is_nil(none)
      assert.same({ "ambiguous_error", "queued", "maybe", task.id },
        { err.type, err.last_status, err.billed, err.id })
      assert.equal(2, count "generations.cancel")
    end)

    it("is not sent again after a refusal [beyond 5]", function()
      for _, status in ipairs { 429, 503 } do
        sb.journal:clear()
        sb:fault { endpoint = "generations.cancel", status = status, retry_after = 0 }
        local task = create()
        local none, err = client.generations:cancel(task)
        assert.is_nil(none)
        assert.equal(status, err.status)
        assert.equal(1, count "generations.cancel")
        assert.equal("queued", pomex.check(client.generations:get(task)).status)
      end
    end)
  end)

  describe("a create whose answer was lost", function()
    local order = { model = "byteplus/seedance-2.0", duration = 5, content = {
      { type = "text", text = "a wave" } } }

    -- The error of a create that was carried out, and the id of its task.
    local function lost(opts)
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local task, err = client.generations:create(order, opts)
      local entries = sb.ledger:entries()
      return task, err, entries[#entries].id
    end

    before_each(function() sb.clock:advance(600) end) -- what is in doubt from other tests is over

    it("names the tasks that can be it, and takes none by itself [beyond 11]", function()
      local task, err, id = lost()
      assert.is_nil(task)
      assert.same({ "ambiguous_error", "maybe" }, { err.type, err.billed })
      assert.same({ id }, err.candidates)
      assert.equal(1, count "generations.create")
      assert.equal("queued", pomex.check(client.generations:get(err.candidates[1])).status)
      -- Now somebody holds it.
      task, err, id = lost()
      assert.is_nil(task)
      assert.same({ id }, err.candidates)
    end)

    it("is found again in whatever list there is, unless it lags too long [beyond 11]", function()
      for _, case in ipairs { { { list_as_data = true }, true }, { { list_totals = false }, true },
        { { task_fields = true }, true }, { { task_kept_seconds = 7 * 86400 }, true },
        { { generation_cancel = false }, true }, { { list_lag_seconds = 0.5 }, true },
        { { list_lag_seconds = 60 }, false }, { { generation_list = false }, false } } do
        sb:config(case[1])
        local _, err, id = lost()
        assert.same(case[2] and { id } or nil, err.candidates)
        sb.clock:advance(600)
        sb:config { generation_list = true, list_as_data = false, list_totals = true,
          list_lag_seconds = 0, task_fields = false, task_kept_seconds = 3162240000,
          generation_cancel = true }
      end
    end)

    it("is no task of another model, or of another duration [beyond 11]", function()
      sb:config { task_fields = true }
      create { model = "byteplus/seedance-2.0-fast" }
      local other = sb.ledger:entries()
      sb:fault { endpoint = "generations.create", before_accept = "drop" }
      local _, err = client.generations:create(order)
      assert.is_nil(err.candidates)
      assert.equal(#other, #sb.ledger:entries())
    end)

    it("is looked for by nobody who says so [beyond 11]", function()
      local _, err = lost { adopt = "none" }
      assert.is_nil(err.candidates)
      assert.equal(0, count "generations.list")
      assert.has_error(function() client.generations:create(order, { adopt = "all" }) end)
      assert.has_error(function()
        client.assets:create({ url = "https://a.example/a.png", asset_type = "Image",
          group_id = pomex.VIRTUAL }, { adopt = "single" })
      end)
    end)
  end)

  it("takes the only task that can be its own where it is told to [beyond 11]", function()
    local alone = assert(sandbox.start { generation_seconds = 0, rate_limits = false })
    local other = pomex.check(pomex.new(alone:client_options()))
    alone:fault { endpoint = "generations.create", after_accept = "drop" }
    local task = pomex.check(other.generations:create_and_wait({ model = "byteplus/seedance-2.0",
      content = { { type = "text", text = "a wave" } } }, { adopt = "single" }))
    assert.equal(alone.ledger:entries()[1].id, task.id)
    assert.equal("succeeded", task.status)
    assert.equal(1, alone.ledger:count "generation")
    other:close()
    alone:stop()
  end)

  it("list and DELETE have no limit unless one is set [beyond 4]", function()
    local free, slow = new { rate_limits = nil }, new { rate_limits = {
      generation_list = 0.01, generation_cancel = 0.01 } }
    for _ = 1, 15 do pomex.check(free.generations:list()) end
    assert.is_table(slow.generations:list())
    local none, err = slow.generations:list(nil, { timeout = 0.2 })
    assert.is_nil(none)
    assert.same({ "timeout_error", 0 }, { err.type, err.attempts })
    assert.is_table(slow.generations:cancel(create()))
    none, err = slow.generations:cancel(create(), { timeout = 0.2 })
    assert.is_nil(none)
    assert.equal("timeout_error", err.type)
    assert.equal(1, count "generations.cancel")
  end)

  it("fields that only the upstream's documents name go out and come in untouched [beyond 6 7]",
    function()
      sb:config { task_fields = true }
      local given = { resolution = "720p", ratio = "16:9", duration = 5, seed = 7,
        safety_identifier = "u-1", execution_expires_after = 3600, watermark = false,
        return_last_frame = true, priority = 3 }
      local task = create(given)
      local requests = sb.journal:requests "generations.create"
      local body = cjson.decode(requests[#requests].body)
      for name, value in pairs(given) do assert.equal(value, body[name]) end
      task = pomex.check(client.generations:get(task))
      for _, name in ipairs { "resolution", "ratio", "duration", "seed", "safety_identifier",
        "execution_expires_after" } do
        assert.equal(given[name], task[name])
      end
      assert.is_number(task.created_at)
    end)
end)
