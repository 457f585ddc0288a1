-- What becomes of an attempt: the rules of what is sent again, and what never is.

local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"
local pomex = require "pomex"

if not jobs_bed.built then return end

local video, billed = jobs_bed.video, jobs_bed.billed

describe("an attempt of a job", function()
  local env = {}
  jobs_bed.begin(env)

  local function fault(what)
    what.endpoint = what.endpoint or "generations.create"
    env.sb:fault(what)
  end

  local function stages(jobs, key)
    local list = {}
    for _, attempt in ipairs(jobs:get(key).attempts) do list[#list + 1] = attempt.stage end
    return list
  end

  it("whose answer is lost is unclear, and is never sent again by itself", function()
    local jobs = env.open()
    fault { after_accept = "drop" }
    assert(jobs:add { video "lost" })
    local counts, err = env.run(jobs)
    assert.is_nil(err)
    assert.equal(1, counts.unclear)
    assert.equal(1, counts.videos) -- what it may have cost is held
    assert.equal(1, env.run(jobs).unclear)
    assert.equal(1, billed(env.sb).lost)
    assert.equal("sending unclear", env.seen.lost)
    assert.is_truthy(jobs:get("lost").error:find "ambiguous_error")
  end)

  it("has its id said before it is kept", function()
    local jobs = env.open()
    local ask, said = jobs.asks.ask, nil
    function jobs.asks:ask(verb, fields)
      if fields.kind == "task" then said = env.has_said("said is " .. fields.task) end
      return ask(self, verb, fields)
    end
    assert(jobs:add { video "said" })
    assert.equal(1, env.run(jobs).done)
    assert.is_true(said)
  end)

  it("is adopted by its id, after the service was asked for it", function()
    local jobs = env.open()
    fault { after_accept = "drop" }
    assert(jobs:add { video "adopted" })
    env.run(jobs)
    local done, err = jobs:adopt("adopted", "cgt-of-nobody")
    assert.is_nil(done)
    assert.equal("not_found_error", err.type)
    assert.equal("unclear", jobs:get("adopted").state)
    local entries = env.sb.ledger:entries()
    assert.is_true(jobs:adopt("adopted", entries[#entries].id))
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).adopted)
    -- Another job cannot have the same.
    fault { after_accept = "drop" }
    assert(jobs:add { video "thief" })
    env.run(jobs)
    done, err = jobs:adopt("thief", entries[#entries].id)
    assert.is_nil(done)
    assert.is_truthy(tostring(err):find "another job")
  end)

  it("is resent only by a person, with money of its own", function()
    local jobs = env.open()
    fault { after_accept = "drop" }
    assert(jobs:add { video "resent" })
    env.run(jobs)
    local done, err = jobs:resend "resent"
    assert.is_nil(done)
    assert.is_truthy(tostring(err):find "15 minutes")
    assert.is_true(jobs:resend("resent", { now = true }))
    local counts = env.run(jobs)
    assert.equal(1, counts.done)
    assert.equal(2, counts.videos)
    assert.equal(2, billed(env.sb).resent)
    assert.same({ "out", "made" }, stages(jobs, "resent"))
    assert.is_true(jobs:resolve("resent", { attempt = 1, not_billed = true }))
    assert.equal(1, jobs:counts().videos)
  end)

  it("that never left is begun anew, and gives its money back", function()
    local closed = env.new { base_url = "http://127.0.0.1:1", connect_timeout = 1 }
    local jobs = env.open(nil, closed)
    assert(jobs:add { video "unsent" })
    local seen = 0
    local counts = env.run(jobs, { on_update = function(job)
      seen = seen + 1
      if job.state == "ready" then jobs:stop() end
    end })
    assert.equal(2, seen)
    assert.equal(1, counts.ready)
    assert.equal(0, counts.videos)
    assert.same({ "never_left" }, stages(jobs, "unsent"))
  end)

  it("that was turned away shuts the account's gate, and is then begun anew", function()
    local jobs = env.open()
    fault { status = 429, retry_after = 1 }
    assert(jobs:add { video "turned", video "behind" })
    local counts = env.run(jobs, { concurrency = 1 })
    assert.equal(2, counts.done)
    assert.equal(2, counts.videos)
    local all = {}
    for _, key in ipairs { "turned", "behind" } do
      for _, stage in ipairs(stages(jobs, key)) do all[#all + 1] = stage end
    end
    table.sort(all)
    assert.same({ "made", "made", "turned_away" }, all)
    assert.equal(1, billed(env.sb).turned)
    assert.equal(1, billed(env.sb).behind)
    local requests = env.sb.journal:requests "generations.create"
    assert.equal(3, #requests)
    assert.is_true(requests[2].at - requests[1].at >= 1 - 1 / 10)
  end)

  it("that was turned away holds up all workers of the account, in the store", function()
    local jobs = env.open()
    fault { status = 503, retry_after = 30 }
    assert(jobs:add { video "held" })
    local counts = env.run(jobs, { on_update = function(job)
      if job.state == "ready" then jobs:stop() end
    end })
    assert.is_true(counts.gate_until > core.wall() + 20)
    assert.is_true(counts.gate_until < core.wall() + 31)
    assert.is_true(jobs:get("held").due > core.wall() + 20)
    assert.equal(0, counts.videos)
  end)

  it("that a client does not believe to be turned away is unclear", function()
    local client = env.new { billed_retry = "unsent" }
    local jobs = env.open(nil, client)
    fault { status = 429, retry_after = 1 }
    assert(jobs:add { video "doubted" })
    assert.equal(1, env.run(jobs).unclear)
    assert.equal(1, #env.sb.journal:requests "generations.create")
  end)

  it("that the account is refused for ends the run, and goes on with the next", function()
    for status, kind in pairs { [401] = "authentication_error", [402] = "api_error",
      [403] = "api_error" } do
      local jobs = env.open { queue = "refused " .. status }
      fault { status = status }
      assert(jobs:add { video("refused-" .. status) })
      local counts, err = env.run(jobs)
      assert.equal(kind, err.type)
      assert.equal(status, err.status)
      assert.equal(1, counts.ready)
      assert.equal(0, counts.videos)
      jobs:close()
      os.remove(env.folder .. "/jobs.db")
      os.execute("rm -f " .. env.folder .. "/jobs.db*")
    end
  end)

  it("that is refused for what it asks has failed, and costs nothing", function()
    local jobs = env.open()
    fault { status = 400 }
    assert(jobs:add { video "wrong" })
    local counts = env.run(jobs)
    assert.equal(1, counts.failed)
    assert.equal(0, counts.videos)
    assert.is_nil(billed(env.sb).wrong)
  end)

  it("whose task is gone is unclear, and neither failed nor sent again", function()
    local jobs = env.open()
    env.sb:config { generation_seconds = 3600 }
    assert(jobs:add { video "gone" })
    env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    env.sb.clock:advance(1000)
    env.sb:config { generation_seconds = 0 }
    assert(jobs:add { video "kept" })
    env.run(jobs, { on_update = function(job)
      if job.state == "done" then jobs:stop() end
    end })
    jobs:close()
    env.sb:config { task_kept_seconds = 500 }
    -- The account is the right one: it knows another job. (A client that made the task itself would
    -- wait for it to appear.)
    assert.equal(1, env.run(env.open(nil, env.new())).unclear)
    assert.equal(1, billed(env.sb).gone)
    assert.equal("unclear", env.seen.gone)
    env.sb:config { task_kept_seconds = 100000 }
    env.sb.clock:advance(3600)
    jobs = env.open(nil, env.new())
    local done, err = jobs:resend("gone", { now = true })
    assert.is_nil(done)
    assert.matches('"gone" has the id cgt%-%S+: adopt that', err.message)
    local attempts = jobs:get("gone").attempts
    assert.is_true(jobs:adopt("gone", attempts[#attempts].task))
    assert.equal(2, env.run(jobs).done)
    assert.equal(1, billed(env.sb).gone)
  end)

  it("goes on being looked at where the key is another account's, and nothing is begun", function()
    local jobs = env.open()
    env.sb:config { generation_seconds = 3600 }
    assert(jobs:add { video "mine-1", video "mine-2" })
    local made = {}
    env.run(jobs, { on_update = function(job)
      made[job.key] = job.state == "polling"
      if made["mine-1"] and made["mine-2"] then jobs:stop() end
    end })
    jobs:close()
    local other = env.open(nil, env.new { api_key = env.sb:add_account() })
    assert(other:add { video "not-theirs" })
    local counts, err = env.run(other)
    assert.same({ "account", 2, 1, 0 },
      { counts.ended, counts.polling, counts.ready, counts.unclear })
    assert.matches("the account of this API key does not know mine%-%d %(cgt%-%S+%) and 1 more "
      .. "that were looked at", err.message)
    assert.is_nil(billed(env.sb)["not-theirs"])
    other:close()
    env.sb:config { generation_seconds = 0 }
    env.sb.clock:advance(3600)
    assert.equal(3, env.run(env.open(nil, env.new())).done)
    assert.same({ 1, 1, 1 }, { billed(env.sb)["mine-1"], billed(env.sb)["mine-2"],
      billed(env.sb)["not-theirs"] })
  end)

  it("begins nothing at another account's key where only portraits are under way", function()
    local jobs, group = env.open(), env.sb:add_person()
    env.sb:config { asset_seconds = 3600 }
    assert(jobs:add { key = "front", portrait = { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = group } })
    env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    env.sb:config { asset_seconds = 0 }
    jobs:close()
    local counts = env.run(env.open(nil, env.new { api_key = env.sb:add_account() }))
    assert.same({ "account", 1, 0 }, { counts.ended, counts.polling, counts.unclear })
    env.sb.clock:advance(3600)
    assert.equal(1, env.run(env.open(nil, env.new())).done)
  end)

  it("is not made beyond the cap, whoever runs", function()
    local jobs = env.open()
    local list = {}
    for i = 1, 9 do list[i] = video("capped-" .. i) end
    assert(jobs:add(list))
    local counts, err = env.run(jobs, { max_videos = 4 })
    assert.is_nil(err)
    assert.equal(4, counts.done)
    assert.equal(5, counts.ready)
    assert.equal(4, counts.max_videos)
    assert.is_false(env.has_said "keeps its cap")
    assert.equal(4, env.run(jobs, { max_videos = 9 }).done) -- the first run set it
    assert.is_true(env.has_said "the queue keeps its cap: 4 videos; jobs:cap changes it")
    assert.is_true(jobs:cap { videos = 6 })
    assert.equal(6, env.run(jobs).done)
    assert.is_true(jobs:cap {})
    assert.equal(9, env.run(jobs).done)
  end)

  it("does not end a run at the cap whose money comes back", function()
    local jobs = env.open()
    assert(jobs:add { video "one", video "two" })
    env.sb:fault { endpoint = "generations.create", status = 503, retry_after = 1 }
    local counts = env.run(jobs, { max_videos = 1 })
    assert.equal(1, counts.done)
    assert.equal("cap", counts.ended)
    assert.equal(1, counts.videos)
  end)

  it("holds the dearest that its body can become, and what the service counted", function()
    local jobs = env.open { prices = { ["byteplus/seedance-2.0-fast"] = 10 } }
    assert(jobs:add { video "priced", video("open", { duration = pomex.null }) })
    local counts, err = env.run(jobs, { max_money = 3 })
    assert.is_nil(err)
    -- 5 s of 720p are 113,740 tokens: 1.1374; 15 s are 3.3934, which is more than is left.
    assert.equal(1, counts.done)
    assert.equal(1, counts.ready)
    assert.is_true(counts.money <= 3)
    local job = jobs:get "priced"
    assert.equal(1.1374, job.attempts[1].cost)
  end)

  it("holds no less than the service counts for any ratio, frames and videos", function()
    local function tokens(more)
      local body = video("x", more).video
      return pomex.jobs.cost({ video = body }, { [body.model] = 1 }) * 1e6
    end
    -- What the service counts of 5 s: one frame more than the seconds have.
    assert.is_true(tokens { resolution = "720p", ratio = "16:9" } >= 1280 * 720 * 121 / 1024)
    assert.is_true(tokens { resolution = "720p", ratio = "21:9" } >= 1504 * 640 * 121 / 1024)
    assert.is_true(tokens { resolution = "480p", ratio = "21:9" } >= 992 * 432 * 121 / 1024)
    assert.is_true(tokens { resolution = "1080P" } >= 1920 * 1088 * 121 / 1024)
    assert.is_true(tokens { frames = 289 } >= 1280 * 720 * 289 / 1024)
    assert.is_true(tokens { duration = -1 } >= 1280 * 720 * 361 / 1024)
    local given = { { type = "text", text = "As in the video." },
      { type = "video_url", video_url = { url = "https://cdn.example/a.mp4" } } }
    assert.equal(tokens { duration = 20 }, tokens { prompt = pomex.null, content = given })
    assert.is_nil(pomex.jobs.cost({ video = video("x", { resolution = "4k" }).video },
      { ["byteplus/seedance-2.0-fast"] = 1 }))
  end)

  it("is priced anew as long as it is ready", function()
    local jobs = env.open()
    assert(jobs:add { video "cheap" })
    assert.equal("unpriced", env.run(jobs, { max_money = 5 }).ended)
    local priced = video "cheap"
    priced.price, priced.save = 2, "other.mp4"
    assert.equal(1, assert(jobs:add(priced)).same)
    assert.equal("done", env.run(jobs).ended)
    assert.equal("other.mp4", jobs:get("cheap").saved)
  end)

  it("without a price is not made under a cap of money, and the run says so", function()
    local jobs = env.open()
    assert(jobs:add { video "unpriced" })
    local counts, err = env.run(jobs, { max_money = 100 })
    assert.equal(1, counts.ready)
    assert.equal("invalid_request_error", err.type)
    assert.is_nil(billed(env.sb).unpriced)
  end)

  it("waits for a pause to end", function()
    local jobs = env.open()
    assert(jobs:add { video "paused" })
    assert.is_true(jobs:pause "for lunch")
    local counts, err = env.run(jobs)
    assert.is_nil(err)
    assert.is_true(counts.paused)
    assert.equal(1, counts.ready)
    assert.is_nil(billed(env.sb).paused)
    assert.is_true(jobs:pause(false))
    assert.equal(1, env.run(jobs).done)
  end)

  it("of another account's jobs is not made, and is said", function()
    local ours = env.client
    local jobs = env.open()
    env.sb:config { generation_seconds = 3600 }
    assert(jobs:add { video "theirs" })
    env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    jobs:close()
    env.sb:config { generation_seconds = 0 }
    local other = env.new { base_url = env.sb.url .. "/other" }
    local mine = env.open(nil, other)
    local counts, err = env.run(mine)
    assert.is_nil(err)
    assert.equal(1, counts.foreign)
    assert.equal(0, counts.polling)
    assert.equal("polling", mine:get("theirs").state)
    mine:close()
    env.sb.clock:advance(3600)
    assert.equal(1, env.run(env.open(nil, ours)).done)
  end)

  it("is stopped before begin by a file at its name", function()
    local jobs = env.open()
    jobs_bed.write(env.out .. "/there.mp4", "mine")
    assert(jobs:add { video "there" })
    local counts = env.run(jobs)
    assert.equal(1, counts.stuck)
    assert.is_nil(billed(env.sb).there)
    os.remove(env.out .. "/there.mp4")
    assert.is_true(jobs:retry "there")
    assert.equal(1, env.run(jobs).done)
  end)

  it("pauses the queue after ten failures of one kind", function()
    local jobs = env.open()
    local list = {}
    for i = 1, 15 do list[i] = video("[fail] " .. i) end
    for i = 1, 15 do list[i].save = i .. ".mp4" end
    assert(jobs:add(list))
    local counts = env.run(jobs, { concurrency = 1 })
    assert.is_true(counts.paused)
    assert.equal(10, counts.failed)
    assert.is_truthy(counts.why:find "ten failures")
  end)

  it("goes on after ten failures where the queue is told not to pause", function()
    local jobs = env.open { pause_on_failures = false }
    for i = 1, 11 do
      local entry = video("[fail] " .. i)
      entry.save = i .. ".mp4"
      assert(jobs:add(entry))
    end
    local counts = env.run(jobs, { concurrency = 1 })
    assert.equal(11, counts.failed)
    assert.is_false(counts.paused)
  end)
end)
