-- 2: what comes in as a list goes out as one.

local shell = require "spec.support.shell"

describe("2: lists that come in go out as lists", function()
  it("where cjson has decode_array_with_array_mt", function()
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write [=[
      package.loaded.cjson = require "spec.support.openresty_cjson"
      local pomex = require "pomex"
      local sb = assert(require("pomex.sandbox").start())
      local client = assert(pomex.new(sb:client_options()))
      sb:fault { endpoint = "assets.get", status = 200,
        body = '{"one":[],"two":{"three":[[],{}]},"four":[1]}' }
      local got = assert(client:request("GET", "/v1/video/assets/a"))
      client:request("POST", "/v1/video/generations", { body = { got.one, got.two, got.four } })
      local sent = sb.journal:requests "generations.create"
      print(sent[1].body)
      sb:stop()]=]
    file:close()
    local output, ok = shell.bash(shell.lua() .. " " .. name)
    os.remove(name)
    assert.is_true(ok, output)
    assert.equal('[[],{"three":[[],{}]},[1]]\n', output)
  end)
end)
