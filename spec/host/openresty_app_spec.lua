-- examples/nginx-app.conf: the web apps of the pages in one file. #once #openresty

local nginx = require "spec.support.nginx"
local pages = require "spec.support.pages"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local web = require "spec.support.web"

local ask = web.ask

describe("the web app of the example #once #openresty", function()
  local sb, folder

  setup(function() sb = assert(sandbox.start { rate_limits = false, generation_seconds = 0.5,
    asset_seconds = 0 }) end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:clear_faults()
    folder = shell.bash "mktemp -d":gsub("\n", "")
    shell.bash(("cd %s && mkdir videos pictures && for name in callback notices; do "
      .. "printf '%%064d\\n' 0 > $name.secret; done"):format(folder))
  end)
  after_each(function() shell.bash("rm -rf " .. folder) end)

  it("is all in one file", function()
    local app = pages.read "examples/nginx-app.conf"
    local held = app:gsub("\n +", "\n")
    for _, name in ipairs { "callback-nginx", "openresty-jobs", "openresty-portrait" } do
      local count = 0
      for location in ("\n" .. pages.code(name)):gmatch "\n(location.-\n})" do
        count = count + 1
        assert.is_truthy(held:find(location:gsub("\n +", "\n"), 1, true), location)
      end
      assert.is_true(count > 0)
    end
    -- Its folders, port and user are this machine's; the rest stays.
    local config = app
    for word, by in pairs { ["/etc/app/"] = folder .. "/", ["/var/lib/app/"] = folder .. "/",
      ["user www%-data;"] = "@USER", ["pid [^\n]*"] = "pid nginx.pid;",
      ["error_log /var[^\n]*"] = "error_log error.log notice;",
      ["worker_processes auto"] = "worker_processes 2",
      ["events {}"] = "events { worker_connections 512; }",
      ["access_log off;\n\n"] = "%0client_body_temp_path body; proxy_temp_path proxy;\n",
      ["/usr/local/share/lua/5%.1"] = nginx.root .. "/lua",
      ["/usr/local/lib/lua/5%.1"] = nginx.build .. "/lib",
      ["listen 127%.0%.0%.1:8080;\n"] = "listen 127.0.0.1:@PORT;\n@SERVER\n",
      -- The portrait of the digits c has no face.
      ['"https://app%.example/pictures/" %.%.'] = '"https://app.example/pictures/"'
        .. ' .. (id:find "^c" and "no-face" or "") ..',
      ["pause_on_failures = false,"] = '%0 file_system = "any",' } do
      local count
      config, count = config:gsub(word, by)
      assert.is_true(count > 0, word)
    end
    local server = nginx.start { config = config, server = nginx.RUN, alive = "/scan",
      env = { POMEX_BASE_URL = sb.url, POMEX_API_KEY = sb.key, LUA_PATH = ";;", LUA_CPATH = ";;",
        USER = "of-the-master" } }
    local orphan
    local ok, why = pcall(function()
      local key, jpeg = ("b"):rep(32), "\255\216\255\224 a face"
      local portrait, faceless = "/portraits/" .. key, ("c"):rep(32)
      local function put(user, picture, path)
        return ask(server, "PUT", path or portrait, { user = user, body = picture }).status
      end
      assert.equal(403, put("rachel", jpeg))
      web.verify(server, sb, "rachel")
      assert.equal(200, ask(server, "GET", "/verified", { user = "rachel" }).status)
      assert.equal(400, put("rachel", "GIF89a"))
      -- The client leaves; it sends the same again, and again once it is there.
      local before = #sb.journal:requests "assets.create"
      server:send(portrait, jpeg, "Cookie: user=rachel\r\n", "PUT"):close()
      assert.equal(202, put("rachel", jpeg))
      web.await(server, portrait, "rachel", "done")
      assert.equal(202, put("rachel", jpeg))
      assert.equal(409, put("rachel", jpeg .. " of another"))
      assert.equal(before + 1, #sb.journal:requests "assets.create")
      assert.equal(jpeg, ask(server, "GET", "/pictures/" .. key .. ".jpg").body)
      assert.equal(403, ask(server, "GET", portrait, { user = "tom" }).status)

      -- A video of the person, in a user's own words; it waits for its portrait, which fails, and
      -- takes another.
      local function order(picture)
        return ask(server, "POST", "/jobs?portrait=" .. picture, { user = "rachel",
          key = ("d"):rep(32), body = "{like} image 7" }).status
      end
      local of_person = "/jobs/" .. ("d"):rep(32)
      assert.equal(400, order(faceless))
      assert.equal(202, put("rachel", jpeg, "/portraits/" .. faceless))
      assert.equal(202, order(faceless))
      web.await(server, of_person, "rachel", "no face")
      assert.matches('"blocked":true', ask(server, "GET", of_person, { user = "rachel" }).body, 1,
        true)
      assert.equal(202, order(key))
      web.await_state(server, of_person, "rachel", "done")
      local of_portrait = sb.journal:requests "generations.create"
      local sent = of_portrait[#of_portrait].body:gsub("\\/", "/")
      assert.matches("asset://", sent, 1, true)
      assert.matches("The person in image 1: ", sent, 1, true)
      assert.matches('"{like} image 7"', sent, 1, true)

      local film = web.ordered(server, {})
      web.await_state(server, film, "rachel", "done")
      assert.equal(200, ask(server, "GET", film .. "/video", { user = "rachel" }).status)
      -- The notice of the service, whose URL was sent with it.
      local created = sb.journal:requests "generations.create"
      local url = created[#created].body:match '"callback_url":"([^"]*)"':gsub("\\/", "/")
      local path = url:gsub("^https://[^/]*", "")
      -- One whose answer was lost is found by its notice, and the log says so.
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local lost = web.ordered(server, {})
      web.await_state(server, lost, "rachel", "unclear")
      created = sb.journal:requests "generations.create"
      local found = created[#created].body:match '"callback_url":"([^"]*)"':gsub("\\/", "/")
      local entries, id = sb.ledger:entries(), nil
      for _, entry in ipairs(entries) do id = entry.kind == "generation" and entry.id or id end
      ask(server, "POST", (found:gsub("^https://[^/]*", "")), { body = '{"id":"' .. id .. '"}' })
      web.await_state(server, lost, "rachel", "done")
      nginx.await("whose it is", function()
        return server:log():find(lost:match "%x+$" .. " is " .. id .. ", says a notice", 1, true)
      end)
      local notice = ask(server, "POST", path, { body = '{"id":"cgt-1"}' })
      assert.equal(200, notice.status)
      assert.equal(404, ask(server, "POST", path .. "x", { body = "{}" }).status)
      assert.is_nil(server:log():find(path, 1, true))
      -- Its worker dies over one: all that are there then find it, and one says it.
      sb:fault { endpoint = "generations.create", before_accept = "hang", times = 0 }
      orphan = web.ordered(server, {}):match "%x+$"
      web.await_state(server, "/jobs/" .. orphan, "rachel", "sending")
      local old = server:workers()
      for _, pid in ipairs(old) do server:signal("KILL", pid) end
      server:await_gone(old)
      sb:clear_faults()
      nginx.await("both", function()
        return select(2, server:log():gsub(orphan .. " is unclear: its", "")) == 2
      end, 60)
      assert.matches("^uid %d+ on .*, process %d+", server:run [[
        for _, event in ipairs(jobs:events()) do
          if event.name == "worker buried" then return event.text end
        end
      ]])
    end)
    server:stop "QUIT"
    assert(ok, tostring(why) .. server:log())
    local said = "billed: maybe; job rachel/" .. orphan .. ": its process died"
    assert.equal(1, select(2, server:log():gsub(said, "")))
    assert.matches("portrait rachel/portrait%-c+ failed: ", server:log())
    assert.equal("", server:problems { "portrait rachel/portrait%-c+ failed: ", "billed: maybe",
      "exited on signal 9", "no portrait of this queue" })
  end)
end)
