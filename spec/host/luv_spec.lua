-- The host "luv": its one loop, its handles, and its way with errors.

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local leaks = require "spec.support.leaks"
local shell = require "spec.support.shell"

local luv, lacking = interpreter.optional "luv"
if not luv then
  it("the host luv", function() pending(lacking) end)
  return
end

describe("the host luv", function()
  local sb, client
  local new = bed({ client = { host = "luv" } }, function(...) sb, client = ... end)

  local function slow(seconds)
    sb:fault { endpoint = "assets.list", delay = seconds, times = 0 }
  end

  local function later(seconds, f)
    local timer = luv.new_timer()
    luv.update_time()
    timer:start(math.floor(seconds * 1000), 0, function()
      timer:close()
      f()
    end)
  end

  -- Luv ends the process where a callback raises, so these run in one of their own.
  local function script(text)
    return shell.bash(("exec 2>&1\n%s -e '%s'\necho \"status $?\""):format(shell.lua(), ([[
      io.stdout:setvbuf "no"
      local luv, pomex = require "luv", require "pomex"
      local client = pomex.new { base_url = "@URL", api_key = "@KEY", host = "luv" }
      @TEXT
    ]]):gsub("@(%u+)", { URL = sb.url, KEY = sb.key, TEXT = text })))
  end

  it("yields any coroutine that waits, since it was named", function()
    local page
    later(0, function()
      coroutine.wrap(function() page = client.assets:list() end)()
    end)
    luv.run()
    assert.equal("list", page.object)
  end)

  it("says that a callback cannot wait, before anything is sent", function()
    local ok, why
    sb.journal:clear()
    -- Within a callback no coroutine runs; within busted, one might.
    local output = script [[
      luv.new_timer():start(0, 0, function()
        print(pcall(client.assets.list, client.assets))
        luv.stop()
      end)
      luv.run()
    ]]
    ok, why = output:match("^(%S+)\t([^\n]*)")
    assert.equal("false", ok)
    assert.equal('pomex: with host = "luv" only a coroutine can wait; client:spawn starts one', why)
    assert.equal(0, #sb.journal:requests())
  end)

  it("tells of an error that nobody collected as luv does of any, in words", function()
    local output = script [[
      client:spawn(function()
        client.assets:list()
        error(setmetatable({}, { __tostring = function() return "mine" end }))
      end)
      luv.run()
      print("not reached")
    ]]
    assert.matches("^Uncaught Error: mine\nstack traceback:", output)
    assert.not_matches("not reached", output)
    assert.matches("status 255\n$", output)
  end)

  it("leaves at the end of a script, whatever was open", function()
    for _, text in ipairs {
      "client.async.assets:list()",
      "client.async.assets:list() client:close()",
      "client:spawn(function() client.assets:list() end)",
      "client:spawn(function() client.assets:list() end) luv.run(\"nowait\") client:close()",
      "client:spawn(function() client.assets:list() end) luv.run() client:close()",
      "client:spawn(function() client.assets:list() client:close() end) luv.run()",
      "client:spawn(function() client.assets:list() luv.stop() end) luv.run()",
    } do
      assert.equal("status 0\n", script(text), text)
    end
  end)

  it("holds the loop for as long as something is pending, and no longer", function()
    slow(0.1)
    local page
    client:spawn(function() page = client.assets:list() end)
    assert.is_true(luv.loop_alive())
    luv.run()
    assert.equal("list", page.object)
    assert.is_false(luv.loop_alive())
    -- Nor does it where others step, within no loop.
    local op = client.async.assets:list()
    assert.is_true(luv.loop_alive())
    for _ = 1, 1000 do
      if client:step() == 0 then break end
      client:poll(1)
    end
    assert.is_true(op:done())
    assert.is_false(luv.loop_alive())
  end)

  it("keeps one handle a descriptor, however many clients there were", function()
    local function handles()
      local count = 0
      luv.walk(function() count = count + 1 end)
      return count
    end
    local before
    for i = 1, 50 do
      client:close()
      leaks.collect()
      new()
      client:spawn(function() assert(client.assets:list()) end)
      luv.run()
      if i == 5 then before = handles() end
    end
    assert.equal(before, handles())
  end)

  it("goes on after somebody closed every handle of the loop", function()
    slow(1.5)
    local page
    client:spawn(function() page = client.assets:list() end)
    later(0.05, function()
      luv.walk(function(handle)
        if not handle:is_closing() then handle:close() end
      end)
    end)
    luv.run()
    assert.is_nil(page)
    local other
    client:spawn(function() other = client.assets:list() end)
    luv.run()
    assert.equal("list", other.object)
    assert.equal("list", page.object)
  end)

  it("does not mistake a descriptor's next client for the one before", function()
    slow(0.2)
    local err, page
    client.async.assets:get("no-such-asset"):on_done(function()
      local first, fd = client, client:pollfd()
      first.async.assets:list():on_done(function(_, e) err = e end)
      first:close()
      new()
      assert.equal(fd, client:pollfd())
      client:spawn(function() page = client.assets:list() end)
    end)
    luv.run()
    assert.equal("cancelled_error", err.type)
    assert.equal("list", page.object)
  end)

  it("says it where somebody else has luv watch the descriptor", function()
    local output = script [[
      assert(luv.new_poll(client:pollfd())):start("r", function() end)
      print(pcall(client.async.assets.list, client.async.assets))
      print(client:step())
    ]]
    -- (luv leaks a handle that it could not make, as a sanitizer would add.)
    assert.matches("false\tpomex: luv cannot watch the client: EEXIST: file already exists\n0\n",
      output)
  end)
end)
