-- What nginx logs of an error that a request's Lua did not catch.
-- #once #openresty

local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"

local SERVER = [[
  location = /check {
    content_by_lua_block { pomex.check(client.assets:get "asset-of-nobody") }
  }
  location = /each {
    content_by_lua_block {
      for _ in client.assets:each { limit = 100, group_id = "group-of-nobody" } do end
    }
  }
  location = /run {
    content_by_lua_block {
      client:run(function() pomex.check(client.assets:get "asset-of-a-task") end)
    }
  }
  location = /caught {
    content_by_lua_block {
      local ok, err = client:run(pcall, pomex.check, nil, pomex.errors.new("api_error"))
      ngx.print(tostring(ok), " ", type(err), " ", type(select(2, pcall(pomex.check, nil, err))))
    }
  }
]]

describe("nginx #once #openresty", function()
  local sb, server

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    server = nginx.start { http = nginx.client(sb), server = SERVER }
  end)
  teardown(function()
    if server then server:stop() end
    if sb then sb:stop() end
  end)

  local function logged(path, pattern)
    local _, status = server:get(path)
    assert.equal(500, status)
    nginx.await(pattern .. " in the log", function() return server:log():find(pattern) end)
    assert.is_nil(server:log():find("unknown reason", 1, true))
  end

  it("logs the line of what check, each and client:run raised", function()
    logged("/check", "runtime error: .*not_found_error: .*id asset%-of%-nobody")
    logged("/each", "runtime error: .*: .*assets.list, HTTP 400")
    logged("/run", "runtime error: .*not_found_error: .*id asset%-of%-a%-task")
  end)

  it("gives the error itself to a task that catches it, and the line to a request", function()
    assert.equal("false table string", (server:get "/caught"))
  end)
end)
