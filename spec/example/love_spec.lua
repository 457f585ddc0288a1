-- examples/love as a person meets it: in a window (of Xvfb), by its keys. #once #example: the game
-- brings a Lua of its own, so the Lua that runs this file makes no difference.

local lfs = require "lfs"
local love_game = require "spec.support.love_game"
local shell = require "spec.support.shell"

local function qr_text(png)
  return (shell.bash("zbarimg -q --raw " .. shell.quote(png) .. " 2> /dev/null"):gsub("\n$", ""))
end

describe("the LÖVE example #once #example", function()
  local at

  before_each(function() at = love_game.new() end)
  after_each(function() at:remove() end)

  it("goes from a QR code to a saved video at 60 frames a second, errors on the way", function()
    local output, ok = at:run([[
      local steps = play.measure_steps(game.client, 0.008)
      local sandbox = game.settings.sandbox
      play.say("sandbox", sandbox.pid)
      local function scanning() return job.stage == "scan" and job.waiting and not job.err end
      play.till("the link", scanning)
      play.say("dashboard", sandbox.url .. "/")
      play.say("link", job.session.h5_link)
      play.paste "https://app.example/callback?resultCode=10000"
      play.till("the note", function() return job.note end)
      play.shot "scan"
      love.window.updateMode(720, 600)
      play.shot "scan-smallest"
      love.window.updateMode(1120, 720)
      local old = job.session.h5_link
      job.session_began = job.session_began - 1801
      play.shot "scan-expired"
      play.press "n"
      play.till("a link in place of the old", function()
        return scanning() and job.session.h5_link ~= old
      end)
      play.press "f"
      play.till("the failed scan", function() return job.err end)
      play.shot "scan-failed"
      love.window.updateMode(720, 600)
      play.shot "scan-failed-smallest"
      love.window.updateMode(1120, 720)
      play.press "r"
      play.till("a new link", scanning)
      play.paste "https://app.example/"
      play.till("the note", function() return job.note end)
      play.press "s"

      play.till("the portrait's screen", function() return job.stage == "portrait" end)
      assert(not job.note, job.note)
      -- What stands still is not drawn in each frame.
      local pen = require "pen"
      for _ = 1, 20 do play.frame() end
      local drawn = pen.drawn
      for _ = 1, 60 do play.frame() end
      play.say("drawn", pen.drawn - drawn)
      -- The caret goes where one wants to write.
      play.type "jpé"
      for _ = 1, 3 do play.press "left" end
      play.type "/no-face."
      play.press "right"
      play.press "right"
      play.press "delete"
      play.press "end"
      play.type "g"
      assert(play.shows "/portrait.jpg/no-face.jpg", "the field")
      play.press "kpenter"
      play.till("the refused portrait", function() return job.err end)
      play.shot "portrait-refused"
      play.press "r"
      for _ = 1, #"/no-face.jpg" do play.press "backspace" end
      assert(play.shows "https://cdn.example/portrait.jpg", "the field")
      play.shot "portrait"
      play.press "return"
      play.till("the upload", function() return job.asset end)
      play.shot "portrait-processing"

      play.till("the prompt", function() return job.stage == "video" and job.waiting end)
      play.shot "video"
      -- Its keys are silent while one types, also where the screen changes meanwhile.
      sandbox:fault { endpoint = "generations.create", status = 400 }
      play.type "r"
      play.press "return"
      local seen = 0
      play.till("an error that stays", function()
        love.event.push("keypressed", "r", "r", false)
        seen = job.err and seen + 1 or 0
        return seen > 20
      end)
      local paused = love.timer.getTime() + 1
      play.till("a pause", function() return love.timer.getTime() > paused end)
      play.press "r"
      play.till("the prompt once more", function() return job.waiting and not job.err end)
      -- At its smallest, every letter is at least ten pixels high.
      local width, height, flags = love.window.getMode()
      love.window.updateMode(flags.minwidth, flags.minheight)
      play.shot "video-smallest"
      local smallest = 12 * require "ui".scale
      assert(smallest >= 10, smallest)
      love.window.updateMode(width, height)
      sandbox:fault { endpoint = "generations.create", after_accept = "drop" }
      play.press "return"
      play.till("the doubt", function() return job.doubt and job.waiting end)
      play.shot "video-maybe-billed"
      assert(#job.doubt.found == 1 and play.shows(job.doubt.found[1].id))
      play.press_ctrl "n"
      play.till("the prompt again", function() return job.waiting and not job.doubt end)
      play.press "return"
      play.till("the work", function() return job.task and job.task.status == "running" end)
      play.shot "video-running"
      play.till("the video", function() return job.stage == "saved" end)
      play.shot "saved"
      play.say("video", job.file.path)
      love.system.openURL = function() return false end   -- luacheck: ignore 122
      play.press "o"
      play.till("why nothing plays", function() return play.shows "No program here opens it" end)
      play.press "c"
      assert(love.system.getClipboardText() == job.file.path, "the path")

      local meter = game.meter
      print(("FRAMES %d, %.1f a second; step() worst %.2f ms, mean %.3f ms; %d steps, "
        .. "%d over 8 ms of CPU (worst %.2f ms), %d waited"):format(meter.count,
        meter.count / meter.seconds, meter.step_worst * 1000,
        meter.step_seconds / meter.count * 1000, steps.count, steps.over, steps.worst * 1000,
        steps.waited))
      play.quit()
    ]], nil, "POMEX_LOVE_SECONDS=3")
    assert.is_true(ok, output)
    assert.matches("\nA window opens, ", output, 1, true)
    assert.matches("\nIt is process %d+%.\n", output)
    assert.matches("\n  Its page shows every request: " .. at:said "dashboard" .. "\n",
      output, 1, true)
    assert.matches("\n  Videos go to " .. at.folder .. "/videos\n", output, 1, true)
    local report = output:match("FRAMES ([^\n]*)")
    assert.is_truthy(report, output)
    io.stdout:write("# love: ", report, "\n")
    -- What a busy machine makes of frames is no matter of right and wrong. Two, since clocks go on
    -- in a virtual machine that is stopped within a step; and who waits for memory or a disk does
    -- not wait for the service.
    local count, over, waited = report:match("; (%d+) steps, (%d+) over .* (%d+) waited")
    assert.is_true(tonumber(over) <= 2, report)
    assert.is_true(tonumber(waited) < count / 10, report)

    assert.is_true(tonumber(at:said "drawn") <= 20, at:said "drawn")
    assert.equal(at:said "link", qr_text(at.shots .. "/scan.png"))
    assert.equal("ftyp", at:read(at:said "video"):sub(5, 8))
    assert.matches("^cgt%-[%w-]*%.mp4$", at:videos())
    local _, alive = shell.bash("kill -0 " .. at:said "sandbox")
    assert.is_false(alive)
  end)

  it("keeps on drawing while a task waits, and raises where a frame would wait", function()
    local output, ok = at:run([[
      local pomex = require "pomex"
      play.till("the link", function() return job.stage == "scan" end)
      local update, raised = love.update, nil
      function love.update(dt)
        local ok, why = pcall(game.client.assets.list, game.client.assets)
        raised, love.update = not ok and why or "it waited", update
        return update(dt)
      end
      play.till("an update", function() return raised end)
      play.say("raised", raised)

      local client = pomex.new(game.settings.sandbox:client_options())
      game.settings.sandbox:fault { endpoint = "assets.list", delay = 2 }
      local steps = play.measure_steps(client, 0.008)
      local task = client:spawn(function() return client.assets:list() end)
      while not task:done() do
        client:step()
        play.frame()
      end
      play.say("listed", task:wait().object)
      play.say("steps", steps.count)
      play.say("waited", steps.waited)
      client:close()
      play.quit()
    ]])
    assert.is_true(ok, output)
    assert.matches('with host = "coroutine" only a coroutine can wait',
      at:said "raised", 1, true)
    assert.equal("list", at:said "listed")
    local count, waited = tonumber(at:said "steps"), tonumber(at:said "waited")
    assert.is_true(waited <= count / 4, waited .. " of " .. count)
  end)

  it("says what keeps it from beginning, and tries again", function()
    local output, ok = at:run([[
      local first = game.err
      play.say("type", first.type)
      play.shot "no-beginning"
      play.press "r"
      play.say("again", game.err ~= first and game.err.type)
      play.quit()
    ]], "--live --callback-url https://app.example/cb",
      "POMEX_API_KEY=sk-k POMEX_BASE_URL=http://service.example")
    assert.is_true(ok, output)
    assert.equal("invalid_request_error", at:said "type")
    assert.equal("invalid_request_error", at:said "again")
    output, ok = at:run("", "--live --callback-url https://app.example/cb", "POMEX_API_KEY=")
    assert.is_false(ok)
    assert.matches("needs your key in the environment variable POMEX_API_KEY", output)
    output, ok = at:run("", "--output /proc/none")
    assert.is_false(ok)
    assert.matches("love: cannot write to /proc/none", output)
    output = shell.bash(([[
      cd %s && env -u LUA_PATH -u LUA_CPATH XDG_DATA_HOME=%s/data \
          xvfb-run -a timeout -k 5 60 bash -c '
        stdbuf -oL love "$1" > said 2>&1 &
        until grep -s run.sh said; do sleep 0.1; done
        kill $!' love %s < /dev/null
    ]]):format(at.folder, at.folder, shell.quote(lfs.currentdir() .. "/examples/love")))
    assert.matches("start this game by examples/love/run.sh, which builds pomex", output, 1, true)
    output, ok = shell.bash("env -u DISPLAY -u WAYLAND_DISPLAY -u SDL_VIDEODRIVER "
      .. "examples/love/run.sh --no-install 2>&1")
    assert.is_false(ok)
    assert.matches("^love: there is no display to open a window on [^\n]*\n$", output)
  end)
end)
