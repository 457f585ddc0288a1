-- examples/love where the service does not answer, and where the game ends too early; the real
-- service is a sandbox that outlives the game. #once #example: as in love_spec.lua.

local love_game = require "spec.support.love_game"
local sandbox_process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"

local LIVE = "--live --callback-url https://app.example/callback "
  .. "--portrait https://cdn.example/portrait.jpg"

describe("the LÖVE example in trouble #once #example", function()
  local at

  before_each(function() at = love_game.new() end)
  after_each(function() at:remove() end)

  it("says calmly that the service does not answer, and what becomes of what one did", function()
    local output, ok = at:run([[
      local sandbox = game.settings.sandbox
      require("outage").QUIET = 1
      local function no_more(text)
        play.till("an answer", function() return not play.shows(text) end)
      end
      play.till("the link", function() return job.stage == "scan" and job.waiting end)
      job.session_began = job.session_began - 1801
      play.till("the button", function() return play.shows "Ask for a new link" end)
      sandbox:fault { endpoint = "sessions.create", status = 429, retry_after = 4 }
      play.press "n"
      play.till("a 429", function() return play.shows "The service asks for patience" end)
      assert(play.shows "Nothing is lost", "no comfort")
      play.till("another link", function() return job.stage == "scan" and job.waiting end)
      play.press "s"
      play.till("the portrait's screen", function() return job.stage == "portrait" end)
      sandbox:fault { endpoint = "assets.get", status = 503, times = 0 }
      play.press "return"
      play.till("a 503", function() return play.shows "The service has trouble of its own" end)
      assert(play.shows "since " and play.shows "Your portrait has arrived", "no comfort")
      play.shot "outage-portrait"
      sandbox:clear_faults()
      no_more "The service has trouble"

      play.till("the prompt", function() return job.stage == "video" and job.waiting end)
      sandbox:fault { endpoint = "generations.create", delay = 5 }
      sandbox:fault { endpoint = "generations.get", before_accept = "drop", times = 0 }
      play.press "return"
      play.till("silence", function() return play.shows "The service does not answer" end)
      assert(job.paying and play.shows "you do not pay twice", "no word of the money")
      play.till("the order's answer", function() return job.task end)
      play.till("a lost answer", function() return play.shows "Your video is ordered" end)
      assert(play.shows "The service does not answer" and play.shows "by itself", "no comfort")
      love.window.updateMode(720, 600)
      play.shot "outage-video-smallest"
      sandbox:clear_faults()
      no_more "The service does not answer"
      play.till("the video", function() return job.stage == "saved" end)
      -- Of another portrait it says nothing that is true of the video before.
      sandbox:fault { endpoint = "assets.get", status = 429, retry_after = 6, times = 3 }
      play.press "f3"
      play.till("the portrait's screen", function() return job.stage == "portrait" end)
      play.press "return"
      play.till("a 429", function() return play.shows "The service asks for patience" end)
      assert(play.shows "Your portrait has arrived", "no comfort")
      assert(not play.shows "Your video is made", "it speaks of another video")
      play.quit()
    ]], nil, "POMEX_LOVE_SECONDS=6")
    assert.is_true(ok, output)
  end)

  it("loses no video that is paid for when one quits, nor what is loaded of it", function()
    local sandbox = sandbox_process.start { "--asset-seconds", "0", "--generation-seconds", "1" }
    finally(function() sandbox:stop() end)
    local environment = ("POMEX_API_KEY=%s POMEX_BASE_URL=%s"):format(sandbox.key, sandbox.url)
    shell.bash("echo broken > " .. at.folder .. "/videos/progress.json")
    local function fault(fields) sandbox:control("POST", "faults", fields) end

    -- The window is closed while the answer to the paid request is on its way.
    fault { endpoint = "generations.create", delay = 2 }
    local output, ok = at:run([[
      play.till("the link", function() return job.stage == "scan" and job.waiting end)
      local pipe = io.popen("curl -sS --noproxy '*' -o /dev/null -d outcome=pass "
        .. "-w '%{redirect_url}' '" .. job.session.h5_link .. "'")
      play.paste(pipe:read "*a")
      pipe:close()
      play.till("the portrait's screen", function() return job.stage == "portrait" end)
      play.press "return"
      play.till("the prompt", function() return job.stage == "video" and job.waiting end)
      play.press "return"   -- one too many on the screen before
      assert(job.waiting, "Enter paid for a video")
      play.press_ctrl "return"
      play.till("the request", function() return job.paying end)
      love.event.quit()
      play.till("how long", function()
        return play.shows "an order that may be paid for, 1" and play.shows " s at most"
      end)
      play.say("leaving", "shown")
      play.shot "leaving"
      play.forever()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal("shown", at:said "leaving")
    assert.equal(1, sandbox:control("GET", "ledger").generation)
    assert.equal("progress.json progress.json.bad", at:videos())
    assert.equal("broken\n", at:read "videos/progress.json.bad")
    assert.matches('"task_id":"cgt-', at:read "videos/progress.json", 1, true)

    -- It is closed in the middle of the download.
    fault { endpoint = "video", after_accept = "drip" }
    output, ok = at:run([[
      play.till("the download", function() return job.done and job.done > 0 end)
      assert(io.open(job.path .. ".part"))
      play.shot "downloading"
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.matches("^cgt%-[%w-]*%.mp4%.part cgt%-[%w-]*%.mp4%.part%.note progress%.json ",
      at:videos())

    output, ok = at:run([[
      play.till("the video", function() return job.stage == "saved" end)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.matches("^cgt%-[%w-]*%.mp4 progress%.json ", at:videos())
    local loads = sandbox:control("GET", "journal?endpoint=video").requests
    assert.matches("^bytes=%d+%-$", loads[#loads].headers.range)
    assert.equal(1, sandbox:control("GET", "ledger").generation)
    assert.is_nil(at:read "videos/progress.json":find("task_id", 1, true))
  end)
end)
