-- Where nothing can wait, a plain call raises before anything is sent: what is paid for must reach
-- somebody. (Within a task, in every host: spec/support/host_scenarios_life.lua.)

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local shell = require "spec.support.shell"

describe("where nothing can wait,", function()
  local sb, client
  bed({ sandbox = { generation_seconds = 0 } }, function(...) sb, client = ... end)

  local function film()
    return client.generations:create { model = "byteplus/seedance-2.0",
      content = pomex.content():text "A wave." }
  end

  it("in the main chunk, with the host coroutine, no call, run or map begins", function()
    -- Only a fresh Lua has a main chunk that is no coroutine of the test runner's.
    local output = shell.bash(([[%s -e '
      local pomex = require "pomex"
      local client = pomex.new { api_key = "%s", base_url = "%s", host = "coroutine" }
      local function film()
        return client.generations:create { model = "byteplus/seedance-2.0",
          content = pomex.content():text "A wave." }
      end
      print(pcall(film))
      print(pcall(client.run, client, film))
      print(pcall(client.map, client, { 1, 2, 3 }, film))
      while client:step() > 0 do client:poll() end
      client:close()
      print(pcall(film))']]):format(shell.lua(), sb.key, sb.url))
    local refused = 0
    for line in output:gmatch("[^\n]+") do
      refused = refused + 1
      assert.matches(refused < 4 and "^false\t.*only a coroutine can wait; client:spawn starts one$"
        or "^false\t.*pomex client is closed$", line)
    end
    assert.equal(4, refused)
    assert.equal(0, sb.ledger:count "generation")
  end)

  it("as in a task on PUC 5.1, within pcall, nothing is sent; elsewhere it waits", function()
    local billed = sb.ledger:count "generation"
    local ok, got = client:run(function() return pcall(film) end)
    if interpreter.yields_within_calls then
      assert.equal("string", type(got.id))
      billed = billed + 1
    else
      assert.is_false(ok)
      assert.matches("a wait in a function that a function in C calls", got)
    end
    assert.equal(billed, sb.ledger:count "generation")
  end)

  it("as in a function in C, what blocks does so all the same", function()
    local id
    ;("x"):gsub("x", function() id = film().id end)
    assert.equal("string", type(id))
  end)
end)
