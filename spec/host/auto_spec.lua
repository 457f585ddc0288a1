-- The host "auto": what it finds where, and whom it does not make yield.

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local shell = require "spec.support.shell"

local cqueues, no_cqueues = interpreter.optional "cqueues"
local luv, no_luv = interpreter.optional "luv"
if not cqueues or not luv then
  it("the host auto", function() pending(cqueues and no_luv or no_cqueues) end)
  return
end

describe("the host auto", function()
  local sb, client
  local new = bed({}, function(...) sb, client = ... end)

  local SESSION = { callback_url = "https://app.example/cb" }

  -- A generator as programs write them: whoever consumes it knows nothing of pomex or the host.
  local function generator()
    return coroutine.wrap(function()
      coroutine.yield("first")
      coroutine.yield(pcall(client.sessions.create, client.sessions, SESSION))
    end)
  end

  local function in_luv(f)
    local timer = luv.new_timer()
    timer:start(0, 0, function()
      timer:close()
      f()
    end)
    luv.run()
  end

  local function in_cqueues(f)
    local cq = cqueues.new()
    cq:wrap(f)
    assert(cq:loop(20))
    assert.is_true(cq:empty())
  end

  local LOOPS = { cqueues = in_cqueues, luv = in_luv }

  for name, within in pairs(LOOPS) do
    it("does not yield a generator within " .. name .. ", nor block, nor send anything", function()
      local first, ok, why
      within(function()
        local produce = generator()
        first = produce()
        ok, why = produce()
      end)
      assert.same({ "first", false }, { first, ok })
      assert.equal("string", type(why))
      assert.matches("^pomex: " .. name .. " did not start the coroutine that runs here", why)
      assert.matches("host = \"" .. name .. "\"", why, 1, true)
      assert.equal(0, #sb.journal:requests())
    end)

    it("blocks, in a script that has " .. name .. " but does not run it", function()
      assert.equal("list", client.assets:list().object)
      assert.equal("first", generator()())
      assert.equal("pending", client:run(function()
        return client.sessions:create(SESSION).status
      end))
      -- Nothing is left in a loop that never ran.
      within(function() end)
    end)
  end

  it("starts tasks of the kind of the loop that runs", function()
    local direct, nested, ours
    local function sleep()
      cqueues.sleep(0.01)
      return "slept"
    end
    in_cqueues(function()
      direct = client:run(sleep)
      nested = coroutine.wrap(function() return client:spawn(sleep) end)():wait()
    end)
    assert.same({ "slept", "slept" }, { direct, nested })
    in_luv(function()
      client:spawn(function()
        local co = coroutine.running()
        local timer = luv.new_timer()
        timer:start(1, 0, function()
          timer:close()
          assert(coroutine.resume(co))
        end)
        ours = coroutine.yield() == nil and client.assets:list().object
      end)
    end)
    assert.equal("list", ours)
  end)

  it("has a loop of luv's drive what the main chunk began before it", function()
    local page, told
    client:spawn(function() page = client.assets:list() end)
    client.async.assets:list():on_done(function(got) told = got end)
    assert.is_nil(page)
    luv.run()
    assert.equal("list", page.object)
    assert.equal("list", told.object)
  end)

  it("lets luv's loop end when a task from before it has waited on a second client", function()
    local first, second, page = client, new(), nil
    first:spawn(function()
      page = second.assets:list() and first.assets:list() and second.assets:list()
    end)
    luv.run()
    assert.equal("list", page.object)
  end)

  it("has a loop drive what began while none ran, once somebody waits there", function()
    sb:fault { endpoint = "assets.list", delay = 0.1, times = 0 }
    local op = client.async.assets:list()
    local task = client:spawn(function() return client.assets:list() end)
    local pages = {}
    in_cqueues(function()
      pages[1] = op:wait()
      pages[2] = task:wait()
    end)
    assert.same({ "list", "list" }, { pages[1].object, pages[2].object })
  end)

  it("is no hindrance in a loop of frames that is none of these", function()
    sb:fault { endpoint = "assets.list", delay = 0.1, times = 0 }
    local output, ok = shell.bash(shell.lua() .. (" -e '" .. [[
      local pomex = require "pomex"
      local client = pomex.new { base_url = "%s", api_key = "%s" }
      assert(not package.loaded.cqueues and not package.loaded.luv)
      local pages, frames, longest = 0, 0, 0
      for _ = 1, 3 do
        client:spawn(function()
          assert(client.assets:list())
          coroutine.yield()             -- until the next frame
          pages = pages + 1
        end)
      end
      repeat
        frames = frames + 1
        local began = os.clock()
        local left = client:step(0.004)
        longest = math.max(longest, os.clock() - began)
        client:poll(0.005)
      until left == 0
      print(pages, frames > 3, longest < 0.05)
      client:close()
    ']]):format(sb.url, sb.key))
    assert.is_true(ok, output)
    assert.equal("3\ttrue\ttrue\n", output)
  end)

  -- LÖVE's main loop runs in a coroutine that Lua 5.1 says does not exist; a yield there
  -- succeeds and is resumed at once.
  it("does not yield where no coroutine seems to run", function()
    local output, ok = shell.bash(shell.lua() .. (" -e '" .. [[
      coroutine.running = function() end
      local pomex = require "pomex"
      local client = pomex.new { base_url = "%s", api_key = "%s" }
      local main = coroutine.create(function()
        local page = client.assets:list()
        return page.object
      end)
      print(coroutine.resume(main))
      client:close()
    ']]):format(sb.url, sb.key))
    assert.is_true(ok, output)
    assert.equal("true\tlist\n", output)
  end)

  -- Unit tests of nginx code put a table of their own there.
  describe("where a global ngx is no nginx's", function()
    local before
    before_each(function() before = rawget(_G, "ngx") end)
    after_each(function() rawset(_G, "ngx", before) end)

    local function nothing() end
    local function phase() return "content" end
    local function whole()
      return { get_phase = phase, sleep = nothing, log = nothing, worker = { exiting = nothing },
        timer = { at = nothing }, thread = { spawn = nothing }, socket = { tcp = nothing },
        config = { ngx_lua_version = 10023 } }
    end

    local MOCKS = {
      ["is empty"] = {},
      ["has get_phase alone"] = { get_phase = phase },
      ["has what most code needs"] = { get_phase = phase, sleep = nothing, log = nothing, ERR = 4,
        var = {}, ctx = {}, say = nothing, timer = { at = nothing }, worker = { pid = nothing } },
      ["answers anything with a function"] = setmetatable({}, {
        __index = function() return nothing end }),
      ["raises at what it does not know"] = setmetatable({ get_phase = phase }, {
        __index = function(_, name) error("unexpected ngx." .. name) end }),
      ["is true"] = true,
      ["is a string"] = "ngx",
    }
    for name, mock in pairs(MOCKS) do
      it("waits, starts and runs as without it: one that " .. name, function()
        rawset(_G, "ngx", mock)
        assert.equal("list", client.assets:list().object)
        assert.equal("list", client.async.assets:list():wait().object)
        assert.equal("list", client:run(function() return client.assets:list() end).object)
        local pages = client:map({ 1 }, function() return client.assets:list() end)
        assert.equal("list", pages[1][1].object)
      end)
    end

    for name, member in pairs { worker = "exiting", timer = "at", thread = "spawn", socket = "tcp",
      config = "ngx_lua_version" } do
      it("takes none without ngx." .. name .. "." .. member .. " for nginx", function()
        local mock = whole()
        mock[name][member] = nil
        rawset(_G, "ngx", mock)
        assert.equal("list", client.assets:list().object)
        mock[name] = nil
        assert.equal("list", client.assets:list().object)
      end)
    end

    it("says that host = \"blocking\" is the way out where the mock is whole", function()
      rawset(_G, "ngx", whole())
      local ok, why = pcall(client.assets.list, client.assets)
      assert.is_false(ok)
      assert.matches('say pomex.new{ host = "blocking" }', why, 1, true)
      assert.matches("lua-resty-core", why, 1, true)
      assert.equal(0, #sb.journal:requests())
      local own = pomex.new(sb:client_options { host = "blocking" })
      assert.equal("list", own.assets:list().object)
      own:close()
    end)
  end)
end)
