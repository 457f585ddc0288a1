-- examples/love where nobody knows whether an order arrived: the game is killed, its key is
-- refused, the service lists nothing. #once #example: as in love_live_spec.lua.

local cjson = require "cjson"
local love_game = require "spec.support.love_game"
local pomex = require "pomex"
local sandbox_process = require "spec.support.sandbox_process"

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

describe("the LÖVE example's order #once #example", function()
  local at

  before_each(function() at = love_game.new() end)
  after_each(function() at:remove() end)

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
      assert(job.prompt:find "Rehearsed%.$", "whose prompt it is")
      play.say("taken", found[1].id)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(1, billed(sandbox))
    assert.equal(at:said "taken" .. ".mp4 progress.json", at:videos())
    kept = cjson.decode((at:read "videos/progress.json"))[sandbox.url]
    assert.is_nil(kept.order or kept.task_id)
  end)

  it("finds what was made behind a hundred that are newer", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    sandbox:control("POST", "faults", { endpoint = "generations.create", delay = 60, times = 1 })
    local output, ok = at:run(KILLED_BEFORE_THE_ANSWER, LIVE, environment)
    assert.is_false(ok, output)
    -- Another program of the account goes on an hour later.
    sandbox:control("POST", "clock", { advance = 3600 })
    local client = pomex.check(pomex.new { api_key = sandbox.key, base_url = sandbox.url,
      rate_limits = false })
    local oldest = client.generations:list({ limit = 1 }).items[1].id
    for _ = 1, 101 do
      pomex.check(client.generations:create { model = "byteplus/seedance-2.0-fast",
        content = pomex.content():text "Another's." })
    end
    client:close()
    output, ok = at:run([[
      play.till("the doubt", function() return job.doubt and job.waiting end)
      play.say("found", job.doubt.found[1].id)
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(oldest, at:said "found")
    assert.equal(102, billed(sandbox))
  end)

  it("holds its folder: a second window says who has it, and orders nothing", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    local lock = at.folder .. "/videos/.pomex-love.lock"
    local first = io.popen(([[exec 9>>%s; flock 9; echo $$ | tee %s; exec sleep 300 < /dev/null]])
      :format(lock, lock))
    local pid = first:read "*l"
    local output, ok = at:run(([[
      play.till("who holds it", function() return play.shows "Another window has this folder" end)
      play.shot "held"
      assert(play.shows "as process %s, and has" and play.shows "Nothing was ordered here.", "who")
      assert(not game.job, "it works all the same")
      play.press "r"
      assert(play.shows "Another window has this folder", "it is not asked again")
      os.execute "kill %s"
      play.till("the first one's end", function()
        return os.execute "flock -n %s true" == 0
      end)
      play.press "r"
      play.till("the link", function() return game.job and game.job.stage == "scan" end)
      assert(os.execute "flock -n %s true" ~= 0, "the folder is not held")
      -- A browser that the game opens lives longer.
      assert(os.execute "ls -l /proc/self/fd | grep -q pomex-love" ~= 0, "the lock is inherited")
      play.quit()
    ]]):format(pid, pid, lock, lock), LIVE, environment)
    os.execute(("kill %s 2> /dev/null"):format(pid))
    first:close()
    assert.is_true(ok, output)
    assert.matches("The game runs already, as process " .. pid, output, 1, true)
    assert.equal(1, #sandbox:control("GET", "journal?endpoint=sessions.create").requests)
  end)

  it("is killed after it, and goes on", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    -- What it keeps a thread writes: no frame waits for the disk.
    local output, ok = at:run([[
      require("saved").store = function() error "a frame waited for the disk" end
    ]] .. ORDER .. [[
      play.till("the task", function() return job.task end)
      kill()
      play.forever()
    ]], LIVE, environment)
    assert.is_false(ok, output)
    output, ok = at:run([[
      play.till("the video", function() return job.stage == "saved" end)
      assert(job.prompt:find "Rehearsed%.$", "whose prompt it is")
      play.quit()
    ]], LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(1, billed(sandbox))
  end)

  it("says that the key is refused, and forgets an order if one says so", function()
    local sandbox, environment = service()
    finally(function() sandbox:stop() end)
    sandbox:control("POST", "faults", { endpoint = "generations.create", delay = 60 })
    local output, ok = at:run(KILLED_BEFORE_THE_ANSWER, LIVE, environment)
    assert.is_false(ok, output)
    output, ok = at:run([[
      play.till("the doubt", function() return job.doubt and job.waiting end)
      play.till("the refused key", function() return play.shows "The key is not accepted" end)
      play.shot "doubt-key-refused"
      play.press "f"
      assert(job.ids.order, "a key too many forgot it")
      play.press_ctrl "f"
      play.till("the prompt", function() return job.waiting and not job.doubt end)
      play.till("it is forgotten", function() return not play.shows "Rehearsed." end)
      play.quit()
    ]], LIVE, (environment:gsub("POMEX_API_KEY=%S+", "POMEX_API_KEY=sk-wrong")))
    assert.is_true(ok, output)
    assert.matches("\nbilled: no; video: [^\n]*authentication_error", output)
    assert.equal(1, billed(sandbox))
    local kept = cjson.decode((at:read "videos/progress.json"))[sandbox.url]
    assert.is_nil(kept.order or kept.task_id)
    assert.matches("^asset%-", kept.asset_id)
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
      require("saved").keep = function() return nil, "no room" end
      play.press_ctrl "return"
      play.till("an error", function() return job.err end)
      play.till("why", function() return play.shows "Nothing was ordered." end)
      play.quit()
    ]]), LIVE, environment)
    assert.is_true(ok, output)
    assert.equal(0, billed(sandbox))
  end)
end)
