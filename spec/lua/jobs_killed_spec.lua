-- Jobs outlive SIGKILL: a process that runs them is killed at one step after the other.

local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not jobs_bed.built then return end

local video, billed = jobs_bed.video, jobs_bed.billed

describe("a queue whose process is killed", function()
  local env = {}
  jobs_bed.begin(env)

  local function start(step, signal, still, in_flight, concurrency)
    return io.popen(("exec %s spec/support/jobs_child.lua %s %s %s %d %s %g %d %d 2>&1"):format(
      interpreter.command, env.sb.url, shell.quote(env.sb.key), env.folder, step, signal, still,
      in_flight or 64, concurrency or 3))
  end

  -- What it printed; "" if it was killed.
  local function child(step)
    local pipe = start(step, "KILL", 60)
    local said = pipe:read "*a"
    pipe:close()
    assert.is_falsy(said:find "traceback", said)
    return said
  end

  local function finish(jobs)
    -- The first run buries the last that was killed; what died three times is for a person then.
    assert(env.run(jobs))
    for job in jobs:each { stuck = true } do assert(jobs:retry(job.key)) end
    return assert(env.run(jobs))
  end

  it("bills no attempt twice, loses no id, and explains what is unclear", function()
    local JOBS, KILLS = 24, { 1, 11, 14, 17, 20, 23, 3, 12, 15, 18, 21, 8 }
    local list = {}
    for i = 1, JOBS do list[i] = video("killed-" .. i) end
    local first = env.open()
    assert(first:add(list))
    first:close()
    local killed = 0
    for _, step in ipairs(KILLS) do
      if child(step):find "ended" then break end
      killed = killed + 1
    end
    assert.is_true(killed >= 6, killed .. " were killed")
    local jobs = env.open { beat_seconds = 1 / 5 }
    local counts = finish(jobs)
    local unclear, done = 0, 0
    for job in jobs:each() do
      local times = billed(env.sb)[job.key] or 0
      local attempts = jobs:get(job.key).attempts
      assert.is_true(times <= 1, job.key .. " was billed " .. times .. " times")
      assert.is_true(times <= #attempts)
      if job.state == "done" then
        done = done + 1
        assert.equal(1, times)
        local length, sum = core.saving_sum(env.out .. "/" .. job.saved)
        assert.equal(job.length, length)
        assert.equal(job.sha256, sum)
      else
        unclear = unclear + 1
        assert.equal("unclear", job.state)
        assert.equal("out", attempts[#attempts].stage)
        assert.is_nil(job.task)
      end
    end
    assert.equal(JOBS, done + unclear)
    assert.equal(done, counts.done)
    assert.is_true(done > unclear, done .. " were done")
  end)

  it("is worked on by several at once, within one cap, each job by one", function()
    local first, list = env.open(), {}
    for i = 1, 12 do list[i] = video("shared-" .. i) end
    assert(first:add(list))
    assert(first:cap { videos = 7 })
    first:close()
    local pipes = {}
    for i = 1, 3 do pipes[i] = start(0, "KILL", 60) end
    for i = 1, 3 do
      assert.is_truthy(pipes[i]:read("*a"):find "ended")
      pipes[i]:close()
    end
    local jobs, sum = env.open(), 0
    assert.equal(7, jobs:counts().done)
    assert.equal(5, jobs:counts().ready)
    for i = 1, 12 do sum = sum + (billed(env.sb)["shared-" .. i] or 0) end
    assert.equal(7, sum)
    for job in jobs:each { state = "done" } do
      assert.equal(1, #jobs:get(job.key).attempts)
    end
  end)

  it("is sent by the next process where it was claimed and not begun", function()
    local first = env.open()
    assert(first:add(video "claimed"))
    first:close()
    -- 1 queue, 2 list, 3 join; 4: the begin is yet to be asked for.
    assert.equal("", child(4))
    local jobs = env.open { beat_seconds = 1 / 5 }
    assert.equal("ready", jobs:get("claimed").state)
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).claimed)
  end)

  local function is_unclear_after(signal, key)
    local first = env.open()
    assert(first:add(video(key)))
    first:close()
    local pipe = start(5, signal, 60)
    assert.equal("", pipe:read "*a")
    pipe:close()
    local jobs = env.open { beat_seconds = 1 / 5 }
    assert.equal("sending", jobs:get(key).state)
    local counts = env.run(jobs)
    assert.equal(1, counts.unclear)
    assert.equal(1, counts.videos)
    assert.is_nil(billed(env.sb)[key])
    -- Its process could not say so: the run that found it does, once.
    local words = key .. " is unclear: its process died while the request was out: "
    assert.is_true(env.has_said(words))
    local buried
    for _, event in ipairs(jobs:events()) do
      if event.name == "worker buried" then buried = event.text end
    end
    local who = buried:match("^(.+ on .+, process %d+), which had " .. key .. "$")
    assert.is_true(env.has_said(words .. who .. " [maybe billed]"))
    assert.equal("unclear", env.seen[key])
    env.said, env.seen = {}, {}
    assert.equal(1, env.run(jobs).unclear)
    assert.is_false(env.has_said(words))
    assert.is_nil(env.seen[key])
    -- Nor does a process that opens the store later, however soon.
    jobs:close()
    jobs = env.open { beat_seconds = 1 / 5 }
    assert.equal(1, env.run(jobs).unclear)
    assert.is_false(env.has_said(words))
    assert.is_nil(env.seen[key])
    assert.is_true(jobs:resend(key, { now = true }))
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb)[key])
  end

  it("is unclear where it was begun, though nothing was sent", function()
    is_unclear_after("KILL", "begun")
  end)

  -- As a worker of nginx does at `nginx -s stop`.
  it("is unclear, and the next run says so, where its process ended in order", function()
    is_unclear_after("EXIT", "ended")
  end)

  it("is found by its name where it is an upload whose id was lost", function()
    local first = env.open()
    assert(first:add { key = "front", portrait = { url = "https://cdn.example/a.png",
      asset_type = "Image", group_id = env.sb:add_person() } })
    first:close()
    assert.equal("", child(6)) -- it is made, and its id is yet to be kept
    local jobs = env.open { beat_seconds = 1 / 5 }
    assert.equal("sending", jobs:get("front").state)
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, #jobs:get("front").attempts)
  end)

  it("is looked at by the next process where it has an id", function()
    local first = env.open()
    assert(first:add(video "made"))
    first:close()
    assert.equal("", child(7)) -- 6: its id; 7: the end of its task
    local jobs = env.open { beat_seconds = 1 / 5 }
    assert.equal("polling", jobs:get("made").state)
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).made)
  end)

  -- What is begun was about to be sent: a job that waits for its turn is not begun.
  it("leaves no more in doubt than its client has in flight", function()
    local JOBS, IN_FLIGHT = 200, 4
    local list, seen = {}, 0
    for i = 1, JOBS do list[i] = video("doubt-" .. i) end
    local jobs = env.open { beat_seconds = 1 / 5 }
    assert(jobs:add(list))
    env.sb:config { generation_seconds = 3600 } -- so that nothing is looked at twice
    finally(function() env.sb:config { generation_seconds = 0 } end)
    for round = 1, 3 do
      local before = #env.sb.journal:requests "generations.create"
      env.sb:fault { endpoint = "generations.create", delay = 1 / 20, times = 0 }
      local pipe = start(0, "KILL", 60, IN_FLIGHT, 64)
      local began = core.now()
      repeat
        assert.is_true(core.now() - began < 60, "nothing was sent")
        local sent = #env.sb.journal:requests "generations.create" - before
      until sent >= 5 + 2 * round
      os.execute("kill -KILL $(cat " .. env.folder .. "/pid)")
      pipe:close()
      env.sb:clear_faults()
      local unclear = jobs:counts().unclear
      seen = seen + jobs:counts().sending
      assert(jobs:join()) -- a worker buries others that are dead
      local counts = jobs:counts()
      while counts.sending > 0 do counts = jobs:counts() end
      assert.is_true(counts.unclear - unclear <= IN_FLIGHT,
        ("%d more are unclear"):format(counts.unclear - unclear))
    end
    assert.is_true(seen > 0, "no kill met one that was sent")
    for _, times in pairs(billed(env.sb)) do assert.is_true(times <= 1) end
  end)

  -- Whether the process stands still: what continues one that does not yet is lost.
  local function is_stopped(path)
    local file = io.open(path)
    local pid = file and file:read "*l"
    if file then file:close() end
    file = pid and io.open("/proc/" .. pid .. "/stat")
    local stat = file and file:read "*a" or ""
    if file then file:close() end
    return stat:find "%) T " ~= nil
  end

  -- A process that is stopped for longer than a burial, and continued: what it had said at its end.
  local function stopped(signal, key)
    local first = env.open()
    assert(first:add(video(key)))
    first:close()
    env.sb:fault { endpoint = "generations.get", status = 404, delay = 1 }
    local pipe = start(0, signal, 2)
    local jobs = env.open { beat_seconds = 1 / 5, still_seconds = 2 }
    local began = core.now()
    repeat
      assert.is_true(core.now() - began < 30, "it did not begin")
    until jobs:get(key).state == "sending" and is_stopped(env.folder .. "/pid")
    local counts = assert(env.run(jobs)) -- waits for the burial
    assert.equal(1, counts.unclear)
    -- A person may not have it sent again while that process lives.
    local done, err = jobs:resend(key, { now = true })
    assert.is_nil(done)
    assert.is_truthy(tostring(err):find "its worker lives")
    os.execute("kill -CONT $(cat " .. env.folder .. "/pid)")
    local said = pipe:read "*a"
    pipe:close()
    assert.is_truthy(said:find "ended", said)
    return jobs, said
  end

  -- What it had begun is another's to decide on.
  it("sends nothing once it may have been buried", function()
    local jobs = stopped("STOP", "stopped")
    -- Its own word that it never left is a fact, whoever holds the job by now.
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).stopped)
    assert.equal("late", jobs:get("stopped").attempts[1].stage)
  end)

  it("holds a job that it has anew while what it had in hand before ends", function()
    local jobs, said = stopped("LINGER", "anew")
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).anew)
    assert.equal(2, select(2, said:gsub("claimed\tanew", "")), said)
  end)
end)
