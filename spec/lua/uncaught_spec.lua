-- Errors that `pomex.check` and `each` raise: the error itself for whoever catches it; and where
-- nobody does, its line on stderr, whatever runs the program.

local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local shell = require "spec.support.shell"

-- The error of a port at which nobody listens.
local BEGIN = [[
local pomex = require "pomex"
local client = pomex.check(pomex.new { api_key = "sk-test-key", base_url = "http://127.0.0.1:1",
  max_retries = 0, host = HOST })
local function fails() return client.assets:get "asset-1" end
]]

local LINE = "connection_error: .+assets.get, id asset%-1, 1 attempt"

-- PUC 5.1 shows no table: there the line is raised.
local RAISED = interpreter.yields_within_calls and "table" or "string"

---What a program of that Lua prints, errors too.
local function output(code, host)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write("local HOST = ", host and ("%q"):format(host) or "nil", "\n", BEGIN, code)
  file:close()
  local text, ok = shell.bash(("timeout 60 %s %s"):format(shell.lua(), name))
  os.remove(name)
  return text, ok
end

local function says(pattern, code, host)
  local text, ok = output(code, host)
  assert.is_false(ok)
  assert.matches(pattern, text)
  assert.is_nil(text:find("%(null%)"))
  assert.is_nil(text:find("is not a string", 1, true))
  return text
end

describe("an error that nobody catches is said", function()
  it("of check, in the main chunk", function()
    says(LINE, "pomex.check(fails())")
  end)

  it("of each, in the main chunk", function()
    says("connection_error: .+assets.list", "for _ in client.assets:each() do end")
  end)

  it("of check in a task that nobody collects, by the next step", function()
    says(LINE .. ".+traceback", [[
      client:spawn(function() pomex.check(fails()) end)
      while client:step() > 0 do client:poll() end]], "coroutine")
  end)

  it("of client:run", function()
    says(LINE, "client:run(function() pomex.check(fails()) end)")
  end)

  local luv, why_no_luv = interpreter.optional "luv"
  local function of_luv(title, f)
    if luv then it(title, f) else pending(title .. ": " .. why_no_luv) end
  end

  of_luv("of check in a callback of luv's", function()
    for _, start in ipairs { "f()", "coroutine.wrap(f)()" } do
      says(LINE, [[
        local uv = require "luv"
        local op = client.async.assets:get "asset-1"
        local timer = uv.new_timer()
        local function f()
          if not op:done() then return client:step() end
          pomex.check(op:wait())
        end
        timer:start(1, 5, function() ]] .. start .. [[ end)
        uv.run()]], "luv")
    end
  end)

  of_luv("of check in a task of luv's", function()
    says(LINE, [[
      client:spawn(function() pomex.check(fails()) end)
      require "luv".run()]], "luv")
  end)

  local cqueues, why_no_cqueues = interpreter.optional "cqueues"
  local function of_cqueues(title, f)
    if cqueues then it(title, f) else pending(title .. ": " .. why_no_cqueues) end
  end

  of_cqueues("of check in a thread of cqueues'", function()
    says(LINE, [[
      local cq = require "cqueues".new()
      cq:wrap(function() pomex.check(fails()) end)
      assert(cq:loop())]])
  end)

  of_cqueues("of check in a task of cqueues'", function()
    says(LINE, [[
      local cq = require "cqueues".new()
      cq:wrap(function() client:spawn(function() pomex.check(fails()) end) end)
      assert(cq:loop())]])
  end)

  local copas, why_no_copas = interpreter.optional "copas"
  if not copas then
    pending("of check in a thread of copas': " .. why_no_copas)
  else
    it("of check in a thread of copas'", function()
      local text = output([[
        local copas, show = require "copas", print
        -- copas prints it, and would go on for ever.
        function print(...)
          show(...)
          os.exit(1)
        end
        copas.addthread(function() pomex.check(fails()) end)
        copas.loop()]], "copas")
      assert.matches(LINE, text)
    end)
  end
end)

describe("an error that somebody catches", function()
  it("is the error itself, of check and each, also in a task and through client:run", function()
    local text, ok = output([[
      local function caught(f, ...)
        local ok, err = pcall(f, ...)
        assert(not ok)
        assert(tostring(err):find("connection_error", 1, true))
        return type(err), type(err) == "table" and err.type, pomex.errors.is(err)
      end
      print(caught(function() pomex.check(fails()) end))
      print(caught(function() for _ in client.assets:each() do end end))
      print(caught(client.run, client, function() pomex.check(fails()) end))
      local task = client:spawn(function() pomex.check(fails()) end)
      print(caught(task.wait, task))
      local result = pomex.all { client:spawn(function() pomex.check(fails()) end) } [1]
      print(type(result[2]))]])
    assert.is_true(ok, text)
    local one = RAISED == "table" and "table\tconnection_error\ttrue\n" or "string\tfalse\tfalse\n"
    assert.equal(one:rep(4) .. RAISED .. "\n", text)
  end)

  it("is the error itself in a task of luv's, and the line in its callbacks", function()
    if not interpreter.optional "luv" then return end
    local text, ok = output([[
      local uv = require "luv"
      local err = pomex.errors.new("api_error", { message = "m" })
      local timer = uv.new_timer()
      client:spawn(function() print(type(select(2, pcall(pomex.check, nil, err)))) end)
      timer:start(1, 0, function()
        print(type(select(2, pcall(pomex.check, nil, err))))
        client:spawn(function() print(type(select(2, pcall(pomex.check, nil, err)))) end)
        timer:close()
      end)
      uv.run()]], "luv")
    assert.is_true(ok, text)
    assert.equal(RAISED .. "\nstring\n" .. RAISED .. "\n", text)
  end)

  it("is the line in nginx, outside of a task: a table would be an unknown reason", function()
    local before = rawget(_G, "ngx")
    rawset(_G, "ngx", {})
    local _, raised = pcall(pomex.check, nil, pomex.errors.new("api_error", { message = "m" }))
    rawset(_G, "ngx", before)
    assert.equal("string", type(raised))
    assert.matches("api_error: m$", raised)
  end)
end)
