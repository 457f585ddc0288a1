-- Messages that name the mistake: a call with a dot, an option in the wrong table, a wait where
-- nothing can wait.

local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

describe("a message", function()
  local sb, client

  setup(function() sb = assert(sandbox.start { rate_limits = false }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb.journal:clear()
    client = assert(pomex.new(sb:client_options { rate_limits = false }))
  end)
  after_each(function() client:close() end)

  local function raised(f, ...)
    local ok, why = pcall(f, ...)
    assert.is_false(ok)
    return why
  end

  local function names_line(why)
    assert.matches("^[^\n]*messages_spec%.lua:%d+: ", why)
  end

  describe("about a dot in place of a colon says so, at the caller's line:", function()
    local body = { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = "g" }
    local film = { model = "m", content = { { type = "text", text = "A wave." } } }
    local objects = {
      client = function() return client end,
      ["client.assets"] = function() return client.assets end,
      ["client.generations"] = function() return client.generations end,
      ["client.sessions"] = function() return client.sessions end,
      ["client.async"] = function() return client.async end,
      ["client.async.assets"] = function() return client.async.assets end,
      ["client.async.generations"] = function() return client.async.generations end,
      ["client.async.sessions"] = function() return client.async.sessions end,
      operation = function() return client.async.assets:get "a" end,
      task = function() return client:spawn(type, 1) end,
      content = function() return pomex.content() end,
    }
    local methods = {
      client = { "request", "spawn", "run", "map", "step", "poll", "pollfd", "events", "timeout",
        "base_url", "close" },
      ["client.assets"] = { "create", "get", "list", "wait", "create_and_wait", "confirm_group",
        "each" },
      ["client.generations"] = { "create", "get", "wait", "create_and_wait", "download" },
      ["client.sessions"] = { "create" },
      ["client.async"] = { "request" },
      ["client.async.assets"] = { "create", "get", "list", "wait", "create_and_wait",
        "confirm_group" },
      ["client.async.generations"] = { "create", "get", "wait", "create_and_wait", "download" },
      ["client.async.sessions"] = { "create" },
      operation = { "wait", "done", "cancel", "attempts", "progress", "on_done" },
      task = { "wait", "done", "cancel", "on_done" },
      content = { "text", "image", "video", "audio", "build" },
    }
    for called, object in pairs(objects) do
      it(called, function()
        for _, name in ipairs(methods[called]) do
          local method = object()[name]
          for _, self in ipairs { false, body, film, "id", 5 } do
            local why = raised(function() method(self or nil, "x") end)
            names_line(why)
            assert.matches(called .. ":" .. name .. " is called with a colon, not a dot", why, 1,
              true)
          end
        end
        assert.same({}, sb.journal:requests())
      end)
    end

    it("a sandbox", function()
      for called, object in pairs { sb = sb, ["sb.clock"] = sb.clock, ["sb.ledger"] = sb.ledger,
        ["sb.journal"] = sb.journal } do
        for name, method in pairs(getmetatable(object).__index) do
          if not name:find "^__" and type(method) == "function" then
            local why = raised(function() method(nil, "x") end)
            names_line(why)
            assert.matches(called .. ":" .. name .. " is called with a colon", why, 1, true)
          end
        end
      end
    end)

    it("a callback verifier", function()
      local verifier = pomex.callback.new { secret = ("x"):rep(32) }
      assert.matches("called with a colon", raised(function() verifier.url("https://a/b") end))
      assert.matches("called with a colon", raised(function() verifier.verify("/b") end))
    end)
  end)

  describe("about an option that stands in the first table says where it goes:", function()
    local function says(words, f, ...)
      local why = raised(f, ...)
      names_line(why)
      assert.matches(words, why, 1, true)
      assert.same({}, sb.journal:requests())
    end

    it("in the body of an upload, a session, a generation", function()
      for _, name in ipairs { "timeout", "max_retries", "on_created", "on_update", "validate" } do
        local value = name:find "^on" and print or 5
        local words = name .. " is a call option; pass it in the table after the body"
        for _, call in ipairs { "create", "create_and_wait" } do
          says("assets:" .. call .. ": " .. words, function()
            client.assets[call](client.assets, { url = "https://a/b.jpg", asset_type = "Image",
              group_id = "g", [name] = value })
          end)
          says("generations:" .. call .. ": " .. words, function()
            client.generations[call](client.generations, { model = "m", content = {},
              [name] = value })
          end)
        end
        says("sessions:create: " .. words, function()
          client.sessions:create { callback_url = "https://a/b", [name] = value }
        end)
      end
    end)

    it("in the query of a list", function()
      says("assets:list: timeout is a call option; pass it in the table after the query",
        function() client.assets:list { timeout = 5 } end)
      says("assets:each: timeout is a call option; pass it in the table after the query",
        function() client.assets:each { timeout = 5 } end)
    end)

    it("beside an id", function()
      says("assets:wait: timeout is a call option; pass it in the table after the asset",
        function() client.assets:wait { id = "a", timeout = 5 } end)
      says("generations:wait: on_update is a call option; pass it in the table after the task",
        function() client.generations:wait { id = "a", on_update = print } end)
      says("generations:download: overwrite is a call option; pass it in the table after the task",
        function() client.generations:download({ id = "a", overwrite = true }, "x.mp4") end)
    end)
  end)

  it("about save in another call says which has it", function()
    local generations = client.generations
    for _, call in ipairs { "wait", "get" } do
      for _, name in ipairs { "save", "save_last_frame", "save_timeout" } do
        local why = raised(generations[call], generations, "cgt-1", { [name] = "x.mp4" })
        names_line(why)
        assert.matches(("generations:%s: unknown key %q (create_and_wait has it; "
          .. "generations:download saves what is made)"):format(call, name), why, 1, true)
      end
    end
    assert.matches('assets:wait: unknown key "save"$', raised(client.assets.wait, client.assets,
      "asset-1", { save = "x.jpg" }))
    assert.same({}, sb.journal:requests())
  end)

  it("about a text in place of the content says how it is written", function()
    local generations = client.generations
    for _, call in ipairs { "create", "create_and_wait" } do
      assert.matches("generations:" .. call .. ': content must be a table, as pomex.content():text '
        .. '"…" or { { type = "text", text = "…" } }, not string', raised(generations[call],
        generations, { model = "byteplus/seedance-2.0", content = "A wave." }), 1, true)
      local task, err = generations[call](generations,
        { model = "byteplus/seedance-2.0", prompt = "A wave." })
      assert.is_nil(task)
      assert.equal("content is required", err.message)
      assert.equal('content = pomex.content():text "…", or { { type = "text", text = "…" } }',
        err.hint)
    end
    assert.same({}, sb.journal:requests())
  end)

  it("about a body names the call that was made", function()
    local assets, generations = client.assets, client.generations
    for _, name in ipairs { "create", "create_and_wait" } do
      assert.matches("assets:" .. name .. ': unknown key "ulr" %(is it "url"%?%)',
        raised(function() assets[name](assets, { ulr = "https://a", group_id = "g" }) end))
      assert.matches("assets:" .. name .. ": group_id must be given",
        raised(function() assets[name](assets, {}) end))
      assert.matches("generations:" .. name .. ": model must be a string",
        raised(function() generations[name](generations, { model = 5 }) end))
      assert.matches("generations:" .. name .. ": content inherits from a function",
        raised(function()
          generations[name](generations, { model = "m",
            content = setmetatable({}, { __index = function() end }) })
        end))
    end
  end)

  it("about an unknown option names the one that is meant", function()
    for given, meant in pairs { key = "api_key", url = "base_url", retries = "max_retries",
      timeout = "request_timeout", downloads = "max_downloads" } do
      assert.matches(('unknown key "%s" (is it "%s"?)'):format(given, meant),
        raised(pomex.new, { [given] = "x" }), 1, true)
    end
    for given, meant in pairs { after = "after_accept", before = "before_accept",
      retry = "retry_after", content = "content_type" } do
      assert.matches(('sb:fault: unknown key "%s" (is it "%s"?)'):format(given, meant),
        raised(sb.fault, sb, { endpoint = "*", [given] = "drop" }), 1, true)
    end
  end)

  describe("about a wait", function()
    it("in a coroutine of one's own within a task says so, before and after the task's first wait",
      function()
        local seen = {}
        client:run(function()
          for round = 1, 2 do
            local own = coroutine.wrap(function()
              return pcall(client.assets.list, client.assets)
            end)
            seen[round] = { own() }
            client.async.assets:list():wait()
          end
        end)
        for round = 1, 2 do
          assert.is_false(seen[round][1])
          assert.matches("^pomex: a wait in a coroutine of your own within a task", seen[round][2])
        end
        assert.equal(2, #sb.journal:requests "assets.list")
        -- Outside of tasks it blocks, as ever.
        assert.equal("list", coroutine.wrap(function() return client.assets:list().object end)())
      end)

    it("that cannot yield names what is usually in the way", function()
      local why
      client:run(function()
        string.gsub("x", "x", function()
          why = select(2, pcall(client.assets.list, client.assets))
        end)
      end)
      assert.matches("a function in C calls", why)
      assert.matches("string.gsub", why, 1, true)
      assert.equal(not interpreter.yields_within_calls, why:find("(pcall, ", 1, true) ~= nil)
    end)
  end)
end)
