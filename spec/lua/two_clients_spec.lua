-- Tasks that wait on other clients than their own, where no host has a loop: they park, and whoever
-- drives their own client drives the others, too.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local pomex = require "pomex"

for _, host in ipairs { "blocking", "auto" } do
  describe("a task that waits on a second client, with host = " .. host .. ",", function()
    local sb, a
    local new = bed({ client = { host = host } }, function(...)
      local _
      sb, _ = ...
    end)
    local b, c
    before_each(function() a, b, c = new(), new(), new() end)

    local function slow(seconds)
      sb:fault { endpoint = "assets.get", delay = seconds, times = 0 }
    end

    -- What a client of its own says of an asset that is not there.
    local function get(client) return select(2, client.assets:get("nope")) end

    for when, first in pairs { ["at once"] = function() end,
      ["after a wait on its own"] = function() assert(a.assets:list()) end } do
      it("does not stop the others of its client, " .. when, function()
        slow(0.4)
        local listed, done = 0, nil
        local other = a:spawn(function()
          repeat
            assert(a.assets:list())
            listed = listed + 1
          until done
        end)
        local err = a:run(function()
          first()
          local before = listed
          local got = get(b)
          done = listed - before
          return got
        end)
        assert.equal("not_found_error", err.type)
        assert.is_true(done > 3, done)
        other:wait()
      end)
    end

    it("runs many at once, on several clients", function()
      slow(0.3)
      local began = core.now()
      local tasks = {}
      for i = 1, 30 do tasks[i] = a:spawn(get, ({ a, b, c })[i % 3 + 1]) end
      for _, result in ipairs(pomex.all(tasks)) do
        assert.equal("not_found_error", result[1].type)
      end
      assert.is_true(core.now() - began < 3)
    end)

    it("is nested as one likes, and comes back to its own", function()
      local page = a:run(function()
        return b:run(function()
          local results = c:map({ 1, 2 }, function()
            return a:run(function() return pomex.all { b.async.assets:list(), a:spawn(get, c) } end)
          end)
          assert.equal("not_found_error", results[2][1][2][1].type)
          return results[1][1][1][1]
        end)
      end)
      assert.equal("list", page.object)
    end)

    it("sleeps meanwhile, and keeps deadlines", function()
      slow(0.5)
      local clock, began = os.clock(), core.now()
      local late, err = a:run(function()
        local op = b.async.assets:get("nope")
        local _, why = op:wait(0.1)
        return why, select(2, op:wait())
      end)
      assert.equal("timeout_error", late.type)
      assert.equal("not_found_error", err.type)
      assert.is_true(core.now() - began > 0.4)
      assert.is_true(os.clock() - clock < 0.2)
    end)

    it("is driven by steps of its own client alone", function()
      slow(0.1)
      local err, after
      a:spawn(function()
        err = get(b)
        coroutine.yield()
        after = get(c)
      end)
      local frames = 0
      while a:step() > 0 do
        frames = frames + 1
        assert(a:poll(5) ~= nil)
      end
      assert.equal("not_found_error", err.type)
      assert.equal("not_found_error", after.type)
      assert.is_true(frames < 100, frames)
      assert.equal(0, b:step())
    end)

    it("is told when that client is closed", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
      local err = a:run(function()
        a:spawn(function()
          a.assets:list()
          b:close()
        end)
        return get(b)
      end)
      assert.equal("cancelled_error", err.type)
      assert.equal("list", a.assets:list().object)
    end)

    it("goes on when its own client is closed, and so does who waits for it", function()
      slow(0.2)
      local task, told
      task = a:spawn(function() return get(b) end)
      local other = b:spawn(function() told = task:wait() end)
      a:close()
      other:wait()
      assert.equal("not_found_error", told.type)
      assert.equal("not_found_error", task:wait().type)
      assert.error_matches(function() a.assets:list() end, "closed")
    end)

    it("is cancelled with what it waits for there", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
      local task = a:spawn(function() return b:run(get, b) end)
      a:step()
      task:cancel()
      assert.equal("cancelled_error", task:wait().type)
    end)

    it("that waits for it is an error, and no hang", function()
      local one, two
      one = a:spawn(function()
        coroutine.yield()
        return two:wait()
      end)
      two = b:spawn(function()
        coroutine.yield()
        return one:wait()
      end)
      b:step()
      assert.error_matches(function() one:wait() end, "nothing in flight can end this wait")
    end)

    it("has its errors raised by its own client's step", function()
      a:spawn(function()
        get(b)
        error("mine", 0)
      end)
      local ok, why = pcall(function()
        while a:step() > 0 do a:poll(5) end
      end)
      assert.is_false(ok)
      assert.matches("^mine\n", why)
      assert.equal(0, a:step())
    end)
  end)
end
