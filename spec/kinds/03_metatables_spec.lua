-- 3: what is checked is what is sent: one plain copy of what a table shows to its reader, whatever
-- its metatable does.

local bed = require "spec.support.bed"
local cjson = require "cjson"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

-- A table that shows `fields` by __pairs alone, and counts how often it was asked.
local function proxy(fields)
  local shown = setmetatable({}, {
    __index = function(_, key) return fields[key] end,
    __pairs = function(self)
      self.count.asked = self.count.asked + 1
      return next, fields, nil
    end,
    __metatable = "locked",
  })
  rawset(shown, "count", { asked = 0 })
  return shown
end

local function heir(parent, own)
  return setmetatable(own or {}, { __index = parent })
end

describe("3: tables with a metatable", function()
  local sb, client
  bed({ sandbox = { generation_seconds = 0, asset_seconds = 0 } },
    function(...) sb, client = ... end)

  local function last(endpoint)
    local all = sb.journal:requests(endpoint)
    return all[#all]
  end

  local function body_of(endpoint)
    return cjson.decode(last(endpoint).body)
  end

  local function raises(words, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert.matches(words, message)
    assert.matches("03_metatables_spec.lua:%d+: ", message)
  end

  local function text() return { { type = "text", text = "A wave." } } end

  it("send what a body inherits: no video is billed without its duration", function()
    local defaults = { model = "byteplus/seedance-2.0", ratio = "16:9", duration = 5 }
    local template = heir(defaults, { duration = 7, watermark = false })
    assert(client.generations:create(heir(template, { content = text(), seed = 3 })))
    assert.same({ model = "byteplus/seedance-2.0", ratio = "16:9", duration = 7,
      watermark = false, seed = 3, content = text() }, body_of "generations.create")
    -- Also where a task does it, and where the options are inherited.
    local made
    local task = client.async.generations:create_and_wait(heir(defaults, { content = text() }),
      heir { timeout = 30, on_created = function(one) made = one.id end })
    assert.equal("succeeded", assert(task:wait()).status)
    assert.equal(5, body_of "generations.create".duration)
    assert.is_string(made)
  end)

  it("keep a portrait in its group", function()
    local group = sb:add_person()
    for _, body in ipairs {
      heir { group_id = group }, heir(heir { group_id = group }), heir(proxy { group_id = group }),
    } do
      body.url, body.asset_type = "https://cdn.example/a.jpg", "Image"
      assert.equal(group, assert(client.assets:create_and_wait(body)).group_id)
      assert.equal(group, body_of "assets.create".group_id)
    end
    local virtual = heir({ group_id = pomex.VIRTUAL }, { asset_type = "Image",
      url = "https://cdn.example/a.jpg" })
    assert(client.assets:create(virtual))
    assert.is_nil(body_of "assets.create".group_id)
    assert.equal(pomex.VIRTUAL, virtual.group_id)
  end)

  it("are read by their __pairs, once", function()
    local part = proxy { type = "text", text = "A wave." }
    part.count.asked = 0
    local body = setmetatable({}, { __pairs = function()
      return next, { model = "byteplus/seedance-2.0", content = { part } }, nil
    end })
    rawset(part, "count", { asked = 0 })
    assert(client.generations:create(body))
    assert.equal(1, rawget(part, "count").asked)
    assert.same({ model = "byteplus/seedance-2.0", content = text() }, body_of "generations.create")
  end)

  it("cannot say one thing to the check and another to the wire", function()
    local asked = 0
    local turncoat = setmetatable({}, { __pairs = function()
      asked = asked + 1
      return next, { model = "m", content = asked == 1 and text() or "https://elsewhere.example",
        timeout = asked > 1 and 5 or nil }, nil
    end })
    assert(client.generations:create(turncoat))
    assert.equal(1, asked)
    assert.same(text(), body_of "generations.create".content)
  end)

  it("are followed in nested tables, and within lists", function()
    local url = heir { url = "asset://" .. sb:add_assets { count = 1, status = "active" }[1] }
    local list = heir({ { type = "text", text = "never seen" },
      heir({ role = "reference_image" }, { type = "image_url", image_url = url }) },
      { { type = "text", text = "A wave." } })
    assert(client.generations:create { model = "byteplus/seedance-2.0", content = list })
    assert.same({ { type = "text", text = "A wave." },
      { type = "image_url", role = "reference_image", image_url = { url = url.url } } },
      body_of "generations.create".content)
  end)

  it("leave out the methods of a class, and keep marks of arrays", function()
    local Film = { new = function() end, model = "byteplus/seedance-2.0" }
    Film.__index = Film
    assert(client.generations:create(setmetatable({ content = text(),
      tags = pomex.array {}, empty = {} }, Film)))
    assert.same({ model = "byteplus/seedance-2.0", content = text(), tags = {}, empty = {} },
      body_of "generations.create")
    assert.matches('"tags":%[%]', last "generations.create".body)
    assert.matches('"empty":{}', last "generations.create".body)
  end)

  it("that are inherited from a function are refused by name, and nothing is sent", function()
    local function lazy() return setmetatable({ model = "m" }, { __index = function() end }) end
    local words = "inherits from a function %(its __index%), whose fields cannot be listed"
    local generations, assets = client.generations, client.assets
    raises("generations:create: the table " .. words, generations.create, generations, lazy())
    raises("generations:create: content%[1%]%.image_url " .. words, generations.create, generations,
      { model = "m", content = { { type = "image_url", image_url = lazy() } } })
    raises("generations:create: extra%.deep " .. words, generations.create, generations,
      { model = "m", content = text(), extra = { deep = lazy() } })
    local async = client.async.generations
    raises("generations:create_and_wait: the table " .. words, async.create_and_wait, async,
      heir(lazy()))
    raises("assets:create: the table " .. words, assets.create, assets, lazy())
    raises("assets:list: the table " .. words, assets.list, assets, lazy())
    raises("assets:list: status " .. words, assets.list, assets, { status = lazy() })
    raises("assets:get: the table " .. words, assets.get, assets, "a", lazy())
    raises("client:request: query " .. words, client.request, client, "GET", "/v1/x",
      { query = lazy() })
    raises("client:request: headers " .. words, client.request, client, "GET", "/v1/x",
      { headers = lazy() })
    raises("client:request: body%.a " .. words, client.request, client, "POST", "/v1/x",
      { body = { a = lazy() } })
    raises("pomex%.new: the table " .. words, pomex.new, lazy())
    raises("pomex%.new: poll%.asset " .. words, pomex.new, { poll = { asset = lazy() } })
    raises("client:map: the table " .. words, client.map, client, {}, print, lazy())
    assert.equal(0, #sb.journal:requests())
  end)

  it("that inherit from themselves are refused", function()
    local circle = {}
    setmetatable(circle, { __index = setmetatable({}, { __index = circle }) })
    raises("generations:create: the table inherits from itself", client.generations.create,
      client.generations, circle)
    local nested = { model = "m", content = text() }
    nested.itself = { nested, nested }
    raises("generations:create: .*is nested more than 64 levels deep, or in itself",
      client.generations.create, client.generations, nested)
  end)

  it("are followed in options, queries and headers", function()
    local group = sb:add_person()
    sb:add_assets { count = 3, group_id = group, status = "active" }
    local page = assert(client.assets:list(heir({ group_id = group, limit = 2 }, { page = 1 })))
    assert.equal(2, #page.items)
    local seen = 0
    for _ in client.assets:each(heir { group_id = group, max = 2 }) do seen = seen + 1 end
    assert.equal(2, seen)
    local parts = heir { headers = heir({ ["X-One"] = "1" }, { ["X-Two"] = "2" }),
      query = heir { limit = 1, group_id = group } }
    assert.equal(1, #assert(client:request("GET", "/v1/video/assets", parts)).items)
    local headers = last "assets.list".headers
    assert.equal("1", headers["x-one"])
    assert.equal("2", headers["x-two"])
    local looks = 0
    sb:fault { endpoint = "generations.get", status = 200, times = 2,
      body = '{"id":"x","status":"running"}' }
    local task = assert(client.generations:create { model = "m", content = text() })
    assert(client.generations:wait(task, heir { first = 0.01, max = 0.02,
      on_update = function() looks = looks + 1 end }))
    assert.equal(2, looks)
    sb:fault { endpoint = "assets.list", before_accept = "hang" }
    local _, err = client.assets:list(nil, proxy { timeout = 0.05 })
    assert.equal("timeout_error", err.type)
  end)

  it("are followed in the options of a client, a sandbox and a builder", function()
    local events = 0
    local own = assert(pomex.new(heir { api_key = sb.key, base_url = sb.url, max_retries = 0,
      host = heir(require "pomex.host.blocking"), rate_limits = heir { asset_list = false },
      poll = heir { generation = heir { first = 0.01 } },
      on_event = function() events = events + 1 end }))
    sb:fault { endpoint = "assets.list", status = 500 }
    local _, err = own.assets:list()
    assert.equal(1, err.attempts)
    assert.is_true(events > 0)
    own:close()
    local parts = pomex.content():text("{nobody}", heir { raw = true }):build()
    assert.equal("{nobody}", parts[1].text)
    assert.error_matches(function() pomex.content():text("x", heir { row = true }) end,
      'unknown option "row"')
    local again = assert(sandbox.start(heir { key = "sk-inherited-0123456789" }))
    assert.equal("sk-inherited-0123456789", again.key)
    again:stop()
  end)

  it("leave the caller's tables as they were", function()
    local content, nested = text(), { deep = { 1 } }
    local body = heir({ model = "m" }, { content = content, nested = nested })
    assert(client.generations:create(body))
    assert.equal(content, rawget(body, "content"))
    assert.equal(nested, rawget(body, "nested"))
    assert.is_nil(rawget(body, "model"))
    assert.same({ deep = { 1 } }, nested)
  end)
end)
