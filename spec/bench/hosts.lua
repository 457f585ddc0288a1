-- What it costs to wait in each host that loads here. Not a gate.
-- Usage: with the paths that spec/bench/run.sh sets, lua5.4 spec/bench/hosts.lua
--
-- 50 chains at once: a call answered after 300 ms, a sleep of the host's of 100 ms, a call
-- answered after 100 ms (ideal: 500 ms), beside a ticker of 10 ms; then calls one after the other.

package.path = "./?.lua;" .. package.path

local core = require "pomex.core"
local envs = require "spec.support.host_envs"
local sandbox = require "pomex.sandbox"

local now = core.now
local CHAINS, CALLS = 50, 2000

local sb = assert(sandbox.start { rate_limits = false })
local id = sb:add_assets({ count = 1, status = "active" })[1]

local function chains(env)
  local client = env.client { max_in_flight = 2 * CHAINS }
  local steps, ticks, over, worst, ended = 0, 0, 0, 0, 0
  local step = client.step
  function client.step(...)
    steps = steps + 1
    return step(...)
  end
  local began = now()
  env.run(function()
    env.go(function()
      local last = now()
      while over < CHAINS do
        env.sleep(0.01)
        local time = now()
        ticks, worst, last = ticks + 1, math.max(worst, time - last), time
      end
    end)
    for _ = 1, CHAINS do
      client:spawn(function()
        assert(client.assets:list())
        env.sleep(0.1)
        assert(client.assets:get(id))
        over, ended = over + 1, now()
      end)
    end
  end)
  env.close()
  return ("%.0f ms, %d steps, %d ticks, the longest %.1f ms"):format(
    (ended - began) * 1000, steps, ticks, worst * 1000)
end

local function one_by_one(env)
  local client, took = env.client(), nil
  env.run(function()
    for _ = 1, 100 do assert(client.assets:get(id)) end
    local began = now()
    for _ = 1, CALLS do assert(client.assets:get(id)) end
    took = now() - began
  end)
  env.close()
  return ("%.0f us a call"):format(took / CALLS * 1e6)
end

for _, env in ipairs(envs) do
  env.sb = sb
  local side = "nothing else goes on"
  if env.can.side then
    sb:fault { endpoint = "assets.list", delay = 0.3, times = 0 }
    sb:fault { endpoint = "assets.get", delay = 0.1, times = 0 }
    side = chains(env)
    sb:clear_faults()
  end
  print(("%-28s %-52s %s"):format(env.name, side, one_by_one(env)))
end
sb:stop()
