local parse = require("pomex.callback").parse_unverified
local property = require "spec.support.property"

local GROUP = "group-20260619145855-snq4q"
local QUERY = "resultCode=10000&group_id=" .. GROUP
  .. "&verify_type=real_time&algorithmBaseRespCode=0&reqMeasureInfoValue=1"

local function refused(query, kind, message, hint)
  local person, err = parse(query)
  assert.is_nil(person)
  assert.equal(kind, err.type)
  assert.matches(message, err.message)
  if hint then assert.matches(hint, err.hint) end
  return err
end

local function bad(query, message, hint)
  local err = refused(query, "invalid_request_error", message, hint)
  assert.is_true(err.client)
  return err
end

-- What an app under another encoder might send: any byte as %XX, or itself where it may be.
local function escape(random, text)
  return (text:gsub(".", function(c)
    if c == " " and random:chance(50) then return "+" end
    if c:find("[%w_.-]") and random:chance(70) then return c end
    return ((random:chance(50) and "%%%02x" or "%%%02X"):format(c:byte()))
  end))
end

describe("pomex.callback.parse_unverified", function()
  it("reads the document's example redirect [doc 22-23 30 53 62]", function()
    assert.same({ group_id = GROUP, result_code = "10000", verify_type = "real_time",
      upstream_code = "0", billed = true },
      parse("https://yourapp.com/realhuman/callback?" .. QUERY))
  end)

  it("takes the raw query, with or without its question mark, a path, and a URL", function()
    for _, before in ipairs { "", "?", "/cb?", "/?", "https://x.example/cb?", "http://[::1]:1/?",
    } do
      assert.equal(GROUP, parse(before .. QUERY).group_id)
    end
  end)

  it("leaves a URL's fragment alone", function()
    local person = parse("https://x.example/cb?" .. QUERY .. "#resultCode=1&group_id=x")
    assert.equal(GROUP, person.group_id)
    bad("https://x.example/cb#?" .. QUERY, "resultCode is missing")
  end)

  it("keeps the caller's own parameters out of it [silence 21]", function()
    assert.equal(GROUP, parse("state=a%20b&" .. QUERY .. "&state=c&x&=&&y=").group_id)
  end)

  it("compares decoded keys, and decodes values", function()
    local person = parse("%72esult%43ode=%310000&group%5Fid=group%2D1+a&verify_type=real%5ftime")
    assert.equal("group-1 a", person.group_id)
    assert.equal("real_time", person.verify_type)
  end)

  it("says whether it was billed, and nothing where the service did not [doc 60 198]", function()
    local query = "resultCode=10000&group_id=g&reqMeasureInfoValue="
    assert.is_true(parse(query .. "1").billed)
    assert.is_false(parse(query .. "0").billed)
    assert.is_nil(parse(query .. "2").billed)
    assert.is_nil(parse(query).billed)
    assert.is_nil(parse("resultCode=10000&group_id=g").billed)
  end)

  it("accepts a verify_type that is absent or new [doc 58] [silence 30]", function()
    local query = "resultCode=10000&group_id=g"
    assert.is_nil(parse(query).verify_type)
    assert.is_nil(parse(query .. "&verify_type=").verify_type)
    assert.equal("thumb_print", parse(query .. "&verify_type=thumb_print").verify_type)
    assert.equal("PRE_RECORD", parse(query .. "&verify_type=PRE_RECORD").verify_type)
  end)

  it("refuses pre_record and says why, whatever the code [doc 63]", function()
    for _, code in ipairs { "10000", "10001" } do
      local err = refused("resultCode=" .. code .. "&group_id=g&verify_type=pre_record",
        "verification_failed", "pre%-recorded", "real_time")
      assert.equal(code, err.object.result_code)
      assert.equal("pre_record", err.object.verify_type)
    end
  end)

  it("takes 10000 for success by its bytes and nothing else [doc 56]", function()
    for _, code in ipairs { "10001", "0", "", "010000", "10000.0", "1e4", "+10000", "10000+",
      "%2010000", "10000%0A", "10000;", "0x2710", "%EF%BC%9110000", "10000%20" } do
      local err = refused("resultCode=" .. code .. "&group_id=" .. GROUP, "verification_failed",
        "the person was not verified: resultCode is ")
      assert.is_nil(tostring(err):find(GROUP, 1, true))
    end
    refused("resultCode&group_id=g", "verification_failed", "not verified")
  end)

  it("gives the sub-code and the bill of a failure, but never a group"
    .. " [doc 59] [silence 20]", function()
    local err = refused("resultCode=10008&algorithmBaseRespCode=1203&reqMeasureInfoValue=1"
      .. "&group_id=" .. GROUP, "verification_failed",
      'resultCode is "10008"', 'algorithmBaseRespCode is "1203"')
    assert.same({ result_code = "10008", upstream_code = "1203", billed = true }, err.object)
    assert.equal('verification_failed: the person was not verified: resultCode is "10008" '
      .. '(algorithmBaseRespCode is "1203")', tostring(err))
  end)

  it("refuses a success without a usable group [doc 57]", function()
    bad("resultCode=10000", "group_id is missing")
    bad("resultCode=10000&group_id=", "group_id is missing")
    bad("resultCode=10000&group_id", "group_id is missing")
    for _, id in ipairs { ".", "..", "a/b", "a%2Fb", "a%5Cb", "a%25b", "a%0Ab", "a%0D", "a%7F",
      ("x"):rep(257) } do
      bad("resultCode=10000&group_id=" .. id, "group_id in the callback's query cannot be an id")
    end
    assert.equal(("x"):rep(256), parse("resultCode=10000&group_id=" .. ("x"):rep(256)).group_id)
  end)

  it("refuses a query that is none of the service's", function()
    bad("", "resultCode is missing")
    bad("?", "resultCode is missing")
    bad("https://x.example/cb", "resultCode is missing")
    bad("group_id=" .. GROUP, "resultCode is missing")
    bad("resultcode=10000&group_id=g", "resultCode is missing")
    bad("resultCode[]=10000&group_id=g", "resultCode is missing")
  end)

  it("refuses a known parameter given twice, also under another spelling", function()
    for _, key in ipairs { "resultCode", "group_id", "verify_type", "algorithmBaseRespCode",
      "reqMeasureInfoValue" } do
      bad(QUERY .. "&" .. key .. "=x", "names a parameter twice", key)
      bad(QUERY .. "&" .. key, "names a parameter twice", key)
    end
    bad(QUERY .. "&group%5fid=x", "names a parameter twice", "group_id")
    bad(QUERY .. "&" .. QUERY, "names a parameter twice")
  end)

  it("refuses bad escapes in what is needed", function()
    for _, escaped in ipairs { "%", "%4", "%zz", "%4g", "a%", "%%41", "%u0041", "%-1", "% 1" } do
      bad("resultCode=10000&group_id=" .. escaped, "bad escape", "in group_id")
      bad("group_id=g&resultCode=10000" .. escaped, "bad escape", "in resultCode")
      bad(QUERY .. "&" .. escaped .. "&group%5fid=a" .. escaped, "bad escape", "in group_id")
    end
  end)

  it("refuses NUL, raw or escaped, in what is needed", function()
    bad("resultCode=10000&group_id=a%00b", "holds a NUL", "in group_id")
    bad("resultCode=10000&group_id=a\0b", "holds a NUL", "in group_id")
  end)

  -- The scan may have been billed: nothing in a parameter of somebody else's may lose its result.
  it("lets anything be in a parameter that nobody needs", function()
    for _, other in ipairs { "other=%", "other=%4", "other=%zz", "other=50%&x=1", "%=x", "%",
      "a%zz=%", "%u0041=1", "other=%00", "a%00b=1", "a\0=b\0", "x=a+b+%2B", "+", "=", "==",
      "=&=", "&&&", "x", "a;b=c;d", ";", "x=1&x=2&x=%", "x=\255\254", "x=%ff%fe", "%ff=1",
      "x=" .. ("%"):rep(100000), ("k"):rep(100000) .. "=v", "a[]=1&a[]=2", "group_id%=x",
      "%group_id=x", "group_id%00=x", "resultCode[]=1", "next=/x?y=1", "?", "??", "x?", "?x=%" } do
      for _, query in ipairs { other .. "&" .. QUERY, QUERY .. "&" .. other,
        (QUERY:gsub("&verify_type", function() return "&" .. other .. "&verify_type" end)) } do
        local person, err = parse("https://x.example/cb?" .. query)
        assert.is_nil(err, other .. " " .. tostring(err))
        assert.same({ group_id = GROUP, result_code = "10000", verify_type = "real_time",
          upstream_code = "0", billed = true }, person)
      end
    end
  end)

  it("reads what was appended with a second question mark", function()
    for _, before in ipairs { "", "?", "/cb?", "https://x.example/cb?" } do
      for _, own in ipairs { "state=1", "state=a%20b&x", "", "state=%" } do
        local person = parse(before .. own .. "?" .. QUERY)
        assert.equal(GROUP, person.group_id)
        assert.equal("real_time", person.verify_type)
        assert.is_true(parse(before .. QUERY .. "?" .. own).billed)
      end
    end
    refused("state=1?verify_type=pre_record&resultCode=10000&group_id=g", "verification_failed",
      "pre%-recorded")
    bad("state=1?group_id=a&resultCode=10000&group_id=b", "names a parameter twice", "group_id")
  end)

  it("reads 16 KiB of what is needed, and 1 MiB of all", function()
    local padding = 1024 * 1024 - #QUERY - 3
    assert.equal(GROUP, parse(QUERY .. "&x=" .. ("a"):rep(padding)).group_id)
    bad(QUERY .. "&x=" .. ("a"):rep(padding + 1), "too long", "1048577 bytes")
    bad(("&"):rep(10 * 1024 * 1024), "too long")
    local names = #"resultCode" + #"group_id" + #"verify_type" + #"10000" + 1
    local type_of = ("t"):rep(16 * 1024 - names)
    local query = "resultCode=10000&group_id=g&verify_type="
    assert.equal(type_of, parse(query .. type_of).verify_type)
    bad(query .. type_of .. "t", "too long", "16385 bytes; at most 16384")
  end)

  it("never shows a group in an error", function()
    for _, query in ipairs { "resultCode=10000&group_id=" .. GROUP .. "%2F",
      "resultCode=10000&group_id=" .. GROUP .. "&group_id=" .. GROUP,
      "resultCode=10000&group_id=" .. GROUP .. "%zz", "group_id=" .. GROUP,
      "resultCode=1&group_id=" .. GROUP, "verify_type=pre_record&resultCode=1&group_id=" .. GROUP,
      "resultCode=10000&group_id=" .. GROUP .. "%00" } do
      local _, err = parse(query)
      assert.is_nil(tostring(err):find(GROUP, 1, true))
      for _, value in pairs(err) do
        assert.is_nil(tostring(value):find(GROUP, 1, true))
      end
      assert.is_nil((err.object or {}).group_id)
    end
  end)

  it("shows a code from outside on one short line", function()
    local err = refused("resultCode=" .. ("%0a%1b"):rep(500), "verification_failed",
      "resultCode is")
    assert.is_nil(tostring(err):find("%c"))
    assert.is_true(#tostring(err) < 500)
  end)

  describe("with a table, as ngx.req.get_uri_args gives it", function()
    it("reads it", function()
      assert.same({ group_id = GROUP, result_code = "10000", billed = false },
        parse { resultCode = "10000", group_id = GROUP, reqMeasureInfoValue = "0", x = { "a", "b" },
          verify_type = true })
    end)

    it("refuses a value that is a table, and takes true for no value", function()
      bad({ resultCode = { "10000", "10000" }, group_id = GROUP }, "twice", "resultCode")
      bad({ resultCode = "10000", group_id = { GROUP } }, "twice", "group_id")
      bad({ resultCode = "10000", group_id = true }, "group_id is missing")
      refused({ resultCode = true, group_id = GROUP }, "verification_failed", "not verified")
      bad({}, "resultCode is missing")
    end)

    it("refuses NUL and what is too long", function()
      bad({ resultCode = "10000", group_id = "a\0" }, "holds a NUL", "in group_id")
      bad({ resultCode = "10000", group_id = ("a"):rep(16384) }, "too long")
    end)

    it("raises on a value that no query can hold", function()
      assert.error_matches(function() parse { resultCode = 10000 } end,
        "resultCode must be a string")
      assert.error_matches(function() parse { resultCode = "10000", group_id = false } end,
        "group_id must be a string")
    end)
  end)

  it("raises on types", function()
    for _, value in ipairs { 1, true, print } do
      assert.error_matches(function() parse(value) end, "query must be a string or a table, not "
        .. type(value))
    end
    assert.error_matches(function() parse(nil) end, "query must be a string or a table, not nil")
  end)

  it("reads back what any encoder wrote, in any order, among any others", function()
    local alphabet = { "a", "Z", "0", "-", "_", ".", "~", " ", "+", "&", "=", "#", "?", "é", "组" }
    property.holds(1000, function(random)
      local id = "g" .. random:text(0, 20, alphabet)
      local verify_type = "t" .. random:text(0, 5, alphabet)
      local pairs_ = {
        "resultCode=" .. escape(random, "10000"),
        escape(random, "group_id") .. "=" .. escape(random, id),
        escape(random, "verify_type") .. "=" .. escape(random, verify_type),
      }
      for _ = 1, random:int(0, 4) do
        pairs_[#pairs_ + 1] = "o" .. escape(random, random:text(0, 6, alphabet)) .. "="
          .. escape(random, random:text(0, 6, alphabet))
      end
      for i = #pairs_, 2, -1 do
        local j = random:int(1, i)
        pairs_[i], pairs_[j] = pairs_[j], pairs_[i]
      end
      local query = table.concat(pairs_, "&")
      local person, err = parse(random:pick { "", "?", "https://x.example/?" } .. query)
      assert.is_nil(err)
      assert.equal(id, person.group_id)
      assert.equal(verify_type, person.verify_type)
    end)
  end)

  it("gives a person or an error for any bytes, and a person only for 10000 and an id", function()
    local alphabet = { "resultCode", "group_id", "verify_type", "=", "=", "&", "&", "10000", "g1",
      "%", "%00", "%2", "+", "?", "#", "://", "/", "pre_record", "\0", "\255", "\n" }
    property.holds(5000, function(random)
      local query = random:text(0, 14, alphabet)
      local person, err = parse(query)
      if person then
        assert.is_nil(err)
        assert.equal("10000", person.result_code)
        assert.not_equal("pre_record", person.verify_type)
        assert.is_truthy(#person.group_id > 0 and not person.group_id:find("[/\\%%%c]"))
      else
        assert.is_truthy(err.type == "invalid_request_error" or err.type == "verification_failed")
        assert.is_nil(tostring(err):find("%c"))
      end
    end)
  end)
end)
