-- The account's gate is in the store: what the service tells one process holds for all.

local core = require "pomex.core"
local databases = require "spec.support.databases"
local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not jobs_bed.built then return end

local function holds_for_all(env)
  -- Another process that runs the queue, one job at a time.
  local function start()
    return io.popen(("exec %s spec/support/jobs_child.lua %s %s %s 9999 NONE 60 64 1 %s 2>&1")
      :format(interpreter.command, env.sb.url, shell.quote(env.sb.key), env.folder,
        env.store and shell.quote(env.store) or ""))
  end

  local function created()
    return env.sb.journal:requests "generations.create"
  end

  it("that a 429 shuts in one process is shut in another, and one request probes it", function()
    local jobs = env.open()
    local list = {}
    for i = 1, 8 do list[i] = jobs_bed.video("gate-" .. i) end
    assert(jobs:add(list))
    env.sb:fault { endpoint = "generations.create", status = 429, retry_after = 2 }
    env.sb:fault { endpoint = "generations.create", delay = 1 }
    local other = start()
    while not jobs:counts().gate_until do shell.bash "sleep 0.05" end
    assert.equal(1, #created())
    local counts = env.run(jobs, { concurrency = 4 })
    assert.is_truthy(other:read "*a":find "^ended")
    other:close()
    assert.equal(8, counts.done)
    local said = table.concat(env.said, "\n")
    assert.matches("nothing begins for now: the service refused a request %(HTTP 429, [^\n]+%); ",
      said)
    assert.is_truthy(said:find "; the next one is tried by itself at %d%d:%d%d:%d%d UTC\n"
      or said:find("; one request is trying whether it takes them again", 1, true), said)
    local requests = created()
    assert.equal(9, #requests)
    assert.is_true(requests[2].at - requests[1].at >= 2 - 1 / 10)
    -- What else is begun waits for the answer to the probe.
    assert.is_true(requests[3].at - requests[2].at >= 1 - 1 / 10)
    assert.is_nil(jobs:counts().gate_until)
  end)

  it("says until when it is shut, and what to see to, where the key was refused", function()
    env.sb:fault { endpoint = "generations.create", status = 401 }
    local jobs = env.open()
    assert(jobs:add { jobs_bed.video "refused" })
    assert.equal("account", env.run(jobs).ended)
    jobs:close()
    jobs = env.open { log = function(line)
      env.said[#env.said + 1] = line
      if line:find("nothing begins for now", 1, true) then jobs:stop() end
    end }
    assert(jobs:add { jobs_bed.video "behind" })
    assert.equal("stopped", env.run(jobs).ended)
    assert.matches("the service refused a request %(HTTP 401, [^\n]+%); the next one is tried by "
      .. "itself at %d%d:%d%d:%d%d UTC: see to the key or the account until then",
      table.concat(env.said, "\n"))
    assert.equal(1, #created())
  end)

  -- Runs until doubts have shut the gate and nothing is out any more, or to its end.
  local function runs(jobs)
    local out, from = 0, #env.said
    return env.run(jobs, { concurrency = 8, on_update = function(job)
      if job.state == "sending" then out = out + 1 end
      if job.state ~= "unclear" then return end
      out = out - 1
      local said = table.concat(env.said, "\n", from + 1)
      if out == 0 and said:find("ended in doubt: nothing", 1, true) then jobs:stop() end
    end })
  end

  it("that doubts in a row shut lets one through at a time until one is good", function()
    env.sb:fault { endpoint = "generations.create", status = 503, times = 1000,
      body = "<html>service unavailable</html>" }
    local list, jobs = {}, env.open()
    for i = 1, 40 do list[i] = jobs_bed.video("doubt-" .. i) end
    assert(jobs:add(list))
    local counts = runs(jobs)
    assert.equal(40 - counts.unclear, counts.ready)
    assert.is_true(counts.unclear >= 3 and counts.unclear <= 8 + 3, counts.unclear)
    assert.equal(counts.unclear, #created())
    assert.is_true(env.has_said
      "3 creates in a row ended in doubt: nothing new is begun for 60 s")
    assert.is_true(counts.gate_until > core.wall() + 30)

    -- The minute is over: one tries, in doubt, and the gate is shut for longer.
    local function open_gate()
      assert(jobs.asks:must("gate", { worker = assert(jobs:join()), ["until"] = core.wall() - 1,
        text = "" }))
    end
    open_gate()
    local again = runs(jobs)
    assert.equal(counts.unclear + 1, again.unclear)
    assert.is_true(env.has_said "creates in a row ended in doubt: nothing new is begun for 120 s")

    env.sb:clear_faults()
    open_gate()
    local last = runs(jobs)
    assert.equal("unclear", last.ended)
    assert.equal(40 - again.unclear, last.done)
    assert.is_nil(jobs:counts().gate_until)
  end)
end

describe("the gate of an account", function()
  local env = {}
  jobs_bed.begin(env)
  holds_for_all(env)
end)

if databases.URL then
  describe("the gate of an account in a database #database", function()
    local env = {}
    jobs_bed.begin(env, { database = true })
    holds_for_all(env)
  end)
end
