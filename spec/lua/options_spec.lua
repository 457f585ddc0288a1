-- Misuse raises, with the argument's name and the caller's line.

local nearest = require("pomex.misuse").nearest
local pomex = require "pomex"

local NOWHERE = "http://127.0.0.1:1"

local function new(extra)
  local given = { api_key = "sk-test", base_url = NOWHERE }
  for key, value in pairs(extra or {}) do given[key] = value end
  return pomex.new(given)
end

describe("the nearest key", function()
  it("is found by edits, neighbours swapped being one", function()
    local known = { timeout = 1, max_retries = 1, factor = 1 }
    assert.equal("timeout", nearest("tiemout", known))
    assert.equal("timeout", nearest("time_out", known))
    assert.equal("max_retries", nearest("retries", known))
    assert.equal("factor", nearest("FACTOR", { factor = 1, xxxxxxxxxx = 1 }))
  end)

  it("is none where none is near", function()
    assert.is_nil(nearest("", { factor = 1 }))
    assert.is_nil(nearest("save", { max = 1, name = 1 }))
    assert.equal("max", nearest("max_pause", { max = 1, name = 1 }))
  end)

  it("is one that holds the word, before one that is merely as short; the later of two", function()
    local wanted = { request_timeout = 1, connect_timeout = 1, budget = 1, poll = 1 }
    assert.equal("request_timeout", nearest("timeout", wanted))
  end)
end)

describe("pomex.new", function()
  it("raises on an unknown key, naming the nearest", function()
    local ok, message = pcall(new, { max_retrys = 1 })
    assert.is_false(ok)
    assert.matches('^spec/lua/options_spec%.lua:%d+: pomex%.new: unknown key "max_retrys" '
      .. '%(is it "max_retries"%?%)$', message)
  end)

  it("raises on a wrong type, naming the argument", function()
    for key, value in pairs { api_key = 5, budget = "1", allow_http = "yes", on_event = {},
      poll = 5, host = 5, rate_limits = true, billed_retry = 1 } do
      assert.error_matches(function() new { [key] = value } end,
        "pomex%.new: " .. key .. " must be")
    end
    assert.error_matches(function() pomex.new(5) end, "pomex%.new: a table is needed, not 5")
    assert.error_matches(function() pomex.new { "sk-test" } end, "named fields")
  end)

  it("looks into its tables", function()
    assert.error_matches(function() new { rate_limits = { asset_lists = 1 } } end,
      'rate_limits: unknown key "asset_lists" %(is it "asset_list"%?%)')
    assert.error_matches(function() new { rate_limits = { asset_list = "1" } } end,
      "rate_limits: asset_list must be a number or false")
    assert.error_matches(function() new { poll = { assets = {} } } end, 'is it "asset"')
    assert.error_matches(function() new { poll = { asset = { frist = 1 } } } end, 'is it "first"')
    assert.error_matches(function() new { poll = { asset = { factor = 0.5 } } } end,
      "poll%.asset: factor must be a number, 1 or more")
    assert.error_matches(function() new { billed_retry = "never" } end, "billed_retry")
    assert.error_matches(function() new { host = "cqeues" } end, 'is it "cqueues"')
    assert.error_matches(function() new { host = { wait = print } } end, "host: spawn")
  end)

  it("takes all that it documents, and keeps the table as it was", function()
    local given = {
      api_key = "sk-test", base_url = NOWHERE, host = "auto", connect_timeout = 1,
      request_timeout = 2, budget = 3, max_retries = 0, max_in_flight = 1, max_downloads = 1,
      rate_limits = { sessions = 1, asset_list = false, asset_create = 2.5 }, rate_share = 0.5,
      poll = { asset = { first = 1 }, generation = { factor = 2, max = 3, learn = true } },
      billed_retry = "unsent", user_agent = "test/1", proxy = "", allow_http = true,
      on_event = function() end,
    }
    local keys = 0
    for _ in pairs(given) do keys = keys + 1 end
    local client = assert(pomex.new(given))
    for _ in pairs(given) do keys = keys - 1 end
    assert.equal(0, keys)
    client:close()
  end)

  it("that are refused show no token of the base URL", function()
    local _, err = pomex.new { base_url = "https://a.example/x?token=SECRET", api_key = "sk-test" }
    assert.equal('base_url is "https://a.example/x?…"', err.hint)
    _, err = pomex.new { base_url = "https://me:SECRET@a.example/", api_key = "sk-test" }
    assert.is_nil(tostring(err):find("SECRET", 1, true))
  end)

  it("returns nil, err for values that are of no use", function()
    for key, value in pairs { base_url = "no url", budget = -1, max_in_flight = 0,
      max_retries = 1000, rate_share = 0, request_timeout = 0, api_key_file = "/no/such/file" } do
      local client, err = new { [key] = value,
        api_key = key ~= "api_key_file" and "sk-k" or nil }
      if key == "api_key_file" then
        client, err = pomex.new { base_url = NOWHERE, api_key_file = value }
      end
      assert.is_nil(client, key)
      assert.is_true(pomex.errors.is(err))
      assert.is_true(err.client)
      local line = tostring(err)
      assert.is_truthy(line:find(key, 1, true) or line:find(tostring(value), 1, true))
    end
  end)
end)

describe("a method", function()
  local client

  setup(function() client = assert(new()) end)
  teardown(function() client:close() end)

  local function raises(pattern, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert.matches(pattern, message)
    return message
  end

  it("raises on options that it does not have", function()
    raises('assets:get: unknown key "timout" %(is it "timeout"%?%)',
      client.assets.get, client.assets, "a", { timout = 1 })
    raises('assets:get: unknown key "on_update"', client.assets.get, client.assets, "a",
      { on_update = print })
    raises("assets:wait: timeout must be a number of seconds above 0, not 0",
      client.assets.wait, client.assets, "a", { timeout = 0 })
    raises("assets:wait: timeout must be .*, not %-?nan", client.assets.wait, client.assets, "a",
      { timeout = 0 / 0 })
    raises("validate must be a boolean", client.sessions.create, client.sessions,
      { callback_url = "https://a/b" }, { validate = 0 })
    raises("max_retries must be a whole number", client.assets.get, client.assets, "a",
      { max_retries = 1.5 })
    raises("generations:download: a table is needed", client.generations.download,
      client.generations, "a", "path", "sync")
  end)

  it("raises on fields that the document does not have", function()
    raises('sessions:create: unknown key "callback" %(is it "callback_url"%?%)',
      client.sessions.create, client.sessions, { callback = "https://a/b" })
    raises('assets:create: unknown key "asset_typ"', client.assets.create, client.assets,
      { asset_typ = "Image" })
    raises("assets:list: status must be a string or a list of them, not 5", client.assets.list,
      client.assets, { status = 5 })
    raises("sessions:create: a table is needed, not nil", client.sessions.create, client.sessions)
    raises("generations:create: model must be a string, not 5", client.generations.create,
      client.generations, { model = 5 })
    raises("generations:create: content must be a table", client.generations.create,
      client.generations, { content = "text" })
    raises('assets:each: unknown key "maximum"', client.assets.each, client.assets,
      { maximum = 5 })
    raises('assets:create: unknown key "sise"$', client.assets.create, client.assets, { sise = 1 })
  end)

  it("raises on options of a call in the body of a generation, which is billed", function()
    for _, key in ipairs { "timeout", "max_retries", "validate", "on_update", "on_created" } do
      for _, call in ipairs { "create", "create_and_wait" } do
        local body = { model = "m", content = {}, [key] = false }
        raises("generations:[%a_]+: " .. key .. " is a call option; pass it in the",
          client.generations[call], client.generations, body)
      end
    end
  end)

  it("wants group_id said", function()
    raises("assets:create: group_id must be given.*pomex%.VIRTUAL", client.assets.create,
      client.assets, { url = "https://a/b.jpg", asset_type = "Image" })
    raises("assets:create: group_id must be a string or pomex%.VIRTUAL, not table",
      client.assets.create, client.assets, { group_id = {} })
  end)

  it("wants an id, or an object with one", function()
    raises("assets:get: asset must be an id or an object with an id, not nil",
      client.assets.get, client.assets)
    raises("not a table without one", client.assets.wait, client.assets, {})
    raises("generations:download: task must be", client.generations.download, client.generations)
    raises("path must be a string, not nil", client.generations.download, client.generations, "t")
  end)

  it("names the line of its caller, from a plain call and from a task", function()
    local function get() client.assets:get() end
    for _, why in ipairs { select(2, pcall(get)), (select(2, pcall(client.run, client, get))) } do
      assert.matches("^spec/lua/options_spec%.lua:%d+: assets:get", why)
    end
  end)

  it("raises on what no request can hold, naming where", function()
    assert.matches("^spec/lua/options_spec%.lua:%d+: generations:?%.?create: content%[1%]%.text "
      .. "is a function", select(2, pcall(function()
      client.generations:create { model = "m", content = { { type = "text", text = print } } }
    end)))
  end)
end)
