-- Ctrl-C, TERM and HUP, once and twice.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

describe("stopping the command pomex #command", function()
  local sb, at

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 1000, generation_seconds = 1000,
      rate_limits = false })
    at = command.new(sb)
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)
  before_each(function() sb:clear_faults() end)

  local MADE = "grep -q '^video cgt' told"
  local SENT = "grep -q stopping told"
  -- Whether the sandbox has the request, in its answer's delay.
  local function arrived(endpoint)
    return ("curl -s -H 'X-Sandbox-Token: %s' %s/_sandbox/journal | grep -q '%s'"):format(sb.token,
      sb.url, endpoint)
  end

  it("ends a wait at once with 7, and says what goes on and how to go on with it", function()
    for _, signal in ipairs { "INT", "TERM", "HUP" } do
      local run = at:signalled("video 'A wave.' -y -o a.mp4", { { MADE, signal } })
      assert.equal(7, run.code, signal .. run.err)
      local id = run.err:match "^video (%S+)\n"
      assert.matches("\npomex: stopped; the service goes on with video " .. id .. "\nnext: pomex "
        .. "video wait " .. id .. " -o a.mp4\n", run.err, 1, true)
      assert.equal("", run.out)
    end
    local id = sb:add_assets { status = "processing", group_id = sb:add_person() }[1]
    local run = at:signalled("portrait wait --timeout 500 " .. id,
      { { "grep -q processing told", "INT" } })
    assert.equal(7, run.code, run.err)
  end)

  it("lets what is being sent be answered, sends nothing more, and has its id", function()
    sb.journal:clear()
    sb:fault { endpoint = "generations.create", delay = 4 }
    local before = sb.ledger:count "generation"
    local run = at:signalled("video 'A wave.' -y -o a.mp4",
      { { arrived "generations.create", "INT" } })
    assert.equal(7, run.code, run.err)
    assert.matches("stopping, once what is being sent is answered.*\nvideo cgt%-%S+\n", run.err)
    assert.matches("\nnext: pomex video wait cgt%-%S+ %-o a.mp4\n$", run.err)
    assert.equal(before + 1, sb.ledger:count "generation")
    sb.journal:clear()
    sb:fault { endpoint = "assets.create", delay = 4 }
    run = at:signalled("portrait add https://a.example/a.jpg 'https://a.example/b.jpg?sig=SECRET' "
      .. "--virtual", { { arrived "assets.create", "TERM" } })
    assert.equal(7, run.code, run.err)
    assert.matches("pomex: https://a.example/b.jpg?… was not sent\n  (what a link has behind its ? "
      .. "is not shown: where … stands, give it again)\nnext: pomex portrait add "
      .. "'https://a.example/b.jpg?…' --group GROUP", run.err, 1, true)
    assert.not_matches("SECRET", run.err .. run.out, 1, true)
    assert.equal(1, #sb.journal:requests "assets.create")
    assert.matches("^asset%-%S+\n$", run.out)
  end)

  -- A signal that came while nothing stepped, as between the question and the request.
  it("hears before anything is sent what no step has told of yet", function()
    local script = [[
      local out = require("pomex.command.output").new { terminal = false }
      local stop = require("pomex.command.stop").new(out)
      assert(stop:hold(assert(require("pomex").new())))
      assert(stop:came() == nil)
      os.execute "kill -TERM $PPID"
      assert(stop.name == nil)
      print(stop:came(), stop.name)
    ]]
    local run = at:bash(at:line(""):gsub("%S+/bin/pomex'?%s*$", "") .. " -e " .. "'"
      .. script:gsub("'", "'\\''") .. "'")
    assert.equal("TERM\tTERM\n", run.out, run.err)
  end)

  it("ends at once at the second, and says what is unclear", function()
    sb.journal:clear()
    sb:fault { endpoint = "generations.create", delay = 30 }
    local run = at:signalled("--json video 'A wave.' -y -o a.mp4",
      { { arrived "generations.create", "INT" }, { SENT, "TERM" } })
    assert.equal(130, run.code, run.err)
    assert.matches("stopped at once while the video was being sent: it is unclear", run.err)
    assert.matches('"type":"result","exit":130,.*"next":"pomex video list"', run.out)
  end)

  it("asks nothing of one who is gone: Ctrl-C at the question sends nothing", function()
    local before = sb.ledger:count "generation"
    local run = at:terminal("video 'A wave.' -o a.mp4", "\\003\\003")
    assert.is_true(run.code == 7 or run.code == 130, run.out)
    assert.equal(before, sb.ledger:count "generation")
  end)

  it("needs no time before which it could not be stopped", function()
    for _ = 1, 20 do
      -- Somewhere between its first line and its question.
      local run = at:terminal("video 'A wave.' -o a.mp4", "\\003\\003")
      assert.is_true(run.code == 7 or run.code == 130, run.out)
      assert.not_matches("cannot be loaded", run.out)
    end
  end)

  it("takes Ctrl-C while a module loads for no missing module", function()
    at:bash("mkdir -p loading; echo 'error(\"interrupted!\", 0)' > loading/argparse.lua")
    local run = at:run("--help",
      { LUA_PATH = at.folder .. "/loading/?.lua;" .. at.env.LUA_PATH })
    assert.equal(7, run.code, run.err)
    assert.equal("", run.err)
  end)

  it("leaves a signal ignored that was", function()
    sb:config { generation_seconds = 0 }
    local run = at:bash("trap '' HUP; pomex video 'A wave.' -y --no-wait & kill -HUP $!; wait $!")
    sb:config { generation_seconds = 1000 }
    assert.equal(0, run.code, run.err)
  end)
end)
