-- The rows of beyond-the-document.md that are implemented, held by the sandbox: bare HTTP, no
-- client in between.

local bare = require "spec.support.http"
local sandbox = require "pomex.sandbox"

local GENERATIONS = "/v1/video/generations"
local FAST = "byteplus/seedance-2.0-fast"

describe("the sandbox, beyond the document:", function()
  local sb

  before_each(function()
    sb = assert(sandbox.start { generation_seconds = 100, rate_limits = false })
  end)
  after_each(function() assert.equal(0, sb:stop()) end)

  local function request(method, path)
    return bare.request(method, sb.url .. path, { key = sb.key })
  end

  local function create(fields)
    local body = { model = FAST, content = { { type = "text", text = "a wave" } } }
    for key, value in pairs(fields or {}) do body[key] = value end
    local reply = bare.request("POST", sb.url .. GENERATIONS, { key = sb.key, json = body })
    assert.equal(200, reply.status, reply.text)
    return reply.body.id
  end

  local function list(query)
    local reply = request("GET", GENERATIONS .. (query or ""))
    assert.equal(200, reply.status, reply.text)
    return reply.body
  end

  local function ids(page)
    local found = {}
    for i, item in ipairs(page.items) do found[i] = item.id end
    return found
  end

  local function status(id)
    local reply = request("GET", GENERATIONS .. "/" .. id)
    return reply.status == 200 and reply.body.status or reply.status
  end

  local function delete(id)
    return request("DELETE", GENERATIONS .. "/" .. id).status
  end

  describe("the list of tasks", function()
    it("has this account's, the newest first, in pages [beyond 1]", function()
      local made = {}
      for i = 1, 5 do made[6 - i] = create() end
      assert.same(made, ids(list()))
      local page = list "?page=2&limit=2"
      assert.same({ made[3], made[4] }, ids(page))
      assert.same({ 5, 2, 2, "list" }, { page.total_count, page.page_number, page.page_size,
        page.object })
      assert.same({ made[5], made[4] }, ids(list "?limit=2&sort_order=asc"))
      assert.same({}, list("?page=9").items)
      assert.equal(400, request("GET", GENERATIONS .. "?limit=101").status)
      assert.same({}, bare.request("GET", sb.url .. GENERATIONS,
        { key = sb:add_account() }).body.items)
      assert.equal(401, bare.request("GET", sb.url .. GENERATIONS).status)
    end)

    it("can be narrowed to statuses and to a model [beyond 1]", function()
      local old = create { model = "other/model" }
      sb.clock:advance(50)
      local new = create()
      assert.same({ new }, ids(list "?status=queued"))
      assert.same({ old }, ids(list "?status=running"))
      assert.same({ new, old }, ids(list "?status=running,queued"))
      assert.same({}, ids(list "?status=run"))
      assert.same({ old }, ids(list "?model=other%2Fmodel"))
    end)

    it("is as a setting says: none, data for items, no totals, late, of some days [beyond 1]",
      function()
        local id = create()
        sb:config { generation_list = false }
        assert.equal(404, request("GET", GENERATIONS).status)
        sb:config { generation_list = true, list_as_data = true, list_totals = false }
        local page = list()
        assert.equal(id, page.data[1].id)
        assert.is_nil(page.items)
        assert.is_nil(page.total_count)
        sb:config { list_as_data = false, list_lag_seconds = 60 }
        assert.same({}, list().items)
        sb.clock:advance(60)
        assert.same({ id }, ids(list()))
        sb:config { task_kept_seconds = 7 * 86400 }
        sb.clock:advance(7 * 86400)
        assert.same({}, list().items)
        assert.equal(404, status(id))
      end)
  end)

  describe("DELETE", function()
    it("cancels what is queued, which is not billed [beyond 2 3]", function()
      local id = create()
      assert.equal(1, sb.ledger:count "generation")
      assert.equal(200, delete(id))
      assert.equal("cancelled", status(id))
      assert.equal(0, sb.ledger:count "generation")
      sb.clock:advance(1000)
      assert.equal("cancelled", status(id))
      assert.same({ id }, ids(list "?status=cancelled"))
    end)

    it("refuses what runs, and deletes the record of what is over [beyond 2]", function()
      local id, failing, cancelled = create(), create { content = {
        { type = "text", text = "[fail]" } } }, create()
      assert.equal(200, delete(cancelled))
      sb.clock:advance(50)
      assert.equal("running", status(id))
      assert.equal(409, delete(id))
      assert.equal("running", status(id))
      sb.clock:advance(50)
      assert.equal("succeeded", status(id))
      local link = request("GET", GENERATIONS .. "/" .. id).body.content.video_url
      for _, over in ipairs { id, failing, cancelled } do
        assert.equal(200, delete(over))
        assert.equal(404, status(over))
        assert.equal(404, delete(over))
      end
      assert.equal(404, bare.request("GET", link).status)
      assert.equal(2, sb.ledger:count "generation")
    end)

    it("is of one's own tasks alone, and can be taken away [beyond 2]", function()
      local id = create()
      assert.equal(404, bare.request("DELETE", sb.url .. GENERATIONS .. "/" .. id,
        { key = sb:add_account() }).status)
      sb:config { generation_cancel = false }
      assert.equal(404, delete(id))
      assert.equal("queued", status(id))
    end)
  end)

  it("list and DELETE have no limit unless one is set [beyond 4]", function()
    sb:config { rate_limits = true }
    for _ = 1, 15 do list() end
    local id = create()
    sb.clock:advance(50)
    for _ = 1, 15 do assert.equal(409, delete(id)) end
    sb:config { rate_limits = { generation_list = 0.01, generation_cancel = 0.01 } }
    list()
    assert.equal(429, request("GET", GENERATIONS).status)
    assert.equal(409, delete(id))
    assert.equal(429, delete(id))
  end)

  it("the id of a task carries the time of its creation, in UTC+8 [beyond 11]", function()
    local stamp = create():match "^cgt%-(%d+)%-%w+$"
    local made = os.time { year = tonumber(stamp:sub(1, 4)), month = tonumber(stamp:sub(5, 6)),
      day = tonumber(stamp:sub(7, 8)), hour = tonumber(stamp:sub(9, 10)),
      min = tonumber(stamp:sub(11, 12)), sec = tonumber(stamp:sub(13, 14)) }
    local here = os.time(os.date("!*t", made)) -- the same figures, taken for UTC
    assert.is_true(math.abs(made + (made - here) - 8 * 3600 - sb.clock:now()) < 60)
  end)

  it("a task says what its body gave, its model and times, where it is set to [beyond 6 7]",
    function()
      local given = { resolution = "720p", ratio = "16:9", duration = 5, seed = 7,
        safety_identifier = "u-1", execution_expires_after = 3600 }
      local id = create(given)
      local function fields(task)
        return { resolution = task.resolution, ratio = task.ratio, duration = task.duration,
          seed = task.seed, safety_identifier = task.safety_identifier,
          execution_expires_after = task.execution_expires_after }
      end
      local path = GENERATIONS .. "/" .. id
      assert.same({}, fields(request("GET", path).body))
      assert.same({}, fields(list().items[1]))
      assert.is_nil(list().items[1].created_at)
      sb:config { task_fields = true }
      for _, task in ipairs { request("GET", path).body, list().items[1] } do
        assert.same(given, fields(task))
        assert.equal(FAST, task.model)
        assert.is_true(math.abs(task.created_at - sb.clock:now()) < 60)
        assert.equal(task.created_at, task.updated_at)
      end
      sb.clock:advance(50)
      local task = request("GET", path).body
      assert.equal(25, task.updated_at - task.created_at)
    end)
end)
