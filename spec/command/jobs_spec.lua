-- `pomex jobs`: looking after a store.

local campaigns = require "spec.support.campaigns"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

local video = campaigns.video

describe("pomex jobs #command", function()
  local env = {}
  campaigns.begin(env)

  before_each(function()
    env.sb:config { generation_seconds = 0, asset_seconds = 0 }
    env.write("m.jsonl", video "a" .. video "b [fail]" .. video "c")
  end)

  local function made()
    assert.equal(1, (env.run "run m.jsonl --yes --price 2.5"))
  end

  it("[0] list has a row for each job, or those of a state", function()
    made()
    local code, out = env.run "jobs list"
    assert.equal(0, code)
    assert.equal(3, select(2, out:gsub("\n", "")))
    assert.matches("a +done +cgt%-[%w-]+ +a.mp4\n", out)
    assert.matches('b %[fail%] +failed +cgt%-[%w-]+ +b %[fail%].mp4 +task cgt%-[%w-]+ ended as',
      out)
    code, out = env.run "jobs list --state done --state ready --json"
    assert.equal(0, code)
    assert.equal(2, select(2, out:gsub('"type":"job"', "")))
    code, out = env.run "jobs list --state unclear"
    assert.same({ 0, "" }, { code, out })
    assert.equal(2, (env.run "jobs list --state nowhere"))
  end)

  it("[0] show tells of its attempts and of what happened, and what to type", function()
    made()
    local code, out, err = env.run "jobs show 'b [fail]'"
    assert.equal(0, code)
    assert.matches("state +failed\n", out)
    assert.matches("attempt 1 +20[%d-]+ [%d:]+  ended cgt%-", out)
    assert.matches("[%d:]+  begun\n", out)
    assert.matches("[%d:]+  failed: task cgt%-", out)
    assert.matches("next: pomex jobs retry 'b [fail]' --store m.jsonl.jobs.db\n", err, 1, true)
    code, out, err = env.run "jobs show nobody"
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches('no job "nobody"', err, 1, true)
    assert.matches("next: pomex jobs list --store m.jsonl.jobs.db", err, 1, true)
  end)

  it("[0] export writes a CSV that a spreadsheet reads, and no formula", function()
    env.write("m.jsonl", video "a" .. video "=x,[fail]\\\"y" .. video "b;=x")
    assert.equal(1, (env.run "run m.jsonl --yes --price 2.5"))
    local code, out = env.run "jobs export"
    assert.equal(0, code)
    local head, first, second, third = out:match "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n$"
    assert.equal("key,state,file,id,seconds,cost,error", head)
    assert.matches("^a,done,a.mp4,cgt%-[%w-]+,%d+,0%.%d+,$", first)
    assert.matches([["'=x,[fail]""y",failed,,cgt-]], second, 1, true)
    assert.matches([["b;=x",done,"b;=x.mp4",cgt-]], third, 1, true)
    assert.matches([[ended as ""failed"": the prompt asked for this]], second, 1, true)
  end)

  it("[0] retry has failed ones made anew, with other words", function()
    made()
    local code, _, err = env.run "jobs retry 'b [fail]' --prompt better"
    assert.equal(0, code, err)
    assert.matches("next: pomex run m.jsonl\n", err, 1, true)
    assert.equal(0, (env.run "run m.jsonl --yes --price 2.5"))
    -- What is done is not made anew.
    code, _, err = env.run "jobs retry a"
    assert.equal(1, code)
    assert.matches("next: pomex jobs show a --store m.jsonl.jobs.db", err, 1, true)
    assert.equal(2, (env.run "jobs retry nobody"))
  end)

  it("[0] pause lets nothing begin, and --off ends that", function()
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code, _, err = env.run "jobs pause"
    assert.equal(0, code)
    assert.matches("paused", err)
    code, _, err = env.run "run m.jsonl --yes --max-videos 9"
    assert.equal(7, code)
    assert.matches("next: pomex jobs pause --off --store m.jsonl.jobs.db", err, 1, true)
    assert.equal(0, (env.run "jobs pause --off"))
    assert.equal(1, (env.run "run m.jsonl --yes"))
  end)

  it("[0] cancel takes jobs out", function()
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code = env.run "jobs cancel a c"
    assert.equal(0, code)
    local before = env.sb.ledger:count "generation"
    assert.equal(1, (env.run "run m.jsonl --yes --max-videos 9"))
    assert.equal(before + 1, env.sb.ledger:count "generation")
    assert.equal(2, (env.run "jobs cancel nobody"))
  end)

  it("[2] asks before it sends again what is perhaps billed twice", function()
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes --concurrency 1"))
    local code, _, err = env.run "jobs resend a --now"
    assert.equal(2, code)
    assert.matches("--yes answers", err, 1, true)
  end)

  it("finds the only store of a folder, or says that it needs one", function()
    local code, _, err = env.run "jobs list"
    assert.equal(2, code)
    assert.matches("there is no store in this folder", err, 1, true)
    made()
    env.write("other.jobs.db", "x")
    code, _, err = env.run "jobs list"
    assert.equal(2, code)
    assert.matches("there are 2 stores in this folder", err, 1, true)
    assert.equal(0, (env.run "jobs list --store m.jsonl"))
    assert.equal(0, (env.run "jobs list --store m.jsonl.jobs.db"))
    assert.equal(2, (env.run "jobs list --store nowhere"))
  end)

  it("needs no key to look", function()
    made()
    local code, out = env.run("jobs list", "unset POMEX_API_KEY")
    assert.equal(0, code)
    assert.matches("a +done", out)
    assert.equal(4, (env.run("jobs adopt a cgt-1", "unset POMEX_API_KEY")))
  end)

  it("watch looks on while another runs, and ends with it or at Ctrl-C", function()
    env.sb:config { generation_seconds = 3000 }
    local before = env.sb.ledger:count "generation"
    env.bash "pomex run m.jsonl --yes > .run 2>&1 < /dev/null & echo $! > .runner"
    env.until_("the run", function()
      return env.sb.ledger:count "generation" == before + 3
    end)
    local process = env.start "jobs watch"
    env.until_("a look", function() return env.has_said "c is being made" end)
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(7, code)
    assert.matches("stopped looking; the others go on", err, 1, true)
    process = env.start "jobs watch"
    env.until_("a look", function() return env.has_said "c is being made" end)
    env.sb.clock:advance(4000)
    local out
    code, out, err = process.wait()
    assert.equal(0, code, err)
    assert.matches("2 of 3 done, 1 failed", err, 1, true)
    assert.matches("c is done", err, 1, true)
    assert.is_string(out)
    shell.bash(("tail --pid=%s -f /dev/null"):format(campaigns.read(env.path ".runner")))
  end)

  it("continue lets a store that was moved begin again", function()
    made()
    shell.bash(("cd %s && mkdir moved && cp m.jsonl m.jsonl.jobs.db moved")
      :format(env.folder))
    local line = video "d"
    local file = assert(io.open(env.path "moved/m.jsonl", "a"))
    file:write(line)
    file:close()
    local code, _, err = env.run "run moved/m.jsonl --yes"
    assert.equal(11, code, err)
    assert.matches("next: pomex jobs continue --store moved/m.jsonl.jobs.db", err, 1, true)
    assert.equal(0, (env.run "jobs continue --store moved/m.jsonl"))
    local out
    code, out, err = env.run "run moved/m.jsonl --yes"
    assert.equal(1, code, err)
    assert.equal("moved/d.mp4\n", out)
  end)
end)
