-- Hosts: who waits, and how.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local hosts = require "pomex.host"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local shell = require "spec.support.shell"

-- Now: the descriptors that luv opens are no leak of a test.
local here = { cqueues = interpreter.optional "cqueues", luv = interpreter.optional "luv" }

describe("the host", function()
  local sb, client
  local new = bed({ client = false }, function(...) sb, client = ... end)

  it("is found by its name", function()
    assert.equal(hosts.resolve("auto"), hosts.resolve())
    assert.equal(require "pomex.host.coroutine", hosts.resolve("coroutine"))
    assert.equal(require "pomex.host.blocking", hosts.resolve("blocking"))
    local names = { "auto", "blocking", "coroutine" }
    for name in pairs(here) do names[#names + 1] = name end
    for _, name in ipairs(names) do
      local host = hosts.resolve(name)
      for _, part in ipairs { "wait", "spawn", "may" } do
        assert.equal("function", type(host[part]))
      end
    end
  end)

  it("that does not load here, or is no host, is told of by name", function()
    assert.error_matches(function() pomex.new { host = "openresty" } end,
      'the host "openresty" cannot be used: ')
    assert.error_matches(function() pomex.new { host = "cqueue" } end,
      'unknown host "cqueue" %(is it "cqueues"%?%)')
    local host = { wait = print, spawn = print, watch = true }
    assert.error_matches(function() pomex.new { host = host } end, "host: watch must be a function")
    host.watch, host.wait = nil, nil
    assert.error_matches(function() pomex.new { host = host } end, "host: wait must be a function")
    -- One for an earlier version.
    host = { running = print, wait = print, spawn = print, attach = true }
    assert.error_matches(function() pomex.new { host = host } end,
      "host: attach must be a function")
    host.attach, host.spawn = nil, nil
    assert.error_matches(function() pomex.new { host = host } end, "host: spawn must be a function")
  end)

  for _, name in ipairs { "auto", "blocking" } do
    describe(name, function()
      it("blocks in the main chunk, and in coroutines that are not ours", function()
        new { host = name }
        assert.equal("list", client.assets:list().object)
        local co = coroutine.wrap(function() return client.assets:list().object end)
        assert.equal("list", co())
      end)

      it("yields in tasks", function()
        new { host = name }
        sb:fault { endpoint = "assets.list", delay = 2, times = 0 }
        local began = core.now()
        local a = client:spawn(function() return client.assets:list().object end)
        local b = client:spawn(function() return client.assets:list().object end)
        assert.same({ "list", "list" }, { a:wait(), b:wait() })
        assert.is_true(core.now() - began < 3.9)
      end)
    end)
  end

  it("lets a task of one client use another", function()
    new()
    local other = assert(pomex.new(sb:client_options()))
    local first, second = client:run(function()
      return other.assets:list().object, client.assets:list().object
    end)
    assert.same({ "list", "list" }, { first, second })
    other:close()
  end)

  it("says so where nothing could end a wait", function()
    new()
    local stuck
    stuck = client:spawn(function()
      client.assets:list()
      stuck:wait()
    end)
    assert.error_matches(function() stuck:wait() end, "nothing in flight can end this wait")
    local never = client:spawn(function()
      while true do coroutine.yield() end
    end)
    local _, err = never:wait(0.02)
    assert.equal("timeout_error", err.type)
  end)

  describe("coroutine", function()
    it("yields whichever coroutine waits, and step resumes it", function()
      new { host = "coroutine" }
      local got
      local co = coroutine.create(function() got = client.assets:list() end)
      assert(coroutine.resume(co))
      assert.is_nil(got)
      for _ = 1, 1000 do
        if client:step() == 0 then break end
        client:poll(1)
      end
      assert.equal("list", got.object)
      assert.equal("dead", coroutine.status(co))
    end)

    it("bears a coroutine that somebody else resumes early", function()
      new { host = "coroutine" }
      local got
      local co = coroutine.create(function() got = client.assets:list() end)
      for _ = 1, 5 do assert(coroutine.resume(co)) end
      assert.is_nil(got)
      for _ = 1, 1000 do
        if client:step() == 0 then break end
        client:poll(1)
      end
      assert.equal("list", got.object)
    end)

    if coroutine.close then
      it("bears a coroutine that somebody else ended", function()
        new { host = "coroutine" }
        local co = coroutine.create(function() client.assets:list() end)
        assert(coroutine.resume(co))
        coroutine.close(co)
        for _ = 1, 1000 do
          if client:step() == 0 then break end
          client:poll(1)
        end
        assert.equal(0, client:step())
      end)
    end

    it("refuses to wait in the main chunk", function()
      -- Only a fresh Lua has a main chunk that is no coroutine of the test runner's.
      local output = shell.bash(shell.lua() .. [[ -e '
        local pomex = require "pomex"
        local client = pomex.new{ api_key = "sk-k", base_url = "http://127.0.0.1:1",
          host = "coroutine" }
        print(select(2, pcall(client.assets.list, client.assets)))']])
      assert.matches("only a coroutine can wait; client:spawn starts one", output)
    end)

    it("sends nothing of a plain call in a handler, in whichever coroutine steps", function()
      new { host = "coroutine" }
      sb.journal:clear()
      local ok, why
      client.async.assets:list():on_done(function()
        ok, why = pcall(client.sessions.create, client.sessions,
          { callback_url = "https://app.example/cb" })
      end)
      assert(coroutine.resume(coroutine.create(function()
        for _ = 1, 1000 do
          if client:step() == 0 then break end
          client:poll(1)
        end
      end)))
      assert.is_false(ok)
      assert.equal("pomex: a wait within a step; wait in a task that client:spawn started", why)
      assert.equal(0, #sb.journal:requests "sessions.create")
    end)

    it("raises in step what such a coroutine raised", function()
      new { host = "coroutine" }
      local co = coroutine.create(function()
        client.assets:list()
        error("in the game")
      end)
      assert(coroutine.resume(co))
      local ok, message = pcall(function()
        for _ = 1, 1000 do
          if client:step() == 0 then break end
          client:poll(1)
        end
      end)
      assert.is_false(ok)
      assert.matches("in the game", message)
    end)

    it("drives a frame loop that never blocks", function()
      new { host = "coroutine" }
      sb:fault { endpoint = "assets.list", delay = 0.5, times = 0 }
      local done, frames = 0, 0
      for _ = 1, 20 do
        client:spawn(function()
          assert(client.assets:list())
          done = done + 1
        end)
      end
      while done < 20 and frames < 1e7 do
        client:step(0.004)
        frames = frames + 1
      end
      assert.equal(20, done)
      -- Thousands; a loop that waits for an answer in each would make twenty at the most.
      assert.is_true(frames > 40, frames)
    end)
  end)

  describe("of one's own", function()
    it("is two functions", function()
      local waits, spawned = 0, 0
      local blocking = hosts.resolve("blocking")
      new { host = {
        wait = function(c, ready, timeout)
          waits = waits + 1
          local woken = false
          ready:subscribe(function() woken = true end)
          blocking.wait(c, ready, timeout)
          assert(woken or not ready())
        end,
        spawn = function(task, ...)
          spawned = spawned + 1
          return task:run(...)
        end,
      } }
      assert.equal("list", client.assets:list().object)
      assert.equal(1, waits)
      assert.same({ "list", 5 }, { client:run(function(x)
        return client.assets:list().object, x
      end, 5) })
      local ok, err = pcall(client.run, client, function() error("raised", 0) end)
      assert.is_false(ok)
      assert.equal("raised", err)
      client:spawn(error, "unheard", 0)
      assert.matches("^unheard\nstack traceback:", select(2, pcall(client.step, client)))
      assert.equal(3, spawned)
    end)

    it("may yield to a scheduler that knows what it spawned", function()
      local ready_ones, live, current = {}, 0, nil
      local function go(co, ...)
        current = co
        assert(coroutine.resume(co, ...))
        if coroutine.status(co) == "dead" then live = live - 1 end
      end
      new { host = {
        wait = function(_, ready)
          local me = coroutines.current()
          assert.equal(current, me)
          ready:subscribe(function() ready_ones[#ready_ones + 1] = me end)
          coroutine.yield()
        end,
        spawn = function(task, ...)
          local before = current
          live = live + 1
          go(coroutine.create(task.run), task, ...)
          current = before
        end,
      } }
      local function work(n)
        local object = client.assets:list().object
        if n == 2 then error("raised", 0) end
        -- A function in C, and a task within a task.
        client:spawn(pcall, error):wait()
        return object, nil, n
      end
      local results
      client:spawn(function()
        results = pomex.all { client:spawn(work, 1), client:spawn(work, 2), client:spawn(work, 3) }
      end)
      assert.equal(4, live)
      for _ = 1, 1000 do
        if live == 0 then break end
        client:step()
        for _ = 1, #ready_ones do go(table.remove(ready_ones, 1)) end
        if not ready_ones[1] then client:poll(1) end
      end
      assert.equal(0, live)
      assert.same({ { "list", nil, 1 }, { nil, "raised" }, { "list", nil, 3 } }, results)
    end)
  end)

  describe("blocking", function()
    local function signalled(signals, call)
      local script = ([[
        cat > "$tmp/wait.lua" <<'END'
        local pomex = require "pomex"
        local client = pomex.new{ api_key = "%s", base_url = "%s" }
        io.stdout:setvbuf("no")
        print("ready")
        local ok, message = pcall(function() %s end)
        print("left", ok, message)
        print("still", pcall(client.step, client))
        client:close()
END
        %s "$tmp/wait.lua" > "$tmp/out" 2>&1 &
        child=$!
        # It sleeps in the kernel, after it said that it is ready.
        for i in $(seq 400); do
          grep -q ready "$tmp/out" && grep -q '^State:.S' /proc/$child/status && break
          read -r -t 0.02 <> <(:)
        done
        for signal in %s; do kill -$signal $child; done
        # A child that stops ends a wait, too.
        while kill -0 $child 2> /dev/null; do wait $child; done
        cat "$tmp/out"
      ]]):format(sb.key, sb.url, call, shell.lua(), signals)
      local began = core.now()
      local output = shell.bash("set -m\ntmp=$(mktemp -d)\n" .. script .. "\nrm -r \"$tmp\"")
      return output, core.now() - began
    end

    it("gives way to Ctrl-C at once, and the client stays usable", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
      local output, seconds = signalled("INT", 'client.assets:get("a")')
      assert.matches("left\tfalse\t[^\n]*interrupted!", output)
      assert.matches("still\ttrue\t1", output)
      assert.is_true(seconds < 10)
    end)

    it("waits on after a signal that is none of its business", function()
      sb:fault { endpoint = "assets.get", delay = 1 }
      local output = signalled("STOP CONT", 'print(client.assets:get("a"))')
      assert.matches("nil\tnot_found_error", output)
      assert.matches("left\ttrue", output)
    end)
  end)
end)
