-- What every host must do, inside nginx.
-- #once #openresty

local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"
local scenarios = require "spec.support.host_scenarios"

-- No "halt": nothing leaves nginx's loop but the end of the worker (openresty_life_spec.lua).
local CAN = { side = true, loop = true, watch = true, refuse = true }

describe("openresty, as every host: #once #openresty", function()
  local sb, server

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    server = nginx.start { server = nginx.RUN }
  end)
  teardown(function()
    server:stop("QUIT")
    sb:stop()
    assert.equal("", server:problems())
  end)
  before_each(function()
    sb:clear_faults()
    sb:config { asset_seconds = 4 }
  end)

  for _, host in ipairs { "openresty", "auto" } do
    for number, scenario in ipairs(scenarios) do
      if not scenario.needs or CAN[scenario.needs] then
        it(("%s, with host = %s"):format(scenario.name, host), function()
          assert.equal("done", server:run(([[
            local env = require "spec.support.nginx_env"({ url = %q, key = %q, token = %q,
              pid = %d }, %q)
            local ok, why = pcall(require("spec.support.host_scenarios")[%d].run, env)
            env.close()
            return ok and "done" or why
          ]]):format(sb.url, sb.key, sb.token, sb.pid, host, number)))
        end)
      end
    end
  end
end)
