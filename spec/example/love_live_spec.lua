-- examples/love where the service does not answer, and where the game ends too early; the real
-- service is a sandbox that outlives the game. #once #example: as in love_spec.lua.

local cjson = require "cjson"
local love_game = require "spec.support.love_game"
local sandbox_process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"

local LIVE = "--live --callback-url https://app.example/callback "
  .. "--portrait https://cdn.example/portrait.jpg"

-- A sandbox, and what a game needs to take it for the service.
local function service(...)
  local sandbox = sandbox_process.start { "--asset-seconds", "0", "--generation-seconds", "1", ... }
  return sandbox, ("POMEX_API_KEY=%s POMEX_BASE_URL=%s POMEX_SANDBOX_TOKEN=%s"):format(
    sandbox.key, sandbox.url, sandbox.token)
end

-- How many videos the account has to pay for.
local function billed(sandbox)
  return sandbox:control("GET", "ledger").generation
end

-- A script as far as the order, with a prompt of its own.
local ORDER = [[
  play.till("the link", function() return job.stage == "scan" and job.waiting end)
  play.press "s"
  play.till("the portrait's screen", function() return job.stage == "portrait" end)
  play.press "return"
  play.till("the prompt", function() return job.stage == "video" and job.waiting end)
  play.type " Rehearsed."
  play.press_ctrl "return"
  local function kill() os.execute "kill -KILL $PPID" end
]]

-- Ends the game once the service has carried out the order, whose answer is still to come.
local KILLED_BEFORE_THE_ANSWER = ORDER .. [[
  local pomex = require "pomex"
  local other, ordered = pomex.new { host = "coroutine" }, false
  other:spawn(function()
    repeat
      local ledger = pomex.check(other:request("GET", "/_sandbox/ledger",
        { headers = { ["X-Sandbox-Token"] = os.getenv "POMEX_SANDBOX_TOKEN" } }))
      ordered = ledger.generation == 1
    until ordered
  end)
  play.till("the order", function() other:step() return ordered end)
  kill()
  play.forever()
]]

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
    fault { endpoint = "generations.create", delay = 1 }
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
      play.shot "leaving"
      play.forever()
    ]], LIVE, environment)
    assert.is_true(ok, output)
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

  it("is killed before the order's answer comes, and lets the person take what was made", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    sandbox:control("POST", "faults", { endpoint = "generations.create", delay = 60 })
    local output, ok = at:run(KILLED_BEFORE_THE_ANSWER, LIVE, environment)
    assert.is_false(ok, output)
    assert.matches("  LIVE, at " .. sandbox.host .. ":", output, 1, true)
    assert.equal(1, billed(sandbox))
    local kept = cjson.decode((at:read "videos/progress.json"))[sandbox.url]
    assert.matches("Rehearsed%.$", kept.order.prompt)
    assert.matches("^asset%-", kept.asset_id)
    assert.is_true(math.abs(kept.order.at - os.time()) < 600)

    output, ok = at:run([[
      play.till("the doubt", function() return job.doubt and job.waiting end)
      play.shot "may-be-ordered"
      local found = job.doubt.found
      assert(#found == 1 and play.shows(found[1].id) and play.shows "Rehearsed.", "what was made")
      assert(play.shows "A video may have been ordered", "the doubt")
      play.press "return"
      play.press "n"
      assert(job.doubt, "a key too many ordered once more")
      play.press "1"
      play.till("the video", function() return job.stage == "saved" end)
      play.say("taken", found[1].id)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(1, billed(sandbox))
    assert.equal(at:said "taken" .. ".mp4 progress.json", at:videos())
    kept = cjson.decode((at:read "videos/progress.json"))[sandbox.url]
    assert.is_nil(kept.order or kept.task_id)
  end)

  it("is killed after it, and goes on", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    local output, ok = at:run(ORDER .. [[
      play.till("the task", function() return job.task end)
      kill()
      play.forever()
    ]], LIVE, environment)
    assert.is_false(ok, output)
    output, ok = at:run([[
      play.till("the video", function() return job.stage == "saved" end)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(1, billed(sandbox))
  end)

  it("orders anew only if one says so, also where the service lists nothing", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    sandbox:control("POST", "config", { generation_list = false })
    sandbox:control("POST", "faults", { endpoint = "generations.create", delay = 60 })
    local output, ok = at:run(KILLED_BEFORE_THE_ANSWER, LIVE, environment)
    assert.is_false(ok, output)
    output, ok = at:run([[
      play.till("the doubt", function() return job.doubt and job.waiting end)
      play.till("where to look", function() return play.shows "does not list what it made" end)
      play.press "l"
      play.till("another look", function() return job.waiting end)
      assert(job.doubt, "looking ordered it")
      play.press_ctrl "n"
      play.till("the prompt", function() return job.waiting and not job.doubt end)
      play.till("the prompt's words", function() return play.shows "Rehearsed." end)
      play.press_ctrl "return"
      play.till("the video", function() return job.stage == "saved" end)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(2, billed(sandbox))
  end)

  it("orders nothing that it could not remember", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    local output, ok = at:run(ORDER:gsub('play.press_ctrl "return"', [[
      require("saved").store = function() return nil, "no room" end
      play.press_ctrl "return"
      play.till("an error", function() return job.err end)
      play.till("why", function() return play.shows "Nothing was ordered." end)
      play.quit()
    ]]), LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(0, billed(sandbox))
  end)
end)
