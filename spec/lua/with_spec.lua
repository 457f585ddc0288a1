-- client:with: other options on the connections, limits and key of a client.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"

local MODEL = "byteplus/seedance-2.0"

describe("client:with", function()
  local sb, client
  local new = bed({ client = { headers = { ["X-Team"] = "film", ["X-App"] = "a" } } },
    function(...) sb, client = ... end)

  local function last()
    local all = sb.journal:requests()
    return all[#all]
  end

  local function body(...)
    return { model = MODEL, content = pomex.content():text "A hill.", ... }
  end

  it("merges headers: the call's win, then its own, then those of the client", function()
    local one = assert(client:with { headers = { ["x-team"] = "one", ["X-One"] = "1" } })
    local two = assert(one:with { headers = { ["X-Two"] = "2" } })
    two.assets:get("a", { headers = { ["x-ONE"] = "call" } })
    local headers = last().headers
    assert.equal("one", headers["x-team"])
    assert.equal("call", headers["x-one"])
    assert.equal("2", headers["x-two"])
    assert.equal("a", headers["x-app"])
    two.assets:get "a"
    assert.equal("1", last().headers["x-one"])
    one:request("GET", "/v1/x", { headers = { ["X-Parts"] = "p" } })
    assert.equal("p", last().headers["x-parts"])
    assert.equal("one", last().headers["x-team"])
    client.assets:get "a"
    assert.equal("film", last().headers["x-team"])
    assert.is_nil(last().headers["x-one"])
  end)

  it("has budget, request_timeout and max_retries of its own", function()
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
    local quick = assert(client:with { request_timeout = 0.1, max_retries = 1 })
    local began = core.now()
    local _, err = quick.assets:get "a"
    assert.equal("timeout_error", err.type)
    assert.equal(2, err.attempts)
    _, err = quick:with { max_retries = 0 } .assets:get "a"
    assert.equal(1, err.attempts)
    _, err = client:with { budget = 0.2 } .assets:get "a"
    assert.equal("timeout_error", err.type)
    assert.is_true(core.now() - began < 20)
    -- A call's own time is not the budget's.
    sb:clear_faults()
    sb:fault { endpoint = "assets.get", delay = 0.5, times = 1 }
    _, err = client:with { budget = 0.2 } .assets:get("a", { timeout = 20 })
    assert.equal("not_found_error", err.type)
  end)

  it("has a schedule of its own for waits, field by field", function()
    sb:config { asset_seconds = 3600 }
    local asset = assert(client.assets:create { url = "https://a.example/a.jpg",
      asset_type = "Image", group_id = pomex.VIRTUAL })
    local quick = assert(client:with { poll = { asset = { first = 0.01, max = 0.05 } } })
    local looks, began = 0, core.now()
    assert(quick:with { poll = { asset = { factor = 1 } } } .assets:wait(asset,
      { on_update = function()
        looks = looks + 1
        if looks == 5 then sb.clock:advance(3600) end
      end }))
    sb:config { asset_seconds = 0 }
    assert.is_true(core.now() - began < 3.9) -- as its client looks: 4 at least
  end)

  it("has a billed_retry of its own", function()
    sb:fault { endpoint = "generations.create", status = 429, times = 1 }
    local _, err = client:with { billed_retry = "unsent" } .generations:create(body(),
      { adopt = "none" })
    assert.equal("ambiguous_error", err.type)
    sb:fault { endpoint = "generations.create", status = 429, times = 1 }
    assert(client:with { max_retries = 3 } .generations:create(body()))
    sb:fault { endpoint = "generations.create", status = 429, times = 1 }
    assert(new { billed_retry = "unsent" } :with { billed_retry = "refused" } .generations:create(
      body()))
  end)

  it("opens no connection, and has the key and the limits of its client", function()
    client.assets:get "a"
    local before = leaks.open_files()
    local other = assert(client:with { headers = { ["X-One"] = "1" } })
    for _ = 1, 3 do other.assets:get "a" end
    assert.equal(before, leaks.open_files())
    assert.equal(client:pollfd(), other:pollfd())
    assert.equal(client:base_url(), other:base_url())
    local slow = new { rate_limits = { asset_get = 2 } }
    local began = core.now()
    slow.assets:get "a"
    slow:with { budget = 60 } .assets:get "a"
    slow:with {} .assets:get "a"
    assert.is_true(core.now() - began > 0.9)
  end)

  it("refuses by name what its clients share", function()
    for name, value in pairs { api_key = "sk-other", api_key_file = "/a", base_url = "https://b.c",
      host = "auto", connect_timeout = 1, max_in_flight = 1, max_downloads = 1, rate_limits = false,
      rate_share = 0.5, user_agent = "me", proxy = "", ca_file = "/a", ca_path = "/a",
      client_cert = "/a", client_key = "/a", client_key_password = "a",
      allow_http = true, on_event = print } do
      local ok, message = pcall(client.with, client, { [name] = value })
      assert.is_false(ok, name)
      assert.matches("with_spec.lua:%d+: client:with: " .. name .. " belongs to what", message)
    end
    local ok, message = pcall(client.with, client, { bugdet = 1 })
    assert.is_false(ok)
    assert.matches('unknown key "bugdet" %(is it "budget"%?%)', message)
    ok, message = pcall(client.with, client, { billed_retry = "never" })
    assert.is_false(ok)
    assert.matches("client:with: billed_retry must be", message)
  end)

  it("returns nil, err for values that are of no use", function()
    for name, value in pairs { budget = 0, request_timeout = -1, max_retries = 101,
      headers = { Authorization = "Bearer x" }, poll = { asset = { max = 1e9 } } } do
      local other, err = client:with { [name] = value }
      assert.is_nil(other, name)
      assert.equal("invalid_request_error", err.type)
      assert.truthy(tostring(err):find(name == "poll" and "poll.asset.max" or name, 1, true))
    end
  end)

  it("is closed alone, and with all that it began and that was made of it", function()
    sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
    local one = assert(client:with {})
    local two = assert(one:with {})
    local ops = { client.async.assets:get "a", one.async.assets:get "a", two.async.assets:get "a",
      one.async:request("GET", "/v1/video/assets/a"), two.async.assets:wait "a",
      one.async.generations:download("t", os.tmpname() .. ".no") }
    local task = one:spawn(function() return client.base_url(client) end)
    one:close()
    for i, op in ipairs(ops) do
      assert.equal(i > 1, op:done(), i)
      if i > 1 then assert.equal("cancelled_error", select(2, op:wait()).type) end
    end
    assert.equal(client:base_url(), task:wait())
    for _, closed in ipairs { one, two } do
      assert.matches("closed", tostring(closed))
      for _, f in ipairs { function() closed.assets:get "a" end, function() closed:spawn(print) end,
        function() closed:run(print) end, function() closed:map({}, print) end,
        function() closed:with {} end, function() closed.async.assets:get "a" end } do
        local ok, message = pcall(f)
        assert.is_false(ok)
        assert.matches("pomex client is closed", message)
      end
      closed:close()
    end
    ops[1]:cancel()
    sb:clear_faults()
    assert.equal("not_found_error", select(2, client.assets:get "a").type)
  end)

  it("is closed with its client", function()
    local other = assert(client:with {})
    client:close()
    assert.matches("closed", tostring(other))
    assert.is_false((pcall(other.assets.get, other.assets, "a")))
    other:close()
  end)

  it("that is closed between a create and its wait loses no id", function()
    local other = assert(client:with {})
    local made
    local task, err = other.generations:create_and_wait(body(), { on_created = function(task)
      made = task.id
      other:close()
    end })
    assert.is_nil(task)
    assert.equal("cancelled_error", err.type)
    assert.equal(made, err.id)
    assert.equal("yes", err.billed)
  end)

  it("that is closed while a preflight looks is an error of the create, and raises nothing",
    function()
      local group = sb:add_person()
      local content = pomex.content():text "{a} and {b}"
      for _, name in ipairs { "a", "b" } do
        content:image(assert(client.assets:create_and_wait({ asset_type = "Image",
          url = "https://a.example/a.jpg", group_id = group }, { first = 0.05 })), name)
      end
      sb:fault { endpoint = "assets.list", before_accept = "hang", times = 1 }
      local other = assert(client:with {})
      local op = other.async.generations:create({ model = MODEL, content = content },
        { preflight = true })
      other:close()
      local task, err = op:wait()
      assert.is_nil(task)
      assert.equal("cancelled_error", err.type)
      assert.equal("no", err.billed)
      assert.equal(0, #sb.journal:requests "generations.create")
    end)

  it("may spend what both it and its client may", function()
    local rich = new { spend = { videos = 3 } }
    local one, two = rich:with { spend = { videos = 2 } }, rich:with { spend = { videos = 2 } }
    assert(one.generations:create(body()))
    assert(one.generations:create(body()))
    assert.equal("spend_error", select(2, one.generations:create(body())).type)
    local last_made = assert(two.generations:create(body()))
    assert.equal("spend_error", select(2, two.generations:create(body())).type)
    assert.equal("spend_error", select(2, rich:with {} .generations:create(body())).type)
    assert.same({ videos = 2 }, one:spent())
    assert.same({ videos = 1 }, two:spent())
    assert.same({ videos = 3 }, rich:spent())
    assert.same({ videos = 3 }, rich:with {} :spent())
    local task = two:with {} .generations:create(body())
    assert.is_nil(task)
    assert(two.generations:cancel(last_made))
    assert.same({ videos = 0 }, two:spent())
    assert.same({ videos = 2 }, rich:spent())
    assert.is_false((pcall(function() new():with {} :spent() end)))
  end)

  it("opens no jobs", function()
    local ok, message = pcall(pomex.jobs.open, client:with {}, os.tmpname())
    assert.is_false(ok)
    assert.matches("jobs.open: client is one of client:with", message)
  end)
end)
