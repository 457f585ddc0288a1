-- Why a run of jobs ended: `counts.ended`, for programs.

local asks = require "pomex.jobs.asks"
local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"

if not jobs_bed.built then return end

local video = jobs_bed.video

describe("counts.ended of a run", function()
  local env = {}
  jobs_bed.begin(env)

  local function fault(what)
    what.endpoint = what.endpoint or "generations.create"
    env.sb:fault(what)
  end

  it("is done, failed, stuck, or unclear, and the worst comes first", function()
    local jobs = env.open()
    assert(jobs:add { video "a" })
    assert.equal("done", env.run(jobs).ended)
    jobs_bed.write(env.out .. "/taken.mp4", "mine")
    assert(jobs:add { video "taken" })
    assert.equal("stuck", env.run(jobs).ended)
    assert(jobs:add { video("no", { prompt = "[fail] no" }) })
    assert.equal("failed", env.run(jobs).ended)
    fault { after_accept = "drop" }
    assert(jobs:add { video "lost" })
    assert.equal("unclear", env.run(jobs).ended)
    assert.is_nil(jobs:counts().ended)
  end)

  it("is cap, unpriced or paused where that stands against what is ready", function()
    local jobs = env.open()
    assert(jobs:add { video "a", video "b" })
    assert.equal("cap", env.run(jobs, { max_videos = 1 }).ended)
    assert(jobs:cap { money = 5 })
    assert.equal("unpriced", env.run(jobs).ended)
    assert(jobs:cap {})
    assert(jobs:pause "for lunch")
    assert.equal("paused", env.run(jobs).ended)
    assert(jobs:pause(false))
    -- What is at its cap, and has nothing left, is done.
    assert(jobs:cap { videos = 2 })
    assert.equal("done", env.run(jobs).ended)
  end)

  it("is store where that was moved away, and what was made has been said", function()
    local jobs, before = env.open(), env.sb.ledger:count "generation"
    jobs.broken_for = 1
    assert(jobs:add { video "a", video "b" })
    local counts, err = env.run(jobs, { concurrency = 1, on_update = function(job)
      if job.state == "sending" then os.execute(("mv %s/jobs.db %s/away"):format(env.folder,
        env.folder)) end
    end })
    assert.equal("store", counts and counts.ended)
    assert.matches("was moved", err.message, 1, true)
    assert.is_true(env.has_said "a is cgt-")
    assert.equal(before + 1, env.sb.ledger:count "generation")
  end)

  it("is store where that is gone while nothing is out", function()
    local jobs, before = env.open(), env.sb.ledger:count "generation"
    jobs.broken_for = 1
    assert(jobs:add(video "a"))
    os.execute(("mv %s/jobs.db %s/away"):format(env.folder, env.folder))
    local counts, err = env.run(jobs)
    assert.equal("store", counts and counts.ended)
    assert.equal("store_error", err.type)
    assert.equal(before, env.sb.ledger:count "generation")
  end)

  it("is stopped where something is left, and only there", function()
    local jobs = env.open()
    assert(jobs:add { video "a" })
    assert.equal("stopped", env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end }).ended)
    assert.equal("done", env.run(jobs, { on_update = function(job)
      if job.state == "done" then jobs:stop() end
    end }).ended)
  end)

  it("is account, also where a task is looked at", function()
    local jobs = env.open()
    assert(jobs:add { video "a" })
    env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    fault { endpoint = "generations.get", status = 401, times = 0 }
    local counts, err = env.run(jobs)
    assert.equal("account", counts.ended)
    assert.equal(401, err.status)
    assert(jobs:add { video "b" })
    env.sb:clear_faults()
    fault { status = 402 }
    counts, err = env.run(jobs)
    assert.equal("account", counts.ended)
    assert.equal(402, err.status)
  end)

  it("is store where the store cannot be asked, and error at any other fault here", function()
    local jobs = env.open()
    assert(jobs:add { video "a" })
    local read = jobs.read_counts
    jobs.read_counts = function(self)
      if not self.running then return read(self) end
      return nil, asks.error "the disk is gone"
    end
    assert(jobs:pause())
    local counts, err = env.run(jobs)
    jobs.read_counts = nil
    assert.equal("store", counts.ended)
    assert.is_truthy(tostring(err):find "the disk is gone")
    assert(jobs:pause(false))
    local kept = core.saving_finish
    core.saving_finish = function() error("a fault", 0) end
    assert.equal("error", env.run(jobs).ended)
    core.saving_finish = kept
  end)

  it("is error where the folder is missing, before anything is billed", function()
    local jobs = env.open()
    assert(jobs:add { video "homeless-1", video "homeless-2" })
    local counts, err = env.run(jobs, { out = env.out .. "/nowhere" })
    assert.equal("error", counts.ended)
    assert.equal("file_error", err.type)
    assert.is_truthy(tostring(err):find("nowhere", 1, true), tostring(err))
    assert.equal(2, counts.ready)
    assert.is_nil(jobs_bed.billed(env.sb)["homeless-1"])
    assert.is_nil(jobs_bed.billed(env.sb)["homeless-2"])
    assert.equal("done", env.run(jobs).ended)
  end)

  it("is foreign where only jobs of another base URL are left", function()
    local jobs = env.open()
    assert(jobs:add { video "theirs" })
    env.run(jobs, { on_update = function(job)
      if job.state == "polling" then jobs:stop() end
    end })
    jobs:close()
    local mine = env.open(nil, env.new { base_url = env.sb.url .. "/other" })
    assert.equal("foreign", env.run(mine).ended)
  end)

  it("comes only when nothing is saved any more, whatever is stuck or at the cap", function()
    local jobs = env.open()
    jobs_bed.write(env.out .. "/taken.mp4", "mine")
    assert(jobs:add { video "taken" })
    assert.equal("stuck", env.run(jobs).ended)
    assert(jobs:add { video "a", video "b" })
    env.run(jobs, { max_videos = 1, on_update = function(job)
      if job.state == "saving" then jobs:stop() end
    end })
    assert.equal(1, jobs:counts().saving)
    -- Another worker has what is saved; this one has nothing left but to wait for it.
    local other = env.open()
    local worker = assert(other:join())
    assert(other.asks:must("claim", { worker = worker, queue = other.queue, count = 1 }))
    local waited = false
    local read = jobs.read_counts
    function jobs:read_counts()
      if self.running and waited then
        assert(other.asks:must("release", { worker = worker }))
      end
      waited = waited or self.running ~= nil
      return read(self)
    end
    local counts = env.run(jobs)
    assert.equal("cap", counts.ended)
    assert.equal(1, counts.done)
    assert.equal(0, counts.saving)
  end)

  it("comes when it is told to stop where it runs for ever, and takes what is added", function()
    local jobs = env.open()
    assert(jobs:add { video "first" })
    local counts = env.run(jobs, { forever = true, on_update = function(job)
      if job.state ~= "done" then return end
      if job.key == "second" then return jobs:stop() end
      env.client:spawn(function()
        -- Nothing is left to do, and it goes on all the same.
        while next(jobs.running.active) do jobs:counts() end
        for _ = 1, 20 do jobs:counts() end
        assert(jobs:add { video "second" })
      end)
    end })
    assert.equal("done", counts.ended)
    assert.equal(2, counts.done)
  end)

  it("goes with the time of each change, and with how much of a file has come", function()
    local jobs, percent = env.open(), 0
    local before = core.wall()
    assert(jobs:add { video "shown" })
    env.run(jobs, {
      on_update = function(job)
        assert.is_true(job.at >= before and job.at <= core.wall())
        assert.equal("shown.mp4", job.save)
      end,
      on_progress = function(job) percent = job.state == "saving" and job.percent or percent end,
    })
    assert.equal(100, percent)
  end)
end)
