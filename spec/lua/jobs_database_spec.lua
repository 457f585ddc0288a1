-- Jobs in a PostgreSQL database that goes away while they run.

local databases = require "spec.support.databases"
local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not jobs_bed.built or not databases.URL then return end

local video, billed = jobs_bed.video, jobs_bed.billed

describe("a run on a database #database", function()
  local env = {}
  jobs_bed.begin(env, { database = true })

  -- Jobs, and `said`: what is to be done when the log has a line with these words.
  local function open(said)
    return env.open { log = function(line)
      env.said[#env.said + 1] = line
      for words, act in pairs(said) do
        if line:find(words, 1, true) then
          said[words] = nil
          act()
        end
      end
    end }
  end

  -- Cuts the way when the first create is out, whose answer takes a second.
  local function cut_at_the_first()
    local out = false
    env.sb:fault { endpoint = "generations.create", delay = 1 }
    return function(job)
      if job.state == "sending" and not out then
        out = true
        env.way:cut()
      end
    end
  end

  it("outlives that it is away: the id that came meanwhile is kept, and nothing begins", function()
    local jobs = open { ["the database is out of reach since"] = function() env.way:mend() end }
    assert(jobs:add { video "a", video "b", video "c", video "d" })
    local counts = assert(env.run(jobs, { concurrency = 1, on_update = cut_at_the_first() }))
    assert.equal("done", counts.ended)
    assert.equal(4, counts.done)
    assert.is_true(env.has_said "a is cgt-")
    assert.is_true(env.has_said "the database is back after")
    local requests = env.sb.journal:requests "generations.create"
    assert.equal(4, #requests)
    -- It is said after ten seconds.
    assert.is_true(requests[2].at - requests[1].at >= 9)
    for _, key in ipairs { "a", "b", "c", "d" } do assert.equal(1, billed(env.sb)[key]) end
  end)

  it("finds a job by an id in whatever queue, and says that it was retried otherwise", function()
    local jobs = open {}
    assert(jobs:add { video "z [fail]" })
    assert.equal(1, env.run(jobs).failed)
    local id = jobs:get("z [fail]").task
    assert.is_true(jobs:retry("z [fail]", { video = video("better").video }))
    assert.equal(1, env.run(jobs).done)
    local other = env.open { queue = "other" }
    assert.is_nil((other:find(id)))
    assert.equal("z [fail]", assert(other.asks:must("get", { task = id })).job.key)
    for _, event in ipairs(jobs:events { key = "z [fail]" }) do
      if event.name == "retry" then assert.equal("with another body", event.text) end
    end
  end)

  it("says once who died over a video, and a process that comes later does not", function()
    local first = env.open()
    assert(first:add(video "begun"))
    first:close()
    local pipe = io.popen(("exec %s spec/support/jobs_child.lua %s %s %s 5 KILL 60 64 3 %s 2>&1")
      :format(interpreter.command, env.sb.url, shell.quote(env.sb.key), env.folder,
        shell.quote(env.store)))
    pipe:read "*a"
    pipe:close()
    local jobs = env.open { beat_seconds = 1 / 5, still_seconds = 1 }
    assert.equal("sending", jobs:get("begun").state)
    assert.equal(1, env.run(jobs).unclear)
    local words = "begun is unclear: its process died while the request was out: "
    assert.is_true(env.has_said(words))
    local buried
    for _, event in ipairs(jobs:events()) do
      if event.name == "worker buried" then buried = event.text end
    end
    assert.is_truthy(buried:find ", process %d+, which had begun$", buried)
    jobs:close()
    env.said, env.seen = {}, {}
    jobs = env.open { beat_seconds = 1 / 5, still_seconds = 1 }
    assert.equal(1, env.run(jobs).unclear)
    assert.is_false(env.has_said(words))
    assert.is_nil(env.seen.begun)
  end)

  it("waits for it also where nothing is out yet", function()
    local jobs = open { ["the database is out of reach since"] = function() env.way:mend() end }
    assert(jobs:add { video "h" })
    env.way:cut()
    assert.equal("done", assert(env.run(jobs)).ended)
    assert.equal(1, billed(env.sb).h)
  end)

  it("ends when it is told to stop, also then; what was not kept is unclear, and said", function()
    local stopped
    local jobs = open { ["the database is out of reach since"] = function()
      stopped = env.client:spawn(function() env.jobs:stop() end)
    end }
    env.jobs, jobs.broken_for = jobs, 1
    assert(jobs:add { video "e", video "f" })
    local counts, err = env.run(jobs, { concurrency = 1, on_update = cut_at_the_first() })
    assert.is_nil(counts)
    assert.equal("store_error", err.type)
    assert.matches("is out of reach", err.message, 1, true)
    assert.is_true(stopped.finished)
    jobs:close()
    env.way:mend()
    local id
    for _, line in ipairs(env.said) do id = id or line:match "e is (cgt%S+)" end
    local next_jobs = env.open { beat_seconds = 1 / 20, still_seconds = 1 / 2 }
    counts = assert(env.run(next_jobs))
    assert.equal("unclear", counts.ended)
    assert.equal(1, counts.done)
    assert(next_jobs:adopt("e", id))
    assert.equal("done", assert(env.run(next_jobs)).ended)
    assert.equal(1, billed(env.sb).e)
    assert.equal(1, billed(env.sb).f)
  end)

  it("bills nothing twice on an older copy: a person looks, then a file is in the way", function()
    local jobs = env.open()
    assert(jobs:add { video "g" })
    jobs:close()
    local copy = databases.new(env.store)
    local before = env.open()
    assert.equal("done", assert(env.run(before)).ended)
    before:close()
    env.store = copy
    jobs = env.open()
    local counts, err = env.run(jobs)
    assert.equal("continue", counts.ended)
    assert.equal("store_error", err.type)
    assert.equal(1, counts.ready)
    assert(jobs:continue())
    counts = assert(env.run(jobs))
    assert.equal("stuck", counts.ended)
    assert.matches("there is a file at its name", jobs:get "g".error, 1, true)
    assert.equal(1, billed(env.sb).g)
    assert(jobs:cancel "g")
    assert.equal("failed", assert(env.run(jobs)).ended)
    assert.equal(1, billed(env.sb).g)
  end)
end)
