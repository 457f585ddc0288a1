-- The web apps that docs/callback.md and docs/openresty.md show, part by part. #once #openresty

local bed = require "spec.support.nginx_docs"
local conf = require "spec.support.nginx_conf"
local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local web = require "spec.support.web"

local ask, ordered, await_state = web.ask, web.ordered, web.await_state

describe("the web app of the pages #once #openresty", function()
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

  local function shared(server, dict, key)
    return server:run(("return ngx.shared.%s:get %q"):format(dict, key))
  end

  it("takes a scan by phone, binds it once, and logs no callback", function()
    local group, first, id
    local running = bed.with(sb, "callback-nginx", { ["/etc/app"] = folder }, function(server)
      assert.equal(403, ask(server, "POST", "/scan", { body = "" }).status)
      assert.equal(405, ask(server, "GET", "/scan", { user = "rachel" }).status)
      local link
      id, link = web.begin(server, "rachel")
      local desktop, phone = "/scan/" .. id, "/scan/" .. id .. "/phone"
      assert.equal(404, ask(server, "GET", desktop, { user = "tom" }).status)
      local shown = ask(server, "GET", desktop, { user = "rachel" }).body
      assert.matches("<svg", shown, 1, true)
      assert.matches("http-equiv=refresh", shown, 1, true)
      -- A scan that fails can be repeated.
      assert.equal(phone, ask(server, "GET", web.scanned(sb, link, "fail")).location)
      assert.matches("did not work", ask(server, "GET", phone).body, 1, true)
      assert.matches("did not work.*action=/scan",
        ask(server, "GET", desktop, { user = "rachel" }).body)
      first, id, link = id, web.begin(server, "rachel")
      desktop, phone = "/scan/" .. id, "/scan/" .. id .. "/phone"

      local good = web.scanned(sb, link, "pass")
      group = good:match "group_id=([^&]+)"
      assert.equal(405, ask(server, "HEAD", good).status)
      assert.equal(405, ask(server, "POST", good, { body = "" }).status)
      assert.equal(404, ask(server, "GET", (good:gsub("/pomex/%x+", "/pomex/" .. ("0"):rep(32))))
        .status)
      ask(server, "GET", (good:gsub("(/pomex/%x+/).", "%1!")))
      -- The phone's page ends; so does the code, with another one to be had.
      local refused = ask(server, "GET", phone).body
      assert.matches("cannot be used", refused, 1, true)
      assert.is_nil(refused:find("refresh", 1, true))
      local ttl = server:run(('return ngx.shared.attempts:ttl "link %s"'):format(id))
      assert.is_true(tonumber(ttl) <= 1800)
      server:run(('ngx.shared.attempts:delete "link %s"'):format(id))
      assert.matches("too old.*action=/scan",
        ask(server, "GET", desktop, { user = "rachel" }).body)
      -- Its answer is lost while the group is asked about; the phone asks again, and is let in.
      local hung = sb:fault { endpoint = "assets.list", before_accept = "hang" }
      local lost = server:send(good)
      nginx.await("the question", function() return sb:struck(hung) > 0 end)
      lost:close()
      assert.equal(phone, ask(server, "GET", good).location)
      assert.matches("go back to your computer", ask(server, "GET", phone).body:lower(), 1, true)
      assert.equal("/verified", ask(server, "GET", desktop, { user = "rachel" }).location)
      -- A tab that is opened again, and one with a group that somebody wrote into it.
      local forged = good:gsub("group_id=[^&]+", "group_id=group-of-tom")
      for _, uri in ipairs { good, forged } do
        assert.equal(phone, ask(server, "GET", uri).location)
        assert.matches("Done", ask(server, "GET", phone).body, 1, true)
      end
      assert.equal(group, shared(server, "groups", "of rachel"))
      assert.equal("nil", shared(server, "groups", "is group-of-tom"))
      -- Who is verified is not scanned again, which would be billed.
      local before = #sb.journal:requests "sessions.create"
      assert.equal("/verified", ask(server, "POST", "/scan", { user = "rachel", body = "" })
        .location)
      assert.equal(before, #sb.journal:requests "sessions.create")

      -- A group that another user has is refused.
      local other, second = web.begin(server, "tom")
      local taken = web.scanned(sb, second, "pass"):gsub("group_id=[^&]+", "group_id=" .. group)
      ask(server, "GET", taken)
      assert.matches("another account", ask(server, "GET", "/scan/" .. other .. "/phone").body)
      assert.equal("rachel", shared(server, "groups", "is " .. group))
      nginx.await("why", function()
        return server:log():find("scan " .. other .. ": nothing bound: the group is another", 1,
          true)
      end)
      -- nginx itself has something to say: it cannot keep what comes with the request.
      shell.bash(("curl -s -o /dev/null -X PUT -H 'Content-Length: 99999999' %s"):format(
        shell.quote(server.url .. good)))
    end)
    local log = running:log()
    assert.matches(("scan %s: nothing bound: verification_failed"):format(first), log, 1, true)
    assert.is_nil(log:find(group, 1, true))
    assert.is_nil(log:find("/pomex/", 1, true))
    assert.equal("", running:problems "nothing bound")
  end)

  it("knows a scan's end where the last words come as the worker ends", function()
    local running = bed.with(sb, "callback-nginx", { ["/etc/app"] = folder,
      ["every%(1, flush"] = "every(3600, flush" }, function(server)
      local _, link = web.begin(server, "rachel")
      ask(server, "GET", web.scanned(sb, link, "fail"))
      assert.is_nil(server:log():find("nothing bound", 1, true))
    end)
    assert.matches("nothing bound: verification_failed", running:log(), 1, true)
  end)

  local function jobs_words()
    return { ["/var/lib/app/jobs%.db"] = folder .. "/jobs.db",
      ["/var/lib/app/videos"] = folder .. "/videos",
      ["pause_on_failures = false"] = '%0, file_system = "any"',
      [bed.OFTEN_OF] = bed.OFTEN }
  end

  it("runs jobs, which go on in other workers", function()
    local running = bed.with(sb, "openresty-jobs", jobs_words(), function(server)
      local before = sb.ledger:count "generation"
      local first = ordered(server, { key = ("a"):rep(32) })
      await_state(server, first, "rachel", "done")
      local created = sb.journal:requests "generations.create"
      assert.matches('"{cat} hangs in image 7: {"', created[#created].body, 1, true)
      assert.is_nil(created[#created].body:find('"raw"', 1, true))
      -- Its file, in parts as a browser asks for it; and nobody else's.
      local film = ask(server, "GET", first .. "/video", { user = "rachel" })
      assert.equal(200, film.status)
      assert.matches("video/mp4", film.head, 1, true)
      assert.equal("ftyp", film.body:sub(5, 8))
      for _, path in ipairs { first, first .. "/video" } do
        assert.equal(404, ask(server, "GET", path, { user = "tom" }).status)
        assert.equal(404, ask(server, "GET", path).status)
      end
      assert.equal(404, ask(server, "GET", ("/-/videos/%s.mp4"):format(("a"):rep(32))).status)
      -- Sent again: the same is the same job, other words are refused.
      assert.equal(first, ordered(server, { key = ("a"):rep(32) }))
      assert.equal(409, ask(server, "POST", "/jobs", { user = "rachel", key = ("a"):rep(32),
        body = "Other words." }).status)
      for _, key in ipairs { "../x", ("A"):rep(32) } do
        assert.equal(400, ask(server, "POST", "/jobs", { user = "rachel", key = key, body = "x" })
          .status)
      end
      assert.equal(400, ask(server, "POST", "/jobs", { user = "rachel", body = "" }).status)
      assert.equal(403, ask(server, "POST", "/jobs", { body = "x" }).status)
      assert.equal(405, ask(server, "GET", "/jobs", { user = "rachel" }).status)
      -- A reload while a job waits: the old worker hands it over, and ends.
      sb:fault { endpoint = "generations.get", status = 503, times = 0 }
      local second = ordered(server, {})
      await_state(server, second, "rachel", "polling")
      assert.equal(404, ask(server, "GET", second .. "/video", { user = "rachel" }).status)
      local old = server:workers()
      server:signal "HUP"
      server:await_gone(old)
      sb:clear_faults()
      await_state(server, second, "rachel", "done")
      -- One that is killed hands nothing over.
      sb:fault { endpoint = "generations.get", status = 503, times = 0 }
      local third = ordered(server, {})
      await_state(server, third, "rachel", "polling")
      old = server:workers()
      server:signal("KILL", old[1])
      server:await_gone(old)
      sb:clear_faults()
      await_state(server, third, "rachel", "done")
      assert.equal(before + 3, sb.ledger:count "generation")
      assert.matches("%[notice%][^\n]*pomex jobs: rachel/a+ is cgt%-", server:log())
    end)
    assert.equal("", running:problems "exited on signal 9")
  end)

  it("says of a reload that was cut short only what is unclear", function()
    local config = conf.WHOLE:gsub("@MAIN", "worker_shutdown_timeout 1s;")
    local running = bed.with(sb, "openresty-jobs", jobs_words(), function(server)
      sb:fault { endpoint = "generations.create", before_accept = "hang", times = 0 }
      local cut = ordered(server, {})
      await_state(server, cut, "rachel", "sending")
      local old = server:workers()
      server:signal "HUP"
      server:await_gone(old)
      sb:clear_faults()
      local words = "billed: maybe; job rachel/" .. cut:match "%x+$" .. ": its process died"
      nginx.await("the line", function() return server:log():find(words, 1, true) end, 60)
    end, config)
    assert.equal("", running:problems "billed: maybe; job rachel/")
  end)

  it("says how far a job is, why one failed, and which are perhaps billed", function()
    local running = bed.with(sb, "openresty-jobs", jobs_words(), function(server)
      sb:config { generation_seconds = 3600 }
      finally(function() sb:config { generation_seconds = 0.5 } end)
      local going = ordered(server, {})
      nginx.await("its progress", function()
        return ask(server, "GET", going, { user = "rachel" }).body:find('"progress":"%l+"')
      end)
      sb:fault { endpoint = "generations.create", status = 400 }
      local bad = ordered(server, {})
      await_state(server, bad, "rachel", "failed")
      local said = ask(server, "GET", bad, { user = "rachel" }).body:match '"why":"([^"]*)"'
      assert.is_truthy(said and #said > 0)
      assert.is_nil(said:find("invalid_request_error", 1, true))
      assert.is_nil(said:find("HTTP 400", 1, true))
      -- The answer to one is lost.
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local lost = ordered(server, {})
      await_state(server, lost, "rachel", "unclear")
      local words = "billed: maybe; job rachel/" .. lost:match "%x+$" .. ": ambiguous_error"
      nginx.await("the line", function() return server:log():find(words, 1, true) end)
      -- A worker dies over one.
      sb:fault { endpoint = "generations.create", before_accept = "hang", times = 0 }
      local orphan = ordered(server, {})
      await_state(server, orphan, "rachel", "sending")
      local old = server:workers()
      server:signal("KILL", old[1])
      server:await_gone(old)
      sb:clear_faults()
      await_state(server, orphan, "rachel", "unclear")
      words = "billed: maybe; job rachel/" .. orphan:match "%x+$" .. ": its process died"
      nginx.await("the line", function() return server:log():find(words, 1, true) end, 60)
    end)
    assert.matches("video rachel/%x+ failed: ", running:log())
    assert.equal("", running:problems { "exited on signal 9", "billed: maybe; job rachel/",
      "video rachel/%x+ failed: " })
  end)
end)
