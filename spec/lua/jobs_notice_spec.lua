-- Notices of jobs: a fact of the attempt that the path names, confirmed by our own GET.

local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"
local listeners = require "spec.support.listener"
local pomex = require "pomex"

if not jobs_bed.built then return end

local video, billed = jobs_bed.video, jobs_bed.billed

describe("a notice of a job", function()
  local env, listener, notices = {}, nil, nil
  jobs_bed.begin(env)

  setup(function() listener = listeners.new() end)
  teardown(function() listener:close() end)

  before_each(function()
    env.sb:config { notices_first = false }
    notices = pomex.notices.new { secret = core.random(32), base = listener.url .. "/jobs" }
  end)

  -- The next notice, as an app takes it: tag, id. Those of the tests before have another secret.
  -- `other`: a tag that it must not have.
  local function take(other)
    local tag, id
    repeat
      local notice = assert(listener:take(), "no notice came")
      tag, id = notices:receive(notice.path, notice.method, notice.body)
    until tag and tag ~= other
    return tag, id
  end

  local function lose(key, more)
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    local jobs = env.open { notices = notices }
    assert(jobs:add { video(key, more) })
    assert.equal(1, env.run(jobs).unclear)
    return jobs
  end

  it("finds the video of one whose answer was lost, which is then saved", function()
    local jobs = lose "lost"
    local tag, id = take()
    assert.equal("unclear", jobs:get("lost").state)
    assert.is_true(jobs:notice(tag, id))
    local job = jobs:get "lost"
    assert.same({ "polling", id }, { job.state, job.task })
    assert.is_true(env.has_said("lost is " .. id .. ", says a notice"))
    assert.equal(1, env.run(jobs).done)
    assert.equal(1, billed(env.sb).lost)
    assert.is_true(jobs_bed.exists(env.out .. "/lost.mp4"))
    -- Any number of times, also when all is over.
    assert.is_true(jobs:notice(tag, id))
    assert.is_true(jobs:notice(tag))
    assert.equal("done", jobs:get("lost").state)
    assert.equal(1, jobs:counts().videos)
  end)

  it("is no fact without our own look: an id that the service does not know is none", function()
    local jobs = lose "forged"
    local tag, id = take()
    local done, err = jobs:notice(tag, "cgt-20261129000000-nobod")
    assert.is_nil(done)
    assert.equal("not_found_error", err.type)
    assert.equal("unclear", jobs:get("forged").state)
    assert.is_true(jobs:notice(tag)) -- it says no id
    assert.equal("unclear", jobs:get("forged").state)
    assert.is_true(jobs:notice(tag, id))
    assert.equal("polling", jobs:get("forged").state)
  end)

  it("does not take the task of another job, nor one of another model", function()
    local jobs = lose "thief"
    local tag, id = take()
    assert(jobs:add { video "owner" })
    assert.equal(1, env.run(jobs).done)
    local done, err = jobs:notice(tag, jobs:get("owner").task)
    assert.is_nil(done)
    assert.is_truthy(tostring(err):find "another job")
    env.sb:config { task_fields = true }
    local other = pomex.check(env.client.generations:create {
      model = "byteplus/seedance-2.0", content = pomex.content():text "a wave" })
    done, err = jobs:notice(tag, other.id)
    env.sb:config { task_fields = false }
    assert.is_nil(done)
    assert.is_truthy(tostring(err):find "another model")
    assert.equal("unclear", jobs:get("thief").state)
    assert.is_true(jobs:notice(tag, id))
    assert.equal("polling", jobs:get("thief").state)
  end)

  it("of another store that numbers its jobs alike is none of this one", function()
    local jobs = lose "mine"
    local tag, id = take()
    os.execute("mv " .. env.folder .. " " .. env.folder .. ".other; mkdir -p " .. env.out)
    local others = lose "yours"
    local tag_2, id_2 = take(tag)
    for _, case in ipairs { { others, tag, id }, { others, "film-17", id },
      { others, "job 1 7 x", id }, { others, "job 99999 1 x", id } } do
      local done, err = case[1]:notice(case[2], case[3])
      assert.is_nil(done)
      assert.equal("invalid_request_error", err.type)
    end
    assert.equal("unclear", others:get("yours").state)
    assert.is_true(others:notice(tag_2, id_2))
    assert.equal("polling", others:get("yours").state)
    jobs:close()
    os.execute("rm -rf " .. env.folder .. ".other")
  end)

  it("comes to each attempt by a URL of its own, which the store does not compare", function()
    local jobs = env.open { notices = notices }
    assert(jobs:add { video "one" })
    assert.equal(1, env.run(jobs).done)
    assert.same({ same = 1, new = 0, changed = 0, conflicting = 0 }, jobs:add { video "one" })
    local tag, id = take()
    assert.is_true(jobs:notice(tag, id))
    -- A URL of the caller's own stays.
    assert(jobs:add { video("own", { callback_url = "https://app.example/own" }) })
    assert.equal(2, env.run(jobs).done)
    local requests = env.sb.journal:requests "generations.create"
    assert.is_truthy(requests[1].body:find(listener.url .. "/jobs/", 1, true))
    assert.is_truthy(requests[2].body:find("https://app.example/own", 1, true))
  end)

  it("that is faster than the answer to the create changes nothing", function()
    env.sb:config { notices_first = true }
    local jobs = env.open { notices = notices }
    assert(jobs:add { video "fast" })
    local run = env.client:spawn(function() return env.run(jobs) end)
    local told
    while not run:done() do
      env.client:step()
      local notice = listener:take(0.005)
      local tag, id
      if notice then tag, id = notices:receive(notice.path, notice.method, notice.body) end
      if tag and not told then
        told = env.client:spawn(function() return jobs:notice(tag, id) end)
      end
    end
    assert.is_true(told:wait())
    assert.equal(1, run:wait().done)
    assert.equal(1, billed(env.sb).fast)
    local attempts = jobs:get("fast").attempts
    assert.same({ 1, jobs:get("fast").task }, { #attempts, attempts[1].task })
  end)

  it("raises on misuse", function()
    local stray = function() env.open { notices = {} } end
    assert.error_matches(stray, "what pomex.notices.new returned")
    local jobs = env.open()
    assert.error_matches(function() jobs:notice("job 1 1 x", "a") end, "was given no notices")
    local with = env.open { notices = notices }
    assert.error_matches(function() with:notice() end, "tag must be a string")
    assert.error_matches(function() with:notice("job 1 1 x", 7) end, "id must be a string")
  end)
end)
