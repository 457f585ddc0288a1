-- `pomex jobs`: looking after a store.

local campaigns = require "spec.support.campaigns"
local interpreter = require "spec.support.interpreter"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

local storecore = interpreter.optional "pomex.storecore"
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
    assert.matches("attempt 1 +20[%d-]+ [%d:]+ UTC  ended cgt%-", out)
    assert.matches("[%d:]+ UTC  begun\n", out)
    assert.matches("[%d:]+ UTC  failed: task cgt%-", out)
    assert.matches("next: pomex jobs retry 'b [fail]' --store m.jsonl.jobs.db\n", err, 1, true)
    code, out, err = env.run "jobs show nobody"
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches('no job has the key or had the id "nobody"', err, 1, true)
    assert.matches("next: pomex jobs list --store m.jsonl.jobs.db", err, 1, true)
  end)

  it("[0] a job is found by the id of any of its attempts, where a verb takes a key", function()
    made()
    local first = select(2, env.run "jobs show 'b [fail]'"):match "task +(cgt%-[%w-]+)\n"
    assert.equal(0, (env.run("jobs retry " .. first .. " --prompt better")))
    assert.equal(0, (env.run "run m.jsonl --yes --price 2.5"))
    local code, out = env.run("jobs show " .. first)
    assert.equal(0, code)
    assert.matches("key +b %[fail%]\n", out)
    assert.matches("attempt 1 .*" .. first:gsub("%-", "%%-") .. ".*attempt 2 ", out)
    local second = out:match "task +(cgt%-[%w-]+)\n"
    assert.not_equal(first, second)
    assert.equal(out, select(2, env.run("jobs show " .. second)))
    -- What is done is not cancelled: the job was found.
    assert.equal(1, (env.run("jobs cancel " .. second)))
    assert.equal(1, (env.run("jobs resend --yes " .. second)))
    local none, err
    code, none, err = env.run "jobs show cgt-20260619150458-none"
    assert.equal(2, code)
    assert.equal("", none)
    assert.matches('no job has the key or had the id "cgt-20260619150458-none"', err, 1, true)
  end)

  it("[0] export writes a CSV that a spreadsheet reads, and no formula", function()
    env.write("m.jsonl", video "a" .. video "=x,[fail]\\\"y" .. video "b;=x")
    assert.equal(1, (env.run "run m.jsonl --yes --price 2.5"))
    local _, help = env.run "jobs export --help"
    assert.matches("the ids of earlier ones, perhaps billed too, are left out",
      help:gsub("%s+", " "), 1, true)
    local code, out = env.run "jobs export"
    assert.equal(0, code)
    local head, first, second, third = out:match "^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n$"
    assert.equal("key,state,file,id,seconds,cost,error,attempt,begun,billed", head)
    assert.matches("^a,done,a.mp4,cgt%-[%w-]+,%d+,0%.%d+,,1,20%d%d%-%d%d%-%d%d [%d:]+,yes$", first)
    assert.matches([["'=x,[fail]""y",failed,,cgt-]], second, 1, true)
    assert.matches([["b;=x",done,"b;=x.mp4",cgt-]], third, 1, true)
    assert.matches([[ended as ""failed"": the prompt asked for this]], second, 1, true)
  end)

  it("[0] export --attempts has a row for each id that a bill can have", function()
    env.write("m.jsonl", ('{"key": "face", "portrait": "https://cdn.example/a.jpg", "group_id": '
      .. '"%s"}\n'):format(env.person) .. video "a" .. video "d [fail]" .. video "c")
    env.sb:fault { endpoint = "generations.create", status = 503, retry_after = 0 }
    assert.equal(1, (env.run "run m.jsonl --yes --price 2.5 --concurrency 1"))
    assert.equal(0, (env.run "jobs retry 'd [fail]' --prompt other"))
    assert.equal(0, (env.run "run m.jsonl --yes --price 2.5"))
    env.write("m.jsonl", video "ready")
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code, out = env.run "jobs export --attempts"
    assert.equal(0, code)
    local cells, ids = {}, {}
    local row = "\n([^,]+),[^,]*,[^,]*,([^,]*),[^\n]*,(%d+),[^,]*,(%a*)"
    for key, id, attempt, billed in out:gmatch(row) do
      cells[#cells + 1] = ("%s %s %s"):format(key, attempt, billed)
      ids[id] = true
    end
    assert.same({ "face 1 ", "a 1 no", "a 2 yes", "d [fail] 1 maybe", "d [fail] 2 yes", "c 1 yes",
      "ready 0 no" }, cells)
    for _, entry in ipairs(env.sb.ledger:entries()) do
      if entry.prompt == "other" or entry.prompt == "d [fail]" then
        assert.is_true(ids[entry.id], entry.id)
      end
    end
    -- The sum of the costs is what the queue has used.
    local sums = {}
    for _, option in ipairs { "", " --attempts" } do
      local sum = 0
      out = select(2, env.run("jobs export" .. option))
      for cost in out:gmatch "\n[^,]+,[^,]*,[^,]*,[^,]*,[^,]*,([%d.]+)," do
        sum = sum + tonumber(cost)
      end
      sums[#sums + 1] = ("%.4f"):format(sum)
    end
    assert.equal(sums[1], sums[2])
    assert.matches("\nd %[fail%],done,[^\n]*,2,20[^\n]*,yes\n", (select(2, env.run "jobs export")))
  end)

  it("[0] export --attempts has a row for an id that came beside the job's", function()
    env.write("m.jsonl", video "a" .. video "c")
    assert.equal(0, (env.run "run m.jsonl --yes --price 2.5"))
    -- As a worker brings it that was cut off for long.
    local store = assert(storecore.open { path = env.path "m.jsonl.jobs.db",
      any_file_system = true })
    local ticket = assert(store:submit("fact", { job = 1, attempt = 1, kind = "task",
      task = "cgt-second", due = 0 }))
    local got, reply
    env.until_("the store's answer", function()
      got, reply = store:take()
      return got == ticket
    end)
    store:close()
    assert.equal("second", reply.answer)
    local code, out = env.run "jobs export --attempts"
    assert.equal(0, code)
    local rows = {}
    for row in out:gmatch "[^\n]+" do rows[#rows + 1] = row end
    assert.equal(4, #rows)
    assert.matches("^a,done,a.mp4,cgt%-[%w-]+,.*,1,20[^,]*,yes$", rows[2])
    assert.matches("^a,done,,cgt%-second,,,an id beside the job's: perhaps both are billed,,"
      .. "20[%d-]+ [%d:]+,maybe$", rows[3])
    assert.matches("^c,done,", rows[4])
    assert.is_falsy(select(2, env.run "jobs export"):find("cgt-second", 1, true))
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

  it("[0] forget asks, and takes out what a job that is over was about", function()
    made()
    local code, _, err = env.run "jobs forget a"
    assert.equal(2, code)
    assert.matches("a is done; its file stays: a.mp4\n", err, 1, true)
    assert.matches("a manifest that still has its line would have it made, and billed, once more",
      err, 1, true)
    assert.matches("nobody can be asked", err, 1, true)
    -- What a script would follow forgets nothing.
    local following = assert.is_string(err:match "\nnext: pomex (jobs show a [^\n]*)\n$")
    local _, shown = env.run(following)
    local id = shown:match "task +(cgt%-[%w-]+)\n"
    code, _, err = env.run("jobs forget --yes " .. id)
    assert.equal(0, code, err)
    assert.matches("\na is forgotten\nnext: pomex jobs list --store m.jsonl.jobs.db\n", err, 1,
      true)
    assert.equal(2, (env.run "jobs show a"))
    local _, listed = env.run "jobs list"
    assert.matches("%(forgotten %d+%) +done +" .. id:gsub("%-", "%%-") .. " +%-\n", listed)
    assert.is_nil(listed:find("a.mp4", 1, true))
    assert.is_truthy(campaigns.read(env.path "a.mp4"))
    assert.equal(2, (env.run "jobs forget --yes nobody"))
  end)

  it("[1] forget leaves what is not over, or is needed by that", function()
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code, _, err = env.run "jobs forget a --yes"
    assert.equal(1, code)
    assert.matches("a is ready: only what is over is forgotten\nnext: pomex jobs show a ", err, 1,
      true)
    assert.equal(0, (env.run "jobs show a"))
  end)

  it("[2] asks before it sends again what is perhaps billed twice", function()
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes --concurrency 1"))
    local code, _, err = env.run "jobs resend a --now"
    assert.equal(2, code)
    assert.matches("a person looks at it first, and nobody can be asked", err, 1, true)
    assert.matches("it may be this one: +pomex jobs adopt a cgt%-", err)
    assert.matches("the 15 minutes last until %d%d:%d%d:%d%d UTC\n", err)
    assert.matches("--yes answers", err, 1, true)
    -- Whom it would refuse it does not ask.
    local early, _, told = env.run "jobs resend a"
    assert.equal(1, early, told)
    assert.matches("pomex: a was begun less than 15 minutes ago; look first (--now sends it all "
      .. "the same)\nnext: pomex jobs show a ", told, 1, true)
    assert.is_nil(told:find("nobody can be asked", 1, true), told)
    -- What a script would follow bills nothing.
    local following = assert.is_string(err:match "\nnext: pomex (jobs show a [^\n]*)\n$")
    assert.equal(0, (env.run(following)))
  end)

  it("shows the words of a program's own content, and says what goes on with it", function()
    local BEGIN = [[
      local pomex = require "pomex"
      local client = pomex.check(pomex.new())
      local jobs = pomex.check(pomex.jobs.open(client, "own.db", { file_system = "any" }))
    ]]
    env.sb:fault { endpoint = "generations.create", after_accept = "drop", times = 2 }
    env.write("own.lua", BEGIN .. [[
      for key, words in pairs { own = "A cat {sits}\nin image 7.", long = ("x"):rep(90) } do
        pomex.check(jobs:add { key = key, save = key .. ".mp4", video = {
          model = "byteplus/seedance-2.0-fast", content = pomex.content():text(words,
            { raw = true }) } })
      end
      jobs:run { out = "." }
    ]])
    env.bash(shell.lua() .. " own.lua > .own 2>&1")
    local code, out, err = env.run "jobs list --state unclear --store own.db"
    assert.equal(0, code, err)
    assert.matches('own +unclear [^\n]*UTC, "A cat {sits}[^\n]*in image 7%."', out)
    assert.matches('long +unclear [^\n]*UTC, "' .. ("x"):rep(60) .. '…"', out)
    assert.is_nil(out:find("a portrait", 1, true))
    code, out, err = env.run "jobs show own --store own.db"
    assert.equal(0, code)
    assert.matches("prompt +A cat {sits}[^\n]*in image 7%.\n", out)
    local id = err:match "jobs adopt own (cgt%-%S+)"
    -- Nobody works on it, and there is no manifest beside it.
    local _
    code, _, err = env.run("jobs adopt own " .. id .. " --store own.db --yes")
    assert.equal(0, code, err)
    assert.matches("next: pomex run MANIFEST --store own.db   # or start the program", err, 1, true)
    -- A worker does.
    env.write("work.lua", BEGIN .. "jobs:run { out = '.', forever = true }")
    env.bash("(" .. shell.lua() .. " work.lua > .work 2>&1 < /dev/null & echo $! > .runner)")
    env.until_("the worker", function()
      return (select(2, env.run "jobs show own --store own.db")):find("state +done")
    end)
    code, _, err = env.run "jobs cancel long --store own.db"
    shell.bash("kill " .. campaigns.read(env.path ".runner"))
    assert.equal(0, code, err)
    assert.matches("1 cancelled; the process at work goes on with it\n", err, 1, true)
    assert.is_nil(err:find("next:", 1, true), err)
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
    env.bash "pomex video 'Made meanwhile.' -o other.mp4 --yes"
    code, _, err = env.run "jobs continue --store moved/m.jsonl"
    assert.equal(2, code, err)
    assert.matches("cgt%-[%w-]+  succeeded\n", err)
    assert.matches("pomex: the account made 1 video since that no job here has, and nobody",
      err, 1, true)
    assert.equal(11, (env.run "run moved/m.jsonl --yes"))
    assert.equal(0, (env.run "jobs continue --store moved/m.jsonl --yes"))
    local out
    code, out, err = env.run "run moved/m.jsonl --yes"
    assert.equal(1, code, err)
    assert.equal("moved/d.mp4\n", out)
  end)
end)
