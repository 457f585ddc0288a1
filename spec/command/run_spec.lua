-- `pomex run`: its ends, their exit codes, and what each of them says to type next.

local campaigns = require "spec.support.campaigns"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

local video = campaigns.video

describe("pomex run #command", function()
  local env = {}
  campaigns.begin(env)

  before_each(function()
    env.sb:config { generation_seconds = 0, asset_seconds = 0 }
    env.billed_before = env.sb.ledger:count "generation"
  end)

  local function billed()
    return env.sb.ledger:count "generation" - env.billed_before
  end

  -- One campaign a manifest; the prompts of a test are its own.
  local function manifest(count, more)
    local lines = {}
    for i = 1, count do lines[i] = video(("%s-%d"):format(env.folder:match "[^/]*$", i), more) end
    env.write("m.jsonl", table.concat(lines))
    return env.folder:match "[^/]*$"
  end

  it("[0] makes all of a manifest, prints the files, and has nothing left to do", function()
    env.write("m.csv", ([[
key,prompt,images,duration,save,portrait,group_id
front,,,,,https://cdn.example/a.jpg,%s
one,"The person in {rachel} waves, ""hello"".",rachel=job:front,5,videos/deep/one.mp4,,
two,A wave.,,5,,,
]]):format(env.person))
    local code, out, err = env.run "run m.csv --yes"
    assert.equal(0, code, err)
    assert.matches("videos/deep/one.mp4\n", out, 1, true)
    assert.matches("two.mp4\n", out, 1, true)
    assert.matches("front is asset-", err, 1, true)
    assert.matches("one is cgt-", err, 1, true)
    assert.matches("3 of 3 done", err, 1, true)
    assert.is_true(jobs_bed.exists(env.path "videos/deep/one.mp4"))
    assert.equal("-rw-------\n", shell.bash(("stat -c %%A %s"):format(env.path "m.csv.jobs.db")))
    code, out = env.run "run m.csv"
    assert.equal(0, code)
    assert.equal("", out)
    assert.equal(2, billed())
  end)

  it("[2] refuses to bill without --yes where nobody can be asked, and says how", function()
    manifest(1)
    local code, _, err = env.run "run m.jsonl"
    assert.equal(2, code)
    assert.matches("1 video would be billed", err, 1, true)
    assert.matches("next: pomex run m.jsonl --yes", err, 1, true)
    assert.equal(0, billed())
  end)

  it("[2] keeps nothing of a manifest that nobody agreed to", function()
    local name = manifest(3)
    assert.equal(2, (env.run "run m.jsonl --max-videos 9"))
    assert.equal("", select(2, env.run "jobs list"))
    env.write("m.jsonl", video(name .. "-2"))
    local code, out, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
    assert.equal(name .. "-2.mp4\n", out)
    assert.equal(1, billed())
  end)

  it("says of portraits that no price is known, and of one that it is one", function()
    env.write("m.jsonl", ('{"key": "face", "portrait": "https://cdn.example/a.jpg", "group_id": '
      .. '"%s"}\n'):format(env.person) .. video "of-face")
    local code, _, err = env.run "run m.jsonl"
    assert.equal(2, code)
    assert.matches("^1 portrait will be uploaded first; no price for that is documented\n", err)
    assert.matches("pomex: 1 video would be billed, and", err, 1, true)
    code, _, err = env.run "run m.jsonl --yes --max-videos 0"
    assert.equal(5, code, err)
    assert.not_matches("documented", err, 1, true)
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    env.write("n.jsonl", video "two-1" .. video "two-2")
    code, _, err = env.run "run n.jsonl --yes --max-videos 1"
    assert.equal(5, code)
    assert.matches("the cap of 1 video is reached", err, 1, true)
    code, _, err = env.run "run n.jsonl --yes --first 1 --max-videos 9"
    assert.equal(2, code)
    assert.matches("the store has 1 other video that is yet to be made", err, 1, true)
  end)

  it("[2] names the service that a job was begun at, and the way out where nothing left", function()
    env.write("m.jsonl", video "astray" .. video "astray 2")
    local elsewhere = "export POMEX_BASE_URL=http://127.0.0.1:9"
    local process = env.start("run m.jsonl --yes", elsewhere)
    env.until_("two tries", function()
      return env.has_said "astray is tried again" and env.has_said "astray 2 is tried again"
    end)
    process.signal "INT"
    assert.equal(7, (process.wait()))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(2, code)
    local cancel = "pomex jobs cancel astray 'astray 2' --store m.jsonl.jobs.db"
    assert.matches("nothing of 2 jobs was made at http://127.0.0.1:9. If that URL was a mistake, "
      .. "cancel them, and give their lines other keys (and another save, if a line has one):\n"
      .. "  " .. cancel .. "\n", err, 1, true)
    assert.matches("pomex: 2 jobs were begun at another service, http://127.0.0.1:9\nnext: "
      .. cancel .. "\n", err, 1, true)
    assert.equal(0, (env.run(cancel:gsub("^pomex ", ""))))
    local before = billed()
    env.write("m.jsonl", video "at-home")
    code, _, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
    assert.matches("at-home is done", err, 1, true)
    assert.equal(before + 1, billed())
    assert.equal(0, (env.run "run m.jsonl --yes"))
  end)

  it("[2] makes no more than --first asks for, whatever the store has", function()
    local name = manifest(4)
    local code, out, err = env.run "run m.jsonl --first 1 --yes"
    assert.equal(0, code, err)
    assert.equal(name .. "-1.mp4\n", out)
    assert.equal(5, (env.run "run m.jsonl --max-videos 1 --yes")) -- now the store has all of them
    code, out, err = env.run "run m.jsonl --first 2 --yes"
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches("the store has 2 other videos that are yet to be made", err, 1, true)
    assert.matches("next: pomex run m.jsonl --store m.jsonl.jobs.db --max-videos 3", err, 1, true)
    assert.equal(1, billed())
  end)

  it("says what the store has and the manifest has not, before that is billed", function()
    local name = manifest(3)
    assert.equal(5, (env.run "run m.jsonl --max-videos 1 --yes"))
    env.write("m.jsonl", video(name .. "-1"))
    local code, _, err = env.run "run m.jsonl --max-videos 9"
    assert.equal(2, code)
    assert.matches("2 of the videos are in the store, and not in m.jsonl: pomex jobs list", err, 1,
      true)
    assert.matches("2 videos would be billed", err, 1, true)
    assert.equal(1, billed())
    env.write("m.jsonl", video(name .. "-1") .. video(name .. "-2"))
    err = select(3, env.run "run m.jsonl --max-videos 9")
    assert.matches("1 of the videos is in the store, and not in m.jsonl: pomex jobs list", err, 1,
      true)
  end)

  it("[2] says each fault with its line, and sends nothing", function()
    env.write("m.jsonl", video "a" .. "{}\n" .. video("b", ', "save": "a.mp4"'))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(2, code)
    assert.matches('m.jsonl:2: there is neither a prompt nor a portrait', err, 1, true)
    assert.matches('m.jsonl:3: "b": line 1 saves to "a.mp4", too', err, 1, true)
    assert.matches("nothing was sent", err, 1, true)
    assert.is_false(jobs_bed.exists(env.path "m.jsonl.jobs.db"))
    assert.equal(0, billed())
  end)

  it("[2] refuses a file that is there already, before anything is billed", function()
    env.write("m.jsonl", video "a" .. video "b")
    env.write("b.mp4", "mine")
    for _, words in ipairs { "run m.jsonl --yes", "run m.jsonl --dry-run", "check m.jsonl" } do
      local code, _, err = env.run(words)
      assert.equal(2, code, words)
      assert.matches('m.jsonl:2: "b": ', err, 1, true)
    end
    assert.equal(0, billed())
    assert.equal("mine", campaigns.read(env.path "b.mp4"))
  end)

  it("[1] says what failed and how to have it made with other words", function()
    env.write("m.jsonl", video "a" .. video("b [fail]"):gsub('"key": "b %[fail%]"', '"key": "b"'))
    local code, out, err = env.run "run m.jsonl --yes"
    assert.equal(1, code)
    assert.equal("a.mp4\n", out)
    assert.matches("next: pomex jobs list --store m.jsonl.jobs.db", err, 1, true)
    assert.matches("once more: pomex jobs retry b --store m.jsonl.jobs.db", err, 1, true)
    -- Its line was corrected: the warning itself has the command.
    local old = campaigns.read(env.path "m.jsonl")
    env.write("m.jsonl", video "a" .. video "b")
    code, out, err = env.run "run m.jsonl --yes"
    assert.same({ 1, "" }, { code, out })
    assert.matches('m.jsonl:2: "b": was begun with another body: nothing was changed; it is failed'
      .. ", and this makes it as the line says: pomex jobs retry b --from m.jsonl --store "
      .. "m.jsonl.jobs.db\n", err, 1, true)
    assert.is_falsy(err:find("another key makes", 1, true))
    env.write("m.jsonl", old)
    code = env.run "jobs retry b --prompt 'b, better' --store m.jsonl.jobs.db"
    assert.equal(0, code)
    code, out, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
    assert.equal("b.mp4\n", out)
    assert.matches('m.jsonl:2: "b": was begun with another body: nothing was changed; it was '
      .. "retried with other words, and keeps those\n", err, 1, true)
    assert.equal(3, billed())
    -- What was never retried says what else can be done.
    env.write("m.jsonl", (old:gsub('"prompt": "a"', '"prompt": "a, other"')))
    code, out, err = env.run "run m.jsonl --yes"
    assert.same({ 0, "" }, { code, out })
    assert.matches('m.jsonl:1: "a": was begun with another body: nothing was changed\n', err, 1,
      true)
    assert.matches("what was begun keeps its words; another key makes another job", err, 1, true)
    assert.equal(3, billed())
  end)

  it("[1] has a portrait that failed made as its line says it by now", function()
    local line = ('{"key": "front", "portrait": "https://cdn.example/front.jpg", '
      .. '"group_id": "%s"}\n'):format(env.person)
    env.write("m.jsonl", (line:gsub("front%.jpg", "no-face.jpg")))
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(1, code, err)
    local again = "pomex jobs retry front --from m.jsonl --store m.jsonl.jobs.db"
    local advice = "\n  put another link into line 1 of m.jsonl, then: " .. again .. "\n"
    assert.matches(advice, err, 1, true)
    assert.not_matches("once more", err, 1, true)
    _, _, err = env.run "jobs show front"
    assert.matches(advice .. "next: " .. again, "\n" .. err, 1, true)
    -- The same picture is refused again: nothing is sent before a person agrees.
    for _, words in ipairs { "jobs retry front", "jobs retry front --from m.jsonl" } do
      code, _, err = env.run(words)
      assert.equal(2, code, words)
      assert.matches(advice .. "pomex: front was refused with its link", "\n" .. err, 1, true)
      assert.matches("\nnext: " .. again, err, 1, true)
    end
    assert.matches("^front +failed", select(2, env.run "jobs list"))
    assert.equal(0, (env.run "jobs retry front --yes"))
    assert.equal(1, (env.run "run m.jsonl --yes"))
    env.write("m.jsonl", line)
    code, _, err = env.run "run m.jsonl --yes"
    assert.equal(1, code, err)
    assert.matches("\n  line 1 of m.jsonl has another link by now: " .. again .. "\n", err, 1, true)
    env.write("other.jsonl", video "other")
    code, _, err = env.run "jobs retry front --from other.jsonl"
    assert.equal(2, code)
    assert.matches('other.jsonl has no line "front"', err, 1, true)
    code, _, err = env.run "jobs retry front --from nowhere.jsonl"
    assert.is_true(code ~= 0)
    assert.matches("nowhere.jsonl", err, 1, true)
    assert.equal(0, (env.run(again:gsub("^pomex ", ""))))
    code, _, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
  end)

  it("[1] has nothing to retry of what is ready, and says where its words stand", function()
    manifest(2)
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 0"))
    local key = env.folder:match "[^/]*$" .. "-2"
    for _, more in ipairs { "", " --prompt other", " --from m.jsonl" } do
      local code, out, err = env.run("jobs retry " .. key .. more)
      assert.same({ 1, "" }, { code, out }, more)
      assert.matches(key .. " is ready and was never begun, so there is nothing to retry; other "
        .. "words go into line 2 of m.jsonl\nnext: pomex run m.jsonl\n", err, 1, true)
    end
    env.write("m.jsonl", video "b [fail]")
    assert.equal(1, (env.run "run m.jsonl --yes --max-videos 9"))
    assert.equal(0, (env.run "jobs retry 'b [fail]' --prompt better"))
    local code, _, err = env.run "jobs retry 'b [fail]' --prompt 'better still'"
    assert.equal(1, code)
    assert.matches("is ready already, and the next run makes it; for other words cancel it first: "
      .. "pomex jobs cancel 'b [fail]' --store m.jsonl.jobs.db\n", err, 1, true)
  end)

  it("[1] says of a failed video that it is perhaps billed, and of a portrait nothing", function()
    env.write("m.jsonl", video "c [fail]" .. video "d [fail]")
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(1, code)
    local words = "whether a video that failed is billed, the service's document does not say: it "
      .. "is perhaps billed"
    assert.equal(1, select(2, err:gsub(words, "")), err)
    local _, out = env.run "jobs show 'c [fail]'"
    assert.matches("\nbilled      " .. words .. "\n", out, 1, true)
    env.write("p.jsonl", ('{"key": "front", "portrait": "https://cdn.example/no-face.jpg", '
      .. '"group_id": "%s"}\n'):format(env.person))
    _, out, err = env.run "run p.jsonl --yes"
    assert.not_matches("perhaps billed", out .. err, 1, true)
  end)

  it("[0] check says what the store has of the manifest: new, changed, done", function()
    local name = manifest(3)
    local code, out, err = env.run "check m.jsonl"
    assert.same({ 0, "m.jsonl: 3 videos, no fault\n" }, { code, out })
    assert.not_matches("beside", err, 1, true)
    assert.equal(5, (env.run "run m.jsonl --yes --max-videos 2 --concurrency 1"))
    code, out, err = env.run "check m.jsonl"
    assert.same({ 0, "m.jsonl: 3 videos, no fault\n" }, { code, out })
    assert.equal("beside m.jsonl.jobs.db: 1 ready, 2 done\nnext: pomex run m.jsonl\n", err)
    local text = campaigns.read(env.path "m.jsonl")
    env.write("m.jsonl", text:gsub('"prompt": "', '"prompt": "Now: ') .. video "fourth")
    code, out, err = env.run "check m.jsonl"
    assert.same({ 0, "m.jsonl: 4 videos, no fault\n" }, { code, out })
    for i = 1, 2 do
      assert.matches(('m.jsonl:%d: warning: "%s-%d": says something else than what was begun, '
        .. "which is done and keeps its words\n"):format(i, name, i), err, 1, true)
    end
    assert.matches("\nbeside m.jsonl.jobs.db: 1 new, 3 changed\nnext:", err, 1, true)
    code, out = env.run "--json check m.jsonl"
    assert.equal(0, code)
    assert.matches('"changed":3,"done":0,', out, 1, true)
    assert.matches('"new":1,', out, 1, true)
  end)

  it("[2] says that there are warnings before anything is billed, and where they stand", function()
    manifest(1, ', "model": "byteplus/seedance-3"')
    local code, _, err = env.run "run m.jsonl"
    assert.equal(2, code)
    assert.matches("^1 warning of values that the service may refuse: pomex check m.jsonl\n"
      .. "pomex: 1", err)
    local _, _, said = env.run "check m.jsonl"
    assert.matches('warning: "[^"]+": model is "byteplus/seedance%-3", and known are', said)
    assert.equal(0, billed())
  end)

  it("[3] says what is unclear, and the commands that settle it", function()
    env.write("m.jsonl", video "a" .. video "b")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    local code, _, err = env.run "run m.jsonl --yes --concurrency 1"
    assert.equal(3, code)
    assert.matches("a is unclear: attempt 1, sent 20", err, 1, true)
    assert.matches('Its prompt: "a".', err, 1, true)
    assert.matches("    pomex jobs adopt a cgt%-%S+ %-%-store m%.jsonl%.jobs%.db", err)
    assert.matches("    pomex jobs resend a --store m.jsonl.jobs.db", err, 1, true)
    assert.equal(2, billed())
    -- It is never sent again by itself.
    assert.equal(3, (env.run "run m.jsonl --yes"))
    assert.equal(2, billed())
    code, _, err = env.run "jobs resend a --store m.jsonl.jobs.db --yes"
    assert.equal(1, code)
    assert.matches("15 minutes", err, 1, true)
    code, _, err = env.run "jobs resend a --now --store m.jsonl.jobs.db --yes"
    assert.equal(0, code, err)
    assert.equal(0, (env.run "run m.jsonl --yes"))
    assert.equal(3, billed())
  end)

  -- In processes of their own: what this one made is no candidate anyway.
  it("offers no line that it would refuse: what any attempt of a job of the store had", function()
    env.sb:config { generation_list = true }
    env.sb.clock:advance(600) -- what other tests made is no candidate
    env.write("m.jsonl", video "a" .. video("b [fail]"):gsub('"key": "b %[fail%]"', '"key": "b"'))
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes --concurrency 1"))
    assert.equal(0, (env.run "jobs retry b --prompt better"))
    local said = env.bash(shell.lua() .. [[ -e '
      local pomex = require "pomex"
      local jobs = pomex.check(pomex.jobs.open(pomex.check(pomex.new()), "m.jsonl.jobs.db",
        { queue = "other" }))
      pomex.check(jobs:add { key = "other", save = "other.mp4", video = {
        model = "byteplus/seedance-2.0-fast", prompt = "other", duration = 5 } })
      print("ended as " .. jobs:run().ended)
      jobs:close()' 2>&1]])
    assert.matches("ended as done", said)
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(3, code)
    local ids = {}
    for _, entry in ipairs(env.sb.ledger:entries()) do ids[entry.prompt] = entry.id end
    assert.matches("it may be this one:     pomex jobs adopt a " .. ids.a, err, 1, true)
    assert.is_falsy(err:find(ids["b [fail]"], 1, true))
    assert.is_falsy(err:find("adopt a " .. ids.other, 1, true))
    assert.equal(0, (env.run("jobs adopt a " .. ids.a)))
  end)

  it("[2] asks before it adopts what cannot be the video, and says why", function()
    local video_of = "video 'a' --set duration=5 -o "
    assert.equal(0, (env.run(video_of .. "old.mp4 --yes")))
    local entries = env.sb.ledger:entries()
    local old = entries[#entries].task_id or entries[#entries].id
    env.sb.clock:advance(600)
    env.write("m.jsonl", video "a")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local code, _, err = env.run("jobs adopt a " .. old)
    assert.equal(2, code, err)
    assert.matches(old .. " is hardly a: it was made at 20", err, 1, true)
    assert.matches("UTC, before attempt 1 was sent, at 20[%d: -]+ UTC, and nobody can be asked: "
      .. "[^\n]*; %-%-yes answers\nnext: pomex jobs adopt a " .. old:gsub("%-", "%%-")
      .. "\n", err)
    assert.equal("unclear", (select(2, env.run "jobs list --state unclear"):match "a +(%l+)"))
    code, _, err = env.run("jobs adopt a " .. old .. " --yes")
    assert.equal(0, code, err)
    assert.matches("a is " .. old .. " from now on; that is not taken back", err, 1, true)
  end)

  it("[2] asks before it adopts what says that it is another video", function()
    env.sb:config { task_fields = true }
    env.write("m.jsonl", video "a")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local standard = "--model standard "
    assert.equal(0, (env.run("video 'a' " .. standard .. "-o other.mp4 --yes")))
    local entries = env.sb.ledger:entries()
    local id = entries[#entries].task_id or entries[#entries].id
    local code, _, err = env.run("jobs adopt a " .. id)
    assert.equal(2, code, err)
    assert.matches(id .. ' is hardly a: its model is "', err, 1, true)
    env.sb:config { task_fields = false }
  end)

  it("adopts what a person found", function()
    env.write("m.jsonl", video "a")
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    assert.equal(3, (env.run "run m.jsonl --yes"))
    local entries = env.sb.ledger:entries()
    local id = entries[#entries].task_id or entries[#entries].id
    assert.equal(1, (env.run "jobs adopt a cgt-none"))
    local code, _, err = env.run("jobs adopt a " .. id)
    assert.equal(0, code, err)
    local out
    code, out = env.run "run m.jsonl"
    assert.equal(0, code)
    assert.equal("a.mp4\n", out)
    assert.equal(1, billed())
  end)

  it("[4] ends where the key is refused, and blames no job", function()
    manifest(2)
    local code, _, err = env.run("run m.jsonl --yes", "export POMEX_API_KEY=sk-wrong-0123456789")
    assert.equal(4, code)
    assert.matches("next: pomex doctor", err, 1, true)
    assert.is_falsy(err:find("sk-wrong", 1, true))
    code = env.run("run m.jsonl --yes", "unset POMEX_API_KEY")
    assert.equal(4, code)
    assert.equal(0, billed())
  end)

  it("[4] ends where there is no money", function()
    manifest(2)
    env.sb:fault { endpoint = "generations.create", status = 402, times = 0 }
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(4, code, err)
    assert.equal(0, billed())
  end)

  it("[5] ends at a cap, and goes on with a higher one", function()
    manifest(3)
    local code, _, err = env.run "run m.jsonl --yes --max-videos 2"
    assert.equal(5, code)
    assert.matches("the cap of 2 videos is reached (--max-videos, of all runs of this store): 1 "
      .. "video waits; --max-videos 3 lets it begin\n", err, 1, true)
    assert.matches("next: pomex run m.jsonl --yes --max-videos MORE", err, 1, true)
    assert.equal(2, billed())
    assert.equal(0, (env.run "run m.jsonl --yes --max-videos 3"))
    assert.equal(3, billed())
  end)

  it("[5] ends at a cap on money, which needs a price", function()
    manifest(3)
    local code, _, err = env.run "run m.jsonl --yes --max-cost 1"
    assert.equal(2, code)
    assert.matches("next: pomex run m.jsonl --yes --max-cost 1 --price PRICE", err, 1, true)
    code, _, err = env.run "run m.jsonl --yes --max-cost 0.5 --price 2"
    assert.equal(5, code, err)
    local enough = err:match("the cap of 0.5000 is reached %(%-%-max%-cost, of all runs of this "
      .. "store%): 1 video waits; %-%-max%-cost ([%d.]+) lets it begin\n")
    assert.equal(2, billed())
    code, _, err = env.run("run m.jsonl --yes --price 2 --max-cost " .. enough)
    assert.equal(0, code, err)
    assert.equal(3, billed())
  end)

  it("[7] ends at the first signal: nothing new is sent, and the same command goes on", function()
    for i, signal in ipairs { "INT", "TERM", "HUP" } do
      env.sb:config { generation_seconds = 30 }
      env.write("m.jsonl", "")
      os.remove(env.path "m.jsonl.jobs.db")
      os.remove(env.path ".err") -- of the run before: it would be read as this one's
      manifest(4)
      local before = billed()
      local process = env.start "run m.jsonl --yes --concurrency 2"
      env.until_("an id", function()
        return select(2, (campaigns.read(env.path ".err") or ""):gsub(" is cgt%-", "")) == 2
      end)
      process.signal(signal)
      local code, _, err = process.wait()
      assert.equal(7, code, signal)
      assert.matches("stopping; again: at once", err, 1, true)
      assert.matches("next: pomex run m.jsonl --yes --concurrency 2", err, 1, true)
      assert.equal(2, billed() - before)
      if i == 1 then
        env.sb.clock:advance(60)
        env.sb:config { generation_seconds = 0 }
        assert.equal(0, (env.run "run m.jsonl --yes"))
        assert.equal(4, billed() - before)
        shell.bash(("rm -f %s/*.mp4"):format(env.folder))
      end
      env.sb.clock:advance(60)
    end
  end)

  it("[7] lets a request that is out come to its end", function()
    manifest(2)
    env.sb:fault { endpoint = "generations.create", delay = 1.5, times = 0 }
    local process = env.start "run m.jsonl --yes --concurrency 1"
    env.until_("a request", function() return billed() == 1 end)
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(7, code)
    assert.matches(" is cgt-", err, 1, true)
    assert.equal(1, billed())
    env.sb:clear_faults()
    assert.equal(0, (env.run "run m.jsonl --yes"))
    assert.equal(2, billed())
  end)

  it("[3] says of one that was stopped how to go on, and what is unclear", function()
    manifest(2)
    env.sb:fault { endpoint = "generations.create", after_accept = "drop", times = 1 }
    env.sb:fault { endpoint = "generations.create", delay = 1.5, times = 0 }
    local process = env.start "run m.jsonl --yes --concurrency 1"
    env.until_("both requests", function() return billed() == 2 end)
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(3, code, err)
    assert.matches("stopped; 1 unclear: perhaps made and billed", err, 1, true)
    assert.matches("next: pomex run m.jsonl --yes --concurrency 1\n", err, 1, true)
  end)

  it("[130] ends at once at the second signal; what was out is unclear", function()
    manifest(2)
    env.sb:fault { endpoint = "generations.create", delay = 30, times = 1 }
    local process = env.start "run m.jsonl --yes --concurrency 1"
    env.until_("a request", function() return billed() == 1 end)
    process.signal "INT"
    env.until_("stopping", function() return env.has_said "stopping" end)
    process.signal "TERM"
    local code, _, err = process.wait()
    assert.equal(130, code)
    assert.matches("One request was out: whether it was carried out is unclear", err, 1, true)
    assert.matches("pomex jobs list --state unclear --store m.jsonl.jobs.db", err, 1, true)
    assert.matches("next: pomex run m.jsonl --yes --concurrency 1", err, 1, true)
    code = env.run "run m.jsonl --yes"
    assert.equal(3, code)
    assert.equal(2, billed())
  end)

  it("[7] takes one signal that comes twice at once for one, as `timeout` sends it", function()
    manifest(2)
    local code
    -- Of a busy machine the command can hear the second one late: that is another wish.
    for try = 1, 5 do
      env.sb:fault { endpoint = "generations.create", delay = 2, times = 1 }
      local process = env.start(("run m.jsonl --yes --concurrency 1 --store %d.db"):format(try))
      env.until_("a request", function() return billed() == try end)
      shell.bash(([=[
        kill -TERM %d
        for ((i = 0; i < 100000; i++)); do
          mapfile -t said < %s && [[ "${said[*]}" != *stopping* ]] || break
        done
        kill -TERM %d
      ]=]):format(process.pid, env.path ".err", process.pid))
      code = process.wait()
      assert.equal(try, billed())
      if code ~= 130 then break end
    end
    assert.equal(7, code)
  end)

  it("[11] says that the store cannot be used", function()
    manifest(1)
    env.write("m.jsonl.jobs.db", "this is no store, and it is long enough to be looked at\n")
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(11, code, err)
    assert.matches("next: ", err, 1, true)
    code = env.run "jobs list"
    assert.equal(11, code)
    assert.equal(0, billed())
  end)

  it("is run twice at once on one manifest, and makes each video once", function()
    manifest(12)
    env.sb:config { generation_seconds = 1 }
    local process = env.start "run m.jsonl --yes --concurrency 3"
    local code, _, err = env.run("run m.jsonl --yes --concurrency 3 --json")
    assert.equal(0, code, err)
    env.until_("the end", function() return jobs_bed.exists(env.path ".code") end)
    assert.equal(12, billed())
    assert.is_number(process.pid)
  end)

  it("goes on when nobody reads what it prints, or stderr is closed", function()
    local name = manifest(6)
    local output = env.bash "pomex run m.jsonl --yes 2> .err | head -n 1; echo ${PIPESTATUS[0]}"
    assert.matches("mp4\n0\n$", output)
    assert.equal(6, billed())
    shell.bash(("rm -f %s/*.mp4 %s/*.db*"):format(env.folder, env.folder))
    output = env.bash "pomex run m.jsonl --yes 2>&- > .out < /dev/null; echo $?"
    assert.equal("0\n", output)
    assert.equal(12, billed())
    assert.equal(6, select(2, campaigns.read(env.path ".out"):gsub(name, "")))
  end)

  it("makes a sample first, with the portraits that it needs", function()
    env.write("m.csv", ([[
key,prompt,images,portrait,group_id
front,,,https://cdn.example/a.jpg,%s
other,,,https://cdn.example/b.jpg,%s
one,{x} waves,x=job:front,,
two,{x} waves,x=job:other,,
]]):format(env.person, env.person))
    local code, out, err = env.run "run m.csv --yes --first 1 --out 'v/{key}-x.mp4'"
    assert.equal(0, code, err)
    assert.equal("v/one-x.mp4\n", out)
    assert.matches("2 of 2 done", err, 1, true)
    code, out = env.run "run m.csv --yes --out 'v/{key}-x.mp4'"
    assert.equal(0, code)
    assert.equal("v/two-x.mp4\n", out)
    assert.equal(2, billed())
  end)

  it("says that finished videos are not where it saves to now, and what --out is for", function()
    env.write("m.jsonl", video "a" .. video "b")
    assert.equal(0, (env.run "run m.jsonl --yes --first 1 --out v"))
    local _, _, err = env.run "run m.jsonl"
    assert.matches('1 finished video is not in ".": was --out another folder?', err, 1, true)
    _, _, err = env.run "jobs pause --off"
    assert.matches("next: pomex run m.jsonl --out FOLDER\n", err, 1, true)
    _, _, err = env.run "check m.jsonl --out v --first 1"
    assert.matches("next: pomex run m.jsonl --out v --first 1\n", err, 1, true)
    _, _, err = env.run "run m.jsonl --yes --out v"
    assert.is_nil(err:find("was --out", 1, true))
  end)

  it("says with --json each change in an object, and one last result", function()
    manifest(1)
    local code, out, err = env.run "run m.jsonl --yes --json --quiet"
    assert.equal(0, code)
    local states, last = {}, nil
    for line in out:gmatch "[^\n]+" do
      states[#states + 1] = line:match '"state":"(%a+)"'
      last = line
    end
    assert.same({ "sending", "polling", "saving", "done" }, states)
    assert.matches('^{"type":"result","exit":0,', last)
    assert.matches('"done":1,', last, 1, true)
    assert.matches(" is cgt-", err, 1, true)
  end)

  it("says what it would make, and what that costs, and sends nothing", function()
    manifest(2)
    local code, out, err = env.run "run m.jsonl --dry-run --price 2.5"
    assert.equal(0, code)
    assert.equal(2, select(2, out:gsub("%.mp4\n", "")))
    assert.matches("would make 2 videos for at most 0.5687; nothing was sent", err, 1, true)
    code, out = env.run "cost m.jsonl --price 2.5"
    assert.equal(0, code)
    assert.equal("0.5687\n", out)
    assert.equal(2, (env.run "cost m.jsonl"))
    assert.is_false(jobs_bed.exists(env.path "m.jsonl.jobs.db"))
  end)

  it("is paused by ten failures of one kind, and says so", function()
    local lines = {}
    for i = 1, 14 do
      lines[i] = ('{"key": "p%d", "prompt": "[fail] %d", "duration": 5}\n'):format(i, i)
    end
    env.write("m.jsonl", table.concat(lines))
    local code, _, err = env.run "run m.jsonl --yes --concurrency 1"
    assert.equal(7, code, err)
    assert.matches("the queue is paused", err, 1, true)
    assert.matches("next: pomex jobs pause --off --store m.jsonl.jobs.db", err, 1, true)
    assert.equal(10, billed())
  end)
end)
