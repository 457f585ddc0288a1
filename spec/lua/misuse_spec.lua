-- What could pass for something else raises at once, at the caller's line. (The types of options:
-- spec/lua/options_spec.lua.)

local pomex = require "pomex"

describe("misuse", function()
  local client

  before_each(function()
    client = assert(pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1" })
  end)
  after_each(function() client:close() end)

  local function raises(words, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert.matches(words, message)
  end

  it("of poll's seconds does not wait for ever", function()
    for _, seconds in ipairs { -0.001, 0 / 0, "1" } do
      raises("client:poll: seconds must be a number of seconds", client.poll, client, seconds)
    end
    assert.is_false(client:poll(0))
  end)

  it("of on_done is not for a later step", function()
    local op = client.async.sessions:create { callback_url = "http://a" }
    for _, one in ipairs { op, client:spawn(type, 1), client.async.assets:get "a" } do
      raises("on_done: fn must be a function, not 5", one.on_done, one, 5)
      raises("on_done: fn must be a function, not nil", one.on_done, one)
      one:cancel()
    end
  end)

  it("of what runs in a task raises where it is called", function()
    local assets, generations = client.async.assets, client.async.generations
    raises('assets:create_and_wait: unknown key "ulr" %(is it "url"%?%)',
      assets.create_and_wait, assets, { ulr = "https://a", group_id = "g" })
    raises("assets:create_and_wait: group_id must be given", assets.create_and_wait, assets, {})
    raises('assets:create_and_wait: unknown key "on_create"', assets.create_and_wait, assets,
      { group_id = "g" }, { on_create = print })
    raises("assets:confirm_group: group_id must be a string", assets.confirm_group, assets, 5)
    raises('assets:confirm_group: unknown key "first"', assets.confirm_group, assets, "g",
      { first = 1 })
    raises("generations:create_and_wait: model must be a string", generations.create_and_wait,
      generations, { model = 5 })
    raises('generations:create_and_wait: unknown key "on_create"', generations.create_and_wait,
      generations, { model = "m" }, { on_create = print })
    assert.equal(0, client:step())
  end)

  it("is a null that is no value of a body or a query", function()
    for _, name in ipairs { "host", "on_event", "billed_retry", "poll", "rate_limits", "proxy",
      "budget", "max_retries", "allow_http" } do
      raises("pomex%.new: " .. name .. " must be", pomex.new, { [name] = pomex.null })
    end
    raises("timeout must be", client.assets.get, client.assets, "a", { timeout = pomex.null })
    raises("client:map: concurrency must be", client.map, client, { 1 }, print,
      { concurrency = pomex.null })
    -- It is as good as none there.
    local each = client.assets:each { max = pomex.null, page = pomex.null, limit = pomex.null }
    client:close()
    raises("client is closed", each)
  end)

  it("of a count or a schedule is named as any other", function()
    for _, name in ipairs { "max_retries", "max_in_flight", "max_downloads" } do
      raises("misuse_spec.lua:%d+: pomex%.new: " .. name .. " must be a whole number", function()
        pomex.new { [name] = 1.5 }
      end)
    end
    raises("poll%.asset: first must be a number of seconds", pomex.new,
      { poll = { asset = { first = -1 } } })
    assert(pomex.new { api_key = "k", poll = { asset = { first = 0 } } }):close()
    client.async.assets:wait("a", { first = 0 }):cancel()
  end)

  it("of pomex.all is no empty result", function()
    local op = client.async.sessions:create { callback_url = "http://a" }
    raises("pomex%.all: a list is needed %(it has the key a%)", pomex.all, { a = op })
    assert.equal(1, #pomex.all { n = 1, op })
    assert.same({}, pomex.all {})
  end)

  it("deep in a body is named by the end of its path, on one line", function()
    local body = print
    for i = 8, 1, -1 do body = { [("level" .. i .. "_"):rep(5)] = body } end
    local create, generations = client.generations.create, client.generations
    local ok, message = pcall(create, generations, { model = "m", content = { body } })
    assert.is_false(ok)
    assert.matches("generations%.create: %.%.%.[level0-9_.]*level7_level7_%.[level8_]+ ", message)
    assert.is_true(#message < 500)
    ok, message = pcall(create, generations, { content = { { ["a\nb\27["] = print } } })
    assert.is_false(ok)
    assert.matches("content%[1%]%.a\\x0ab\\x1b%[ ", message)
    assert.is_nil(message:find("%c"))
  end)
end)
