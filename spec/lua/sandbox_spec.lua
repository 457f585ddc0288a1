-- pomex.sandbox: starting the sandbox from a spec, and driving it.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local callback = require "pomex.callback"
local shell = require "spec.support.shell"

local SESSION = { callback_url = "https://app.example/cb", lang = "en" }
local MODEL = "byteplus/seedance-2.0-fast"

local function alive(pid)
  local file = io.open("/proc/" .. pid .. "/stat", "r")
  if not file then return false end
  local stat = file:read("*l") or ""
  file:close()
  -- A zombie has ended; it only waits to be counted.
  return not stat:find("^%d+ %(.*%) [ZX]")
end

describe("pomex.sandbox", function()
  local sb, client

  before_each(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0 })
    client = pomex.check(pomex.new(sb:client_options()))
  end)

  after_each(function()
    client:close()
    -- Also what a sanitizer finds in the sandbox ends up in its exit code.
    assert.equal(0, sb:stop())
  end)

  local function upload(group_id, url)
    return client.assets:create { url = url or "https://cdn.example/a.jpg", asset_type = "Image",
      group_id = group_id, name = "front" }
  end

  local function generate(text)
    return client.generations:create { model = MODEL,
      content = pomex.content():text(text or "a wave") }
  end

  describe("start", function()
    it("gives url, key, token and pid of a process on a loopback port", function()
      assert.matches("^http://127%.0%.0%.1:%d+$", sb.url)
      assert.matches("^sk%-sandbox%-", sb.key)
      assert.is_true(#sb.token >= 16)
      assert.is_true(alive(sb.pid))
    end)

    it("starts any number side by side", function()
      local other = assert(sandbox.start {})
      assert.not_equal(sb.url, other.url)
      assert.not_equal(sb.key, other.key)
      other:stop()
      assert.is_false(alive(other.pid))
      assert.is_true(alive(sb.pid))
    end)

    it("takes the key it is told", function()
      local other = assert(sandbox.start { key = "sk-mine" })
      assert.equal("sk-mine", other.key)
      other:stop()
    end)

    it("takes every setting, also those that the command line has not", function()
      local other = assert(sandbox.start { asset_seconds = 1.5, generation_seconds = 2.5,
        h5_seconds = 3, asset_link_seconds = 4, video_link_seconds = 5, rate_limits = false,
        rate_limit_answer = 502 })
      local config = other:state().config
      assert.equal(1.5, config.asset_seconds)
      assert.equal(2.5, config.generation_seconds)
      assert.equal(3, config.h5_seconds)
      assert.equal(4, config.asset_link_seconds)
      assert.equal(5, config.video_link_seconds)
      assert.equal(502, config.rate_limit_answer)
      other:stop()
    end)

    it("keeps the database in the file it is told", function()
      local path = os.tmpname()
      local first = assert(sandbox.start { database = path, key = "sk-kept" })
      first:add_person()
      local groups = first:state().groups
      first:stop()
      local second = assert(sandbox.start { database = path, key = "sk-kept" })
      assert.equal(groups, second:state().groups)
      second:stop()
      os.remove(path)
    end)

    it("says where it looked for the program", function()
      local nothing, err = sandbox.start { binary = "/nowhere/pomex-sandbox" }
      assert.is_nil(nothing)
      assert.equal("connection_error", err.type)
      assert.matches('no pomex%-sandbox at "/nowhere/pomex%-sandbox"', err.message)
      assert.equal("option binary", err.hint)
    end)

    it("finds the program beside the command that runs, not in the current folder", function()
      local folder = shell.bash("mktemp -d"):gsub("%s+$", "")
      finally(function() shell.bash("rm -rf " .. shell.quote(folder)) end)
      local file = assert(io.open(folder .. "/tool", "wb"))
      file:write [[
        local sb, err = require("pomex.sandbox").start()
        print(sb and "found" or tostring(err))
        if sb then sb:stop() end
      ]]
      file:close()
      local output = shell.bash(([[
        ln -s "$POMEX_SANDBOX_BIN" %s/pomex-sandbox
        unset POMEX_SANDBOX_BIN
        %s %s/tool
        cd %s
        rm pomex-sandbox
        printf '#!/bin/sh\ntouch ran\n' > pomex-sandbox
        chmod +x pomex-sandbox
        %s tool > said
        ls
      ]]):format(folder, shell.lua(), folder, folder, shell.lua()))
      assert.equal("found\npomex-sandbox\nsaid\ntool\n", output)
    end)

    it("says that a program is no sandbox", function()
      local nothing, err = sandbox.start { binary = "/bin/true" }
      assert.is_nil(nothing)
      assert.equal("connection_error", err.type)
      assert.matches("did not say where it listens", err.message)
    end)

    it("says that a file is no program #native", function()
      local nothing, err = sandbox.start { binary = "/etc/passwd" }
      assert.is_nil(nothing)
      assert.equal("connection_error", err.type)
      assert.matches("could not be started", err.message)
    end)

    it("says that the port is in use", function()
      local port = tonumber(sb.url:match("%d+$"))
      local nothing, err = sandbox.start { port = port }
      assert.is_nil(nothing)
      assert.equal("connection_error", err.type)
      assert.equal(("pomex-sandbox did not start: cannot listen on 127.0.0.1 port %d: "
        .. "the port is in use (port 0 takes a free one)"):format(port), err.message)
    end)

    it("says that the host is no address, or not one of this machine", function()
      for host, why in pairs { ["192.0.2.1"] = "it is no address of this machine",
        ["sandbox.example"] = "%-%-host sandbox.example is no IP address" } do
        local nothing, err = sandbox.start { host = host }
        assert.is_nil(nothing)
        assert.equal("connection_error", err.type)
        assert.matches(why, err.message)
      end
    end)

    it("says what else the program would not take", function()
      for option, value in pairs { port = 70000, key = "a b", database = "/etc/passwd" } do
        local nothing, err = sandbox.start { [option] = value }
        assert.is_nil(nothing)
        assert.matches("^pomex%-sandbox did not start: ", err.message)
        assert.is_nil(err.message:find("a b", 1, true))
      end
    end)

    it("says which setting is out of range", function()
      for setting, value in pairs { asset_seconds = -1, h5_seconds = 1e12,
        rate_limit_answer = 500 } do
        local nothing, err = sandbox.start { [setting] = value }
        assert.is_nil(nothing)
        assert.equal("invalid_request_error", err.type)
        assert.matches("^" .. setting .. " must be", err.message)
      end
    end)

    it("listens on every address, and reaches itself on loopback", function()
      local open = assert(sandbox.start { host = "0.0.0.0" })
      assert.matches("^http://127%.0%.0%.1:%d+$", open.url)
      local inside = pomex.check(pomex.new(open:client_options()))
      assert.equal(0, pomex.check(inside.assets:list {}).total_count)
      -- On another address of the loopback interface, from which 127.0.0.1 alone would be deaf.
      local elsewhere = pomex.check(pomex.new(open:client_options {
        base_url = open.url:gsub("127%.0%.0%.1", "127.0.0.2") }))
      assert.equal(0, pomex.check(elsewhere.assets:list {}).total_count)
      inside:close()
      elsewhere:close()
      open:stop()
    end)

    it("lets a client use http where the host is not loopback", function()
      local control = require "pomex.sandbox.control"
      local function allows(url)
        local other = control.new({ url = url, key = "sk-1", token = "t", pid = 1 })
        local made, err = pomex.new(other:client_options())
        if made then made:close() end
        return other:client_options().allow_http, made and "made" or tostring(err)
      end
      local allowed, result = allows "http://192.0.2.1:8765"
      assert.is_true(allowed)
      assert.equal("made", result)
      for _, url in ipairs { "http://127.0.0.1:1", "http://127.0.0.2:1", "http://[::1]:1" } do
        allowed, result = allows(url)
        assert.is_nil(allowed)
        assert.equal("made", result)
      end
    end)

    it("raises on an option it does not know, naming the nearest", function()
      assert.error_matches(function() sandbox.start { asset_second = 1 } end,
        "unknown key \"asset_second\" .*asset_seconds")
      assert.error_matches(function() sandbox.start { asset_seconds = "1" } end,
        "asset_seconds must be a number")
      assert.error_matches(function() sandbox.start(1) end, "a table is needed")
    end)
  end)

  it("stops with the process that started it, however that one ends", function()
    local script = shell.quote([[
      local sb = assert(require("pomex.sandbox").start {})
      print(sb.pid)
      io.stdout:flush()
      io.read()
    ]])
    -- kill -9: no collector, no handler runs in there.
    local output = shell.bash("coproc exec " .. shell.lua() .. " -e " .. script .. "\n"
      .. "read -r pid <&\"${COPROC[0]}\"\nkill -9 \"$COPROC_PID\"\necho \"pid $pid\"\n")
    local pid = output:match("pid (%d+)")
    assert.is_string(pid, output)
    for _ = 1, 500 do
      if not alive(pid) then break end
      client:poll(0.01)
    end
    assert.is_false(alive(pid))
  end)

  it("stop may be called again, and everything raises after it", function()
    sb:stop()
    assert.is_false(alive(sb.pid))
    sb:stop()
    assert.error_matches(function() sb:add_person() end, "the sandbox has been stopped")
    assert.error_matches(function() sb.ledger:count "generation" end, "has been stopped")
  end)

  it("client_options reach it, and take more", function()
    assert.equal(0, client.assets:list {}.total_count)
    local options = sb:client_options { max_retries = 0, api_key = "sk-other" }
    assert.equal(0, options.max_retries)
    assert.equal("sk-other", options.api_key)
    assert.equal(sb.url, options.base_url)
  end)

  it("add_person makes a group that uploads accept", function()
    local group_id = sb:add_person()
    assert.equal("processing", upload(group_id).status)
    assert.not_equal(group_id, sb:add_person())
  end)

  it("add_account makes a stranger", function()
    local key = sb:add_account()
    local stranger = pomex.check(pomex.new(sb:client_options { api_key = key }))
    assert.equal(0, stranger.assets:list {}.total_count)
    local asset, err = stranger.assets:create { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = sb:add_person() }
    assert.is_nil(asset)
    assert.equal("group id error", err.message)
    stranger:close()
  end)

  it("add_assets makes many at once", function()
    local group_id = sb:add_person()
    local ids, count = sb:add_assets { count = 250, group_id = group_id, name = "bulk",
      status = "active", asset_type = "Image" }
    assert.equal(250, count)
    assert.is_true(#ids > 0)
    assert.equal(250, client.assets:list { group_id = group_id }.total_count)
    assert.equal("active", client.assets:get(ids[1]).status)
  end)

  describe("scan", function()
    it("passes: the callback has a group", function()
      local session = client.sessions:create(SESSION)
      local location, status = sb:scan(session.h5_link, "pass")
      assert.equal(302, status)
      local person = assert(callback.parse_unverified(location))
      assert.is_true(person.billed)
      assert.equal("real_time", person.verify_type)
      assert.equal("processing", upload(person.group_id).status)
      assert.equal(1, sb.ledger:count "verification")
    end)

    it("fails: the callback has a code and no group", function()
      local session = client.sessions:create(SESSION)
      local location = sb:scan(session.h5_link, "fail")
      assert.is_nil(location:find("group_id", 1, true))
      local person, err = callback.parse_unverified(location)
      assert.is_nil(person)
      assert.equal("verification_failed", err.type)
    end)

    it("pre_record: the callback is refused with the reason", function()
      local session = client.sessions:create(SESSION)
      local _, err = callback.parse_unverified((sb:scan(session.h5_link, "pre_record")))
      assert.equal("verification_failed", err.type)
      assert.matches("pre%-recorded", err.message)
    end)

    it("expire, or a link used twice: the browser goes nowhere", function()
      local session = client.sessions:create(SESSION)
      local location, status = sb:scan(session.h5_link, "expire")
      assert.is_nil(location)
      assert.equal(410, status)
      session = client.sessions:create(SESSION)
      sb:scan(session.h5_link, "pass")
      location, status = sb:scan(session.h5_link, "pass")
      assert.is_nil(location)
      assert.equal(410, status)
    end)

    it("raises on an outcome there is not", function()
      local session = client.sessions:create(SESSION)
      assert.has_error(function() sb:scan(session.h5_link, "maybe") end)
      assert.error_matches(function() sb:scan(session.h5_link) end, "outcome must be a string")
    end)
  end)

  it("the clock moves links and work on", function()
    sb:config { asset_seconds = 100 }
    local asset = upload(sb:add_person())
    assert.equal("processing", client.assets:get(asset.id).status)
    local before = sb.clock:now()
    local now = sb.clock:advance(101)
    assert.is_true(now >= before + 101 and now < before + 111)
    assert.equal("active", client.assets:get(asset.id).status)
    local session = client.sessions:create(SESSION)
    sb.clock:advance(3600)
    local _, status = sb:scan(session.h5_link, "pass")
    assert.equal(410, status)
    assert.error_matches(function() sb.clock:advance("1") end, "seconds must be a number")
  end)

  describe("fault", function()
    it("strikes once, then no more", function()
      sb:fault { endpoint = "assets.get", status = 400, body = '{"error":{"message":"as told"}}' }
      local asset = upload(sb:add_person())
      local _, err = client.assets:get(asset.id)
      assert.equal("as told", err.message)
      assert.is_table(client.assets:get(asset.id))
    end)

    it("stands until cleared where times is 0", function()
      sb:fault { endpoint = "generations.create", status = 500, times = 0 }
      for _ = 1, 3 do assert.is_nil((generate())) end
      sb:clear_faults()
      assert.is_table(generate())
      assert.equal(1, sb.ledger:count "generation")
    end)

    it("can lose the answer to what was carried out", function()
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local task, err = generate()
      assert.is_nil(task)
      assert.equal("ambiguous_error", err.type)
      assert.is_true(err.maybe_billed)
      assert.equal(1, sb.ledger:count "generation")
    end)

    it("can lose the request before it was carried out", function()
      sb:fault { endpoint = "generations.create", before_accept = "drop" }
      local task, err = generate()
      assert.is_nil(task)
      assert.equal("ambiguous_error", err.type)
      assert.equal(0, sb.ledger:count "generation")
    end)

    it("raises on a field it does not know", function()
      assert.error_matches(function() sb:fault { endpoints = "*" } end, "unknown key \"endpoints\"")
      assert.error_matches(function() sb:fault { times = "1" } end, "times must be a number")
    end)
  end)

  it("the ledger says what would have been charged, and for what", function()
    assert.equal(0, sb.ledger:count "generation")
    assert.same({}, sb.ledger:entries())
    local task = generate "a wave"
    assert.equal(1, sb.ledger:count "generation")
    local entry = sb.ledger:entries()[1]
    assert.equal("generation", entry.kind)
    assert.equal(task.id, entry.id)
    assert.equal("a wave", entry.prompt)
    assert.equal(MODEL, entry.model)
    assert.error_matches(function() sb.ledger:count "generations" end, "kind must be")
  end)

  it("ledger, journal and clock tell one time, in seconds", function()
    for round = 1, 2 do
      local before = sb.clock:now()
      generate()
      local after = sb.clock:now()
      local entry = sb.ledger:entries()[round]
      local request = sb.journal:requests "generations.create"[round]
      assert.is_true(before <= request.at and request.at <= entry.at and entry.at <= after,
        ("%.3f %.3f %.3f %.3f"):format(before, request.at, entry.at, after))
      sb.clock:advance(3600)
    end
    local entries, requests = sb.ledger:entries(), sb.journal:requests()
    assert.is_true(entries[2].at - entries[1].at >= 3600)
    assert.is_true(requests[2].at - requests[1].at >= 3600)
  end)

  it("raises at the line of the test", function()
    local sandboxed = { function() sb.clock:advance "1" end, function() sb.ledger:count "x" end,
      function() sb:fault { endpoint = "nowhere" } end, function() sb:scan(1, "pass") end,
      function() sb:config { rate_limit_answer = 1 } end }
    for _, f in ipairs(sandboxed) do
      local _, message = pcall(f)
      assert.matches("sandbox_spec%.lua:%d+: ", message)
    end
  end)

  it("the journal shows requests, never the key, and none of these controls", function()
    sb:add_person()
    client.assets:list { limit = 5 }
    local requests = sb.journal:requests()
    assert.equal(1, #requests)
    local request = requests[1]
    assert.equal("assets.list", request.endpoint)
    assert.equal("GET", request.method)
    assert.equal("/v1/video/assets", request.path)
    assert.matches("limit=5", request.query)
    assert.equal(200, request.status)
    assert.is_true(request.authorized)
    assert.equal("(set)", request.headers.authorization)
    generate()
    assert.equal(1, #sb.journal:requests "generations.create")
    assert.equal(2, #sb.journal:requests())
    sb.journal:clear()
    assert.same({}, sb.journal:requests())
  end)

  it("config changes settings while it runs", function()
    sb:config { rate_limits = { asset_list = 1 } }
    local quick = pomex.check(pomex.new(sb:client_options { rate_limits = false, max_retries = 0 }))
    assert.is_table(quick.assets:list {})
    local page, err = quick.assets:list {}
    assert.is_nil(page)
    assert.equal("rate_limit_error", err.type)
    assert.is_true(err.retry_after >= 1)
    sb:config { rate_limits = false }
    assert.is_table(quick.assets:list {})
    quick:close()
    assert.error_matches(function() sb:config { asset_secs = 1 } end, "unknown key \"asset_secs\"")
  end)

  it("refuses control without its token", function()
    local reply, err = client:request("GET", "/_sandbox/state", {})
    assert.is_nil(reply)
    assert.equal(403, err.status)
  end)

  it("works in every coroutine of the test, without a host", function()
    local group_id
    local co = coroutine.create(function() group_id = sb:add_person() end)
    assert(coroutine.resume(co))
    assert.equal("dead", coroutine.status(co))
    assert.is_string(group_id)
  end)
end)
