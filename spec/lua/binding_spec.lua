-- pomex.core: what C hands to Lua and takes from it.

local cjson = require "cjson"
local core = require "pomex.core"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

-- Nothing listens on port 1.
local NOWHERE = { api_key = "sk-test", base_url = "http://127.0.0.1:1", rate_limits = false }

-- News is taken at once, as hosts do: what is left untaken keeps the descriptor readable, and
-- poll would not wait.
local function finish(client, op)
  local give_up = core.now() + 30
  repeat
    if op:done() then return op:result() end
    client:step()
    while client:next() do end
    if not op:done() then client:poll(1) end
  until core.now() > give_up
  error("the operation never ended")
end

describe("core.new", function()
  it("gives an error table where there is no key", function()
    local client, err = core.new { api_key = "" }
    assert.is_nil(client)
    assert.equal("table", type(err))
    assert.is_true(err.client)
    assert.matches("key", err.message)
    assert.is_nil(getmetatable(err))
  end)

  it("refuses types that are none of C's business", function()
    assert.error_matches(function() core.new { api_key = {} } end, "api_key must be a string")
    assert.error_matches(function() core.new { api_key = "sk-a\0b" } end, "api_key .*NUL")
    assert.error_matches(function() core.new { api_key = "sk-k", budget = "1" } end,
      "budget must be a number")
    assert.error_matches(function() core.new { api_key = "sk-k", budget = 0 / 0 } end, "NaN")
    assert.error_matches(function() core.new { api_key = "sk-k", max_retries = 1.5 } end,
      "max_retries must be a whole number")
    assert.error_matches(function() core.new(5) end, "table expected")
  end)

  it("names a number that is out of range, however large", function()
    for _, value in ipairs { -1, 101, 1e300, -1e300, math.huge } do
      local client, err = core.new { api_key = "sk-k", max_retries = value }
      assert.is_nil(client)
      assert.matches("max_retries", err.message .. (err.hint or ""))
    end
  end)

  it("opens nothing", function()
    local before = leaks.open_files()
    local client = assert(core.new(NOWHERE))
    assert.equal(before, leaks.open_files())
    client:close()
  end)
end)

describe("a core client", function()
  it("raises when it is closed, whatever is asked of it", function()
    local client = assert(core.new(NOWHERE))
    client:close()
    client:close()
    assert.is_true(client:closed())
    for _, name in ipairs { "call", "request", "wait", "download", "step", "next", "next_event",
      "pollfd", "events", "timeout", "poll", "base_url" } do
      assert.error_matches(function() client[name](client, "assets.get", "x") end,
        "pomex client is closed")
    end
  end)

  it("raises on a self of another kind", function()
    local client = assert(core.new(NOWHERE))
    assert.error_matches(function() client.step(io.stdout) end, "pomex client expected")
    assert.error_matches(function() client.step() end, "pomex client expected")
    assert.error_matches(function() client.step {} end, "pomex client expected")
    assert.error_matches(function() client:call("no.such") end, "no such endpoint")
    assert.error_matches(function() client:call("assets.get", 5) end, "string expected")
    local op = client:call("assets.get", "x")
    assert.error_matches(function() op.done(client) end, "pomex operation expected")
    client:close()
  end)

  it("is kept by its operations, and closed by the collector", function()
    local before = leaks.open_files()
    local weak = setmetatable({}, { __mode = "v" })
    local op
    do
      local client = assert(core.new(NOWHERE))
      weak[1] = client
      op = client:call("assets.get", "x", nil, { max_retries = 0 })
      client:step()
    end
    leaks.collect()
    assert.is_truthy(weak[1])
    local body, err = finish(weak[1], op)
    assert.is_nil(body)
    assert.equal("connection_error", err.type)
    op = nil -- luacheck: ignore
    leaks.collect()
    assert.is_nil(weak[1])
    assert.equal(before, leaks.open_files())
  end)

  it("leaves its operations readable when it is closed in the middle", function()
    local client = assert(core.new(NOWHERE))
    local op = client:call("assets.get", "x")
    client:step()
    client:close()
    assert.is_true(op:done())
    local body, err, attempts = op:result()
    assert.is_nil(body)
    assert.equal("string", type(err.type))
    assert.equal(attempts, op:attempts())
    op:release()
    assert.is_true(op:done())
    op:cancel()
    assert.equal("", op:body())
    assert.equal(0, select("#", op:result()))
  end)

  it("says whether anything came, for as long as it was told to wait", function()
    local client = assert(core.new(NOWHERE))
    local began = core.now()
    assert.is_false(client:poll(0.05))
    assert.is_true(core.now() - began >= 0.049)
    assert.equal("r", client:events())
    assert.equal("number", type(client:pollfd()))
    client:close()
  end)

  it("reports the end of each operation exactly once", function()
    local client = assert(core.new(NOWHERE))
    local ended = {}
    local ops = {}
    for i = 1, 20 do
      ops[i] = client:call("assets.get", "a" .. i, nil, { max_retries = 0 })
      assert.is_nil(ended[ops[i]:id()])
      ended[ops[i]:id()] = 0
      if i % 3 == 0 then ops[i]:cancel() end
      if i % 4 == 0 then ops[i] = false end
    end
    for _ = 1, 1000 do
      local left = client:step()
      local id, done = client:next()
      while id do
        if done then ended[id] = ended[id] + 1 end
        id, done = client:next()
      end
      leaks.collect()
      if left == 0 then break end
      client:poll(1)
    end
    local count = 0
    for _, times in pairs(ended) do
      assert.equal(1, times)
      count = count + 1
    end
    assert.equal(20, count)
    client:close()
  end)
end)

describe("a request's table", function()
  local sb, client

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    client = assert(core.new { api_key = sb.key, base_url = sb.url, rate_limits = false })
  end)

  teardown(function()
    client:close()
    sb:stop()
  end)

  -- The bytes that the server got for `body`.
  local function sent(body)
    sb.journal:clear()
    local op, err = client:request("POST", "/v1/echo", { body = body })
    if not op then return nil, err end
    finish(client, op)
    return sb.journal:requests()[1].body
  end

  it("becomes JSON with whole numbers whole", function()
    assert.equal('{"n":512}', sent { n = 512 })
    assert.equal('{"n":512}', sent { n = 512.0 })
    assert.equal('{"n":-3}', sent { n = -3.0 })
    if math.type then assert.equal('{"n":9007199254740993}', sent { n = 9007199254740993 }) end
    assert.equal('{"n":1000000000000000000}', sent { n = 1e18 })
    assert.equal('{"n":0.5}', sent { n = 0.5 })
  end)

  it("keeps strings with NUL, all of Unicode, and what JSON must escape", function()
    assert.equal([["a\u0000b"]], sent "a\0b")
    assert.equal('"é漢🙂"', sent "é漢🙂")
    assert.same({ "\"\\\n\t" }, cjson.decode(sent { "\"\\\n\t" }))
  end)

  it("tells lists from objects", function()
    assert.equal('[1,[2,3],{"a":4}]', sent { 1, { 2, 3 }, { a = 4 } })
    assert.equal("{}", sent {})
    assert.equal("[]", sent(pomex.array()))
    assert.equal('{"a":[]}', sent { a = pomex.array {} })
    assert.equal("[1]", sent(pomex.array { 1 }))
    assert.equal('{"a":null}', sent { a = cjson.null })
    assert.equal('{"a":null}', sent { a = pomex.null })
    assert.equal("[true,false,null]", sent { true, false, pomex.null })
  end)

  it("of an OpenResty kind of empty array is one too", function()
    local metatable = {}
    core.arrays[metatable] = true
    assert.equal("[]", sent(setmetatable({}, metatable)))
    core.arrays[metatable] = nil
    assert.equal("{}", sent(setmetatable({}, metatable)))
    -- The only way for Lua to a light userdata that is not NULL.
    local mark = debug.upvalueid and debug.upvalueid(sent, 1)
    if mark then
      core.arrays[mark] = true
      assert.equal('{"a":[]}', sent { a = mark })
      core.arrays[mark] = nil
      assert.is_nil((sent { a = mark }))
    end
  end)

  local function refused(body, path, message, kind)
    local text, err = sent(body)
    assert.is_nil(text)
    assert.equal(kind or "misuse", err.type)
    assert.equal(path .. " " .. message, err.message)
    assert.equal(0, #sb.journal:requests())
  end

  it("is refused with the path of what JSON cannot say", function()
    refused({ content = { { image_url = print } } }, "content[1].image_url",
      "is a function, which JSON cannot say")
    refused({ a = io.stdout }, "a", "is a userdata, which JSON cannot say")
    refused({ a = { 1, 2, b = 3 } }, "a", "mixes list items and named fields")
    refused({ a = { [1] = 1, [3] = 3 } }, "a", "is a list with holes")
    refused({ a = { [5] = 1 } }, "a", "is a list with holes")
    refused({ a = { [1.5] = 1 } }, "a", "has a key that is neither a name nor a position")
    refused({ a = { [0] = 1 } }, "a", "has a key that is neither a name nor a position")
    refused({ a = { [true] = 1 } }, "a", "has a key that is neither a name nor a position")
    refused({ a = { ["b\0c"] = 1 } }, "a", "has a field name with a NUL byte")
    refused(function() end, "the value", "is a function, which JSON cannot say")
  end)

  it("is refused with the path of a value that no JSON has", function()
    local kind = "invalid_request_error"
    refused({ a = { 1, 0 / 0 } }, "a[2]", "is not a number (NaN)", kind)
    refused({ a = { b = math.huge } }, "a.b", "is infinite", kind)
    refused({ a = { b = -math.huge } }, "a.b", "is infinite", kind)
    refused({ a = { "ok", { text = "\255" } } }, "a[2].text", "is not valid UTF-8", kind)
    refused({ a = { text = "\237\160\128" } }, "a.text", "is not valid UTF-8", kind)
    refused({ a = { ["k\255"] = 1 } }, "a.k\255", "has a name that is not valid UTF-8", kind)
  end)

  it("is refused where it holds itself, or is too deep", function()
    local ring = {}
    ring.ring = ring
    local _, err = sent(ring)
    assert.equal("misuse", err.type)
    assert.matches("nested more than 64 levels deep, or in itself$", err.message)
    local function nested(levels)
      local value = {}
      for _ = 2, levels do value = { value } end
      return value
    end
    assert.equal(("["):rep(63) .. "{}" .. ("]"):rep(63), sent(nested(64)))
    _, err = sent(nested(65))
    assert.equal("misuse", err.type)
  end)

  it("may be refused a thousand times without a trace", function()
    -- A sanitizer keeps what is freed for a while, and looks for leaks itself.
    if (os.getenv("LD_PRELOAD") or ""):find("asan", 1, true) then return end
    local bad = { list = {}, last = { deep = { print } } }
    for i = 1, 50 do bad.list[i] = { text = ("x"):rep(100) } end
    local function memory()
      leaks.collect()
      local file = assert(io.open("/proc/self/statm"))
      local pages = file:read("*a"):match("^%d+ (%d+)")
      file:close()
      return tonumber(pages)
    end
    for _ = 1, 200 do client:request("POST", "/v1/echo", { body = bad }) end
    local before = memory()
    for _ = 1, 3000 do client:request("POST", "/v1/echo", { body = bad }) end
    -- 3,000 of these trees would be some 7,000 pages.
    assert.is_true(memory() - before < 700)
  end)
end)

describe("core.tidy", function()
  it("drops nulls, and makes whole numbers integers", function()
    local tidied = core.tidy { a = pomex.null, b = 5.0, c = 0.5, d = { 1.0, { e = pomex.null } } }
    assert.same({ b = 5, c = 0.5, d = { 1, {} } }, tidied)
    if math.type then
      assert.equal("integer", math.type(tidied.b))
      assert.equal("integer", math.type(tidied.d[1]))
      assert.equal("float", math.type(tidied.c))
    end
    assert.equal(5, core.tidy(5))
  end)

  it("is not led astray by a table that holds itself", function()
    local ring = {}
    ring.ring = ring
    assert.error_matches(function() core.tidy(ring) end, "nested too deep")
  end)
end)

describe("core.random", function()
  it("gives as many bytes as asked, and others each time", function()
    assert.equal("", core.random(0))
    assert.equal(16, #core.random(16))
    assert.equal(256, #core.random(256))
    assert.not_equal(core.random(16), core.random(16))
    assert.has_error(function() core.random(-1) end)
    assert.has_error(function() core.random(257) end)
  end)
end)

describe("core.spawn", function()
  it("talks to a process that ends with its input", function()
    local before = leaks.open_files()
    local process = assert(core.spawn("sh", { "-c", "echo one; echo two; cat; exit 3" }))
    assert.is_true(process:pid() > 1)
    assert.equal("one", process:read_line(10))
    assert.equal("two", process:read_line(10))
    local line, why = process:read_line(0.01)
    assert.is_nil(line)
    assert.equal("timeout", why)
    assert.equal(3, process:stop(10))
    assert.equal(3, process:stop(10))
    assert.is_nil(process:pid())
    assert.same({ nil, "closed" }, { process:read_line(1) })
    assert.equal(before, leaks.open_files())
  end)

  it("ends one that will not", function()
    local process = assert(core.spawn("sh", { "-c", "trap '' TERM; echo up; while :; do :; done" }))
    assert.equal("up", process:read_line(10))
    local code, signal = process:stop(0.05)
    assert.is_nil(code)
    assert.equal(9, signal)
  end)

  it("does not hang on one that writes and writes", function()
    local process = assert(core.spawn("sh", { "-c", "head -c 300000 /dev/zero; cat; exit 4" }))
    assert.equal(4, process:stop(10))
  end)

  it("refuses a line without an end", function()
    local process = assert(core.spawn("sh", { "-c", "head -c 9000 /dev/zero; cat" }))
    assert.same({ nil, "line too long" }, { process:read_line(10) })
    process:stop(10)
  end)

  it("hands on the environment, with what is said otherwise", function()
    local process = assert(core.spawn("env", {}, { "HOME=/none", "POMEX_SPEC=a b" }))
    local seen = {}
    for line in function() return process:read_line(10) end do
      local name, value = line:match "^(%w[%w_]*)=(.*)$"
      if name then
        assert.is_nil(seen[name])
        seen[name] = value
      end
    end
    process:stop(10)
    assert.same({ "/none", "a b", os.getenv "PATH" }, { seen.HOME, seen.POMEX_SPEC, seen.PATH })
    assert.error_matches(function() core.spawn("env", {}, { 5 }) end, "must be a string")
  end)

  it("is ended by the collector", function()
    local before = leaks.open_files()
    local process = assert(core.spawn("cat", {}))
    local pid = process:pid()
    process = nil -- luacheck: ignore
    -- Not within the call below: to LuaJIT, a slot of it that is yet unused may hold the process.
    leaks.collect()
    assert.equal(before, leaks.open_files())
    assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
  end)

  it("says what cannot be started #native", function()
    local process, why = core.spawn("/no/such/program", {})
    assert.is_nil(process)
    assert.equal("cannot start /no/such/program: No such file or directory", why)
    assert.error_matches(function() core.spawn("sh", { 5 }) end, "must be a string")
    assert.error_matches(function() core.spawn("sh") end, "table expected")
  end)
end)
