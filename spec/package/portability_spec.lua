-- What differs between the Luas, and between the two lua-cjsons.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

describe("every Lua", function()
  it("can read every file, the examples too", function()
    local listing = shell.bash("cd " .. shell.quote(root) .. " && find lua examples -name '*.lua'")
    local count = 0
    for name in listing:gmatch("[^\n]+") do
      assert(loadfile(root .. "/" .. name))
      count = count + 1
    end
    assert.is_true(count > 20)
  end)

  it("runs the specs in a program that they can start again", function()
    local output = shell.bash(shell.lua() .. [[ -e 'print(_VERSION, jit and jit.version)']])
    assert.equal(_VERSION .. "\t" .. tostring(rawget(_G, "jit") and jit.version) .. "\n", output)
  end)
end)

describe("on every Lua", function()
  local sb, client
  bed({ sandbox = { asset_seconds = 1 }, client = { max_retries = 0 } },
    function(...) sb, client = ... end)

  local function sent(body)
    client:request("POST", "/v1/echo", { body = body })
    return sb.journal:requests()[1].body
  end

  it("whole numbers leave whole and come whole, up to 2^53 and beyond", function()
    assert.equal('{"n":9007199254740991}', sent { n = 2 ^ 53 - 1 })
    sb.journal:clear()
    assert.equal('{"n":-9007199254740992}', sent { n = -(2 ^ 53) })
    sb.journal:clear()
    assert.equal('{"n":0}', sent { n = -0.0 })
    sb:fault { endpoint = "assets.get", status = 200,
      body = '{"id":"a","status":"active","n":9007199254740991,"m":-9007199254740992}' }
    local asset = assert(client.assets:get("a"))
    assert.equal("9007199254740991 -9007199254740992", ("%d %d"):format(asset.n, asset.m))
    if interpreter.integers then assert.equal("9007199254740991", tostring(asset.n)) end
  end)

  it("operations are numbered with whole numbers that are never used twice", function()
    local seen = {}
    for _ = 1, 100 do
      local handle, id = client.loop.handle:call("assets.get", "x")
      handle:cancel()
      assert.is_true(id % 1 == 0 and not seen[id])
      assert.equal(id, handle:id())
      seen[id] = true
    end
    while client:step() > 0 do client:poll(1) end
  end)

  it("a task may wait below pcall, where this Lua can, and pomex never needs it", function()
    local function guarded()
      local ok, what = pcall(client.assets.list, client.assets)
      return ok, ok and what.object or what
    end
    if interpreter.yields_within_calls then
      assert.same({ true, "list" }, { client:run(guarded) })
    else
      local ok, what = client:run(guarded)
      assert.is_false(ok)
      assert.matches("a wait in a function that a function in C calls", what)
    end
    -- Every wait of ours, from the callbacks of ours, too.
    local steps = {}
    local asset = assert(client:run(function()
      local created = assert(client.assets:create_and_wait({
        url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = sb:add_person(),
      }, {
        first = 0.01,
        on_created = function() steps[1] = client.assets:list().object end,
        on_update = function() steps[2] = client.assets:list().object end,
        timeout = 30,
      }))
      steps[3] = client:map({ 1, 2 }, function() return client.assets:list().object end)[2][1]
      steps[4] = client:run(function() return client.assets:list().object end)
      steps[5] = pomex.all { client.async.assets:list() }[1][1].object
      return created
    end))
    assert.equal("active", asset.status)
    assert.same({ "list", "list", "list", "list", "list" }, steps)
  end)
end)

local found, ffi = pcall(require, "ffi")
if found then
  describe("LuaJIT's", function()
    local client
    before_each(function()
      client = assert(pomex.new { api_key = "sk-k", base_url = "http://127.0.0.1:1",
        max_retries = 0 })
    end)
    after_each(function() client:close() end)

    local function refusal(f, ...)
      local ok, message = pcall(f, ...)
      assert.is_false(ok)
      return message
    end

    it("64-bit and other C values are refused where a number is meant, and named", function()
      local five = ffi.new("int64_t", 5)
      assert.matches("assets:list: limit must be a number, not cdata",
        refusal(client.assets.list, client.assets, { limit = five }))
      assert.matches("assets:get: timeout must be a number of seconds above 0, not cdata",
        refusal(client.assets.get, client.assets, "a", { timeout = five }))
      assert.matches("assets:get: asset must be an id or an object with an id, not cdata",
        refusal(client.assets.get, client.assets, five))
      assert.matches("seed is a cdata, which JSON cannot say",
        refusal(client.generations.create, client.generations, {
          model = "byteplus/seedance-2.0", content = pomex.content():text("a"), seed = five }))
      assert.matches("body%[2%] is a cdata, which JSON cannot say",
        refusal(client.request, client, "POST", "/x", { body = { body = { 1, five } } }))
      for _, value in ipairs { ffi.new("uint64_t", 5), ffi.new("int[2]"), ffi.new("void *") } do
        assert.matches("n is a cdata, which JSON cannot say",
          refusal(client.request, client, "POST", "/x", { body = { n = value } }))
      end
      assert.matches("has a key that is neither a name nor a position",
        refusal(client.request, client, "POST", "/x", { body = { [five] = 1 } }))
    end)

    it("compiled code calls the binding as its interpreter does", function()
      local function work()
        local seen, last = 0, core.now()
        for i = 1, 2000 do
          local tidied = core.tidy { a = i, b = core.null, c = { i + 0.5 } }
          local time = core.now()
          assert(time >= last and tidied.a == i and tidied.b == nil and tidied.c[1] == i + 0.5)
          last, seen = time, seen + #core.random(2)
          if i % 100 == 0 then assert(client:step() == 0 and client:timeout() == nil) end
        end
        return seen
      end
      jit.off(work, true)
      assert.equal(4000, work())
      jit.on(work, true)
      local compiled = false
      local function note(what) compiled = compiled or what == "stop" end
      jit.attach(note, "trace")
      assert.equal(4000, work())
      jit.attach(note)
      assert.is_true(compiled)
    end)
  end)
end

describe("with OpenResty's lua-cjson", function()
  local installed, fork = require "cjson", nil

  -- Modules of pomex anew, with the fork in place of the installed lua-cjson.
  local function anew(name)
    local before = {}
    for loaded, module in pairs(package.loaded) do
      if loaded:find("^pomex") and loaded ~= "pomex.core" then before[loaded] = module end
    end
    for loaded in pairs(before) do package.loaded[loaded] = nil end
    package.loaded.cjson = fork
    local module = require(name)
    package.loaded.cjson = installed
    for loaded in pairs(package.loaded) do
      if loaded:find("^pomex") and loaded ~= "pomex.core" then package.loaded[loaded] = nil end
    end
    for loaded, old in pairs(before) do package.loaded[loaded] = old end
    return module
  end

  setup(function()
    package.loaded["spec.support.openresty_cjson"] = nil
    fork = require "spec.support.openresty_cjson"
  end)

  it("replies are the same", function()
    local theirs, ours = anew "pomex.json", require "pomex.json"
    assert.not_equal(theirs, ours)
    for _, body in ipairs { '{"a":null,"b":5,"c":5.0,"d":0.5,"e":[1,{"f":null,"g":"x"}],"h":[]}',
      '{"n":9007199254740991}', '{"a":{}}' } do
      assert.same(ours.object(body), theirs.object(body))
      if interpreter.integers then
        assert.same(math.type((ours.object(body)).b), math.type((theirs.object(body)).b))
      end
    end
    assert.is_nil((theirs.object("{")))
  end)

  it("lists are marked as lists, whatever the application asked of it", function()
    for _, asked in ipairs { true, false } do
      fork.decode_array_with_array_mt(asked)
      assert.equal(asked and fork.array_mt or nil, getmetatable(fork.decode("[1]")))
      local got = anew("pomex.json").object('{"a":[1],"b":[],"c":{"d":"[]\\"[]"}}')
      assert.equal(fork.array_mt, getmetatable(got.a))
      assert.equal(fork.array_mt, getmetatable(got.b))
      assert.same({ a = { 1 }, b = {}, c = { d = '[]"[]' } }, got)
      assert.is_nil(getmetatable(got.c))
    end
  end)

  it("its marks make arrays of what is empty", function()
    local sb = assert(sandbox.start { rate_limits = false })
    local client = assert(pomex.new(sb:client_options { rate_limits = false }))
    anew "pomex.json"
    local body = { b = setmetatable({}, fork.array_mt), c = setmetatable({}, fork.empty_array_mt),
      d = {}, a = fork.empty_array or pomex.array() }
    client:request("POST", "/v1/echo", { body = body })
    local text = sb.journal:requests()[1].body
    client:close()
    sb:stop()
    for _, name in ipairs { "a", "b", "c" } do
      assert.is_truthy(text:find(('"%s":[]'):format(name), 1, true), text)
    end
    assert.is_truthy(text:find('"d":{}', 1, true), text)
  end)
end)
