-- The same scenarios in every host that loads in this Lua.

local envs = require "spec.support.host_envs"
local leaks = require "spec.support.leaks"
local sandbox = require "pomex.sandbox"
local scenarios = require "spec.support.host_scenarios"

for _, env in ipairs(envs) do
  describe("the host " .. env.name, function()
    local files

    setup(function()
      env.sb = assert(sandbox.start { rate_limits = false })
    end)
    teardown(function() env.sb:stop() end)
    before_each(function()
      env.sb:clear_faults()
      files = files or leaks.open_files()
    end)
    after_each(function()
      env.close()
      leaks.collect()
    end)

    for _, scenario in ipairs(scenarios) do
      if not scenario.needs or env.can[scenario.needs] then
        it(scenario.name, function() scenario.run(env) end)
      end
    end
  end)
end
