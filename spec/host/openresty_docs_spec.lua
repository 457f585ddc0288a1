-- The configurations that docs/openresty.md and docs/notices.md show, in a real nginx.
-- #once #openresty

local conf = require "spec.support.nginx_conf"
local docs = require "spec.support.nginx_docs"
local nginx = require "spec.support.nginx"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

describe("the configurations of docs/ #once #openresty", function()
  local sb

  setup(function() sb = assert(sandbox.start { rate_limits = false, generation_seconds = 0.5 }) end)
  teardown(function() sb:stop() end)
  before_each(function() sb:clear_faults() end)

  local function with(name, words, check, config)
    return docs.with(sb, name, words, check, config)
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
    assert.equal("", running:problems "authentication_error")
    -- A stranger's 404 is no line.
    assert.is_nil(running:log():find("not_found_error", 1, true))
    assert.is_nil(running:log():find("invalid_request_error", 1, true))
  end)

  local OFTEN = { [docs.OFTEN_OF] = docs.OFTEN }

  -- What an end user may write.
  local WORDS = "{cat} hangs in image 7: {"

  local function posted(server, path)
    local body, status = nginx.receive(server:send(path, WORDS))
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
      local created = sb.journal:requests "generations.create"
      assert.matches(WORDS, created[#created].body, 1, true)
      assert.is_nil(created[#created].body:find("raw", 1, true))
    end)
    assert.equal("", running:problems())
  end)

  it("keep a video's id when its worker ends", function()
    local running = with("openresty-video", OFTEN, function(server)
      sb:fault { endpoint = "generations.get", before_accept = "hang", times = 0 }
      local id = posted(server, "/videos"):match "%x+$"
      local ask = ('return ngx.shared.videos:get "task:%s"'):format(id)
      nginx.await("its id", function() return server:run(ask):find "^cgt%-" end)
      -- When nginx itself ends, the log alone has it.
      local line = "[^\n]*video " .. id .. " is " .. server:run(ask):gsub("%-", "%%-")
      assert.matches("[notice]", server:log():match(line) or "", 1, true)
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

  it("take notices", function()
    local secret = ("s"):rep(32)
    local running = with("notices-nginx", { ["…"] = ("%q"):format(secret) }, function(server)
      local notices = pomex.notices.new { secret = secret,
        base = "https://app.example/pomex/notices" }
      local path = notices:url "film-17":gsub("^https://[^/]*", "")
      local status = select(2, nginx.receive(server:send(path, '{"id":"cgt-1"}')))
      assert.equal(200, status)
      assert.equal(404, select(2, nginx.receive(server:send(path .. "x", '{"id":"cgt-1"}'))))
      -- nginx itself has something to say, and adds no URL to it.
      assert.equal(413, select(2, nginx.receive(server:send(path, ("x"):rep(70000)))))
      assert.is_nil(server:log():find(path, 1, true))
    end)
    assert.equal("", running:problems())
  end)
end)
