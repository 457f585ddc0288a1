-- assets:each, and the pages that it walks through.

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local pages = require "pomex.pages"
local pomex = require "pomex"

describe("assets:each", function()
  local sb, client, group_id
  bed({ client = { max_retries = 0 } }, function(...) sb, client = ... end)

  setup(function()
    group_id = sb:add_person()
    sb:add_assets { count = 250, group_id = group_id, name = "a", status = "active" }
  end)

  local function count(query)
    local seen, total = {}, 0
    for asset in client.assets:each(query) do
      assert.is_nil(seen[asset.id])
      seen[asset.id] = true
      total = total + 1
    end
    return total
  end

  it("gives every asset once, by pages of 100, the oldest first", function()
    assert.equal(250, count { group_id = group_id })
    local requests = sb.journal:requests("assets.list")
    assert.equal(3, #requests)
    assert.matches("limit=100", requests[1].query)
    assert.matches("sort_by=create_time", requests[1].query)
    assert.matches("sort_order=asc", requests[1].query)
    assert.matches("page=3", requests[3].query)
  end)

  it("takes a page size, a maximum, and other orders", function()
    assert.equal(250, count { group_id = group_id, limit = 50 })
    assert.equal(5, #sb.journal:requests("assets.list"))
    sb.journal:clear()
    assert.equal(120, count { group_id = group_id, max = 120 })
    assert.equal(2, #sb.journal:requests("assets.list"))
    sb.journal:clear()
    assert.equal(0, count { group_id = group_id, max = 0 })
    assert.equal(0, #sb.journal:requests("assets.list"))
    assert.equal(7, count { group_id = group_id, max = 7, sort_order = "desc", limit = 10 })
    assert.matches("sort_order=desc", sb.journal:requests("assets.list")[1].query)
  end)

  it("ends at once where there is nothing", function()
    assert.equal(0, count { group_id = sb:add_person() })
    assert.equal(0, count())
    assert.equal(0, count { group_id = pomex.VIRTUAL })
  end)

  it("asks for nothing before it is iterated, and for no more than is taken", function()
    local each = client.assets:each { group_id = group_id }
    assert.equal(0, #sb.journal:requests("assets.list"))
    for _ = 1, 100 do assert.is_table(each()) end
    assert.equal(1, #sb.journal:requests("assets.list"))
    assert.is_table(each())
    assert.equal(2, #sb.journal:requests("assets.list"))
  end)

  it("does not miss or repeat what was there while more comes in", function()
    local own = sb:add_person()
    sb:add_assets { count = 30, group_id = own, name = "b", status = "active" }
    local seen, total = {}, 0
    for asset in client.assets:each { group_id = own, limit = 10 } do
      assert.is_nil(seen[asset.id])
      seen[asset.id] = true
      total = total + 1
      if total == 15 then
        sb:add_assets { count = 5, group_id = own, name = "late", status = "active" }
      end
    end
    assert.is_true(total >= 30)
  end)

  it("raises on a page that fails", function()
    sb:fault { endpoint = "assets.list", skip = 1, status = 401,
      body = '{"error":{"message":"key revoked","type":"authentication_error"}}' }
    local got = 0
    local ok, message = pcall(function()
      for _ in client.assets:each { group_id = group_id } do got = got + 1 end
    end)
    assert.is_false(ok)
    assert.equal(100, got)
    assert.equal(interpreter.yields_within_calls and "authentication_error" or nil, message.type)
    assert.matches("authentication_error: key revoked", tostring(message))
    assert.error_matches(function() for _ in client.assets:each { limit = 1000 } do end end, -- luacheck: ignore
      "limit")
  end)

  if interpreter.yields_within_calls then
    it("runs in a task", function()
      assert.equal(250, client:run(count, { group_id = group_id }))
    end)
  else
    it("raises in a `for` of a task, where 5.1 cannot yield; list and plain calls do", function()
      assert.error_matches(function() client:run(count, { group_id = group_id }) end,
        "attempt to yield across metamethod/C%-call boundary")
      assert.equal(250, client:run(function()
        local next_asset, seen = client.assets:each { group_id = group_id }, 0
        while next_asset() do seen = seen + 1 end
        return seen
      end))
      assert.equal(100, client:run(function()
        return #client.assets:list { group_id = group_id, limit = 100 }.items
      end))
      assert.equal(0, client:step())
    end)
  end
end)

describe("pages.each", function()
  -- A service that pays no heed to `page`, or says wrong totals.
  local function service(answer)
    local asked = 0
    return {
      list = function(_, query)
        asked = asked + 1
        assert(asked < 20, "it never ends")
        return answer(query, asked)
      end,
    }, function() return asked end
  end

  local function collect(resource, query)
    local ids = {}
    for item in pages.each(resource, query or {}) do ids[#ids + 1] = item.id end
    return ids
  end

  it("ends though the service sends the same page for ever", function()
    local resource, asked = service(function()
      return { items = { { id = "a" }, { id = "b" } }, total_count = 1000, page_size = 2 }
    end)
    assert.same({ "a", "b" }, collect(resource))
    assert.equal(2, asked())
  end)

  it("goes on without a total, until a page is short", function()
    local resource, asked = service(function(query)
      local items = {}
      for i = 1, query.page < 3 and 2 or 1 do items[i] = { id = query.page .. "-" .. i } end
      return { items = items, page_size = 2 }
    end)
    assert.same({ "1-1", "1-2", "2-1", "2-2", "3-1" }, collect(resource))
    assert.equal(3, asked())
  end)

  it("goes by the page size that the service grants", function()
    local resource = service(function(query)
      return { items = query.page <= 3 and { { id = query.page } } or {}, total_count = 3,
        page_size = 1 }
    end)
    assert.same({ 1, 2, 3 }, collect(resource, { limit = 100 }))
  end)

  it("raises where an answer has no items", function()
    local resource = service(function() return { object = "list" } end)
    assert.error_matches(function() collect(resource) end, "page 1 of the list has no items")
  end)
end)
