-- A video takes its name once its length and sum are in the store, and no file is replaced.

local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"

if not jobs_bed.built then return end

local video, exists, write = jobs_bed.video, jobs_bed.exists, jobs_bed.write

describe("the video of a job", function()
  local env = {}
  jobs_bed.begin(env)

  local function listed()
    local names = {}
    local pipe = io.popen("ls " .. env.out)
    for name in pipe:lines() do names[#names + 1] = name end
    pipe:close()
    return names
  end

  -- Has the run end when the job is at that state, as if the process had been killed there.
  local function until_state(jobs, state)
    return env.run(jobs, { on_update = function(job)
      if job.state == state then jobs:stop() end
    end })
  end

  it("has its sum in the store", function()
    local jobs = env.open()
    assert(jobs:add { video "summed" })
    assert.equal(1, env.run(jobs).done)
    local job = jobs:get "summed"
    local length, sum = core.saving_sum(env.out .. "/summed.mp4")
    assert.equal(length, job.length)
    assert.equal(sum, job.sha256)
    assert.equal("summed.mp4", job.saved)
  end)

  it("leaves a file alone that came to its name meanwhile, and takes another", function()
    local jobs = env.open()
    local entry = video "taken 1"
    entry.save = "taken.mp4"
    assert(jobs:add { entry })
    local counts = env.run(jobs, { on_update = function(job)
      if job.state == "saving" then write(env.out .. "/taken.mp4", "mine") end
    end })
    assert.equal(1, counts.done)
    assert.equal("taken~taken_1.mp4", jobs:get("taken 1").saved)
    assert.same({ "taken.mp4", "taken~taken_1.mp4" }, listed())
    assert.equal(4, (core.saving_sum(env.out .. "/taken.mp4")))
    assert.is_truthy(env.has_said "is there already, and is left alone")
  end)

  it("takes another name where a part is in the way that nobody knows", function()
    local jobs
    jobs = env.open { log = function(line)
      env.said[#env.said + 1] = line
      if line:find "cannot be saved" then jobs:stop() end
    end }
    assert(jobs:add { video "lost" })
    local counts = env.run(jobs, { on_update = function(job)
      if job.state == "saving" then write(env.out .. "/lost.mp4.part", "half") end
    end })
    assert.equal(1, counts.done)
    assert.equal("lost~lost.mp4", jobs:get("lost").saved)
    assert.same({ "lost.mp4.part", "lost~lost.mp4" }, listed())
    assert.is_truthy(env.has_said "without a note of ours")
  end)

  it("is set aside where both names are taken", function()
    local jobs = env.open()
    assert(jobs:add { video "twice" })
    local counts = env.run(jobs, { on_update = function(job)
      if job.state ~= "saving" then return end
      write(env.out .. "/twice.mp4", "mine")
      write(env.out .. "/twice~twice.mp4", "mine")
    end })
    assert.equal(1, counts.stuck)
    assert.equal(1, counts.saving)
    os.remove(env.out .. "/twice.mp4")
    assert.is_true(jobs:retry "twice")
    assert.equal(1, env.run(jobs).done)
    assert.equal("twice.mp4", jobs:get("twice").saved)
  end)

  -- What a process leaves that is killed between two steps, made by hand.
  it("is known by its sum where the name was given and the note was not", function()
    local jobs = env.open()
    assert(jobs:add { video "named" })
    until_state(jobs, "saving")
    assert.equal("saving", jobs:get("named").state)
    local kept = core.saving_finish
    core.saving_finish = function(...)
      assert(kept(...))
      error("killed here", 0)
    end
    local _, err = env.run(jobs)
    core.saving_finish = kept
    assert.is_truthy(tostring(err):find "killed here")
    assert.is_true(exists(env.out .. "/named.mp4"))
    jobs:close()
    env.sb.journal:clear()
    local others = env.open()
    assert.equal(1, env.run(others).done)
    assert.same({ "named.mp4" }, listed())
    assert.equal(0, #env.sb.journal:requests "generations.get")
  end)

  it("is fetched anew where the sum was noted and the name was not given", function()
    local jobs = env.open()
    assert(jobs:add { video "noted" })
    local kept = core.saving_finish
    core.saving_finish = function() error("killed here", 0) end
    env.run(jobs)
    core.saving_finish = kept
    jobs:close()
    assert.is_true(exists(env.out .. "/noted.mp4.part"))
    write(env.out .. "/noted.mp4", "not ours") -- of another sum: it is left alone
    local others = env.open()
    assert.equal(1, env.run(others).done)
    assert.equal("noted~noted.mp4", others:get("noted").saved)
    assert.equal(8, (core.saving_sum(env.out .. "/noted.mp4")))
  end)

  it("goes on where a download broke off", function()
    local jobs = env.open()
    assert(jobs:add { video "broken" })
    env.sb:fault { endpoint = "video", after_accept = "truncate" }
    assert.equal(1, env.run(jobs).done)
    assert.same({ "broken.mp4" }, listed())
  end)

  it("is an error line in each run once it is older than twelve hours", function()
    local jobs, wall = env.open(), core.wall
    finally(function() core.wall = wall end)
    local function later(hours)
      core.wall = function() return wall() + hours * 3600 end
      env.said = {}
    end
    assert(jobs:add { video "young" })
    until_state(jobs, "saving")
    later(11)
    assert.equal("done", env.run(jobs).ended)
    assert.is_falsy(env.has_said "ERROR")
    core.wall = wall
    assert(jobs:add { video "old" })
    until_state(jobs, "saving")
    for _ = 1, 2 do
      later(13)
      jobs.log = function(line)
        env.said[#env.said + 1] = line
        jobs:stop()
      end
      assert.equal("stopped", env.run(jobs).ended)
      assert.is_truthy(env.has_said "old ERROR: made 13 hours ago")
    end
    jobs.log = function() end
    assert.equal("done", env.run(jobs).ended)
  end)

  it("is done only after it has its name", function()
    local jobs = env.open()
    assert(jobs:add { video "order" })
    local named
    env.run(jobs, { on_update = function(job)
      if job.state == "done" then named = exists(env.out .. "/order.mp4") end
    end })
    assert.is_true(named)
  end)
end)
