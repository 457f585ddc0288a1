-- callback:url, and misuse of the whole.

local callback = require "pomex.callback"
local callbacks = require "spec.support.callbacks"
local pomex = require "pomex"

local BASE, ORIGIN, RACHEL = callbacks.BASE, callbacks.ORIGIN, callbacks.RACHEL
local new, signed, returned, state_of = callbacks.new, callbacks.signed, callbacks.returned,
  callbacks.state_of

describe("pomex.callback.new", function()
  local clock
  before_each(function() clock = callbacks.stop_clock() end)
  after_each(function() clock.go() end)

  describe(":url", function()
    it("puts the state at the end of the path; query and fragment stay", function()
      local cb = new()
      local state = "v1%.[A-Za-z0-9_-]+%.1800003600%.[A-Za-z0-9_-]+%.[A-Za-z0-9_-]+"
      for base, place in pairs { ["/cb"] = "/cb/", ["/cb/"] = "/cb/", [""] = "/", ["/"] = "/" } do
        assert.matches("^https://app%.example" .. place .. state .. "$", signed(cb, ORIGIN .. base))
      end
      assert.matches("^https://app%.example/cb/" .. state .. "%?a=%%20&b#part%?$",
        signed(cb, "https://app.example/cb?a=%20&b#part?"))
      assert.matches("^https://app%.example/" .. state .. "#x$", signed(cb, ORIGIN .. "#x"))
      local id, _, nonce, mac = signed(cb):match("v1%.([^.]+)%.([^.]+)%.([^.]+)%.([^.]+)$")
      assert.same({ 8, 22, 43 }, { #id, #nonce, #mac })
    end)

    it("writes the origin as a browser does", function()
      local cb = new()
      assert.matches("^https://app%.example/CB/v1", signed(cb, "HTTPS://App.Example:443/CB"))
      assert.matches("^https://app%.example/v1", signed(cb, "https://app.example:/"))
      assert.matches("^https://app%.example:8443/v1", signed(cb, "https://app.example:08443"))
      assert.matches("^https://%[::1%]:1/v1", signed(cb, "https://[::1]:1"))
    end)

    it("gives each call a state of its own", function()
      local cb, seen = new(), {}
      for _ = 1, 1000 do
        local state = state_of(signed(cb))
        assert.is_nil(seen[state])
        seen[state] = true
      end
    end)

    it("refuses what is no https URL, or what a browser would send back changed", function()
      local cb = new()
      local function bad(base, message)
        local url, err = cb:url(base, RACHEL)
        assert.is_nil(url, base)
        assert.equal("base", err.reason)
        assert.equal("invalid_request_error", err.type)
        assert.matches(message, err.message)
      end
      for _, base in ipairs { "", "/cb", "app.example/cb", "http://app.example/cb", "https://",
        "https:///cb", "https://u:p@app.example/", "https://app.example:65536/",
        "https://app.example:x/", "https://a b/", "https://app.example/cb?a b",
        "https://app.example/cb?a\n", "https://app.example/\0", "https://exämple/",
        "https://app.example/" .. ("a"):rep(8192), "javascript:https://app.example/" } do
        bad(base, "callback_url must be a valid https URL")
      end
      for _, base in ipairs { "/a/../b", "/./b", "/%2e%2E/b", "/a/.", "/ä", "/a\\b", '/a"b', "/a|b",
        "/a%", "/a%4", "/a%zz/", "/a{b}", "/a^b" } do
        bad(ORIGIN .. base, "browser would change the path")
      end
      for _, query in ipairs { "resultCode=1", "x&group_id", "group%5Fid=a", "a=%zz", "%00" } do
        bad(BASE .. "?" .. query, "would spoil the callback")
      end
      assert.is_string(cb:url(ORIGIN .. "/caf%C3%A9/%2f..a/~:@!$&'()*+,;=", RACHEL))
    end)
  end)

  it("raises on misuse, naming the argument and showing no secret", function()
    local cb = new()
    local function raises(pattern, f, ...)
      local arguments = { ... }
      local ok, why = pcall(function() return f((table.unpack or unpack)(arguments, 1, 4)) end)
      assert.is_false(ok)
      assert.matches(pattern, why)
      assert.is_nil(why:find("ssss", 1, true))
    end
    raises("a table is needed", callback.new)
    raises("secret must be a string, not nil", callback.new, {})
    raises("secret must be a string", callback.new, { secret = pomex.null })
    raises("secret must have at least 32 bytes, not 31", callback.new, { secret = ("s"):rep(31) })
    raises("previous_secret must have at least 32 bytes, not 4", new, { previous_secret = "ssss" })
    raises("previous_secret must be a string", new, { previous_secret = pomex.null })
    raises('unknown key "secrets"', new, { secrets = "ssss" })
    raises("store must have a method claim", new, { store = {} })
    raises("store must have a method claim", new, { store = 1 })
    raises("store must have a method claim", new, { store = { claim = true } })
    raises("store must have a method claim.*shared_dict", new, { store = { add = print } })
    for _, origin in ipairs { "http://a.example", "a.example", "https://a.example/x", "",
      "https://a.example/?", "https://a.example#" } do
      raises('origin must be like', new, { origin = origin })
      raises('origin must be like', cb.verify, cb, "/", { subject = "a", origin = origin })
    end
    for origin, explained in pairs { ["http://127.0.0.1:8080"] = true, ["HTTP://[::1]"] = true,
      ["127.0.0.1:8080"] = false, ["https://a.example/x"] = false } do
      local _, why = pcall(new, { origin = origin })
      assert.equal(explained, why:find("the service takes no other callback_url", 1, true) ~= nil,
        why)
    end
    raises("origin must be a string", new, { origin = pomex.null })
    raises("ttl must be", new, { ttl = 0 })
    raises("ttl must be", new, { ttl = pomex.null })
    for _, given in ipairs { 7, "now", os.date "!*t", pomex.null } do
      raises("now must be a function", new, { now = given })
    end
    raises("ttl must be at most 86400", new, { ttl = math.huge })
    raises("skew must be", new, { skew = -1 })
    raises("skew must be at most 3600", new, { skew = 3601 })
    for name, first in pairs { url = BASE, verify = returned(signed(cb)) } do
      raises("a table is needed", cb[name], cb, first)
      raises("subject must be a string, not nil", cb[name], cb, first, {})
      raises("subject must be a string", cb[name], cb, first, { subject = pomex.null })
      raises("subject must be a string", cb[name], cb, first, { subject = 1 })
      raises("subject must not be empty", cb[name], cb, first, { subject = "" })
      raises('unknown key "user"', cb[name], cb, first, { subject = "a", user = 1 })
      raises("with a colon", cb[name], first, RACHEL)
    end
    raises("base must be a string", cb.url, cb, nil, RACHEL)
  end)

  it("shows its key's id and nothing of the secret", function()
    local cb = new()
    assert.matches("^pomex callback verifier %(key [%w_-]+%)$", tostring(cb))
    assert.is_nil(next(cb))
    assert.is_nil(signed(cb):find("ssss", 1, true))
  end)
end)
