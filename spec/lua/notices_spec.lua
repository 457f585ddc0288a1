-- pomex.notices: URLs that the service calls when a task changes, and what comes to them.

local core = require "pomex.core"
local pomex = require "pomex"
local notices = require "pomex.notices"

local SECRET, OTHER = ("s"):rep(32), ("t"):rep(40)
local BASE = "https://app.example/pomex/notices"
local TASK = '{"id":"cgt-20261129193000-abcde","status":"running"}'

local function new(extra)
  local given = { secret = SECRET, base = BASE }
  for key, value in pairs(extra or {}) do given[key] = value end
  return notices.new(given)
end

local function path_of(url) return (url:gsub("^https?://[^/]*", "")) end

describe("pomex.notices", function()
  it("is a part of the module", function()
    assert.equal(notices, pomex.notices)
    assert.equal("pomex notices (" .. BASE .. ")", tostring(new()))
  end)

  describe(":url", function()
    it("is the same whenever it is made, and another for every tag, secret and base", function()
      local seen = {}
      for _, given in ipairs {
        {}, { secret = OTHER }, { base = "https://app.example/pomex" },
        { base = "https://other.example/pomex/notices" },
      } do
        for _, tag in ipairs { "a", "b", "a/1", "a/11", ("x"):rep(256), "\0\255 ü" } do
          local url = new(given):url(tag)
          assert.equal(url, new(given):url(tag))
          local signature = url:match "^https://[%w.]+/pomex[/notices]*/[%w_-]+%.([%w_-]+)$"
          assert.is_string(signature, url)
          assert.is_nil(seen[signature])
          seen[signature] = true
        end
      end
    end)

    it("has 256 bits of an HMAC in its path, and none of the secret", function()
      local url = new():url "job-1/1"
      assert.equal(43, #url:match "%.([%w_-]+)$")
      assert.is_nil(url:find("sss", 1, true))
    end)

    it("takes http for a loopback address alone", function()
      for _, base in ipairs { "http://127.0.0.1:8080/n", "http://localhost/n",
        "http://[::1]:1/n/" } do
        assert.matches("^http://.*/n/[%w_-]+%.[%w_-]+$", new({ base = base }):url "a")
      end
    end)
  end)

  describe(":receive", function()
    it("gives the tag back that the path was made of, and the body's id as a candidate", function()
      for _, base in ipairs { BASE, BASE .. "/", "https://app.example", "https://a.example:8443/" }
      do
        for length = 1, 256 do
          local tag = core.random(length)
          local one = new { base = base }
          local got, id = new({ base = base }):receive(path_of(one:url(tag)), "POST", TASK)
          assert.equal(tag, got)
          assert.equal("cgt-20261129193000-abcde", id)
        end
      end
      local path = path_of(new():url "a")
      assert.equal("a", (new():receive(path .. "?x=1&y", "POST", TASK)))
      assert.equal("a", (new():receive(path .. "#x", "POST", TASK)))
    end)

    it("knows the URLs of the previous secret", function()
      local path = path_of(new():url "a")
      assert.equal("a", (new({ secret = OTHER, previous_secret = SECRET }):receive(
        path, "POST", TASK)))
      local tag, err = new({ secret = OTHER }):receive(path, "POST", TASK)
      assert.is_nil(tag)
      assert.equal("path", err.reason)
    end)

    it("answers 404 for every path that it did not make [beyond 8]", function()
      local one = new()
      local path = path_of(one:url "job/1")
      local name, signature = path:match "([^/]+)%.([^.]+)$"
      local other = path_of(one:url "job/2"):match "([^/]+)%."
      local wrong = {
        "", "/", "/pomex/notices", "/pomex/notices/", "/pomex/notices/.", path:sub(1, -2),
        path .. "A", path .. "/", path .. ".A", path .. "\0", "/x" .. path, path:sub(2),
        "/pomex/notices/" .. name, "/pomex/notices/" .. name .. ".",
        "/pomex/notices/" .. other .. "." .. signature, "/pomex/notices/." .. signature,
        "/pomex/" .. name .. "." .. signature, "?" .. path, ("/a"):rep(100000),
        "/pomex/notices/" .. ("A"):rep(5000) .. "." .. signature,
        path_of(new({ secret = OTHER }):url "job/1"),
        path_of(new({ base = "https://other.example/pomex/notices" }):url "job/1"),
      }
      for at = 1, #signature do -- each character of the signature counts
        local c = signature:sub(at, at) == "A" and "B" or "A"
        wrong[#wrong + 1] = "/pomex/notices/" .. name .. "." .. signature:sub(1, at - 1) .. c
          .. signature:sub(at + 1)
      end
      for _, method in ipairs { "POST", "GET" } do
        for _, one_path in ipairs(wrong) do
          local tag, err = one:receive(one_path, method, TASK)
          assert.is_nil(tag, one_path)
          assert.same({ 404, "path" }, { err.status, err.reason })
        end
      end
    end)

    it("does the same work for every wrong path: as many signatures, of one length [beyond 8]",
      function()
        local work
        local hmac, equal = core.hmac_sha256, core.equal
        local one = new { previous_secret = OTHER }
        local right = path_of(one:url "job/1")
        local function measured(path)
          work = {}
          core.hmac_sha256 = function(key, data)
            work[#work + 1] = #key .. "+" .. #data
            return hmac(key, data)
          end
          core.equal = function(a, b)
            work[#work + 1] = "compared"
            return equal(a, b)
          end
          local ok, why = pcall(one.receive, one, path, "POST", TASK)
          core.hmac_sha256, core.equal = hmac, equal
          assert(ok, why)
          return table.concat(work, " ")
        end
        local expected = measured(right)
        assert.equal("32+512 compared 32+512 compared", expected)
        for _, path in ipairs { "/", "/pomex/notices/", right:sub(1, -2), right .. "x",
          right .. "/x", "/x" .. right, "/pomex/notices/" .. ("A"):rep(600) .. "." .. ("A"):rep(43),
          "/pomex/notices/" .. ("A"):rep(342) .. "." .. ("A"):rep(43) } do
          assert.equal(expected, measured(path), path)
        end
      end)

    it("takes only POST, and at most 64 KiB [beyond 9]", function()
      local path = path_of(new():url "a")
      for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "post", "" } do
        local tag, err = new():receive(path, method, TASK)
        assert.is_nil(tag)
        assert.same({ 405, "method" }, { err.status, err.reason })
      end
      local longest = '{"id":"a","x":"' .. ("x"):rep(64 * 1024 - 17) .. '"}'
      assert.equal(64 * 1024, #longest)
      local tag, id = new():receive(path, "POST", longest)
      assert.same({ "a", "a" }, { tag, id })
      local err
      tag, err = new():receive(path, "POST", longest .. " ")
      assert.is_nil(tag)
      assert.same({ 413, "size" }, { err.status, err.reason })
    end)

    it("has no id where the body has none that can be one", function()
      local path = path_of(new():url "a")
      for _, body in ipairs { "", "x", "[]", "null", "{}", '{"id":7}', '{"id":""}', '{"id":".."}',
        '{"id":"a/b"}', '{"id":"a%2Fb"}', '{"id":"a?b"}', '{"id":"a\\u0000b"}', '{"id":null}',
        '{"id":"' .. ("x"):rep(257) .. '"}', ("["):rep(60000), '{"id":["a"]}' } do
        local tag, id = new():receive(path, "POST", body)
        assert.same({ "a", nil }, { tag, id }, body)
      end
      assert.equal("a", (new():receive(path, "POST")))
    end)

    it("shows neither path nor body nor secret in an error", function()
      local path = path_of(new():url "secret-tag")
      for _, args in ipairs { { path .. "x", "POST", TASK }, { path, "GET", TASK },
        { path, "POST", ("x"):rep(70000) } } do
        local _, err = new():receive(args[1], args[2], args[3])
        local shown = { tostring(err) }
        for _, value in pairs(err) do shown[#shown + 1] = tostring(value) end
        shown = table.concat(shown, "\n")
        assert.is_nil(shown:find(path:match "[^/]+$", 1, true))
        assert.is_nil(shown:find(SECRET, 1, true))
        assert.is_nil(shown:find("xxx", 1, true))
      end
    end)
  end)

  it("raises on misuse, and names the argument", function()
    local one = new()
    for wrong, call in pairs {
      ["secret must be a string"] = function() notices.new { base = BASE } end,
      ["secret must have at least 32 bytes, not 31"] = function()
        notices.new { base = BASE, secret = ("s"):rep(31) }
      end,
      ["previous_secret must have at least 32"] = function() new { previous_secret = "x" } end,
      ["base must be a string"] = function() notices.new { secret = SECRET } end,
      ["unknown key \"bsae\" %(is it \"base\"%?%)"] = function() new { bsae = BASE } end,
      ["tag must be a string"] = function() one:url() end,
      ["tag must have 1 to 256 bytes, not 0"] = function() one:url "" end,
      ["tag must have 1 to 256 bytes, not 257"] = function() one:url(("x"):rep(257)) end,
      ["path must be a string"] = function() one:receive(nil, "POST", "") end,
      ["method must be a string"] = function() one:receive("/", nil, "") end,
      ["body must be a string"] = function() one:receive("/", "POST", {}) end,
      ["called with a colon"] = function() one.url "a" end,
    } do
      assert.error_matches(call, wrong)
    end
    for _, base in ipairs { "http://app.example", "http://127.0.0.1.app.example/", "ftp://a/b",
      "https://", "https://u@app.example/", "https://app.example/a?b", "https://app.example/a#b",
      "https://app.example/a b", "app.example/a", "https://app.example/" .. ("x"):rep(1100),
      "http://localhost.app.example/" } do
      assert.error_matches(function() new { base = base } end, "base must be an https URL")
    end
  end)
end)
