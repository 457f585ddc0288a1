-- pomex.jobs: a queue of videos and portraits, from add to done.

local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"
local pomex = require "pomex"

if not jobs_bed.built then return end

local video, billed = jobs_bed.video, jobs_bed.billed

describe("pomex.jobs", function()
  local env = {}
  jobs_bed.begin(env)

  local function portrait(key, url)
    return { key = key, portrait = { url = url or "https://cdn.example/a.png",
      asset_type = "Image", group_id = env.sb:add_person() } }
  end

  it("takes a portrait and a video that needs it from add to done", function()
    local jobs = env.open()
    local before = billed(env.sb)["The person in image 1 waves."] or 0
    assert.same({ new = 2, same = 0, changed = 0, conflicting = 0 }, jobs:add {
      { key = "one", save = "one.mp4", video = { model = "byteplus/seedance-2.0-fast",
        prompt = "The person in {rachel} waves.", images = { rachel = "job:front" } } },
      portrait "front",
    })
    assert.equal(1, jobs:counts().blocked)
    local counts, err = env.run(jobs)
    assert.is_nil(err)
    assert.equal(2, counts.done)
    assert.equal(0, counts.blocked)
    assert.equal(1, counts.videos)
    assert.equal("sending polling done", env.seen.front)
    assert.equal("sending polling saving done", env.seen.one)
    assert.equal(before + 1, billed(env.sb)["The person in image 1 waves."])
    assert.is_true(jobs_bed.exists(env.out .. "/one.mp4"))
    assert.is_false(jobs_bed.exists(env.out .. "/one.mp4.part"))
    local job = jobs:get "one"
    assert.equal("done", job.state)
    assert.equal(1, #job.attempts)
    assert.equal("made", job.attempts[1].stage)
    assert.equal(64, #job.sha256)
    assert.is_truthy(env.has_said("one is " .. job.task))
  end)

  it("does nothing more when it is run again, and lists what there is", function()
    local jobs = env.open { queue = "again" }
    local list = {}
    for i = 1, 12 do list[i] = video("again-" .. i) end
    assert(jobs:add(list))
    assert.equal(12, env.run(jobs, { concurrency = 5 }).done)
    assert.equal(12, env.run(jobs).done)
    for i = 1, 12 do assert.equal(1, billed(env.sb)["again-" .. i]) end
    assert.same({ new = 0, same = 12, changed = 0, conflicting = 0 }, jobs:add(list))
    local keys = {}
    for job in jobs:each { state = "done" } do keys[#keys + 1] = job.key end
    assert.equal(12, #keys)
    assert.equal("again-1", keys[1])
    for _ in jobs:each { state = { "ready", "unclear" } } do error "there are none" end
    local names = {}
    for _, event in ipairs(jobs:events { key = "again-1" }) do names[#names + 1] = event.name end
    assert.same({ "begun", "id", "made", "done" }, names)
    assert.is_nil((jobs:get "nobody"))
  end)

  it("forgets a job that is over, and keeps its money", function()
    local jobs = env.open()
    assert(jobs:add { video "gone" })
    local done, err = jobs:forget "gone"
    assert.is_nil(done)
    assert.equal("store_error", err.type)
    assert.equal(1, env.run(jobs).done)
    assert.is_true(jobs:forget "gone")
    done, err = jobs:get "gone"
    assert.is_nil(done)
    assert.equal("not_found_error", err.type)
    assert.equal(1, jobs:counts().videos)
    for job in jobs:each() do
      assert.is_nil(job.saved)
      assert.equal("", job.body)
    end
  end)

  it("leaves the videos of a portrait that fails blocked, and says why", function()
    local jobs = env.open()
    assert(jobs:add {
      portrait("bad", "https://cdn.example/no-face.png"),
      { key = "two", save = "two.mp4", video = { model = "byteplus/seedance-2.0-fast",
        prompt = "{a} waves, blocked.", images = { a = "job:bad" } } },
      video "beside",
    })
    local counts, err = env.run(jobs)
    assert.is_nil(err)
    assert.equal(1, counts.failed)
    assert.equal(1, counts.blocked)
    assert.equal(1, counts.done)
    assert.equal("ready", jobs:get("two").state)
    assert.is_truthy(env.has_said "1 blocked by bad (failed)")
    assert.is_nil(billed(env.sb)["image 1 waves, blocked."])
    -- With another picture both go on.
    assert(jobs:retry("bad", { portrait = { url = "https://cdn.example/b.png",
      asset_type = "Image", group_id = env.sb:add_person() } }))
    assert.equal(3, env.run(jobs).done)
  end)

  it("is not retried with a portrait that is nowhere, and waits for none that failed", function()
    local jobs = env.open()
    assert(jobs:add { video("no", { prompt = "[fail] no" }),
      portrait("bad", "https://cdn.example/no-face.png") })
    assert.equal(2, env.run(jobs).failed)
    local function again(key)
      return jobs:retry("no", { video = { model = "byteplus/seedance-2.0-fast",
        prompt = "{a} waves", images = { a = "job:" .. key } } })
    end
    local none, err = again "nowhere"
    assert.is_nil(none)
    assert.is_truthy(tostring(err):find("job:nowhere", 1, true))
    assert.is_true(again "bad")
    local counts = env.run(jobs)
    assert.equal(1, counts.stuck)
    assert.is_truthy(jobs:get("no").error:find("the portrait bad is not active", 1, true))
    assert(jobs:retry("bad", { portrait = { url = "https://cdn.example/b.png",
      asset_type = "Image", group_id = env.sb:add_person() } }))
    assert.equal(1, env.run(jobs).done)
    assert.is_true(jobs:retry "no")
    assert.equal(2, env.run(jobs).done)
  end)

  it("notes what the service says of a task", function()
    local jobs = env.open { failed_is_free = true }
    assert(jobs:add { video("no", { prompt = "[fail] no" }) })
    local counts = env.run(jobs)
    assert.equal(1, counts.failed)
    assert.equal(0, counts.videos)
    local job = jobs:get "no"
    assert.is_truthy(job.error:find "generation_failed")
    assert(jobs:retry("no", { video = { model = "byteplus/seedance-2.0-fast", prompt = "yes" } }))
    assert.equal(1, env.run(jobs).done)
    assert.equal(2, #jobs:get("no").attempts)
  end)

  it("tells how far the service and the download are", function()
    env.sb:config { generation_seconds = 300 }
    local jobs, seen = env.open(), {}
    assert(jobs:add { video "told" })
    env.run(jobs, { on_progress = function(job)
      local told = job.state == "saving" and job.percent or job.status
      -- The next look may go out while the clock is being moved, and see the same once more.
      if told == seen[#seen] then return end
      seen[#seen + 1] = told
      if job.state ~= "polling" then return end
      -- Halfway it runs, and then it is made. (A hook must not wait.)
      local seconds = job.status == "queued" and 150 or 300
      env.client:spawn(function() env.sb.clock:advance(seconds) end)
    end })
    assert.same({ "queued", "running" }, { seen[1], seen[2] })
    assert.equal(100, seen[#seen])
  end)

  it("begins what is added while it runs without a pause between two looks", function()
    env.sb:config { generation_seconds = 3600 }
    local jobs, count, began = env.open(), 1, core.now()
    assert(jobs:add { video "added-1" })
    env.client:run(function()
      env.run(jobs, { on_update = function(job)
        if job.state ~= "polling" then return end
        if count == 10 then return jobs:stop() end
        count = count + 1
        env.client:spawn(function() assert(jobs:add { video("added-" .. count) }) end)
      end })
    end)
    assert.equal(10, jobs:counts().polling)
    -- It looks once a second by itself.
    assert.is_true(core.now() - began < 5)
  end)

  it("stops at once, and goes on in another process's place", function()
    env.sb:config { generation_seconds = 3600 }
    local jobs = env.open()
    assert(jobs:add { video "slow" })
    local counts = env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    assert.equal(1, counts.polling)
    jobs:close()
    env.sb:config { generation_seconds = 0 }
    env.sb.clock:advance(3600)
    local others = env.open()
    assert.equal(1, env.run(others).done)
    assert.equal(1, billed(env.sb).slow)
  end)

  it("begins nothing if it is stopped while it asks the store for its queue", function()
    local first = env.open { queue = "early" }
    assert(first:add(video "early"))
    first:close()
    local jobs = env.open { queue = "early" }
    local asks, asked = jobs.asks, false
    local must = asks.must
    function asks:must(verb, fields)
      if verb == "queue" and not asked then jobs:stop() end
      asked = asked or verb == "queue"
      return must(self, verb, fields)
    end
    local counts = assert(env.run(jobs, { max_videos = 5 }))
    assert.equal("stopped", counts.ended)
    assert.equal(1, counts.ready)
    assert.is_nil(billed(env.sb).early)
  end)

  it("is stopped by what came before the first run, and by nothing of before the next", function()
    local jobs = env.open { queue = "before" }
    assert(jobs:add { video "before" })
    jobs:stop() -- as a signal does while jobs are added
    local counts = assert(env.run(jobs))
    assert.same({ "stopped", 1 }, { counts.ended, counts.ready })
    assert.is_nil(billed(env.sb).before)
    jobs:stop()
    assert.same({ "done", 1 }, { env.run(jobs).ended, billed(env.sb).before })
  end)

  it("lets a request that is out come to its end when it is stopped", function()
    local jobs = env.open { queue = "stopped" }
    assert(jobs:add { video "out", video "in" })
    env.sb:fault { endpoint = "generations.create", delay = 1 }
    local counts = env.run(jobs, { concurrency = 1, on_update = function(job)
      if job.state ~= "sending" then return end
      local op = env.client.async.generations:get "cgt-of-nobody"
      op:on_done(function() jobs:stop() end) -- while the create waits for its answer
    end })
    assert.equal(1, counts.polling)
    assert.equal(1, counts.ready)
    assert.equal(0, counts.unclear)
    assert.equal(2, env.run(jobs).done)
    assert.equal(1, billed(env.sb).out)
  end)

  it("finds an upload whose answer was lost by its name, from any process", function()
    env.sb:fault { endpoint = "assets.create", after_accept = "drop" }
    env.sb:fault { endpoint = "assets.list", status = 404, times = 0 }
    local jobs = env.open()
    assert(jobs:add { portrait "front" })
    local first = env.client
    local counts = env.run(jobs, { on_update = function(job)
      if job.state == "unclear" then jobs:stop() end
    end })
    assert.equal(1, counts.unclear)
    jobs:close()
    env.sb:clear_faults()
    local others = env.open(nil, env.new())
    assert.equal(1, env.run(others).done)
    assert.equal(1, #others:get("front").attempts)
    assert.is_not.equal(first, env.client)
  end)

  it("sends an upload again that is not found in three looks over ten minutes", function()
    env.sb:fault { endpoint = "assets.create", status = 500 } -- perhaps made, and it was not
    local jobs = env.open(nil, env.new { budget = 2 }) -- the core looks as long
    assert.same({ looks = 3, over = 600, every = 60 }, require("pomex.jobs.portrait").SEARCH)
    jobs.search = { looks = 3, over = 3, every = 1 / 10 }
    local first, found_after, log = nil, nil, jobs.log
    jobs.log = function(line)
      if line:find("is sent again", 1, true) then found_after = core.now() - first end
      log(line)
    end
    assert(jobs:add { portrait "lost" })
    assert.equal(1, env.run(jobs, { on_update = function(job)
      if job.state == "unclear" then first = core.now() end
    end }).done)
    assert.is_truthy(env.has_said "lost was not found, and is sent again")
    assert.equal(2, #env.sb.journal:requests "assets.create")
    local names = {}
    for _, attempt in ipairs(jobs:get("lost").attempts) do
      names[#names + 1] = attempt.body:match '"name":"([^"]+)"'
    end
    assert.equal(2, #names)
    assert.is_not.equal(names[1], names[2])
    assert.is_true(found_after >= 3, "sent again after " .. found_after)
  end)

  it("looks for no upload that another account made", function()
    env.sb:fault { endpoint = "assets.create", after_accept = "drop" }
    env.sb:fault { endpoint = "assets.list", status = 404, times = 0 }
    local jobs = env.open(nil, env.new { budget = 2 }) -- the core looks as long
    assert(jobs:add { portrait "theirs" })
    env.run(jobs, { on_update = function(job)
      if job.state == "unclear" then jobs:stop() end
    end })
    jobs:close()
    env.sb:clear_faults()
    env.sb.journal:clear()
    local others = env.open(nil, env.new { base_url = env.sb.url .. "/other" })
    others.search = { looks = 1, over = 0, every = 1 / 10 }
    local counts = env.run(others)
    assert.equal("foreign", counts.ended)
    assert.equal("unclear", others:get("theirs").state)
    assert.is_truthy(env.has_said "1 job was begun with another base URL, and is left alone")
    assert.equal(0, #env.sb.journal:requests())
  end)

  it("names the assets that an unclear portrait can be", function()
    env.sb:fault { endpoint = "assets.create", after_accept = "drop" }
    env.sb:fault { endpoint = "assets.list", status = 404, times = 0 }
    local jobs = env.open(nil, env.new { budget = 2 }) -- the core looks as long
    assert(jobs:add { portrait "front", video "beside" })
    env.run(jobs, { on_update = function(job)
      if job.state == "unclear" then jobs:stop() end
    end })
    env.sb:clear_faults()
    local ids = assert(jobs:candidates "front")
    assert.equal(1, #ids)
    assert.is_true(jobs:adopt("front", ids[1]))
    assert.equal(2, env.run(jobs).done)
    assert.equal(ids[1], jobs:get("front").task)
  end)

  it("ends with its client, also where jobs wait for their turn", function()
    local client = env.new { max_in_flight = 1 }
    local jobs = env.open(nil, client)
    assert(jobs:add { video "a", video "b", video "c" })
    local counts, err = env.run(jobs, { on_update = function(job)
      if job.state == "sending" then client:close() end
    end })
    assert.is_nil(counts)
    assert.equal("store_error", err.type)
    assert.is_truthy(tostring(err):find("closed", 1, true))
    assert.is_falsy(tostring(err):find("pomex client is closed", 1, true)) -- a raised misuse
    assert.is_nil(billed(env.sb).a)
  end)

  it("is free for another run where one was cut short", function()
    local jobs = env.open()
    assert(jobs:add { video "a" })
    local run = require("pomex.jobs.run").new(jobs, {})
    local class = getmetatable(run).__index
    local kept = class.work
    class.work = function() error("interrupted!", 0) end
    local ok, err = pcall(jobs.run, jobs, { out = env.out })
    class.work = kept
    assert.is_false(ok)
    assert.equal("interrupted!", err)
    assert.equal(1, env.run(jobs).done)
  end)

  it("works in a task of the client's as well", function()
    local jobs = env.open { queue = "task" }
    local counts = env.client:run(function()
      assert(jobs:add { video "in-a-task" })
      return env.run(jobs)
    end)
    assert.equal(1, counts.done)
  end)

  it("tells a hook that raises, and goes on", function()
    local jobs = env.open { queue = "hook" }
    assert(jobs:add { video "hooked" })
    local counts = env.run(jobs, { on_update = function() error "my own" end })
    assert.equal(1, counts.done)
    assert.has_error(function() for _ = 1, 10 do env.client:step() end end)
    while not pcall(env.client.step, env.client) do end
  end)

  it("says that the API key is another one", function()
    local jobs = env.open()
    assert(jobs:add { video "first-key" })
    env.run(jobs)
    jobs:close()
    local others = env.open(nil, env.new { api_key = env.sb:add_account() })
    assert(others:add { video "second-key" })
    assert.is_falsy(env.has_said "key is another one")
    env.run(others)
    assert.is_truthy(env.has_said "key is another one")
  end)

  it("is backed up, and a copy begins nothing until a person looked", function()
    local jobs = env.open()
    assert(jobs:add { video "kept" })
    local none, err = jobs:backup "/none/such/copy.db"
    assert.is_nil(none)
    assert.equal("store_error", err.type)
    assert.is_true(jobs:backup(env.folder .. "/copy.db"))
    jobs:close()
    local copy = assert(pomex.jobs.open(env.client, env.folder .. "/copy.db",
      { file_system = "any", log = function() end }))
    local counts
    counts, err = env.run(copy)
    assert.equal(1, counts.ready)
    assert.is_true(counts.must_continue)
    assert.equal("store_error", err.type)
    assert.is_nil(billed(env.sb).kept)
    assert.is_true(copy["continue"](copy))
    assert.equal(1, env.run(copy).done)
    copy:close()
  end)

  it("raises at misuse, and says what is closed", function()
    local jobs = env.open()
    assert.has_error(function() jobs:run { concurency = 1 } end)
    assert.has_error(function() jobs.run {} end)
    assert.has_error(function() pomex.jobs.open({}, "x") end)
    jobs:close()
    local none, err = jobs:counts()
    assert.is_nil(none)
    assert.equal("store_error", err.type)
    local nowhere
    nowhere, err = pomex.jobs.open(env.client, env.folder .. "/none/jobs.db")
    assert.is_nil(nowhere)
    assert.equal("store_error", err.type)
  end)
end)
