-- Hundreds of requests that begin, wait, cancel, close and go away at random, over reloads.
-- #once #openresty

local nginx = require "spec.support.nginx"
local proc = require "spec.support.proc"
local sandbox = require "pomex.sandbox"

-- A closure that outlives its request must not use that request's locals: nginx hands the
-- coroutine to the next one.
local HTTP = [[
  init_worker_by_lua_block {
    math.randomseed(@SEED + ngx.worker.pid())
    function closer(c) return function() c:close() end end
  }
]]

local SERVER = [[
  location / {
    content_by_lua_block {
      ngx.on_abort(function() ngx.exit(499) end)
      local mine = math.random() < 0.3
      local c = mine and new() or client
      local function list() return c.assets:list() end
      local function pause() ngx.sleep(0.001 + math.random() * 0.05) end
      local ways = {
        list,
        function()
          local op = c.async.assets:list()
          op:wait(math.random() * 0.1)
          if math.random() < 0.5 then op:cancel() end
        end,
        function() c:map({ 1, 2, 3, 4, 5, 6 }, list, { concurrency = 3 }) end,
        function()
          c:spawn(function()
            list()
            pause()
            return list()
          end):wait(math.random() * 0.1)
        end,
        function()
          if mine then c.async.assets:list():on_done(closer(c)) else list() end
        end,
        function()
          local op = c.async.assets:list()
          ngx.thread.spawn(function()
            pause()
            if mine then c:close() else op:cancel() end
          end)
          op:wait()
        end,
        function() ngx.timer.at(0, function(_, other) other.assets:list() end, c) end,
      }
      ways[math.random(#ways)]()
      ngx.print("over")
    }
  }
]]

describe("openresty under chaos #once #openresty", function()
  it("answers every request that stays, and leaves nothing behind", function()
    local seed = tonumber(os.getenv("POMEX_SEED")) or os.time()
    print("POMEX_SEED=" .. seed)
    math.randomseed(seed)
    local sb = assert(sandbox.start { rate_limits = false })
    finally(function() sb:stop() end)
    sb:fault { endpoint = "assets.list", delay = 0.05, times = 0 }
    local server = nginx.start {
      workers = 2, http = nginx.client(sb) .. HTTP:gsub("@SEED", ("%d"):format(seed)),
      server = SERVER,
    }
    finally(function()
      server:stop()
      sb:stop()
    end)
    local open = {}
    for begun = 1, 1500 do
      open[#open + 1] = server:send("/")
      if #open == 60 or begun == 1500 then
        repeat
          local connection = table.remove(open, math.random(#open))
          if math.random() < 0.4 then
            connection:close()
          else
            assert.equal("over", (nginx.receive(connection)))
          end
        until #open == (begun == 1500 and 0 or 59)
      end
      if begun % 500 == 0 then server:signal("HUP") end
    end
    nginx.await("rest", function()
      local workers = server:workers()
      for _, pid in ipairs(workers) do
        if proc.bridges(pid) > 0 then return false end
      end
      return #workers == 2
    end)
    assert.equal(0, server:stop("QUIT"))
    assert.equal("", server:problems())
  end)
end)
