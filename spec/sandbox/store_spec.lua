-- What pomex-sandbox remembers: lists, their order and pages, and what a restart keeps.

local cjson = require "cjson"
local http = require "spec.support.http"
local proc = require "spec.support.proc"
local process = require "spec.support.sandbox_process"
local socket = require "socket"

local ASSETS, GENERATIONS = "/v1/video/assets", "/v1/video/generations"

describe("a list of the sandbox #once", function()
  local sb, person

  setup(function()
    sb = process.start { "--asset-seconds", "1000", "--rate-limits", "off" }
  end)
  teardown(function() sb:stop() end)
  before_each(function() person = sb:person() end)

  local function bulk(fields)
    fields.group_id = fields.group_id or person
    return sb:control("POST", "assets", fields).ids
  end

  local function list(query)
    local parts = { "group_id=" .. person }
    for name, value in pairs(query or {}) do
      parts[#parts + 1] = name .. "=" .. http.escape(value)
    end
    local reply = sb:get(ASSETS .. "?" .. table.concat(parts, "&"))
    assert.equal(200, reply.status, reply.text)
    return reply.body
  end

  local function names(page)
    local all = {}
    for i, item in ipairs(page.items) do all[i] = item.name end
    return table.concat(all, " ")
  end

  it("is empty at first, and past its end", function()
    assert.same({ object = "list", items = {}, total_count = 0, page_number = 1, page_size = 10 },
      list())
    bulk { count = 3, name = "a" }
    local page = list { page = 2 }
    assert.same({}, page.items)
    assert.equal(3, page.total_count)
    assert.equal(2, page.page_number)
    assert.same({}, list { page = 2147483647, limit = 100 }.items)
  end)

  it("has the newest first, ten a page, unless told otherwise", function()
    bulk { count = 25, name = "a" }
    assert.equal("a-25 a-24 a-23 a-22 a-21 a-20 a-19 a-18 a-17 a-16", names(list()))
    assert.equal("a-5 a-4 a-3 a-2 a-1", names(list { page = 3 }))
    assert.equal("a-1 a-2 a-3", names(list { limit = 3, sort_order = "asc" }))
    assert.equal("a-24 a-25", names(list { limit = 23, page = 2, sort_order = "asc" }))
    assert.equal("a-1 a-2", names(list { limit = 2, sort_order = "asc", sort_by = "group_id" }))
  end)

  -- Every way of asking, against a sort of the same assets here.
  it("is what sorting and filtering by hand gives, page by page", function()
    bulk { count = 7, name = "Alpha", status = "active" }
    bulk { count = 9, name = "beta", status = "processing" }
    bulk { count = 5, name = "ÄLPHA", status = "failed" }
    sb:control("POST", "clock", { advance = 500 })
    bulk { count = 6, name = "alphabet", status = "processing" }
    sb:control("POST", "clock", { advance = 500 })
    bulk { count = 4, name = "gamma", status = "active" }
    local all = list { limit = 100, sort_order = "asc" }.items
    assert.equal(31, #all)
    for i, item in ipairs(all) do item.place = i end
    local function expected(query)
      local chosen = {}
      for _, item in ipairs(all) do
        local wanted = not query.status or query.status:find(item.status, 1, true)
        local named = not query.name
          or item.name:lower():gsub("Ä", "ä"):find(query.name:lower():gsub("Ä", "ä"), 1, true)
        if wanted and named then chosen[#chosen + 1] = item end
      end
      local up = query.sort_order == "asc"
      table.sort(chosen, function(a, b)
        if query.sort_by == "update_time" and a.updated_at ~= b.updated_at then
          if up then return a.updated_at < b.updated_at end
          return a.updated_at > b.updated_at
        end
        if up then return a.place < b.place end
        return a.place > b.place
      end)
      return chosen
    end
    local asked = 0
    for _, status in ipairs { false, "active", "processing", "failed", "active,failed",
      "processing,active", "failed,processing,active" } do
      for _, name in ipairs { false, "ALPHA", "älp", "a-1", "zzz" } do
        for _, by in ipairs { "create_time", "update_time", "group_id" } do
          for _, order in ipairs { "asc", "desc" } do
            local query = { status = status or nil, name = name or nil, sort_by = by,
              sort_order = order, limit = 4 }
            local wanted = expected(query)
            local got = {}
            repeat
              query.page = (query.page or 0) + 1
              local page = list(query)
              assert.equal(#wanted, page.total_count)
              for _, item in ipairs(page.items) do got[#got + 1] = item.id end
            until #page.items == 0
            local ids = {}
            for i, item in ipairs(wanted) do ids[i] = item.id end
            assert.same(ids, got, cjson.encode(query))
            asked = asked + 1
          end
        end
      end
    end
    assert.equal(210, asked)
  end)

  it("follows the clock: what was processing becomes active", function()
    bulk { count = 2, status = "processing", name = "p" }
    assert.equal(2, list { status = "processing" }.total_count)
    sb:control("POST", "clock", { advance = 999 })
    assert.equal(0, list { status = "active" }.total_count)
    sb:control("POST", "clock", { advance = 1 })
    local page = list { status = "active" }
    assert.equal(2, page.total_count)
    assert.is_true(page.items[1].updated_at > page.items[1].created_at)
    assert.equal(0, list { status = "processing" }.total_count)
  end)

  it("takes a name's wildcards as they are", function()
    bulk { count = 1, name = "100%_sure" }
    bulk { count = 1, name = "1000 sure" }
    assert.equal(1, list { name = "0%_s" }.total_count)
    assert.equal(0, list { name = "%" .. "x" }.total_count)
    assert.equal(2, list { name = "SURE" }.total_count)
    assert.equal(2, list { name = "" }.total_count)
  end)

  it("of 300,000 is as quick as of 100 #large", function()
    local few = person
    bulk { count = 100, name = "few" }
    local many = sb:person()
    bulk { count = 300000, name = "many", group_id = many }
    local function seconds(group, query)
      person = group
      local best = math.huge
      for _ = 1, 5 do
        local begin = proc.seconds(sb.pid)
        list(query)
        best = math.min(best, proc.seconds(sb.pid) - begin)
      end
      return best
    end
    local base = seconds(few, {})
    person = many
    assert.equal("many-300000", list().items[1].name)
    for _, query in ipairs { {}, { page = 30000 }, { page = 15000 }, { status = "active" },
      { status = "active,failed", page = 15000 }, { sort_by = "update_time" },
      { sort_by = "update_time", page = 15000 }, { status = "processing" } } do
      local took = seconds(many, query)
      assert.is_true(took < base + 0.02, ("%s: %.1f ms"):format(cjson.encode(query), took * 1000))
    end
  end)
end)

describe("a database of the sandbox #once", function()
  it("keeps everything over a restart: key, clock, links, states, ledger", function()
    local path = os.tmpname()
    local arguments = { "--database", path, "--asset-seconds", "0", "--generation-seconds", "30" }
    local first = process.start(arguments)
    local person = first:person()
    local id = first:active_asset(person)
    local link = first:post(ASSETS .. "/sessions", { callback_url = "https://a.example/" })
    assert.equal(200, link.status)
    local task = first:post(GENERATIONS, { model = "byteplus/seedance-2.0",
      content = { { type = "text", text = "kept" } } }).body.id
    first:control("POST", "clock", { advance = 100000 })
    local url = first:get(ASSETS .. "/" .. id).body.url:match("^http://[^/]+(.*)")
    local before = first:control("GET", "state")
    local ledger = first:control("GET", "ledger")
    first:stop()

    local second = process.start(arguments)
    assert.equal(first.key, second.key)
    assert.not_equal(first.token, second.token)
    local after = second:control("GET", "state")
    assert.is_true(after.now >= before.now and after.now < before.now + 60)
    for _, name in ipairs { "sessions", "groups", "assets", "generations" } do
      assert.equal(before[name], after[name])
    end
    assert.same(ledger, second:control("GET", "ledger"))
    assert.equal("active", second:get(ASSETS .. "/" .. id).body.status)
    assert.equal(1, second:get(ASSETS .. "?group_id=" .. person).body.total_count)
    assert.equal("succeeded", second:get(GENERATIONS .. "/" .. task).body.status)
    assert.equal(200, second:get(url, { key = false }).status)
    second:stop()

    local third = process.start(arguments, "sk-another")
    assert.equal("sk-another", third.key)
    assert.equal(200, third:get(ASSETS .. "/" .. id).status)
    assert.equal(401, third:get(ASSETS .. "/" .. id, { key = first.key }).status)
    third:stop()
    for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
  end)

  it("has the ledger before the answer, even if the sandbox is killed", function()
    local path = os.tmpname()
    local sb = process.start { "--database", path }
    sb:control("POST", "faults", { endpoint = "generations.create", after_accept = "hang" })
    local body = cjson.encode { model = "byteplus/seedance-2.0",
      content = { { type = "text", text = "paid" } } }
    local line = assert(socket.connect(sb.host, sb.port))
    line:send(("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
      .. "Content-Length: %d\r\n\r\n%s"):format(GENERATIONS, sb.host, sb.port, sb.key, #body, body))
    for _ = 1, 1000 do
      if sb:control("GET", "ledger").generation == 1 then break end
    end
    os.execute("kill -9 " .. ("%d"):format(sb.pid))
    sb.pipe:close()
    sb.pipe = nil
    sb.input:close()
    line:close()
    local again = process.start { "--database", path }
    assert.equal("paid", again:control("GET", "ledger").entries[1].prompt)
    again:stop()
    for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
  end)
end)
