-- `pomex` and what the world does to it: manifests that are none, folders and disks that go, clocks
-- that jump. Each is said clearly, and nothing is lost.

local campaigns = require "spec.support.campaigns"
local core = require "pomex.core"
local jobs_bed = require "spec.support.jobs_bed"
local pages = require "spec.support.pages"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

local video = campaigns.video

describe("pomex in trouble #command", function()
  local env = {}
  campaigns.begin(env)

  before_each(function()
    env.sb:config { generation_seconds = 0, asset_seconds = 0 }
    env.billed_before = env.sb.ledger:count "generation"
  end)

  local function billed()
    return env.sb.ledger:count "generation" - env.billed_before
  end

  -- What `check` says of a file, with at most 400 MB of memory.
  local function check(name, text)
    if text then env.write(name, text) end
    local limit = os.getenv "LD_PRELOAD" and "" or "ulimit -v 400000"
    local code, out, err = env.run("check " .. name, limit)
    return code, err, out
  end

  local HEAD = "key,prompt,duration\n"

  it("names the line of what cannot be read in a manifest", function()
    for i, row in ipairs {
      { "m.csv", HEAD .. "a,b\0,5\n", "m.csv:2: there is a NUL in column 4" },
      { "m.csv", HEAD .. "a,x,5\nb,\255,5\n", "m.csv:3: column 3 is no UTF-8" },
      { "m.csv", "key\tprompt\na\tb\n", "m.csv:1: the columns stand between tabs" },
      { "m.csv", HEAD .. 'a,"b,5\nc,d,5\n', "m.csv:2: a quote begins in line 2 and has no end" },
      { "m.csv", HEAD .. "a," .. ("x"):rep(10000000) .. ",5\n",
        "m.csv:2: the line is longer than 1 MiB" },
      { "m.jsonl", '{"key": "' .. ("x"):rep(10000000) .. '"}\n',
        "m.jsonl:1: the line is longer than 1 MiB" },
      { "m.jsonl", video "a" .. '{"key": "b", "prompt": "\0"}\n',
        "m.jsonl:2: there is a NUL in column 25" },
      { "m.csv", "\255\254k\0e\0y\0", "m.csv:1: the file is UTF-16; save it as UTF-8" },
    } do
      local code, err = check(row[1], row[2])
      assert.equal(2, code, i .. err)
      assert.matches(row[3], err, 1, true)
      assert.matches("fault", err)
      assert.is_true(#err < 1000, "a long text")
    end
  end)

  it("warns of values that the service perhaps refuses, and names what has no price", function()
    local head = "key,prompt,duration,resolution,ratio\n"
    local code, err, out = check("m.csv", head .. "a,x,500,9000p,3:7\nb,x,5,720p,16:9\n")
    assert.equal(0, code, err)
    assert.equal("m.csv: 2 videos, no fault, 3 warnings\n", out)
    for _, words in ipairs { "duration is 500, and known are 4 to 15 seconds, or -1",
      'resolution is "9000p", and known are 480p, 720p or 1080p',
      'ratio is "3:7", and known are' } do
      assert.matches('m.csv:2: warning: "a": ' .. words, err, 1, true)
    end
    assert.is_nil(err:find("m.csv:3", 1, true))
    code, out, err = env.run "cost m.csv --price 2"
    assert.equal(2, code)
    assert.equal("", out)
    assert.matches('m.csv:2: "a": nobody knows what a video of that resolution ("9000p") costs',
      err, 1, true)
    assert.is_nil(err:find("m.csv:3", 1, true))
    code, out = env.run "check m.csv --json"
    assert.equal(0, code)
    assert.matches('"type":"warning"', out, 1, true)
    assert.matches('"warnings":3', out, 1, true)
  end)

  it("refuses a misspelt field of the service's in a line", function()
    local code, err = check("m.jsonl", '{"key": "a", "prompt": "x", "set": '
      .. '{"returnLastFrame": true, "camera_fixed": true}}\n')
    assert.equal(2, code)
    assert.matches('m.jsonl:1: "a": unknown field "returnLastFrame" of the body (is it '
      .. '"return_last_frame"?)', err, 1, true)
  end)

  it("refuses raw beside a prompt, which would be sent", function()
    local code, err = check("m.jsonl", '{"key": "a", "prompt": "x", "set": {"raw": true}}\n')
    assert.equal(2, code)
    assert.matches('m.jsonl:1: "a": "raw" is no field of the body', err, 1, true)
  end)

  it("takes a BOM and CRLF", function()
    local code, err, out = check("m.csv", "\239\187\191key,prompt,duration\r\na,b,5\r\n")
    assert.equal(0, code, err)
    assert.equal("m.csv: 1 video, no fault\n", out)
  end)

  it("refuses a manifest of 100 MB, in little memory and time", function()
    local file, spaces = assert(io.open(env.path "m.jsonl", "wb")), (" "):rep(500000)
    for i = 1, 202 do file:write(spaces, video(i .. "")) end
    assert.is_true(file:seek() > 100000000)
    file:close()
    local code, err = check "m.jsonl"
    assert.equal(2, code, err)
    assert.matches("m.jsonl:13%d: the file is longer than 64 MiB; split it", err)
  end)

  it("refuses what is no file", function()
    for _, name in ipairs { "nowhere.csv", "." } do
      local code, err = check(name)
      assert.equal(2, code)
      assert.matches("next: pomex check %-%-help", err)
    end
  end)

  it("says that a folder has gone that cannot be made, and goes on once it can", function()
    env.sb:config { generation_seconds = 3000 }
    env.write("m.jsonl", video("a", ', "save": "v/a.mp4"'))
    local process = env.start "run m.jsonl --yes"
    env.until_("an id", function() return env.has_said " is cgt-" end)
    -- A file has its name.
    env.bash "rm -r v; touch v"
    env.sb.clock:advance(4000)
    env.until_("a word", function() return env.has_said "a cannot be saved: " end)
    assert.is_true(env.has_said "Not a directory")
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(7, code)
    assert.matches("1 under way", err, 1, true)
    env.bash "rm v"
    local out
    local before = core.now()
    code, out = env.run "run m.jsonl --yes"
    assert.equal(0, code)
    assert.equal("v/a.mp4\n", out)
    assert.is_true(core.now() - before < 40, "it waited a minute")
    assert.equal(1, billed())
  end)

  -- Within `script` there is a small disk at "disk"; needs user namespaces.
  local function with_disk(size, script)
    return env.bash(("mkdir -p disk; unshare -rm bash -c %s"):format(shell.quote(
      ("mount -t tmpfs -o size=%s none disk && { %s\n}"):format(size, script))))
  end
  -- The bash that leaves no room on it: what a large write leaves over goes in pages.
  local FILL = [[
    head -c 500000000 /dev/zero > disk/large 2> /dev/null
    dd if=/dev/zero of=disk/rest bs=4096 2> /dev/null]]
  local _, has_disk = shell.bash [[
    d=$(mktemp -d); unshare -rm mount -t tmpfs none $d; s=$?; rmdir $d; exit $s]]

  if has_disk then
    it("says that there is no room before anything is billed, and goes on later", function()
      env.write("m.jsonl", video "room")
      local output = with_disk("400m", ([[
        cp m.jsonl disk
        head -c 200000000 /dev/zero > disk/large
        : > .err
        (for i in {1..2400}; do grep -q 'nothing begins for now' .err && break; sleep 0.05; done
         curl -s -H "X-Sandbox-Token: %s" $POMEX_BASE_URL/_sandbox/ledger > .ledger
         %s doctor --store disk/m.jsonl --out disk > .doctor 2>&1 < /dev/null
         kill -INT $(cat .pid)) &
        env --default-signal=INT bash -c 'echo $$ > .pid; exec "$@"' - \
          %s run disk/m.jsonl --yes > .out 2> .err < /dev/null; echo "=$?"
        rm disk/large
        %s run disk/m.jsonl --yes > .out < /dev/null 2> .err2; echo "=$?"
        ls disk]]):format(env.sb.token, campaigns.command(), campaigns.command(),
        campaigns.command()))
      assert.matches("=7\n=0\n", output, 1, true)
      assert.matches("\nroom.mp4\n", output, 1, true)
      local said = campaigns.read(env.path ".doctor")
      assert.matches("\nok     store      disk/m.jsonl.jobs.db: 1 at work\n", said, 1, true)
      assert.matches("\nok     disk       beside disk/m.jsonl.jobs.db: %d+ MiB free\n", said)
      assert.matches("\nfault  disk       %-%-out disk: %d+ MiB free, and 256 are needed before "
        .. "anything begins\n", said)
      -- As docs/operations.md shows it.
      assert.matches(pages.block("docs/operations.md", "256 are needed"):gsub("%d+ MiB", "N MiB"),
        campaigns.read(env.path ".err"):gsub("%d+ MiB", "N MiB"):gsub("in disk,", "in videos,"), 1,
        true)
      assert.is_falsy(campaigns.read(env.path ".ledger"):find('"prompt":"room"', 1, true))
      assert.equal(1, billed())
    end)

    it("says that there is no room for a store, to a run and to the doctor", function()
      env.write("m.jsonl", video "a")
      local pomex = campaigns.command()
      with_disk("400m", ([[
        cp m.jsonl disk
        %s run disk/m.jsonl --yes --max-videos 0 > .out 2>&1 < /dev/null
        cp m.jsonl disk/new.jsonl
        %s
        stat -f -c %%f disk > .free
        %s run disk/m.jsonl --yes > .out 2> .err < /dev/null; echo $? > .new
        %s # a store that could not be opened has perhaps taken away its log
        %s run disk/new.jsonl --yes > .out 2> .err2 < /dev/null; echo $? >> .new
        %s doctor --store disk/m.jsonl.jobs.db > .out < /dev/null]]):format(pomex, FILL,
        pomex, FILL, pomex, pomex))
      assert.equal("0\n", campaigns.read(env.path ".free"))
      assert.equal("11\n11\n", campaigns.read(env.path ".new"), campaigns.read(env.path ".err"))
      assert.matches(": no space left on device\n", campaigns.read(env.path ".err2"), 1, true)
      local line = pages.block("docs/operations.md", "no space left on device")
      assert.matches(line, campaigns.read(env.path ".err"):gsub("%S*disk/m.jsonl", "films.csv"), 1,
        true)
      assert.matches("fault  store      disk/m.jsonl.jobs.db: [^\n]*no space left on device\n",
        campaigns.read(env.path ".out"))
      assert.equal(0, billed())
    end)

    it("says that a disk has become full, and saves once there is room", function()
      env.write("m.jsonl", video "a")
      env.sb:config { generation_seconds = 3000 }
      local output = with_disk("400m", ([[
        cp m.jsonl disk
        : > .err
        (while ! grep -q ' is cgt-' .err; do sleep 0.05; done
         %s
         curl -s -H "X-Sandbox-Token: %s" -d '{"advance":4000}' $POMEX_BASE_URL/_sandbox/clock
         while ! grep -q 'cannot be saved' .err; do sleep 0.05; done
         kill -INT $(cat .pid)) > /dev/null &
        env --default-signal=INT bash -c 'echo $$ > .pid; exec "$@"' - \
          %s run disk/m.jsonl --yes > .out 2> .err < /dev/null; echo "=$?"
        rm disk/large disk/rest
        %s run disk/m.jsonl --yes > .out < /dev/null 2> .err2; echo "=$?"
        ls disk]]):format(FILL, env.sb.token, campaigns.command(), campaigns.command()))
      assert.matches("=7\n=0\n", output, 1, true)
      assert.matches("\na.mp4\n", output, 1, true)
      local line = pages.block("docs/operations.md", "cannot be saved")
      assert.matches("a" .. line:match "( cannot be saved: [^/]*)videos", (campaigns.read(
        env.path ".err"):gsub("disk/a", "videos/a")), 1, true)
      assert.matches("a cannot be saved: [^\n]*No space left on device %[download, id cgt%-%S+, "
        .. "1 attempt, billed%]; tried again in 60 s\n", campaigns.read(env.path ".err"))
      assert.equal(1, billed())
    end)
  end

  it("makes each video once while the wall clock jumps by an hour, either way", function()
    local lines = {}
    for i = 1, 12 do lines[i] = video("clock-" .. i) end
    env.write("m.jsonl", table.concat(lines))
    env.write("jump.lua", [[
      local core, calls = require "pomex.core", 0
      local wall = core.wall
      core.wall = function()
        calls = calls + 1
        return wall() + ({ 0, 3600, -3600 })[math.floor(calls / 7) % 3 + 1]
      end
      arg[0] = table.remove(arg, 1)
      dofile(arg[0])]])
    local lua, script = campaigns.command():match "^(.*) ('[^']*bin/pomex')$"
    local output = env.bash(("%s jump.lua %s run m.jsonl --yes --concurrency 3 2>&1 < /dev/null; "
      .. "echo \"=$?\""):format(lua, script))
    assert.matches("12 of 12 done", output, 1, true)
    assert.matches("=0\n$", output)
    assert.equal(12, billed())
    for i = 1, 12 do assert.is_true(jobs_bed.exists(env.path("clock-" .. i .. ".mp4"))) end
  end)

  it("goes on after kill -9, and bills nothing twice", function()
    local lines = {}
    for i = 1, 10 do lines[i] = video(env.folder:match "[^/]*$" .. i) end
    env.write("m.jsonl", table.concat(lines))
    env.sb:config { generation_seconds = 3000 }
    local process = env.start "run m.jsonl --yes --concurrency 4"
    env.until_kept(4)
    process.signal "KILL"
    process.wait()
    env.sb:config { generation_seconds = 0 }
    env.sb.clock:advance(4000)
    local code, out, err = env.run "run m.jsonl --yes"
    assert.equal(0, code, err)
    assert.equal(10, select(2, out:gsub("\n", "")))
    assert.equal(10, billed())
  end)

  it("refuses a store that another program damaged, and leaves it alone", function()
    env.write("m.jsonl", video "a")
    local junk = ("junk "):rep(2000)
    env.write("m.jsonl.jobs.db", junk)
    local code, _, err = env.run "run m.jsonl --yes"
    assert.equal(11, code, err)
    assert.equal(junk, campaigns.read(env.path "m.jsonl.jobs.db"))
    assert.equal(0, billed())
  end)

  it("says that the store's folder cannot be written", function()
    env.write("m.jsonl", video "a")
    local code, _, err = env.run "run m.jsonl --yes --store /proc/nowhere/a.jobs.db"
    assert.equal(11, code, err)
    assert.matches("/proc/nowhere", err, 1, true)
  end)
end)
