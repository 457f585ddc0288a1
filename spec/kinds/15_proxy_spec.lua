-- Errors of a proxy say so in Lua, too; those of the service do not.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

describe("a proxy that fails", function()
  local sb
  setup(function() sb = assert(sandbox.start()) end)
  teardown(function() sb:stop() end)

  it("is named in err.proxy", function()
    -- The sandbox is no proxy: what it answers to CONNECT is no tunnel.
    local client = assert(pomex.new { api_key = "sk-test", base_url = "https://127.0.0.1:1",
      proxy = sb.url, max_retries = 0 })
    local asset, err = client.assets:get("asset-1")
    assert.is_nil(asset)
    assert.equal("connection_error", err.type)
    assert.is_true(err.proxy)
    assert.matches("proxy", tostring(err))
    client:close()
  end)

  it("is not blamed for the service", function()
    local client = assert(pomex.new { api_key = "sk-test", base_url = "https://127.0.0.1:1",
      proxy = "", max_retries = 0 })
    local _, err = client.assets:get("asset-1")
    assert.equal("connection_error", err.type)
    assert.is_nil(err.proxy)
    client:close()
  end)
end)
