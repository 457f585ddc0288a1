-- Waits outlive the service: it is killed under them, and comes back on the same port with what
-- its database holds.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local QUICK = { first = 0.02, factor = 1, max = 0.02 }

describe("an outage of the service", function()
  local sb, client, settings, group_id

  -- As a crash would end it: with nothing written that was not written yet.
  local function kill()
    shell.bash(("kill -KILL %d"):format(sb.pid))
    sb:stop()
  end

  local function restart() sb = assert(sandbox.start(settings)) end

  before_each(function()
    settings = {
      database = os.tmpname(), key = "sk-test-outage-key", rate_limits = false,
      asset_seconds = 3600, generation_seconds = 3600,
    }
    restart()
    settings.port = tonumber(sb.url:match(":(%d+)$"))
    group_id = sb:add_person()
    client = assert(pomex.new(sb:client_options { rate_limits = false }))
  end)
  after_each(function()
    client:close()
    sb:stop()
    shell.bash("rm -f " .. settings.database .. "*")
  end)

  local function portrait()
    return { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = group_id }
  end

  -- Steps until the wait has looked `looks` more times.
  local function look(op, looks)
    local aim = op:attempts() + looks
    for _ = 1, 5000 do
      if op:attempts() >= aim then return end
      assert.is_false(op:done())
      client:step()
      client:poll(0.05)
    end
    error("it does not look")
  end

  it("is outlived by every wait, however often it is", function()
    local asset = assert(client.assets:create(portrait()))
    local task = assert(client.generations:create {
      model = "byteplus/seedance-2.0", content = pomex.content():text("a wave") })
    local updates = 0
    local options = { on_update = function() updates = updates + 1 end }
    for name, value in pairs(QUICK) do options[name] = value end
    local waits = {
      client.async.assets:wait(asset, options), client.async.generations:wait(task, QUICK),
    }
    for _ = 1, 2 do
      look(waits[1], 2)
      kill()
      -- Refused, all of them: nobody listens.
      look(waits[1], 3)
      look(waits[2], 3)
      restart()
      look(waits[2], 2)
    end
    sb.clock:advance(3700)
    assert.equal("active", assert(waits[1]:wait(30)).status)
    local made = assert(waits[2]:wait(30))
    assert.equal("succeeded", made.status)
    assert.equal(task.id, made.id)
    assert.is_true(updates > 0)
    assert.equal(1, sb.ledger:count "generation")
    assert.equal(0, client:step())
  end)

  it("longer than a wait leaves the id, the last status, the cause and how to go on", function()
    local task = assert(client.generations:create {
      model = "byteplus/seedance-2.0", content = pomex.content():text("a wave") })
    local op = client.async.generations:wait(task, {
      first = 0.02, factor = 1, max = 0.02, timeout = 3 })
    look(op, 2)
    kill()
    local value, err = op:wait()
    assert.is_nil(value)
    assert.equal("timeout_error", err.type)
    assert.equal(task.id, err.id)
    assert.equal("queued", err.last_status)
    assert.equal("connection_error", err.cause)
    assert.is_true(err.retryable)
    assert.matches("nothing is lost: wait for the same id again", err.hint)
    for _, words in ipairs { task.id, "queued", "connection_error" } do
      assert.is_truthy(tostring(err):find(words, 1, true), words)
    end
    restart()
    sb.clock:advance(3700)
    assert.equal("succeeded", assert(client.generations:wait(err.id, QUICK)).status)
    assert.equal(1, sb.ledger:count "generation")
  end)

  it("while an answer is on its way is no end of the wait either", function()
    local asset = assert(client.assets:create(portrait()))
    local op = client.async.assets:wait(asset, QUICK)
    for _, fault in ipairs { "hang", "truncate", "garbage", "drop" } do
      look(op, 1)
      sb.journal:clear()
      sb:fault { endpoint = "assets.get", after_accept = fault }
      for _ = 1, 500 do
        if sb.journal:requests("assets.get")[1] then break end
        client:step()
        client:poll(0.02)
      end
      kill()
      look(op, 1)
      restart()
    end
    sb.clock:advance(3700)
    assert.equal("active", assert(op:wait(30)).status)
  end)

  it("or a status that nobody knows lasts to the deadline, and is named there", function()
    local asset = assert(client.assets:create(portrait()))
    sb:fault { endpoint = "assets.get", times = 0, status = 200,
      body = ('{"id":"%s","status":"dreaming"}'):format(asset.id) }
    local op = client.async.assets:wait(asset, {
      first = 0.02, factor = 1, max = 0.02, timeout = 1.5 })
    local _, err = op:wait()
    assert.equal("timeout_error", err.type)
    assert.equal("dreaming", err.last_status)
    assert.matches('is still "dreaming"', err.message)
    assert.is_true(op:attempts() > 3)
  end)
end)
