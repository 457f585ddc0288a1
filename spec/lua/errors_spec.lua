local errors = require "pomex.errors"
local property = require "spec.support.property"

describe("pomex.errors", function()
  it("makes one line of type, message and value at fault, then what is known", function()
    local err = errors.wrap {
      type = "invalid_request_error", message = "lang must be zh, en, or zh-Hant",
      hint = 'lang is "fr"', endpoint = "assets.create", status = 400, attempts = 2,
      request_id = "r-1",
    }
    assert.equal('invalid_request_error: lang must be zh, en, or zh-Hant (lang is "fr") '
      .. "[assets.create, HTTP 400, 2 attempts, request_id r-1]", tostring(err))
  end)

  it("leaves out what is not known", function()
    assert.equal("connection_error: no route", tostring(errors.new("connection_error",
      { message = "no route", status = 0, attempts = 0, request_id = "", hint = "" })))
    assert.equal("timeout_error", tostring(errors.new("timeout_error")))
    assert.equal("error", tostring(errors.wrap {}))
  end)

  it("says one attempt, and several attempts", function()
    assert.matches("%[1 attempt%]$", tostring(errors.new("timeout_error", { attempts = 1 })))
    assert.matches("%[3 attempts%]$", tostring(errors.new("timeout_error", { attempts = 3 })))
  end)

  it("names id, cause, last status, retry_after and a possible bill", function()
    local line = tostring(errors.new("ambiguous_error", {
      message = "the answer was lost", endpoint = "generations.create", id = "cgt-1",
      cause = "timeout_error", last_status = "running", retry_after = 3, maybe_billed = true,
    }))
    assert.equal("ambiguous_error: the answer was lost [generations.create, id cgt-1, "
      .. "timeout_error, last status running, retry after 3 s, maybe billed]", line)
  end)

  it("names the first of the tasks that it may be, and how many more there are", function()
    local function line(...)
      return tostring(errors.new("ambiguous_error", { message = "m", candidates = { ... },
        endpoint = "generations.create" }))
    end
    assert.equal("ambiguous_error: m [generations.create]", line())
    assert.equal("ambiguous_error: m (it may be cgt-1) [generations.create]", line "cgt-1")
    assert.equal("ambiguous_error: m (it may be cgt-1 or a\\x0ab) [generations.create]",
      line("cgt-1", "a\nb"))
    assert.equal("ambiguous_error: m (it may be cgt-1, cgt-2, cgt-3 or one of 2 more) "
      .. "[generations.create]", line("cgt-1", "cgt-2", "cgt-3", "cgt-4", "cgt-5"))
  end)

  it("never shows body or object", function()
    local line = tostring(errors.new("api_error",
      { message = "m", body = "SECRET", object = { url = "SECRET" } }))
    assert.is_nil(line:find("SECRET", 1, true))
  end)

  it("shows control bytes, broken UTF-8 and foreign line ends as escapes", function()
    local function shown(text) return tostring(errors.new("api_error", { message = text })) end
    assert.equal("api_error: a\\x0d\\x0ab", shown("a\r\nb"))
    assert.equal("api_error: \\x00\\x1b[31m\\x7f", shown("\0\27[31m\127"))
    assert.equal("api_error: \\xc2\\x85", shown("\194\133"))
    assert.equal("api_error: \\xe2\\x80\\xa8", shown("\226\128\168"))
    assert.equal("api_error: \\x9b", shown("\155"))
    assert.equal("api_error: \\xe2\\x82", shown("\226\130"))
    assert.equal("api_error: é€𝄞", shown("é€𝄞"))
    assert.equal("api_error: x [HTTP 403, code Quota, the service's type forbidden, request_id r]",
      tostring(errors.new("api_error", { message = "x", status = 403, service_code = "Quota",
        service_type = "forbidden", request_id = "r" })))
    assert.equal("api_error: x [HTTP 400, request_id a\\x0ab]",
      tostring(errors.new("api_error", { message = "x", status = 400, request_id = "a\nb" })))
  end)

  it("cuts a message of megabytes, not within a character", function()
    for _, before in ipairs { "", "x" } do
      local line = tostring(errors.new("api_error", { message = before .. ("é"):rep(1000000) }))
      assert.is_true(#line < 1100)
      assert.is_nil(line:find("\\x", 1, true))
      assert.matches("é…$", line)
    end
  end)

  it("has no signature of a link, whoever quotes it", function()
    local function shown(message)
      return tostring(errors.new("api_error", { message = message }))
    end
    assert.equal("api_error: cannot fetch https://cdn.example/a.jpg?… (403)",
      shown "cannot fetch https://cdn.example/a.jpg?X-Amz-Signature=SECRET (403)")
    assert.equal('api_error: "HTTP://…@cdn.example/a#…", or not?',
      shown '"HTTP://me:SECRET@cdn.example/a#SECRET", or not?')
    assert.equal("api_error: x (postgresql://pomex@db/jobs?sslmode=require)",
      tostring(errors.new("api_error", { message = "x",
        hint = "postgresql://pomex@db/jobs?sslmode=require" })))
    assert.equal("api_error: x (at https://a.example/?…)",
      tostring(errors.new("api_error", { message = "x", hint = "at https://a.example/?SECRET" })))
  end)

  it("is one printable line whatever the fields hold", function()
    property.holds(2000, function(random)
      local err = errors.new(random:text(0, 12), {
        message = random:text(0, 60), hint = random:text(0, 60), request_id = random:text(0, 20),
        id = random:text(0, 20), endpoint = random:text(0, 9), last_status = random:text(0, 9),
      })
      local line = tostring(err)
      assert.is_nil(line:find("%c"))
      assert.is_nil(line:find("\194[\128-\159]"))
      assert.is_nil(line:find("\226\128[\168\169]"))
      if utf8 then assert.is_truthy(utf8.len(line)) end
    end)
  end)

  it("joins strings, as people write it", function()
    local err = errors.new("timeout_error", { message = "late" })
    assert.equal("failed: timeout_error: late", "failed: " .. err)
    assert.equal("timeout_error: late!", err .. "!")
  end)

  it("wrap keeps the table, new copies the fields", function()
    local fields = { type = "api_error", status = 418 }
    assert.equal(fields, errors.wrap(fields))
    local given = { status = 418 }
    local err = errors.new("api_error", given)
    assert.is_nil(given.type)
    assert.equal(418, err.status)
    assert.equal("api_error", err.type)
  end)

  it("knows its own", function()
    assert.is_true(errors.is(errors.new("api_error")))
    for _, other in ipairs { {}, "api_error", 1, true, setmetatable({}, {}) } do
      assert.is_false(errors.is(other))
    end
    assert.is_false(errors.is(nil))
  end)

  it("refuse gives nil and an error that says nothing was sent", function()
    local value, err = errors.invalid("assets.create", "no", "x is 1")
    assert.is_nil(value)
    assert.equal("invalid_request_error", err.type)
    assert.is_true(err.client)
    assert.equal(0, err.attempts)
    assert.is_false(err.retryable)
    assert.equal("invalid_request_error: no (x is 1) [assets.create]", tostring(err))
  end)
end)
