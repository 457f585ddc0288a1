-- Notices in a real nginx with several workers: each worker's waits learn of a notice that another
-- worker took.
-- #once #openresty

local nginx = require "spec.support.nginx"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

local HTTP = [[
  lua_shared_dict nudges 1m;
  client_body_buffer_size 64k;
  client_max_body_size 64k;
  init_by_lua_block {
    pomex = require "pomex"
    function notices() -- the port is known in a request
      return pomex.notices.new { secret = ("s"):rep(32),
        base = ("http://127.0.0.1:%s/notices"):format(ngx.var.server_port) }
    end
    client = pomex.check(pomex.new { base_url = "@URL", api_key = "@KEY", rate_limits = false,
      nudges = pomex.notices.shared_dict(ngx.shared.nudges) })
  }
]]

local SERVER = [[
  location /notices/ {
    content_by_lua_block {
      ngx.req.read_body()
      local tag, id = notices():receive(ngx.var.request_uri, ngx.req.get_method(),
        ngx.req.get_body_data())
      if not tag then return ngx.exit(id.status) end
      if id then client.generations:nudge(id) end
      ngx.shared.nudges:set("taken", ngx.worker.pid())
    }
  }
  location = /url { content_by_lua_block { ngx.print(notices():url "film") } }
  location = /pid { content_by_lua_block { ngx.print(ngx.worker.pid(), " ", client.loop.count) } }
  location = /taken { content_by_lua_block { ngx.print(ngx.shared.nudges:get "taken") } }
  location = /wait {
    content_by_lua_block {
      local task, err = client.generations:wait(ngx.var.arg_id, { first = 1000, max = 1000,
        timeout = 5000 })
      ngx.print(task and task.status or tostring(err), "@", ngx.worker.pid())
    }
  }
]]

describe("notices under nginx: #once #openresty", function()
  local sb, client, server

  setup(function()
    sb = assert(sandbox.start { rate_limits = false, generation_seconds = 1000 })
    client = assert(pomex.new(sb:client_options { rate_limits = false }))
    server = nginx.start { workers = 4, listen = "reuseport", server = SERVER,
      http = HTTP:gsub("@(%u+)", { URL = sb.url, KEY = sb.key }) }
  end)
  teardown(function()
    client:close()
    local problems = server:problems()
    server:stop()
    sb:stop()
    assert.equal("", problems)
  end)

  local function create()
    return pomex.check(client.generations:create { model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text "a wave", callback_url = (server:get "/url") })
  end

  -- Waits of a task in every worker: those that it has now, and their requests.
  local function wait_everywhere(id)
    local connections, busy, count = {}, {}, 0
    nginx.await("a wait in every worker", function()
      connections[#connections + 1] = server:send("/wait?id=" .. id)
      for _ = 1, 8 do
        local pid, pending = server:get("/pid"):match "^(%d+) (%d+)$"
        if tonumber(pending) > 0 and not busy[pid] then busy[pid], count = true, count + 1 end
      end
      return count == 4
    end)
    return connections
  end

  it("the waits of every worker look, whichever takes it [beyond 12]", function()
    for _ = 1, 3 do
      local task = create()
      local connections = wait_everywhere(task.id)
      sb.clock:advance(2000)
      local pids, workers = {}, 0
      for _, connection in ipairs(connections) do
        local status, pid = nginx.receive(connection):match "^(.*)@(%d+)$"
        assert.equal("succeeded", status)
        if not pids[pid] then pids[pid], workers = true, workers + 1 end
      end
      assert.equal(4, workers)
      assert.is_truthy(pids[server:get "/taken"])
    end
  end)

  it("a path that nobody made is a 404, and a GET none that counts", function()
    assert.equal(404, select(2, server:get "/notices/x.y"))
    assert.equal(405, select(2, server:get((server:get "/url"):gsub("^http://[^/]*", ""))))
  end)
end)
