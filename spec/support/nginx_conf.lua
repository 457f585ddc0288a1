--- Configurations of nginx for specs. `@NAME` stands for what spec/support/nginx.lua knows.

local conf = {}

conf.WHOLE = [[
@USER
worker_processes @WORKERS;
pid nginx.pid;
error_log error.log info;
@MAIN
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  keepalive_requests 1000000;
  lua_package_path "@ROOT/lua/?.lua;@ROOT/lua/?/init.lua;@ROOT/?.lua;;";
  lua_package_cpath "@BUILD/lib/?.so;;";
  @HTTP
  server {
    listen 127.0.0.1:@PORT @LISTEN;
    location = /alive { return 204; }
    @SERVER
  }
}
]]

-- A location that runs the Lua it is sent.
conf.RUN = [[
  location = /run {
    content_by_lua_block {
      ngx.req.read_body()
      local ok, result = pcall(assert(loadstring(ngx.req.get_body_data())))
      ngx.print(ok and tostring(result) or "raised: " .. tostring(result))
    }
  }
]]

-- Every request has `client`, which all share, `new`, which makes one of its own, and `bridges`,
-- which counts the bridges of its worker.
local CLIENT = [[
  lua_shared_dict notes 1m;
  lua_check_client_abort on;
  init_by_lua_block {
    pomex = require "pomex"
    local lfs = require "lfs"
    function new(more)
      local options = { base_url = "@URL", api_key = "@KEY", host = "@HOST",
        rate_limits = { sessions = 3, asset_list = 0 }, max_in_flight = 128 }
      for name, value in pairs(more or {}) do options[name] = value end
      return pomex.check(pomex.new(options))
    end
    function bridges()
      local count = 0
      for thread in lfs.dir "/proc/self/task" do
        local file = io.open("/proc/self/task/" .. thread .. "/comm")
        if file and file:read "*l" == "pomex-bridge" then count = count + 1 end
        if file then file:close() end
      end
      return count
    end
    notes = ngx.shared.notes
    client = new()
    notes:set("init", select(2, pcall(client.assets.list, client.assets)))
    notes:set("init async", select(2, pcall(client.async.assets.list, client.async.assets)))
  }
]]

---The lines of `http` that give requests a client of the sandbox `sb`.
---@param sb pomex.Sandbox
---@param host? string
---@return string
function conf.client(sb, host)
  local values = { URL = sb.url, KEY = sb.key, HOST = host or "openresty" }
  return (CLIENT:gsub("@(%u+)", values))
end

return conf
