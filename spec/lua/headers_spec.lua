-- Headers of a client and of a call: which requests have them, and what is refused.

local bed = require "spec.support.bed"
local pomex = require "pomex"

describe("headers", function()
  local sb, client
  bed({ client = { headers = { ["X-Team"] = "film" } } }, function(...) sb, client = ... end)

  local function arrived(from)
    local list = {}
    for i, request in ipairs(sb.journal:requests()) do
      if i > (from or 0) then list[#list + 1] = request end
    end
    return list
  end

  local function person()
    return sb:add_person()
  end

  it("are in every request of every kind of call", function()
    local group = person()
    local opts = { headers = { ["x-team"] = "call", ["X-Trace"] = "7" }, first = 0.05, max = 0.05 }
    local asset = assert(client.assets:create_and_wait({ url = "https://a.example/a.jpg",
      asset_type = "Image", group_id = group }, opts))
    assert(client.generations:create_and_wait({ model = "byteplus/seedance-2.0",
      content = pomex.content():text("{a}"):image(asset, "a") },
      { headers = opts.headers, first = 0.05, max = 0.05, preflight = true }))
    assert(client.assets:list({ group_id = group }, { headers = opts.headers }))
    assert(client:request("GET", "/v1/video/assets/" .. asset.id, nil, { headers = opts.headers }))
    local list = arrived()
    assert.is_true(#list >= 6)
    for _, request in ipairs(list) do
      assert.equal("call", request.headers["x-team"])
      assert.equal("7", request.headers["x-trace"])
    end
    assert(client.assets:get(asset))
    list = arrived(#list)
    assert.equal(1, #list)
    assert.equal("film", list[1].headers["x-team"])
    assert.is_nil(list[1].headers["x-trace"])
  end)

  it("of the options of a request win over those beside its body", function()
    client:request("GET", "/v1/video/assets/a", { headers = { ["X-A"] = "parts", ["X-B"] = "b" } },
      { headers = { ["x-a"] = "options" } })
    local headers = arrived()[1].headers
    assert.equal("options", headers["x-a"])
    assert.equal("b", headers["x-b"])
    assert.equal("film", headers["x-team"])
  end)

  it("that pomex sets are an error that says so, and nothing is sent", function()
    for _, name in ipairs { "Authorization", "authorization", "AUTHORIZATION", "Host",
      "Content-Length", "Content-Type", "Transfer-Encoding" } do
      local words = ('header "%s" is set by pomex'):format(name)
      local made, err = pomex.new { api_key = "sk-k", headers = { [name] = "Bearer s3cret" } }
      assert.is_nil(made)
      assert.equal("invalid_request_error", err.type)
      assert.truthy(tostring(err):find("headers: " .. words, 1, true), tostring(err))
      assert.is_nil(tostring(err):find("s3cret", 1, true))
      for _, call in ipairs {
        function(opts) return client.assets:get("a", opts) end,
        function(opts) return client.assets:wait("a", opts) end,
        function(opts) return client.generations:cancel("a", opts) end,
        function(opts) return client.generations:download("a", "/nowhere/at/all", opts) end,
        function(opts) return client:request("GET", "/v1/x", nil, opts) end,
        function(opts) return client:request("GET", "/v1/x", { headers = opts.headers }) end,
      } do
        local value
        value, err = call { headers = { [name] = "Bearer s3cret" } }
        assert.is_nil(value)
        if err.type ~= "file_error" then
          assert.equal("invalid_request_error", err.type)
          assert.truthy(err.message:find(words, 1, true), err.message)
        end
        assert.equal(0, err.attempts)
      end
    end
    assert.equal(0, #arrived())
  end)

  it("that could end their line, and names that are no token, are refused", function()
    for _, case in ipairs { { "X-A", "a\r\nB: c" }, { "X-A", "a\n" }, { "X-A", "a\r" },
      { "X-A", "a\0" }, { "X A", "a" }, { "X-A:", "a" }, { "", "a" } } do
      local made, err = pomex.new { api_key = "sk-k", headers = { [case[1]] = case[2] } }
      assert.is_nil(made)
      assert.equal("invalid_request_error", err.type)
      made, err = client.assets:get("a", { headers = { [case[1]] = case[2] } })
      assert.is_nil(made)
      assert.equal("invalid_request_error", err.type)
    end
    assert.equal(0, #arrived())
  end)

  it("that are no strings raise with their name", function()
    for _, case in ipairs { { { ["X-A"] = 5 }, "headers.X-A must be a string, not 5" },
      { { "X-A: b" }, "each key of headers must be a string, not 1" },
      { { ["X\0A"] = "a" }, "a name in headers must not hold a NUL byte" },
      { "X-A: b", "headers must be a table of strings, not string" } } do
      local ok, message = pcall(pomex.new, { api_key = "sk-k", headers = case[1] })
      assert.is_false(ok)
      assert.truthy(message:find("pomex.new: " .. case[2], 1, true), message)
      ok, message = pcall(client.assets.get, client.assets, "a", { headers = case[1] })
      assert.is_false(ok)
      assert.truthy(message:find("assets:get: " .. case[2], 1, true), message)
    end
  end)

  it("are read once", function()
    local given = { ["X-A"] = "1" }
    local other = assert(pomex.new(sb:client_options { headers = given }))
    given["X-A"], given["X-B"] = "2", "2"
    other.assets:get("a")
    local headers = arrived()[1].headers
    assert.equal("1", headers["x-a"])
    assert.is_nil(headers["x-b"])
    other:close()
  end)
end)
