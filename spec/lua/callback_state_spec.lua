-- The signed one-time state of a callback_url: what it lets in, and what not.

local callback = require "pomex.callback"
local core = require "pomex.core"
local pomex = require "pomex"
local callbacks = require "spec.support.callbacks"
local sandbox = require "pomex.sandbox"

local BASE, ORIGIN, RACHEL = callbacks.BASE, callbacks.ORIGIN, callbacks.RACHEL
local SECRET, OTHER, QUERY = callbacks.SECRET, callbacks.OTHER, callbacks.QUERY
local new, signed, returned, state_of = callbacks.new, callbacks.signed, callbacks.returned,
  callbacks.state_of
local refused, accepted = callbacks.refused, callbacks.accepted

describe("callback:verify", function()
  local clock
  before_each(function() clock = callbacks.stop_clock() end)
  after_each(function() clock.go() end)

  it("returns the person, as parse_unverified does", function()
    local cb = new()
    assert.same(callback.parse_unverified("?" .. QUERY), cb:verify(returned(signed(cb)), RACHEL))
  end)

  it("takes the whole URL, or the path with its query where the origin is told", function()
    local cb, told = new(), new { origin = "https://APP.example:443/" }
    local function path(object) return (returned(signed(object)):gsub("^https://[^/]*", "")) end
    accepted(told, path(told))
    accepted(told, returned(signed(told)))
    accepted(cb, path(cb), { subject = "rachel", origin = ORIGIN })
    accepted(cb, (returned(signed(cb)):gsub("^https://app", "HTTPS://APP")))
    accepted(cb, (returned(signed(cb)):gsub("%.example", ".example:443")))
    accepted(cb, returned(signed(cb, BASE .. "?theme=dark#top")))
    accepted(told, (returned(signed(told, "https://app.example")):gsub("^https://[^/]*", "")))
    assert.error_matches(function() cb:verify(path(cb), RACHEL) end,
      "callback:verify: a path alone was given: say `origin`")
  end)

  it("refuses a query alone, and says that the path is needed", function()
    local cb = new { origin = ORIGIN }
    for _, text in ipairs { "", "?", QUERY, "?" .. QUERY, QUERY .. "&x=https://app.example/" } do
      local _, err = cb:verify(text, RACHEL)
      assert.equal("malformed", err.reason)
      assert.matches("the path with its query", err.hint)
    end
  end)

  it("refuses a replay, also with another group, and by whatever store", function()
    local dict = { }
    function dict:safe_add(key)
      if self[key] then return false, "exists" end
      self[key] = true
      return true
    end
    dict.add = function() error "safe_add must be used" end
    for _, store in ipairs { callback.memory(), callback.shared_dict(dict) } do
      local cb = new { store = store }
      local url = signed(cb)
      accepted(cb, returned(url))
      refused("used", cb, returned(url))
      refused("used", cb, returned(url, "resultCode=10000&group_id=group-2"))
      refused("used", new { store = store, previous_secret = OTHER }, returned(url))
      accepted(cb, returned(signed(cb)))
    end
  end)

  it("refuses another subject's state", function()
    local cb = new()
    local mine, theirs = signed(cb), signed(cb, BASE, { subject = "mallory" })
    refused("mismatch", cb, returned(theirs))
    refused("mismatch", cb, returned(mine), { subject = "mallory" })
    refused("mismatch", cb, returned(mine), { subject = "rachel " })
    refused("mismatch", cb, returned(mine), { subject = "Rachel" })
    accepted(cb, returned(mine))
    accepted(cb, returned(theirs), { subject = "mallory" })
  end)

  it("tells subjects with any bytes apart, and from the path before them", function()
    local cb = new()
    for _, pair in ipairs { { "a\0b", "a\0c" }, { "1", "1\0" }, { "a", "a:1" }, { "é", "e" } } do
      local url = returned(signed(cb, BASE, { subject = pair[1] }))
      refused("mismatch", cb, url, { subject = pair[2] })
      accepted(cb, url, { subject = pair[1] })
    end
    -- The same bytes, cut elsewhere: path "/a/" and subject "b/c"; or, with ":" between the two,
    -- "b/:c".
    for _, row in ipairs { { "b/c", "/a/b/" }, { "b/:c", "/a/:b/" }, { ":b/:c", "/a/::b/" } } do
      local subject, path = row[1], row[2]
      local url = signed(cb, "https://app.example/a", { subject = subject })
      refused("mismatch", cb, returned((url:gsub("/a/", path))), { subject = "c" })
      accepted(cb, returned(url), { subject = subject })
    end
  end)

  it("refuses a state of another path or origin", function()
    local cb = new()
    local state = state_of(signed(cb))
    for _, place in ipairs { "https://app.example/pomex/", "https://app.example/pomex/callback/x/",
      "https://app.example/pomex/callback//", "https://app.example/pomex/Callback/",
      "https://app.example/pomex/c%61llback/", "https://app.example/pomex/./callback/",
      "https://other.example/pomex/callback/", "https://app.example:8443/pomex/callback/" } do
      refused("mismatch", cb, returned(place .. state))
    end
    refused("mismatch", cb, returned("http://app.example/pomex/callback/" .. state))
    refused("mismatch", cb, "/pomex/callback/" .. state .. "?" .. QUERY,
      { subject = "rachel", origin = "https://other.example" })
    refused("mismatch", cb, returned(BASE .. "/" .. state),
      { subject = "rachel", origin = "https://other.example" })
    refused("mismatch", new { origin = "https://other.example" }, returned(BASE .. "/" .. state))
    accepted(cb, returned(BASE .. "/" .. state))
  end)

  it("keeps an object of one origin to it", function()
    local url, err = new { origin = ORIGIN }:url("https://other.example/cb", RACHEL)
    assert.is_nil(url)
    assert.matches("not of the origin", err.message)
  end)

  it("accepts a state for its hour and a minute, and no longer", function()
    local cb = new()
    local urls = {}
    for i = 1, 6 do urls[i] = returned(signed(cb)) end
    clock.now = 1800003599
    accepted(cb, urls[1])
    clock.now = 1800003600 + 60
    accepted(cb, urls[2])
    clock.now = 1800003600 + 60.001
    refused("expired", cb, urls[3])
    clock.now = 1900000000
    refused("expired", cb, urls[3])
    -- A clock that went back by less than the skew, then by more.
    clock.now = 1800000000 - 60
    accepted(cb, urls[4])
    clock.now = 1800000000 - 60.001
    refused("future", cb, urls[5])
    clock.now = 0
    refused("future", cb, urls[5])
    clock.now = 1800000000
    accepted(cb, urls[5])
  end)

  it("takes ttl and skew", function()
    local cb = new { ttl = 10, skew = 0 }
    local first, second = returned(signed(cb)), returned(signed(cb))
    clock.now = 1800000010
    accepted(cb, first)
    clock.now = 1800000010.001
    refused("expired", cb, second)
    clock.now = 1800000000
    refused("future", new { ttl = 5, skew = 4.9 }, second)
    accepted(new { ttl = 5, skew = 5 }, second)
  end)

  it("knows the secret before, and no other", function()
    local before, after = new { secret = OTHER }, new { secret = SECRET, previous_secret = OTHER }
    local old = returned(signed(before))
    accepted(after, old)
    refused("used", after, old)
    refused("key", new(), returned(signed(before)))
    refused("key", before, returned(signed(after)))
    accepted(new(), returned(signed(after)))
    -- The id of one key, the signature of the other.
    local mine, theirs = signed(after), signed(before)
    local id = theirs:match("v1%.([^.]+)")
    refused("mismatch", after, returned((mine:gsub("v1%.[^.]+", "v1." .. id:gsub("%%", "%%%%")))))
  end)

  it("uses a state up last of all: nothing that is refused burns it", function()
    local claims = 0
    local cb = new { store = { claim = function()
      claims = claims + 1
      return true
    end } }
    local url = signed(cb)
    refused("mismatch", cb, returned(url), { subject = "mallory" })
    refused("mismatch", cb, returned(url), { subject = "rachel", origin = "https://o.example" })
    refused("malformed", cb, returned(url, ("x"):rep(20000)))
    clock.now = clock.now + 4000
    refused("expired", cb, returned(url))
    clock.now = clock.now - 8000
    refused("future", cb, returned(url))
    clock.now = clock.now + 4000
    refused(nil, cb, returned(url, "resultCode=10000"))
    refused(nil, cb, returned(url, QUERY .. "&group_id=x"))
    refused(nil, cb, returned(url, "resultCode=10000&group_id=a%2Fb"))
    assert.equal(0, claims)
    accepted(cb, returned(url))
    assert.equal(1, claims)
  end)

  -- `==` would let the same people in, and tell how many of the first bytes were right.
  it("believes the comparison in constant time, and asks it before the store", function()
    local equal, verdict, asked = core.equal, nil, {}
    finally(function() core.equal = equal end)
    function core.equal(given, right)
      asked[#asked + 1] = given
      asked[#asked + 1] = right
      return verdict
    end
    local cb = new { store = { claim = function()
      asked[#asked + 1] = "claimed"
      return true
    end } }
    local url = signed(cb)
    local mac = state_of(url):match("[^.]+$")
    for _, row in ipairs { { false }, { true, "claimed" } } do
      verdict, asked = row[1], {}
      local person = cb:verify(returned(url), RACHEL)
      assert.equal(verdict, person ~= nil)
      assert.same({ mac, mac, row[2] }, asked)
    end
  end)

  it("reports a scan that failed, and lets the person scan again", function()
    local cb = new()
    local url = signed(cb)
    for _, query in ipairs { "resultCode=10001",
      "resultCode=10000&group_id=g&verify_type=pre_record" } do
      local person, err = cb:verify(returned(url, query), RACHEL)
      assert.is_nil(person)
      assert.equal("verification_failed", err.type)
    end
    -- But a scan that failed is told to nobody whose state is not right.
    refused("mismatch", cb, returned(url, "resultCode=10001"), { subject = "mallory" })
    accepted(cb, returned(url))
    refused("used", cb, returned(url))
  end)
end)

describe("a callback with a state", function()
  it("comes back from the sandbox, once [silence 35]", function()
    local sb = assert(sandbox.start { asset_seconds = 0 })
    finally(function() sb:stop() end)
    local client = pomex.check(pomex.new(sb:client_options()))
    local cb = pomex.callback.new { secret = SECRET, origin = ORIGIN }
    local function walk(subject, outcome)
      local url = assert(cb:url(BASE .. "?theme=dark#done", { subject = subject }))
      local session = pomex.check(client.sessions:create { callback_url = url, lang = "en" })
      return sb:scan(session.h5_link, outcome)
    end
    local back, other = walk("rachel", "pass"), walk("monica", "pass")
    local person = pomex.check(cb:verify(back, RACHEL))
    assert.equal(callback.parse_unverified(back).group_id, person.group_id)
    assert.is_true(person.billed)
    refused("used", cb, back)
    refused("mismatch", cb, other)
    -- What an nginx has: the path with its query.
    local request_uri = other:gsub("^https://[^/]*", ""):gsub("#.*$", "")
    assert.is_table(cb:verify(request_uri, { subject = "monica" }))
    refused("used", cb, other, { subject = "monica" })
    for _, outcome in ipairs { "fail", "pre_record" } do
      local _, err = cb:verify(walk("rachel", outcome), RACHEL)
      assert.equal("verification_failed", err.type)
    end
    client:close()
  end)
end)
