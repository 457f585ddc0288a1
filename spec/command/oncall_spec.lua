-- What somebody on call meets: a store that another process keeps, workers that are dead, services
-- that are away or were the wrong ones. Each says what it is, and what to type.

local campaigns = require "spec.support.campaigns"
local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

local storecore = interpreter.optional "pomex.storecore"
local video = campaigns.video

describe("pomex on call #command", function()
  local env = {}
  campaigns.begin(env)
  local before

  before_each(function()
    env.sb:config { generation_seconds = 0, asset_seconds = 0 }
    before = env.sb.ledger:count "generation"
  end)

  local function billed() return env.sb.ledger:count "generation" - before end
  local STORE = " --store m.jsonl.jobs.db"

  -- Holds the lock of a store's writers, as another program with a long transaction does.
  local HOLD = [[
    perl -MFcntl -e '
      open(my $f, "+<", "m.jsonl.jobs.db-shm") or die "no -shm";
      my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 120, 1, 0);
      fcntl($f, F_SETLK, $lock) or die "no lock: $!";
      open(my $o, ">", ".held"); close($o);
      sleep 600' & echo $! > .holder]]

  it("[11] says of a store that another keeps that it is kept, and no line is at fault", function()
    if shell.bash "command -v perl" == "" then return pending "needs perl" end
    env.write("m.jsonl", video "a" .. video "b")
    assert.equal(0, (env.run "run m.jsonl --yes"))
    -- What stands beside it is there while it is open.
    local store = assert(storecore.open { path = env.path "m.jsonl.jobs.db",
      any_file_system = true })
    local ticket = assert(store:submit("workers", {}))
    env.until_("the store", function() return store:take() == ticket end)
    env.bash("(" .. HOLD .. ") > /dev/null 2>&1")
    env.until_("the lock", function() return jobs_bed.exists(env.path ".held") end)
    for _, words in ipairs { "run m.jsonl --yes", "check m.jsonl" } do
      local code, out, err = env.run(words)
      assert.equal(11, code, err)
      assert.equal("", out)
      assert.matches("process %d+ has been writing to the store for 10 s, or was stopped "
        .. "while it did", err)
      assert.is_nil(err:find("m.jsonl:", 1, true), err)
    end
    shell.bash("kill " .. campaigns.read(env.path ".holder"))
    store:close()
    assert.equal(0, (env.run "check m.jsonl"))
    assert.equal(2, billed())
  end)

  it("[3] sends nothing again that has an id, which another account's key does not find", function()
    env.write("m.jsonl", video "a")
    env.sb:config { generation_seconds = 3600 }
    local run = env.start "run m.jsonl --yes"
    env.until_("its id", function()
      return (campaigns.read(env.path ".err") or ""):find "a is cgt%-"
    end)
    run.signal "INT"
    run.wait()
    local id = campaigns.read(env.path ".err"):match "a is (cgt%-[%w-]+)"
    env.write("m.jsonl", video "a" .. video "b")
    local other = "export POMEX_API_KEY=" .. env.sb:add_account()
    local out
    for _ = 1, 2 do
      local code, _, err = env.run("run m.jsonl --yes", other)
      assert.equal(4, code, err)
      assert.matches("1 under way", err, 1, true)
      assert.matches("pomex: the account of this API key does not know a (" .. id .. "), which the "
        .. "store has as made: the key is of another account, or the service has them no more\n",
        err, 1, true)
      assert.matches("if the service has a no more, give it up: pomex jobs cancel a" .. STORE, err,
        1, true)
      assert.matches("\nnext: pomex run m.jsonl --yes   # with the key of the account that made "
        .. "them\n", err, 1, true)
    end
    assert.equal(1, billed())
    -- A job that is given up, and asked for again, is as safe as one that is unclear.
    local code, _, err = env.run("jobs cancel a" .. STORE)
    assert.equal(2, code, err)
    assert.matches("a (" .. id .. ") is being made: what is paid stays paid, and would not be "
      .. "saved", err, 1, true)
    assert.equal(0, (env.run("jobs cancel a --yes" .. STORE)))
    assert.equal(0, (env.run("jobs retry a" .. STORE)))
    _, out, err = env.run("jobs show a" .. STORE)
    assert.matches("pomex jobs adopt a " .. id, out .. err, 1, true)
    assert.is_nil((out .. err):find("jobs resend", 1, true), out .. err)
    code, out, err = env.run("jobs resend a --now --yes" .. STORE)
    assert.equal(1, code, out .. err)
    assert.matches('"a" has the id ' .. id .. ": adopt that", err, 1, true)
    env.write("m.jsonl", video "a")
    assert.equal(0, (env.run("jobs cancel b" .. STORE)))
    env.sb:config { generation_seconds = 0 }
    env.sb.clock:advance(4000)
    assert.equal(0, (env.run("jobs adopt a " .. id .. STORE)))
    assert.equal(0, (env.run "run m.jsonl --yes"))
    assert.equal(1, billed())
  end)

  -- A run that is killed while its requests are out.
  local function killed_while_sending()
    env.write("m.jsonl", video "a" .. video "b")
    for _ = 1, 2 do
      env.sb:fault { endpoint = "generations.create", after_accept = "hang" }
    end
    local process = env.start "run m.jsonl --yes --concurrency 2"
    env.until_("two requests", function() return billed() == 2 end)
    process.signal "KILL"
    process.wait()
    env.sb:clear_faults()
  end

  it("sees at once that a worker is dead, and what it was sending", function()
    killed_while_sending()
    local code, out, err = env.run("doctor" .. STORE)
    assert.equal(0, code, out)
    assert.matches("look   store      m.jsonl.jobs.db: 0 at work, 1 dead; 2 jobs under way: pomex "
      .. "run takes over what is a dead one's\n", out, 1, true)
    assert.equal("next: pomex jobs list" .. STORE .. "\n", err)
    code, out, err = env.run("jobs list --state unclear" .. STORE)
    assert.equal(0, code)
    assert.matches("1 process of it had died; what was being sent is unclear now\n", err, 1, true)
    assert.matches('a +unclear +%- +a.mp4 +sent 20[%d-]+ [%d:]+ UTC, "a"', out)
    assert.matches("next: pomex jobs show a" .. STORE .. "\n", err, 1, true)
    assert.matches("0 at work\n", (select(2, env.run("doctor" .. STORE))))
    assert.equal(2, billed())
  end)

  it("[0] doctor names what is unclear, also without --store, and the list of it", function()
    killed_while_sending()
    assert.equal(3, (env.run "run m.jsonl --yes"))
    for _, words in ipairs { "doctor", "doctor" .. STORE } do
      local code, out, err = env.run(words)
      assert.equal(0, code, out)
      assert.matches("\nlook   unclear    2 for a person: a, b: pomex jobs list --state unclear"
        .. STORE .. "\n", out, 1, true)
      assert.equal("next: pomex jobs list --state unclear" .. STORE .. "\n", err)
    end
  end)

  it("says that it looked for no candidates where it has no key", function()
    env.write("m.jsonl", video "a")
    local hung = { endpoint = "generations.create", after_accept = "drop" }
    env.sb:fault(hung)
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local code, _, err = env.run("jobs show a" .. STORE)
    assert.equal(0, code, err)
    assert.matches("it may be this one: +pomex jobs adopt a cgt%-", err)
    for words, why in pairs { [""] = "no API key", [" --key-file nowhere"] = "nowhere" } do
      code, _, err = env.run("jobs show a" .. STORE .. words, "unset POMEX_API_KEY")
      assert.equal(0, code, err)
      assert.matches("candidates not looked for: [^\n]*" .. why .. "[^\n]*; if the service's ", err)
      assert.is_nil(err:find("is known", 1, true), err)
    end
  end)

  it("[7] watch says that nobody works on the store, and names the run", function()
    env.sb:config { generation_seconds = 3000 }
    env.write("m.jsonl", video "a")
    local process = env.start "run m.jsonl --yes"
    env.until_kept(1)
    process.signal "KILL"
    process.wait()
    process = env.start("jobs watch" .. STORE)
    env.until_("a look", function() return env.has_said "a is being made" end)
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(7, code)
    assert.matches("no process works on it; what is under way goes on with pomex run m.jsonl\n",
      err, 1, true)
    assert.matches("stopped looking; no process works on it\nnext: pomex run m.jsonl\n", err, 1,
      true)
  end)

  it("adopts what a dead worker was sending, without a run before it", function()
    killed_while_sending()
    local id
    for _, entry in ipairs(env.sb.ledger:entries()) do
      if entry.prompt == "a" then id = entry.task_id or entry.id end
    end
    local code, _, err = env.run(("jobs adopt a %s%s"):format(id, STORE))
    assert.equal(0, code, err)
    -- The candidates of the other are not the first one's any more.
    code, _, err = env.run "run m.jsonl --yes"
    assert.equal(3, code)
    assert.is_nil(err:find("adopt b " .. id, 1, true))
    assert.equal(2, billed())
  end)

  it("says of each id that is offered for several jobs for which", function()
    killed_while_sending()
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(3, code)
    assert.matches("perhaps theirs:\n  cgt%-%S+  for a, b\n  cgt%-%S+  for a, b\n", err)
    assert.matches("\n    pomex jobs adopt KEY ID" .. STORE .. "\n", err, 1, true)
    assert.equal(2, billed())
  end)

  it("lists each candidate of many unclear jobs once, and few lines", function()
    local lines = {}
    for i = 1, 25 do lines[i] = video("many-" .. i):gsub('"prompt": "[^"]*"', '"prompt": "x"') end
    env.write("m.jsonl", table.concat(lines))
    env.sb:fault { endpoint = "generations.create", after_accept = "drop", times = 25 }
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(3, code)
    assert.is_true(select(2, err:gsub("\n", "")) < 60, err)
    local seen, count = {}, 0
    for id in err:gmatch "\n  (cgt%-%S+)  for many%-1, many%-2, many%-3 and 17 more" do
      assert.is_nil(seen[id], id)
      seen[id], count = true, count + 1
    end
    assert.equal(20, count, err)
    assert.matches("  and 5 more: pomex jobs list" .. STORE, err, 1, true)
    assert.matches("\n  and %d+ more; all of one job: pomex jobs show many%-1 ", err)
    local _, out, shown = env.run("jobs show many-1" .. STORE)
    assert.is_true(select(2, (out .. shown):gsub("it may be this one", "")) >= 25)
    assert.equal(25, billed())
  end)

  it("[1] says which lines were given up at another service, and end with nothing", function()
    env.write("m.jsonl", video "a" .. video "b")
    local process = env.start("run m.jsonl --yes", "export POMEX_BASE_URL=http://127.0.0.1:9")
    env.until_("two tries", function()
      return env.has_said "a is tried again" and env.has_said "b is tried again"
    end)
    process.signal "INT"
    assert.equal(7, (process.wait()))
    assert.equal(0, (env.run("jobs cancel a b" .. STORE)))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(1, code, err)
    assert.matches("2 lines of m.jsonl were cancelled or failed at http://127.0.0.1:9, and are not "
      .. "made here: give them other keys (and another save, if a line has one)\n", err, 1, true)
    assert.matches("next: pomex jobs list" .. STORE .. "\n", err, 1, true)
    assert.equal(0, billed())
  end)

  it("[1] is not done while a line is not taken, since a cancelled job saves there", function()
    local function lines(first, second)
      env.write("m.jsonl", video("a", ', "save": "a-1.mp4"') .. video(first, ', "save": "b-1.mp4"')
        .. video(second or "c", ', "save": "c-1.mp4"'))
    end
    lines "b"
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 1 --concurrency 1"))
    assert.equal(0, (env.run("jobs cancel b c" .. STORE)))
    lines("b2", "c2")
    for _, option in ipairs { "", " --json" } do
      -- Nothing is to be billed, and so nothing is asked.
      local code, out, err = env.run("run m.jsonl --max-videos 9" .. option)
      assert.equal(1, code, err)
      if option == "" then
        assert.matches('m.jsonl:2: "b2": another job saves there: nothing was changed; it is b, '
          .. "which is cancelled: give this line another save\n", err, 1, true)
        assert.matches("1 of 5 done, 2 cancelled, 2 not taken\n", err, 1, true)
        assert.matches("pomex: 2 lines of m.jsonl not taken, and not made: give each another save\n"
          .. "next: pomex check m.jsonl\n", err, 1, true)
      else
        assert.matches('"exit":1,', out, 1, true)
        assert.matches('"refused":2', out, 1, true)
      end
    end
    for _, words in ipairs { "check m.jsonl", "run m.jsonl --dry-run" } do
      local code, _, err = env.run(words)
      assert.equal(2, code, err)
      assert.matches('m.jsonl:3: "c2": another job saves there; it is c, which is cancelled: give '
        .. "this line another save\n", err, 1, true)
    end
    env.write("m.jsonl", (campaigns.read(env.path "m.jsonl"):gsub("([bc])%-1%.mp4", "%1-2.mp4")))
    assert.equal(0, (env.run "check m.jsonl"))
    local code, _, err = env.run "run m.jsonl --yes --max-videos 9"
    assert.equal(0, code, err)
    assert.matches("3 of 5 done, 2 cancelled\n", err, 1, true)
    assert.equal(3, billed())
  end)

  it("[1] says what to do about a portrait that was given up at another service", function()
    local lines = ('{"key": "rachel", "portrait": "https://cdn.example/a.jpg", "group_id": "%s"}\n')
      :format(env.person) .. video("a", ', "images": {"x": "job:rachel"}')
    env.write("m.jsonl", (lines:gsub('"prompt": "a"', '"prompt": "{x} waves."')))
    local process = env.start("run m.jsonl --yes", "export POMEX_BASE_URL=http://127.0.0.1:9")
    env.until_("a try", function() return env.has_said "rachel is tried again" end)
    process.signal "INT"
    assert.equal(7, (process.wait()))
    assert.equal(0, (env.run("jobs cancel rachel" .. STORE)))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(1, code, err)
    assert.matches("1 video waits for rachel, which is cancelled and was begun at "
      .. "http://127.0.0.1:9: give the line of rachel another key, and name that as job:KEY in the "
      .. "lines that need it\n", err, 1, true)
    assert.matches("next: pomex run m.jsonl --yes   # once that portrait has another key\n", err, 1,
      true)
    env.write("m.jsonl", (campaigns.read(env.path "m.jsonl"):gsub("waves", "Waves"):gsub(
      '"key": "rachel"', '"key": "rachel 2"'):gsub("job:rachel", "job:rachel 2")))
    code, _, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
    assert.equal(1, billed())
  end)

  it("[2] offers to give up what was perhaps made at another service", function()
    env.write("m.jsonl", video "a")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local code, _, err = env.run("run m.jsonl --yes", "export POMEX_BASE_URL=http://127.0.0.1:9")
    assert.equal(2, code, err)
    assert.matches(("perhaps one was made at %s. A run there sends it your key; if that service is "
      .. "not yours, give it up:\n  pomex jobs cancel a%s\n"):format(env.sb.url, STORE), err, 1,
      true)
    assert.matches("next: pomex run m.jsonl --yes --base-url " .. env.sb.url, err, 1, true)
  end)

  it("[0] is done where only what no line names lies elsewhere, or was cancelled", function()
    env.write("m.jsonl", video "a" .. video "b" .. video "c")
    env.sb:config { generation_seconds = 3600 }
    local process = env.start "run m.jsonl --yes"
    env.until_("three ids", function()
      return select(2, (campaigns.read(env.path ".err") or ""):gsub(" is cgt%-", "")) == 3
    end)
    process.signal "INT"
    assert.equal(7, (process.wait()))
    env.sb:config { generation_seconds = 0 }
    local elsewhere = "export POMEX_BASE_URL=" .. env.sb.url:gsub("127%.0%.0%.1", "localhost")
    env.write("m.jsonl", video "d" .. video "e")
    local code, _, err = env.run("run m.jsonl --yes", elsewhere)
    assert.equal(0, code, err)
    assert.matches("the store has 3 jobs more, begun at another service; no line here names any of "
      .. "them\n", err, 1, true)
    -- One that a line names is another matter.
    env.write("m.jsonl", video "d" .. video "a")
    code, _, err = env.run("run m.jsonl --yes", elsewhere)
    assert.equal(2, code)
    assert.matches("\n  pomex jobs cancel a b c" .. STORE .. "\n", err, 1, true)
    -- What is being made there can be given up; nobody makes it once more by that.
    code, _, err = env.run("jobs cancel a b c" .. STORE, elsewhere)
    assert.equal(2, code)
    assert.matches("a %(cgt%-%S+%) and 2 more are being made: what is paid stays paid, and "
      .. "would not be saved", err)
    assert.equal(0, (env.run("jobs cancel a b c --yes" .. STORE, elsewhere)))
    env.write("m.jsonl", video "d" .. video "f")
    assert.equal(5, (env.run("run m.jsonl --yes --max-videos 2", elsewhere)))
    assert.equal(0, (env.run("jobs cancel f" .. STORE, elsewhere)))
    code, _, err = env.run("run m.jsonl --yes", elsewhere)
    assert.equal(1, code)
    assert.matches("2 of 3 done, 1 cancelled\n", err, 1, true)
    assert.matches("f was cancelled by hand\n", err, 1, true)
    env.write("m.jsonl", video "d" .. video "e")
    code, _, err = env.run("run m.jsonl --yes", elsewhere)
    assert.equal(0, code, err)
    assert.is_nil(err:find("by hand", 1, true))
    assert.equal(5, billed())
  end)

  -- A run into v whose one video is being made.
  local function making()
    env.write("m.jsonl", video "a")
    env.sb:config { generation_seconds = 3600 }
    local process = env.start "run m.jsonl --yes --out v"
    env.until_kept(1)
    return process
  end

  it("[0] makes the folder of the videos once more where it was removed in a run", function()
    local process = making()
    env.bash "rm -rf v"
    env.sb.clock:advance(4000)
    assert.equal(0, (process.wait()))
    assert.is_true(jobs_bed.exists(env.path "v/a.mp4"))
    assert.equal(1, billed())
  end)

  it("says of what is paid and cannot be saved that it needs a person, and why", function()
    local process = making()
    env.bash "rm -rf v; touch v"
    env.sb.clock:advance(4000)
    local list
    env.until_("an error that is kept", function()
      list = env.bash("pomex jobs list --state saving" .. STORE)
      return list:find "cannot write"
    end)
    assert.matches("a +saving +cgt%-%S+ +a%.mp4 +cannot write v/a%.mp4: ", list)
    local said = env.bash("pomex doctor" .. STORE .. " 2>&1")
    assert.matches("look   saving     1 made and cannot be saved: a: pomex jobs list --state saving"
      .. STORE .. "\n", said, 1, true)
    assert.matches("next: pomex jobs list --state saving" .. STORE .. "\n", said, 1, true)
    process.signal "INT"
    process.wait()
    -- What is to be mended is mended: nothing is at fault any more.
    env.bash "rm v"
    assert.equal(0, (env.run "run m.jsonl --yes --out v"))
    assert.is_nil(env.bash("pomex doctor" .. STORE .. " 2>&1"):find("cannot be saved", 1, true))
    assert.equal(1, billed())
  end)

  it("[7] says at the start that the queue is paused, and pause says what ends that", function()
    env.write("m.jsonl", video "a")
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code, _, err = env.run("jobs pause" .. STORE)
    assert.equal(0, code)
    assert.matches("next: pomex jobs pause --off" .. STORE .. "\n", err, 1, true)
    code, _, err = env.run "run m.jsonl --yes --max-videos 1"
    assert.equal(7, code)
    assert.matches("^the queue is paused: nothing new begins until pomex jobs pause %-%-off", err)
    assert.equal(0, billed())
  end)

  it("says that looks fail while videos are made, and that they succeed again", function()
    env.sb:config { generation_seconds = 3000 }
    env.write("m.jsonl", video "a")
    env.write("quick.lua", [[
      require("pomex.command.looks").AFTER = 1
      arg[0] = table.remove(arg, 1)
      dofile(arg[0])]])
    local lua, script = campaigns.command():match "^(.*) ('[^']*bin/pomex')$"
    for _, option in ipairs { "", " --json" } do
      env.bash(("rm -f m.jsonl.jobs.db* a.mp4; %s quick.lua %s run m.jsonl --yes%s > .out 2> .err "
        .. "< /dev/null & echo $! > .runner"):format(lua, script, option))
      env.until_("an id", function()
        return env.has_said " is cgt-" or env.has_said '"id":"cgt-'
      end)
      env.sb:fault { endpoint = "generations.get", status = 503, times = 0 }
      local failing = option == "" and "looks fail since " or '"state":"failing"'
      env.until_("a word", function() return env.has_said(failing) end)
      env.sb:clear_faults()
      local well = option == "" and "looks succeed again, after " or '"state":"well"'
      env.until_("another", function() return env.has_said(well) end)
      shell.bash("kill -INT " .. campaigns.read(env.path ".runner"))
      shell.bash(("tail --pid=%s -f /dev/null"):format(campaigns.read(env.path ".runner")))
      local said = (campaigns.read(env.path ".err") or "") .. campaigns.read(env.path ".out")
      assert.equal(1, select(2, said:gsub(failing, "")), said)
      if option == "" then
        assert.matches("looks fail since %d%d:%d%d:%d%d UTC %(HTTP 503%); the videos go on at the "
          .. "service\n", said)
      end
    end
  end)

  it("[4] says that a refused job was refused, and not that it is tried again", function()
    env.write("m.jsonl", video "a")
    env.sb:fault { endpoint = "generations.create", status = 402 }
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(4, code)
    assert.matches("a was refused, and nothing was billed: ", err, 1, true)
    assert.is_nil(err:find("tried again", 1, true))
    assert.matches("there is no credit left: top up the account; nothing is lost, and the run goes "
      .. "on\n", err, 1, true)
    assert.matches("\nnext: pomex run m.jsonl --yes   # once the account is topped up\n", err, 1,
      true)
    env.sb:fault { endpoint = "generations.create", status = 402 }
    code, _, err = env.run "video x --duration 5 --yes -o x.mp4"
    assert.equal(4, code)
    assert.matches("\nnext: pomex video make x --duration 5 --yes -o x.mp4   # once the account is "
      .. "topped up\n", err, 1, true)
    env.sb:fault { endpoint = "generations.create", status = 403 }
    code, _, err = env.run "video x --duration 5 --yes -o x.mp4"
    assert.equal(4, code)
    assert.matches("\nnext: pomex doctor\n", err, 1, true)
    assert.matches("account    the key is accepted; whether there is money left, only the "
      .. "service's console says\n", (select(2, env.run "doctor")), 1, true)
  end)

  it("names a file that is done and gone, and fetches it by its id", function()
    env.write("m.jsonl", video "a" .. video "b")
    assert.equal(0, (env.run "run m.jsonl --yes"))
    os.remove(env.path "b.mp4")
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(0, code)
    local save = err:match("b is done, and its file is not there: pomex (video save cgt%-%S+ "
      .. "%-o b.mp4)\n")
    assert.is_string(save, err)
    assert.equal(0, (env.run(save)))
    assert.is_true(jobs_bed.exists(env.path "b.mp4"))
    assert.equal(2, billed())
  end)

  it("says how much is free beside the store and where it saves", function()
    env.write("m.jsonl", video "a")
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local code, out = env.run("doctor --out ." .. STORE)
    assert.equal(0, code, out)
    assert.matches("\nok     disk       beside m.jsonl.jobs.db: %d+ MiB free\n", out)
    assert.matches("\nok     disk       %-%-out .: %d+ MiB free\n", out)
  end)

  it("names who decided by the number of the user where there is no name", function()
    env.write("m.jsonl", video "a")
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    assert.equal(0, (env.run("jobs cancel a" .. STORE, "unset USER LOGNAME")))
    local uid = shell.bash "id -u":match "%d+"
    assert.matches("cancel by uid " .. uid .. "\n", (select(2, env.run("jobs show a" .. STORE))), 1,
      true)
  end)
end)
