-- 6: what a query, headers and the numbers of a body say is what the caller said, or it raises.

local bed = require "spec.support.bed"
local cjson = require "cjson"
local pomex = require "pomex"
local property = require "spec.support.property"

describe("6: client:request", function()
  local sb, client
  bed({}, function(...) sb, client = ... end)

  local function sent()
    local all = sb.journal:requests()
    return all[#all]
  end

  local function query(given)
    client:request("GET", "/v1/video/assets/a", { query = given })
    return sent().query
  end

  local function raises(words, parts)
    local ok, message = pcall(client.request, client, "GET", "/v1/video/assets/a", parts)
    assert.is_false(ok)
    assert.truthy(message:find(words, 1, true), message)
    assert.matches("06_request_spec.lua:%d+: ", message)
    ok, message = pcall(client.async.request, client.async, "GET", "/v1/x", parts)
    assert.is_false(ok)
    assert.truthy(message:find(words, 1, true), message)
    assert.equal(0, #sb.journal:requests())
  end

  it("sends numbers and booleans of a query as text", function()
    assert.equal("a=12", query { a = 12 })
    assert.equal("a=12", query { a = 12.0 })
    assert.equal("a=0.1", query { a = 0.1 })
    assert.equal("a=-2.5", query { a = -2.5 })
    assert.equal("a=true", query { a = true })
    assert.equal("a=false", query { a = false })
    assert.equal("a=x%20%26%20y", query { a = "x & y" })
    assert.equal("a=", query { a = "" })
  end)

  it("repeats the key of a list in its order", function()
    assert.equal("a=3&a=1&a=2", query { a = { 3, 1, 2 } })
    assert.equal("a=x%2Cy&a=0.5&a=true&a=&a=false", query { a = { "x,y", 0.5, true, "", false } })
    assert.equal("k%5B%5D=1&k%5B%5D=2", query { ["k[]"] = { 1, 2 } })
    assert.equal("a=1", query { a = pomex.array { 1 } })
    client:request("GET", "/v1/video/assets/a?b=0", { query = { a = { 1, 2 } } })
    assert.equal("b=0&a=1&a=2", sent().query)
  end)

  it("leaves out nulls and empty lists, and the documented list keeps its commas", function()
    assert.equal("", query { a = pomex.null })
    assert.equal("", query { a = {} })
    assert.equal("", query { a = pomex.array {} })
    assert(client.assets:list { status = { "active", "failed" } })
    assert.equal("status=active%2Cfailed", sent().query)
  end)

  it("raises with the key's name where a query cannot say it", function()
    local wanted = " must be a string, a number, a boolean or a list of them, not "
    raises("client:request: query.a" .. wanted .. "table", { query = { a = { b = 1 } } })
    raises("query.a[2]" .. wanted .. "table", { query = { a = { 1, { 2 } } } })
    raises("query.a[1]" .. wanted .. "table", { query = { a = { {} } } })
    raises("query.a" .. wanted .. "NaN", { query = { a = 0 / 0 } })
    raises("query.a" .. wanted .. "inf", { query = { a = math.huge } })
    raises("query.a" .. wanted .. "-inf", { query = { a = -math.huge } })
    raises("query.a[1]" .. wanted .. "NaN", { query = { a = { 0 / 0 } } })
    raises("query.a[1]" .. wanted .. "pomex.null", { query = { a = { pomex.null } } })
    raises("query.a" .. wanted .. "function", { query = { a = print } })
    raises("query.a" .. wanted .. "pomex.VIRTUAL", { query = { a = pomex.VIRTUAL } })
    raises("a is a list with holes", { query = { a = { [1] = 1, [3] = 3 } } })
    raises("each key of query must be a string, not 1", { query = { "a" } })
  end)

  it("raises with the name of a header that is no string", function()
    raises("client:request: headers.X-A must be a string, not 5", { headers = { ["X-A"] = 5 } })
    raises("headers.X-A must be a string, not boolean", { headers = { ["X-A"] = true } })
    raises("headers.X-A must be a string, not table", { headers = { ["X-A"] = { "a" } } })
    raises("headers.X-A must be a string, not pomex.null", { headers = { ["X-A"] = pomex.null } })
    raises("each key of headers must be a string, not 1", { headers = { "X-A: b" } })
    client:request("GET", "/v1/video/assets/a", { headers = { ["X-A"] = "5" } })
    assert.equal("5", sent().headers["x-a"])
  end)

  local function body(value)
    client:request("POST", "/v1/video/generations", { body = value })
    return sent().body
  end

  it("sends fractions in 15 digits where all of them read back the same, else in 17", function()
    assert.equal("[0.1,2.5,-0.001]", body { 0.1, 2.5, -0.001 })
    assert.equal("[0.10000000000000001,0.33333333333333331]", body { 0.1, 1 / 3 })
    assert.equal("[1e300,1.5e-7]", body { 1e300, 1.5e-7 })
    assert.equal('{"a":{"b":[0.7]}}', body { a = { b = { 0.7 } } })
    assert.equal("[0.69999999999999996,0.30000000000000004]", body { 0.7, 0.1 + 0.2 })
    assert.equal("[5,0.1]", body { 5.0, 0.1 })
  end)

  it("loses no bit of a fraction", function()
    property.holds(40, function(random)
      local list = {}
      for i = 1, random:int(1, 20) do
        local digits = random:int(1, 17)
        list[i] = tonumber(("%." .. digits .. "g"):format(
          (random:int(1, 1000000) / random:int(1, 1000000)) * 10 ^ random:int(-20, 20)))
      end
      local text = body(list)
      assert.same(list, cjson.decode(text))
    end)
  end)
end)
