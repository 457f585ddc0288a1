--- Runs the scenarios of every host in some of those that load in this Lua.

local busted = require "busted"
local envs = require "spec.support.host_envs"
local leaks = require "spec.support.leaks"
local sandbox = require "pomex.sandbox"
local scenarios = require "spec.support.host_scenarios"

-- With a loop of their own.
local LOOPS = { "cqueues", "luv", "copas" }

local function has_loop(name)
  for _, loop in ipairs(LOOPS) do
    if name:find(loop, 1, true) then return true end
  end
  return false
end

---@param loops boolean the hosts that have a loop of their own, or the others
return function(loops)
  for _, env in ipairs(envs) do
    if has_loop(env.name) == loops then
      busted.describe("the host " .. env.name, function()
        busted.setup(function() env.sb = assert(sandbox.start { rate_limits = false }) end)
        busted.teardown(function() env.sb:stop() end)
        busted.before_each(function() env.sb:clear_faults() end)
        busted.after_each(function()
          env.close()
          leaks.collect()
        end)

        for _, scenario in ipairs(scenarios) do
          if not scenario.needs or env.can[scenario.needs] then
            busted.it(scenario.name, function() scenario.run(env) end)
          end
        end
      end)
    end
  end
  for _, env in ipairs(loops and envs.lacking or {}) do
    busted.pending(("the host %s: %s"):format(env.name, env.why))
  end
end
