-- Waits that end before what they wait for: what is said of it, and that it is left alone then.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local shell = require "spec.support.shell"

describe("a wait that ran out of time", function()
  local sb, client
  bed({ sandbox = { generation_seconds = 0 } }, function(...) sb, client = ... end)

  local function film()
    return { model = "byteplus/seedance-2.0", content = pomex.content():text "A wave." }
  end

  it("says that the call may be made again only where that costs nothing", function()
    local id = assert(client.generations:create(film())).id
    for _, endpoint in ipairs { "sessions.create", "assets.create", "assets.get", "assets.list",
      "generations.create", "generations.get" } do
      sb:fault { endpoint = endpoint, before_accept = "hang", times = 0 }
    end
    local async = client.async
    local portrait = { url = "https://cdn.example/a.jpg", asset_type = "Image",
      group_id = pomex.VIRTUAL }
    for _, row in ipairs {
      { async.assets:list(), true, "no" }, { async.assets:get "a", true, "no" },
      { async.assets:wait "a", true, "no" }, { async.generations:get(id), true, "yes" },
      { async.generations:wait(id), true, "yes" },
      { async.sessions:create { callback_url = "https://app.example/cb" }, false, "no" },
      { async.assets:create(portrait), false, "no" },
      { async.generations:create(film()), false, "maybe" },
      { async.generations:create_and_wait(film()), nil, "maybe" },
    } do
      local value, err = row[1]:wait(0)
      assert.is_nil(value)
      assert.equal("timeout_error", err.type)
      assert.equal(row[2], err.retryable)
      assert.equal(row[3], err.billed)
      row[1]:cancel()
    end
  end)

  it("for what was made in the same call names it, and asks for no other", function()
    sb:config { generation_seconds = 3600 }
    local task, err = client.generations:create_and_wait(film(), { timeout = 1.5 })
    sb:config { generation_seconds = 0 }
    assert.is_nil(task)
    assert.equal("timeout_error", err.type)
    assert.is_false(err.retryable)
    assert.equal(err.id, assert(client.generations:get(err.id)).id)
  end)

  it("finds what is over, though no step has told of it", function()
    sb:fault { endpoint = "assets.list", before_accept = "hang" }
    local op = client.async.assets:list()
    assert.equal("cancelled_error", client:run(function()
      op:cancel()
      return select(2, op:wait(0)).type
    end))
  end)

  it("is no wait any more: cancelling its task leaves the operation alone", function()
    sb:fault { endpoint = "assets.list", delay = 0.3 }
    local op, late = client.async.assets:list(), 0
    local function patient()
      op:wait(0.02)
      late = late + 1
      repeat coroutine.yield() until op:done()
    end
    local task = client:spawn(patient)
    while late == 0 do
      client:step()
      client:poll(0.01)
    end
    task:cancel()
    assert.equal("list", assert(op:wait()).object)
  end)

  it("is a look where nobody can wait, and what is done is there", function()
    -- Only a fresh Lua has a main chunk that is no coroutine of the test runner's.
    local output = shell.bash(([[%s -e '
      local pomex = require "pomex"
      local client = pomex.new { api_key = "%s", base_url = "%s", host = "coroutine" }
      local op = client.async.assets:list()
      local task = client:spawn(function() return op:wait() end)
      print(select(2, op:wait(0)).type, select(2, task:wait(0)).type)
      print((pcall(op.wait, op)), (pcall(op.wait, op, 1)), (pcall(task.wait, task)))
      repeat
        client.loop.handle:poll()
        client.loop.handle:step()
      until op:done()
      print(op:wait().object, op:wait(0).object, op:wait(1).object, op:done())
      while client:step() > 0 do client:poll() end
      print(op:wait().object, task:wait().object)
      print(client.async.sessions:create({ callback_url = "http://a" }):wait())']]):format(
        shell.lua(), sb.key, sb.url))
    assert.matches("^timeout_error\ttimeout_error\nfalse\tfalse\tfalse\nlist\tlist\tlist\ttrue\n"
      .. "list\tlist\nnil\tinvalid_request_error", output)
  end)

  it("leaves its operation alone in a task that a host started, too", function()
    local cqueues, lacking = interpreter.optional "cqueues"
    if not cqueues then pending(lacking) end
    sb:fault { endpoint = "assets.list", delay = 0.3 }
    local own = assert(pomex.new(sb:client_options { rate_limits = false, host = "cqueues" }))
    local cq, page, err = cqueues.new(), nil, nil
    cq:wrap(function()
      local op, late = own.async.assets:list(), false
      local task = own:spawn(function()
        op:wait(0.02)
        late = true
        while not op:done() do cqueues.sleep(0.01) end
      end)
      local began = core.now()
      repeat cqueues.sleep(0.01) until late or core.now() - began > 10
      task:cancel()
      page, err = op:wait()
    end)
    assert(cq:loop())
    own:close()
    assert.equal("list", page and page.object or tostring(err))
  end)
end)
