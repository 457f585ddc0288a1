-- 18: Lua's own corners: values that lie in their __eq, programs without `debug`, and interrupts
-- (a debug hook that raises, as Ctrl-C does) at any instruction.

local bed = require "spec.support.bed"
local pomex = require "pomex"

describe("18: Lua's corners", function()
  local sb, client, id
  bed({ sandbox = { asset_seconds = 0 } }, function(...) sb, client = ... end)

  setup(function()
    id = sb:add_assets { count = 1, status = "active" }[1]
  end)

  local liar = setmetatable({}, { __eq = function() return true end })

  it("a value whose __eq lies is no mark of ours", function()
    assert.is_true(rawequal(liar, client:run(function() return liar end)))
    local task = client:spawn(function() error(liar) end)
    local ok, why = pcall(task.wait, task)
    assert.is_false(ok)
    assert.is_true(rawequal(liar, why))
    assert.is_true(client:run(function()
      coroutine.yield(liar)
      return true
    end))
    assert.error_matches(function()
      client.assets:create { url = "https://a.example", asset_type = "Image", group_id = liar }
    end, "group_id must be a string")
    local lying = setmetatable({}, { __metatable = liar })
    assert.is_false(pomex.errors.is(lying))
    assert.is_false(require("pomex.content").is(lying))
  end)

  for what, value in pairs { ["no debug"] = false, ["a debug.traceback that raises"] = {
    traceback = function() error "no traceback" end, getinfo = debug.getinfo } } do
    it("an error of a task is not lost with " .. what, function()
      local real = debug
      rawset(_G, "debug", value or nil)
      local ok, why = pcall(function()
        client:spawn(error, "lost?")
        client:step()
      end)
      local caught, message = pcall(client.run, client, error, "lost?")
      rawset(_G, "debug", real)
      assert.is_false(ok)
      assert.matches("lost%?", tostring(why))
      assert.is_false(caught)
      assert.matches("lost%?", tostring(message))
    end)
  end

  -- Calls `f` with a hook that raises at the library's n-th instruction, and `again` times right
  -- after; whether it never got so far.
  local function interrupted(n, again, f)
    local count, raised = 0, 0
    debug.sethook(function()
      if not debug.getinfo(2, "S").source:find("/pomex/", 1, true) then return end
      count = count + 1
      if count >= n and raised <= again then
        raised = raised + 1
        error("interrupted!", 0)
      end
    end, "", 1)
    pcall(f)
    debug.sethook()
    return raised == 0
  end

  local function usable(n)
    local where = "interrupted at instruction " .. n
    for _ = 1, 8 do
      if pcall(client.step, client) then break end
    end
    local got, err = client.assets:get(id)
    assert.is_nil(err, where)
    assert.equal(id, got.id, where)
    assert.equal(id, client:run(function()
      return client.assets:wait(id, { timeout = 30 }).id
    end), where)
    for _ = 1, 1000 do
      local ok, left = pcall(client.step, client)
      if ok and left == 0 then return end
      client:poll(0.01)
    end
    error("never at rest, " .. where)
  end

  local CALLS = {
    ["a call"] = function() return client.assets:get(id) end,
    ["a wait in a task"] = function()
      return client:run(function() return client.assets:wait(id, { timeout = 30 }) end)
    end,
    ["steps of a frame loop"] = function()
      local op = client.async.assets:get(id)
      repeat
        client:step()
        client:poll(0.01)
      until op:done()
    end,
  }
  for what, call in pairs(CALLS) do
    for again = 0, 2 do
      it(("%s interrupted %d times, at any instruction, leaves the client usable"):format(what,
        again + 1), function()
        if jit then jit.off() end
        call()
        local n, over = 0, false
        while not over and n < 5000 do
          n = n + (again == 0 and 1 or 3)
          over = interrupted(n, again, call)
          usable(n)
        end
        if jit then jit.on() end
        assert.is_true(over)
        assert.is_true(n > 100)
      end)
    end
  end

  it("a host's step that is interrupted does not refuse the waits that come after it", function()
    local watcher = require "pomex.host.watcher"
    if jit then jit.off() end
    local n, over = 0, false
    while not over and n < 5000 do
      n = n + 1
      coroutine.wrap(function()
        over = interrupted(n, 0, function() watcher.step(client, function() end) end)
        assert.is_true(watcher.may_wait(), "interrupted at instruction " .. n)
      end)()
    end
    if jit then jit.on() end
    assert.is_true(over)
    assert.is_true(n > 20)
    local said
    coroutine.wrap(function()
      client.async.assets:get(id):on_done(function()
        said = said or select(2, watcher.may_wait())
      end)
      for _ = 1, 1000 do
        watcher.step(client, function() end)
        if said then return end
        client:poll(0.01)
      end
    end)()
    assert.matches("a wait within a step", said)
  end)
end)
