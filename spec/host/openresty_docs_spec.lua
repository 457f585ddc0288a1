-- The configurations that docs/openresty.md and docs/notices.md show, in a real nginx.
-- #once #openresty

local conf = require "spec.support.nginx_conf"
local nginx = require "spec.support.nginx"
local pages = require "spec.support.pages"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

describe("the configurations of docs/ #once #openresty", function()
  local sb

  setup(function() sb = assert(sandbox.start { rate_limits = false, generation_seconds = 0.5 }) end)
  teardown(function() sb:stop() end)
  before_each(function() sb:clear_faults() end)

  -- What stands before the first location goes into http { }, the rest into server { }.
  local function with(name, words, check, config)
    local http, server = pages.code(name):match "^(.-)(\nlocation.*)$"
    for word, by in pairs(words) do
      local count
      http, count = http:gsub(word, by)
      assert.equal(1, count, word)
    end
    local running = nginx.start { http = http, server = server .. nginx.RUN, config = config,
      env = { POMEX_BASE_URL = sb.url, POMEX_API_KEY = sb.key, LUA_PATH = config and ";;",
        LUA_CPATH = config and ";;" } }
    local ok, why = pcall(check, running)
    running:stop "QUIT"
    assert(ok, why)
    return running
  end

  it("ask for an asset", function()
    local own_paths = conf.WHOLE:gsub("  lua_package_c?path [^\n]*\n", "")
    local running = with("openresty", { ['_path "([^"]*)'] = function(paths)
        return '_path "' .. paths:gsub("/usr/local/share/lua/5%.1", nginx.root .. "/lua")
      end, ["/usr/local/lib/lua/5%.1"] = nginx.build .. "/lib" }, function(server)
      local id = sb:add_assets { group_id = sb:add_person() }[1]
      assert.same({ "active\n", 200 }, { server:get("/asset?id=" .. id) })
      assert.same({ "asset not found\n", 404 }, { server:get "/asset?id=asset-none" })
      assert.equal(400, select(2, server:get "/asset"))
      sb:fault { endpoint = "assets.get", status = 401 }
      local said, status = server:get "/asset?id=asset-none"
      assert.same({ "That did not work; please try again later.\n", 502 }, { said, status })
      nginx.await("the line of the error", function()
        return server:log():find("authentication_error", 1, true)
      end)
    end, own_paths)
    assert.equal("", running:problems { "not_found_error", "invalid_request_error",
      "authentication_error" })
    local line = assert.is_truthy(running:log():match "[^\n]*not_found_error[^\n]*")
    assert.is_nil(line:find("request:", 1, true), line)
  end)

  -- Looks as often as a spec wants it to.
  local OFTEN = { ["pomex%.new%(%)"] =
    "pomex.new { poll = { generation = { first = 0.1, max = 0.1 } } }" }

  local function posted(server, path)
    local body, status = nginx.receive(server:send(path, "A wave."))
    assert.equal(202, status)
    return path .. "/" .. assert.is_truthy(body:match "^(%x+)\n$")
  end

  it("make a video from a request", function()
    local running = with("openresty-video", OFTEN, function(server)
      sb:fault { endpoint = "generations.get", delay = 0.3, times = 1 }
      local path = posted(server, "/videos")
      assert.same({ "making\n", 200 }, { server:get(path) })
      nginx.await("the video", function() return server:get(path):find "^https?://" end)
      assert.equal(200, select(2, server:get(path)))
      assert.matches("^cgt%-", server:run(('return ngx.shared.videos:get "task:%s"'):format(
        path:match "%x+$")))
      assert.equal(404, select(2, server:get("/videos/" .. ("0"):rep(32))))
      assert.equal(405, select(2, server:get "/videos"))
      assert.equal(400, select(2, nginx.receive(server:send("/videos", ""))))
    end)
    assert.equal("", running:problems())
  end)

  it("keep a video's id when its worker ends", function()
    local running = with("openresty-video", OFTEN, function(server)
      sb:fault { endpoint = "generations.get", before_accept = "hang", times = 0 }
      local id = posted(server, "/videos"):match "%x+$"
      local ask = ('return ngx.shared.videos:get "task:%s"'):format(id)
      nginx.await("its id", function() return server:run(ask):find "^cgt%-" end)
      local old = server:workers()
      server:signal("TERM", old[1])
      server:await_gone(old)
      sb:clear_faults()
      nginx.await("another worker", function() return select(2, server:get "/alive") == 204 end)
      local task = server:run(ask)
      assert.matches("^cgt%-", task)
      assert.same({ "making\n", 200 }, { server:get("/videos/" .. id) })
      assert.equal("succeeded", server:run(
        ("return client.generations:wait(%q).status"):format(task)))
    end)
    assert.equal("", running:problems())
  end)

  it("say what becomes of too many timers", function()
    local words = { ["running_timers 1024"] = "running_timers 3" }
    for word, by in pairs(OFTEN) do words[word] = by end
    local running = with("openresty-video", words, function(server)
      sb:fault { endpoint = "generations.create", delay = 1, times = 0 }
      local paths = {}
      for i = 1, 8 do paths[i] = posted(server, "/videos") end
      sb:clear_faults()
      nginx.await("a timer that is dropped", function()
        return server:log():find("lua_max_running_timers are not enough", 1, true)
      end)
      local function count(pattern)
        local found = 0
        for _, path in ipairs(paths) do
          if server:get(path):find(pattern) then found = found + 1 end
        end
        return found
      end
      nginx.await("those that began", function()
        return server:run "return client.loop.count" == "0" and count "^http" > 0
      end)
      assert.is_true(count "^making" > 0)
      assert.equal(8, count "^http" + count "^making")
    end)
    assert.equal("", running:problems "lua_max_running_timers are not enough")
  end)

  it("run jobs, which go on in other workers", function()
    local folder = shell.bash "mktemp -d":gsub("\n", "")
    shell.bash("mkdir " .. folder .. "/videos")
    local words = { ['"/var/lib/app/jobs%.db",'] = ("%q,"):format(folder .. "/jobs.db"),
      ["/var/lib/app/videos"] = folder .. "/videos",
      ["pause_on_failures = false"] = '%0, file_system = "any", log = function() end' }
    for word, by in pairs(OFTEN) do words[word] = by end
    local running = with("openresty-jobs", words, function(server)
      local function state(path, wanted)
        nginx.await(path .. " " .. wanted, function()
          return server:get(path) == wanted .. "\n"
        end)
      end
      local before = sb.ledger:count "generation"
      local first = posted(server, "/jobs")
      state(first, "done")
      assert.equal("mp4", shell.bash(("ls %s/videos"):format(folder)):match "%.(%w+)\n$")
      assert.equal(404, select(2, server:get("/jobs/" .. ("0"):rep(32))))
      assert.equal(405, select(2, server:get "/jobs"))
      -- A reload while a job waits: the old worker hands it over, and ends.
      sb:fault { endpoint = "generations.get", status = 503, times = 0 }
      local second = posted(server, "/jobs")
      state(second, "polling")
      local old = server:workers()
      server:signal "HUP"
      server:await_gone(old)
      sb:clear_faults()
      state(second, "done")
      -- One that is killed hands nothing over.
      sb:fault { endpoint = "generations.get", status = 503, times = 0 }
      local third = posted(server, "/jobs")
      state(third, "polling")
      old = server:workers()
      server:signal("KILL", old[1])
      server:await_gone(old)
      sb:clear_faults()
      state(third, "done")
      assert.equal(before + 3, sb.ledger:count "generation")
    end)
    shell.bash("rm -rf " .. folder)
    assert.equal("", running:problems "exited on signal 9")
  end)

  it("take callbacks, and log none", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(("s"):rep(64), "\n")
    file:close()
    local client = pomex.check(pomex.new { base_url = sb.url, api_key = sb.key })
    local callback = pomex.callback.new { secret = ("s"):rep(64), origin = "https://app.example" }
    local running = with("callback-nginx", { ["/etc/app/callback%.secret"] = path },
      function(server)
        local function scanned(outcome)
          local url = pomex.check(callback:url("https://app.example/pomex", { subject = "rachel" }))
          return (sb:scan(pomex.check(client.sessions:create { callback_url = url }).h5_link,
            outcome):gsub("^https://[^/]*", ""))
        end
        local function ask(uri, words)
          return (shell.bash(("curl -s -o /dev/null -w '%%{http_code} %%{redirect_url}' %s %s")
            :format(words, shell.quote(server.url .. uri))))
        end
        local good, rachel = scanned "pass", "-b user=rachel"
        assert.matches("^405", ask(good, "-I " .. rachel))
        assert.matches("^405", ask(good, "-X POST " .. rachel))
        assert.matches("^303 .*/scan%-again$", ask(good, ""))
        assert.matches("^303 .*/scan%-again$", ask(good, "-b user=tom"))
        assert.matches("^303 .*/scan%-again$", ask(good:gsub("/pomex/.", "/pomex/0"), rachel))
        assert.matches("^303 .*/scan%-again$", ask(scanned "fail", rachel))
        assert.matches("^303 .*/verified$", ask(good, rachel))
        assert.matches("^303 .*/scan%-again$", ask(good, rachel))
        -- nginx itself has something to say: it cannot keep what comes with the request.
        ask(good, rachel .. " -X PUT -H 'Content-Length: 99999999'")
        local group = good:match "group_id=([^&]+)"
        assert.equal("rachel", server:run(("return ngx.shared.groups:get %q"):format(group)))
        assert.is_nil(server:log():find(group, 1, true))
      end)
    client:close()
    os.remove(path)
    assert.equal("", running:problems())
  end)

  it("take notices", function()
    local secret = ("s"):rep(32)
    local running = with("notices-nginx", { ["…"] = ("%q"):format(secret) }, function(server)
      local notices = pomex.notices.new { secret = secret,
        base = "https://app.example/pomex/notices" }
      local path = notices:url "film-17":gsub("^https://[^/]*", "")
      local status = select(2, nginx.receive(server:send(path, '{"id":"cgt-1"}')))
      assert.equal(200, status)
      assert.equal(404, select(2, nginx.receive(server:send(path .. "x", '{"id":"cgt-1"}'))))
    end)
    assert.equal("", running:problems())
  end)
end)
