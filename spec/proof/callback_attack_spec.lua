-- States that somebody has laid hands on.

local callback = require "pomex.callback"
local callbacks = require "spec.support.callbacks"
local core = require "pomex.core"
local errors = require "pomex.errors"
local property = require "spec.support.property"

local BASE, ORIGIN, RACHEL = callbacks.BASE, callbacks.ORIGIN, callbacks.RACHEL
local GROUP, QUERY = callbacks.GROUP, callbacks.QUERY
local new, signed, returned, state_of = callbacks.new, callbacks.signed, callbacks.returned,
  callbacks.state_of
local refused, accepted = callbacks.refused, callbacks.accepted

describe("callback:verify", function()
  local clock
  before_each(function() clock = callbacks.stop_clock() end)
  after_each(function() clock.go() end)

  it("refuses every single changed, added or missing byte of the state", function()
    local cb = new()
    local url = signed(cb)
    local before, state = url:match("^(.*/)([^/]*)$")
    local tried = 0
    local function try(changed)
      tried = tried + 1
      local person, err = cb:verify(before .. changed .. "?" .. QUERY, RACHEL)
      assert.is_nil(person, changed)
      assert.is_truthy(("malformed key mismatch"):find(err.reason, 1, true), err.reason)
    end
    for i = 1, #state do
      for bit = 0, 7 do
        local byte = state:byte(i)
        local flipped = math.floor(byte / 2 ^ bit) % 2 == 1 and byte - 2 ^ bit or byte + 2 ^ bit
        try(state:sub(1, i - 1) .. string.char(flipped) .. state:sub(i + 1))
      end
      try(state:sub(1, i - 1) .. state:sub(i + 1))
      for _, added in ipairs { "A", "0", ".", "=", "%", "%00", "\0", "/" } do
        try(state:sub(1, i - 1) .. added .. state:sub(i))
      end
      try(state:sub(1, i - 1))
    end
    assert.is_true(tried > 1500)
    accepted(cb, returned(url))
  end)

  it("refuses other spellings of the same bytes: padding, trailing bits, escapes", function()
    local cb = new()
    local url = signed(cb)
    local before, state = url:match("^(.*/)([^/]*)$")
    local head, nonce, mac = state:match("^(v1%.[^.]+%.[^.]+)%.([^.]+)%.([^.]+)$")
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    -- The last character of 16 bytes has four bits that say nothing, that of 32 has two.
    local function bent(text)
      local at = alphabet:find(text:sub(-1), 1, true)
      return text:sub(1, -2) .. alphabet:sub(at + 1, at + 1)
    end
    for reason, spellings in pairs {
      mismatch = { head .. "." .. bent(nonce) .. "." .. mac,
        head .. "." .. nonce .. "." .. bent(mac), (state:gsub("1800003600", "180000360000")),
        (state:gsub("1800003600", ("9"):rep(400))) },
      malformed = { state .. "=", head .. "." .. nonce .. "==." .. mac, state .. "%3D",
        state .. "/", state .. "/.", state .. ";",
        "%76" .. state:sub(2), state:gsub("%.", "%%2E"), " " .. state,
        state .. "+", "V" .. state:sub(2), "v2" .. state:sub(3), state .. "." .. mac,
        (state:gsub("1800003600", "01800003600")), (state:gsub("1800003600", "1.8e9")),
        (state:gsub("1800003600", "0x6B49D8A0")) },
    } do
      for _, spelling in ipairs(spellings) do
        refused(reason, cb, before .. spelling .. "?" .. QUERY)
      end
    end
    accepted(cb, returned(url))
  end)

  it("refuses duplicated and array parameters, and those past the hundredth", function()
    local cb = new()
    local function spoilt(query, message)
      local url = returned(signed(cb), query)
      local person, err = cb:verify(url, RACHEL)
      assert.is_nil(person)
      assert.equal("invalid_request_error", err.type)
      assert.matches(message, err.message)
      assert.is_nil(tostring(err):find("group-", 1, true))
    end
    spoilt(QUERY .. "&group_id=group-2", "names a parameter twice")
    spoilt(QUERY .. "&group%5Fid=group-2", "names a parameter twice")
    spoilt(QUERY .. "&resultCode=10000", "names a parameter twice")
    spoilt("resultCode=10000&group_id[]=group-1", "group_id is missing")
    spoilt("resultCode[0]=10000&group_id=group-1", "resultCode is missing")
    -- nginx's get_uri_args reads 100 and drops the rest.
    local many = QUERY .. ("&x=1"):rep(200)
    accepted(cb, returned(signed(cb), many))
    accepted(cb, returned(signed(cb), ("x=1&"):rep(200) .. QUERY))
    spoilt(many .. "&group_id=group-2", "names a parameter twice")
  end)

  it("takes no table: it has no path, and may have been cut", function()
    local cb = new()
    for _, value in ipairs { { resultCode = "10000", group_id = GROUP }, 1, true } do
      assert.error_matches(function() cb:verify(value, RACHEL) end,
        "the raw URL or path is needed %(nginx: ngx.var.request_uri%), not " .. type(value))
    end
    assert.error_matches(function() cb:verify(nil, RACHEL) end, "is needed .*, not nil")
  end)

  it("refuses a megabyte at once, wherever it is #native", function()
    local cb = new { origin = ORIGIN }
    local state, big = state_of(signed(cb)), ("a"):rep(1024 * 1024)
    local begin = os.clock()
    for _, text in ipairs { returned(BASE .. "/" .. state, QUERY .. "&x=" .. big),
      returned(BASE .. "/" .. big .. "/" .. state), returned(BASE .. "/" .. state .. big),
      ORIGIN .. "/" .. ("/"):rep(2 ^ 20) .. state, "https://" .. big, big, "/" .. big,
      ("v1."):rep(2 ^ 18), "/" .. ("%"):rep(2 ^ 20) } do
      refused("malformed", cb, text)
    end
    assert.is_true(os.clock() - begin < 1)
    local room = 16 * 1024 - #returned(BASE .. "/" .. state) - 3
    accepted(cb, returned(BASE .. "/" .. state, QUERY .. "&x=" .. ("a"):rep(room)))
    refused("malformed", cb, returned(signed(cb), QUERY .. "&x=" .. ("a"):rep(room + 1)))
  end)

  it("goes by the time of day", function()
    clock.go()
    assert.is_true(math.abs(core.wall() - os.time()) <= 2)
    local expires = state_of(signed(new())):match("^v1%.[^.]+%.(%d+)")
    assert.is_true(math.abs(expires - os.time() - 3600) <= 2)
  end)

  it("signs as HMAC-SHA256 does", function()
    local function hex(bytes)
      return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
    end
    -- RFC 4231, cases 2 and 6.
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      hex(core.hmac_sha256("Jefe", "what do ya want for nothing?")))
    assert.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      hex(core.hmac_sha256(("\170"):rep(131),
        "Test Using Larger Than Block-Size Key - Hash Key First")))
    assert.is_true(core.equal("a\0b", "a\0b"))
    assert.is_false(core.equal("a\0b", "a\0c"))
    assert.is_false(core.equal("a", "ab"))
    assert.is_true(core.equal("", ""))
  end)

  it("accepts what it signed and nothing that differs, for any base and subject", function()
    local segments = { "a", "B9", "caf%C3%A9", "~", "x.y", "+", "v1.a", "(b)" }
    local queries = { "", "?", "?a=b", "?a=b&c=%20d&e", "?state=v1.x.1.y.z" }
    property.holds(300, function(random)
      local base = "https://h" .. random:int(1, 9) .. ".example"
      for _ = 1, random:int(0, 3) do base = base .. "/" .. random:pick(segments) end
      base = base .. random:pick { "", "/" } .. random:pick(queries)
        .. random:pick { "", "#f", "#/?" }
      local subject, secret = random:text(1, 12), random:text(32, 70)
      local cb = callback.new { secret = secret, store = { claim = function() return true end } }
      local url = returned(assert(cb:url(base, { subject = subject })))
      accepted(cb, url, { subject = subject })
      local origin, rest = url:match("^(https://[^/]*)(/.*)$")
      accepted(cb, rest, { subject = subject, origin = origin })
      -- One byte before the query changed, or one of the subject.
      local at = random:int(#origin + 1, (url:find("?", 1, true) or #url) - 1)
      local byte = (url:byte(at) + random:int(1, 255)) % 256
      local changed = url:sub(1, at - 1) .. string.char(byte) .. url:sub(at + 1)
      assert.is_nil((cb:verify(changed, { subject = subject })))
      at = random:int(1, #subject)
      local other = subject:sub(1, at - 1)
        .. string.char((subject:byte(at) + random:int(1, 255)) % 256) .. subject:sub(at + 1)
      assert.is_nil((cb:verify(url, { subject = other })))
    end)
  end)

  it("gives an error of ours for any text", function()
    local cb = new { origin = ORIGIN }
    local state = state_of(signed(cb))
    local alphabet = { state, state:sub(1, 50), "/", "/", "?", "&", "=", "#", ".", "..", "%", "%2F",
      "https://", "https://app.example", "pomex/callback", QUERY, "resultCode=10000", "group_id=g",
      "v1.", "\0", "\255", " ", ":", "@", "[", "]", "\\", "\n" }
    property.holds(3000, function(random)
      local person, err = cb:verify(random:text(0, 10, alphabet), { subject = "nobody" })
      assert.is_nil(person)
      assert.is_true(errors.is(err))
      assert.equal("invalid_request_error", err.type)
      assert.is_nil(tostring(err):find("%c"))
    end)
  end)
end)
