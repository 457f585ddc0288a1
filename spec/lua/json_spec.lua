-- Replies: decoded once, nulls absent, whole numbers whole; and answers that are no replies.

local bed = require "spec.support.bed"
local pomex = require "pomex"
local reply = require "pomex.json"

describe("pomex.json", function()
  it("decodes an object: nulls absent, whole numbers integers, the unknown kept", function()
    local object = reply.object(
      '{"a":null,"b":5,"c":5.0,"d":0.5,"e":[1,{"f":null,"g":"x"}],"new":{"field":true}}')
    assert.same({ b = 5, c = 5, d = 0.5, e = { 1, { g = "x" } }, new = { field = true } }, object)
    if math.type then
      assert.equal("integer", math.type(object.b))
      assert.equal("integer", math.type(object.c))
      assert.equal("integer", math.type(object.e[1]))
    end
    assert.equal("5", tostring(object.b))
  end)

  it("allows white space, and text of any kind", function()
    assert.same({ a = "é\0" }, reply.object(' \n\t{"a":"\\u00e9\\u0000"}\r\n'))
  end)

  it("is its own decoder, whatever the application does to lua-cjson", function()
    local cjson = require "cjson"
    cjson.decode_max_depth(1)
    local object = reply.object('{"a":{"b":{"c":1}}}')
    cjson.decode_max_depth(1000)
    assert.equal(1, object.a.b.c)
  end)

  it("takes 64 levels and no more", function()
    assert.is_table(reply.object(('{"a":'):rep(63) .. "{}" .. ("}"):rep(63)))
    local object, err = reply.object(('{"a":'):rep(65) .. "{}" .. ("}"):rep(65))
    assert.is_nil(object)
    assert.equal("decode_error", err.type)
  end)

  it("refuses what is no object", function()
    for _, body in ipairs { "", " ", "[]", "null", "5", '"a"', "<html>", "{", '{"a":}', '{"a":NaN}',
      '{"a":1}x', "\255\254" } do
      local object, err = reply.object(body, 200, "assets.get")
      assert.is_nil(object, body)
      assert.equal("decode_error", err.type)
      assert.equal("assets.get", err.endpoint)
      assert.equal(200, err.status)
      assert.equal(body, err.body)
    end
  end)

  it("takes lists, and nothing at all, from a request of one's own", function()
    assert.same({}, reply.any("", 204, "request"))
    assert.same({}, reply.any(" []", 200, "request"))
    assert.same({ { 1 }, { a = 2 } }, reply.any('[[1],{"a":2,"b":null}]', 200, "request"))
    assert.same({ a = 1 }, reply.any('{"a":1}', 200, "request"))
    for _, body in ipairs { "5", "[", "[1]}", '[1],"x":[2]', " " } do
      local value, err = reply.any(body, 200, "request")
      assert.is_nil(value)
      assert.equal("decode_error", err.type)
      assert.equal(body, err.body)
    end
  end)

  it("keeps 512 bytes of it", function()
    local _, err = reply.object(("x"):rep(9000), 200, "assets.get")
    assert.equal(512, #err.body)
  end)
end)

describe("an answer", function()
  local sb, client
  bed({ client = { max_retries = 0 } }, function(...) sb, client = ... end)

  it("of a GET keeps unknown fields and drops nulls", function()
    sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
      body = '{"id":"a","status":"active","name":null,"score":0.5,"size":12.0,"tags":[]}' }
    assert.same({ id = "a", status = "active", score = 0.5, size = 12, tags = {} },
      client.assets:get("a"))
  end)

  it("that is no object is a decode_error, with status and body", function()
    for _, body in ipairs { "[]", "null", "<html></html>", "{", "" } do
      sb:fault { endpoint = "assets.get", status = 200, body = body }
      local asset, err = client.assets:get("a")
      assert.is_nil(asset)
      assert.equal("decode_error", err.type)
      assert.equal(200, err.status)
      assert.equal("assets.get", err.endpoint)
      assert.equal("a", err.id)
      assert.equal(1, err.attempts)
    end
  end)

  it("that is an error has every field that the answer had", function()
    sb:fault { endpoint = "assets.get", status = 401,
      body = '{"error":{"message":"bad key","type":"authentication_error"}}' }
    local asset, err = client.assets:get("a")
    assert.is_nil(asset)
    assert.is_true(pomex.errors.is(err))
    assert.equal("authentication_error", err.type)
    assert.equal("bad key", err.message)
    assert.equal(401, err.status)
    assert.equal("assets.get", err.endpoint)
    assert.equal("a", err.id)
    assert.equal(1, err.attempts)
    assert.is_false(err.retryable)
    assert.is_false(err.maybe_billed)
    assert.is_false(err.client)
    if math.type then
      assert.equal("integer", math.type(err.status))
      assert.equal("integer", math.type(err.attempts))
    end
    assert.matches("^authentication_error: bad key %[assets%.get, id a, HTTP 401, 1 attempt",
      tostring(err))
  end)

  it("that is an error without an envelope keeps its first bytes", function()
    sb:fault { endpoint = "assets.get", status = 502, body = "<html>" .. ("x"):rep(2000) }
    local _, err = client.assets:get("a")
    assert.equal("upstream_error", err.type)
    assert.equal(512, #err.body)
    sb:fault { endpoint = "assets.get", status = 429, retry_after = 7,
      body = '{"error":{"message":"slow down"}}' }
    _, err = client.assets:get("a")
    assert.equal("rate_limit_error", err.type)
    assert.equal(7, err.retry_after)
    assert.is_true(err.retryable)
  end)
end)
