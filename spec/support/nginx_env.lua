--- A request of nginx as what spec/support/host_scenarios.lua asks for; runs inside nginx.

local control = require "pomex.sandbox.control"
local core = require "pomex.core"
local pomex = require "pomex"
-- luacheck: std +ngx_lua
local pump = require "pomex.host.openresty_pump"

local PATIENCE = 20

-- All is over when the pump has ended, and it does soon.
pump.keep, require("pomex.host.openresty_clients").linger = 0, 0.01

---@param hello { url: string, key: string, token: string } of a sandbox that runs
---@param host? string
return function(hello, host)
  local own = pomex.check(pomex.new { base_url = hello.url, api_key = hello.key,
    host = "blocking", rate_limits = false })
  local env = { pomex = pomex, sb = control.new(hello, nil, own),
    can = { side = true, loop = true, watch = true, refuse = true } }
  local clients, running, failed = {}, 0, nil

  function env.client(extra)
    local options, held = { host = host, rate_limits = false }, true
    for key, value in pairs(extra or {}) do
      if key == "unheld" then held = false else options[key] = value end
    end
    local client = pomex.check(pomex.new(env.sb:client_options(options)))
    if held then clients[#clients + 1] = client end
    return client
  end

  function env.close()
    for _, client in ipairs(clients) do client:close() end
    own:close()
  end

  function env.go(f)
    running = running + 1
    ngx.thread.spawn(function()
      local ok, why = pcall(f)
      running = running - 1
      if not ok then failed = failed or tostring(why) end
    end)
  end
  env.sleep = ngx.sleep

  function env.run(f)
    local began = core.now()
    env.go(f)
    repeat
      ngx.sleep(0.01)
      if core.now() - began > PATIENCE then error("the pump does not end", 0) end
    until failed or (running == 0 and not pump.up)
    local why = failed
    failed = nil
    if why then error(why, 0) end
  end

  return env
end
