-- Every link of the pages leads somewhere, and every example in them runs.

local bed = require "spec.support.bed"
local campaigns = require "spec.support.campaigns"
local interpreter = require "spec.support.interpreter"
local pages = require "spec.support.pages"
local pomex = require "pomex"
local shell = require "spec.support.shell"

-- The names of the headings of a page, as links have them.
local function anchors(text)
  local set, code = {}, false
  for line in text:gmatch "[^\n]*" do
    if line:find "^```" then code = not code end
    local heading = not code and line:match "^#+ (.*)$"
    if heading then
      set[heading:lower():gsub("[^%w%s_\128-\255-]", ""):gsub(" ", "-")] = true
    end
  end
  return set
end

describe("the pages #once", function()
  it("link to what is there", function()
    local count = 0
    for _, page in ipairs(pages.names) do
      local text = pages.read(page)
      for target in text:gsub("```.-\n```", ""):gmatch "%]%(([^)%s]+)%)" do
        local path, anchor = target:match "^([^#]*)#?(.*)$"
        if not target:find "^%a+:" then
          count = count + 1
          local whole = path == "" and page or (page:match "^.*/" or "") .. path
          whole = whole:gsub("[^/]+/%.%./", "")
          local file = io.open(pages.root .. "/" .. whole)
          assert.is_truthy(file, page .. " links to " .. target)
          file:close()
          if anchor ~= "" then
            assert(anchors(pages.read(whole))[anchor], page .. " links to " .. target)
          end
        end
      end
    end
    assert.is_true(count > 50, count)
  end)

  it("are all in the index", function()
    local index = pages.read "docs/README.md"
    for _, page in ipairs(pages.names) do
      local name = page:match "^docs/(.*)$"
      if name and name ~= "README.md" then
        assert.is_truthy(index:find("](" .. name .. ")", 1, true), name)
      end
    end
  end)

  it("name every call of the queue, and every option", function()
    local page = pages.read "docs/jobs.md":match "## Every function and option(.-)\n## "
    local private = { account_name = true, read_counts = true, beats = true }
    for _, part in ipairs { "persons", "reading" } do
      for name in pairs(require("pomex.jobs." .. part)) do
        assert.is_truthy(private[name] or page:find("jobs:" .. name .. "[%( ]"), name)
      end
    end
    local types = pages.read "lua/pomex/jobs/types.lua"
    for _, class in ipairs { "JobsOptions", "JobsRunOptions", "JobEntry" } do
      for name in types:match("@class pomex%." .. class .. "\n(.-)\n\n"):gmatch "@field ([%w_]+)" do
        assert.is_truthy(page:find("`" .. name .. "[`%(]"), class .. "." .. name)
      end
    end
  end)

  it("say of each example how it is run", function()
    for _, page in ipairs(pages.names) do
      for _, block in ipairs(pages.blocks(page)) do
        local at = page .. ": " .. block.code
        assert.is_truthy(block.mark, at)
        local file, why = block.mark:match "^run by (%S+)$", block.mark:match "^not run: "
        if file then
          assert(pages.read(file):find(page, 1, true), file .. " runs nothing of " .. page)
        elseif not why then
          local name = assert.is_truthy(block.mark:match "^run: ([%w-]+)$", at)
          local found = shell.bash(("cd %s && grep -rlF '\"%s\"' spec --include='*_spec.lua'")
            :format(shell.quote(pages.root), name))
          assert.is_truthy(found:find "_spec%.lua", "nothing runs " .. name .. " of " .. page)
        end
      end
    end
  end)
end)

describe("the examples of the pages", function()
  local sb, client
  bed({ sandbox = { asset_seconds = 0, generation_seconds = 0 } },
    function(...) sb, client = ... end)
  local person

  before_each(function() person = sb:add_person() end)

  -- Runs code in Lua with more names; returns what it printed and what it returned.
  local function run(name, more)
    local printed = {}
    local names = { client = client, pomex = pomex, group_id = person, print = function(...)
      printed[#printed + 1] = { ... }
    end }
    for key, value in pairs(more or {}) do names[key] = value end
    local code, environment = pages.code(name), setmetatable(names, { __index = _G })
    local ended = { pages.compile(code .. (more and more.tail or ""), environment)() }
    return printed, ended
  end

  it("upload many at once", function()
    local urls = {}
    for i = 1, 5 do urls[i] = "https://cdn.example/" .. i .. ".jpg" end
    urls[6] = "https://cdn.example/no-face.jpg"
    local printed = run("many", { urls = urls })
    assert.equal(6, #printed)
    for i = 1, 5 do
      assert.equal(urls[i], printed[i][1])
      assert.matches("^asset%-", printed[i][2])
    end
    assert.equal("asset_failed", printed[6][2].type)
  end)

  it("treat each end by what is billed", function()
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
    sb:fault { endpoint = "generations.create", status = 400 }
    sb:fault { endpoint = "generations.get", status = 401 } -- once: the look afterwards is good
    local folder = os.tmpname()
    os.remove(folder)
    shell.bash("mkdir " .. shell.quote(folder))
    local printed = run("billed-branches", { folder = folder,
      prompts = { "One waves.", "Two wave.", "Three wave.", "Four wave." } })
    local saved = shell.bash(("cd %s && head -qc 8 *.mp4 | grep -ao ftyp | wc -l; rm -r %s")
      :format(shell.quote(folder), shell.quote(folder)))
    local said = {}
    for _, row in ipairs(printed) do
      local kind = row[3] == "saved" and "saved" or row[2]
      said[kind] = row
    end
    assert.equal(3, #printed)
    assert.matches("^cgt%-", said.saved[2])
    assert.equal("maybe", said.perhaps[4].billed)
    assert.equal("no", said["not made"][3].billed)
    assert.equal("2", saved:match "%d+")
    assert.equal(3, sb.ledger:count "generation") -- none was asked for again
    sb:clear_faults()
  end)

  it("step once a frame", function()
    local asset = assert(client.assets:create { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = person })
    local printed, ended = run("frame", { asset_id = asset.id, tail = "\nreturn every_frame" })
    local frames = 0
    while #printed == 0 and frames < 1000 do
      ended[1]()
      client:poll(0.016)
      frames = frames + 1
    end
    assert.equal("active", printed[1][1])
  end)

  it("list what there is", function()
    local id = sb:add_assets { group_id = person }[1]
    assert.same({ { id, "active" } }, (run "listing"))
  end)

  it("log each attempt", function()
    local lines = {}
    local _, ended = run("log", { tail = "\nreturn client",
      io = { stderr = { write = function(_, line) lines[#lines + 1] = line end } },
      pomex = { log = pomex.log,
        new = function(options) return pomex.new(sb:client_options(options)) end } })
    assert(ended[1].assets:list {})
    ended[1]:close()
    assert.matches("pomex: assets.list attempt=1 status=200 ", lines[1], 1, true)
    assert.equal(1, #lines)
  end)

  it("draw a QR code", function()
    if not pcall(require, "pomex.qr") then return end
    local written = {}
    local printed = run("qr", { session = { h5_link = "https://h5.example/?a=b" },
      page = { write = function(_, text) written[#written + 1] = text end } })
    assert.matches("^<svg", written[1])
    assert.matches("█", printed[1][1], 1, true)
  end)

  it("let a callback in once", function()
    local bound = {}
    local _, ended = run("callback", { secret = ("s"):rep(32), tail = "\nreturn start, finish",
      bind = function(group, user)
        bound[group] = user
        return true
      end })
    local start, finish = ended[1], ended[2]
    local uri = sb:scan(start "rachel", "pass"):gsub("^https://[^/]*", "")
    assert.equal("mismatch", select(2, finish(uri, "mallory")).reason)
    assert.is_true(finish(uri, "rachel"))
    assert.equal("used", select(2, finish(uri, "rachel")).reason)
    assert.equal("rachel", select(2, next(bound)))
    -- The same by the page's own lines, of a scan that fails.
    local printed, returned = run("callback-try", { sb = sb, start = start, finish = finish,
      tail = "\nreturn err" })
    assert.is_nil(returned[1].reason)
    assert.is_nil(printed[1][1])
    assert.equal("verification_failed", printed[1][2])
    assert.is_string(printed[1][3])
    assert.not_equal("10000", printed[1][3])
    -- What keeps us from asking about the group loses nobody's scan.
    sb:fault { endpoint = "assets.list", status = 401 }
    uri = sb:scan(start "naomi", "pass"):gsub("^https://[^/]*", "")
    assert.is_true(finish(uri, "naomi"))
    sb:clear_faults()
  end)

  it("know a notice again, and tell a job of it", function()
    local known = { secret = ("s"):rep(32), model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text "A wave.", method = "POST", body = '{"id":"cgt-1"}',
      request_uri = "/pomex/notices/x" }
    -- The three parts of the program, each with what the one before it made.
    known.tail = "\nreturn notices"
    local _, made = run("notices-make", known)
    known.notices = made[1]
    known.request_uri = known.notices:url("film-17"):gsub("^https://[^/]*", "")
    known.tail = nil
    assert.same({ 200 }, select(2, run("notices-take", known)))
    known.jobs = { notice = function() return nil, "not taken" end }
    local logged
    known.log = function(text) logged = text end
    assert.same({ 200 }, select(2, run("notices-job", known)))
    client:step()
    assert.equal("not taken", logged)
    known.request_uri = "/pomex/notices/x"
    assert.same({ 404 }, select(2, run("notices-take", known)))
  end)
end)

if not campaigns.possible then return end

describe("the examples of the command and of jobs #command", function()
  local env = {}
  campaigns.begin(env, { asset_seconds = 0, generation_seconds = 0 })

  local function lua(name, words)
    env.write(name .. ".lua", pages.code(name))
    return env.bash(("%s %s.lua %s"):format(shell.lua(), name, words or ""))
  end

  it("make a portrait and a video, and say what is unclear", function()
    env.bash "mkdir videos"
    local said = lua("jobs-first", env.person)
    assert.matches("\n2\t0\tnil\n$", said)
    assert.equal("ftyp", campaigns.read(env.path "videos/rachel-001.mp4"):sub(5, 8))
    env.bash "rm -r campaign.jobs.db* videos/*"
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    said = lua("jobs-first", env.person)
    assert.matches("\n1\t1\t[^\n]*\n$", said)
    env.write("unclear.lua", [[
      local pomex = require "pomex"
      local jobs = pomex.check(pomex.jobs.open(pomex.check(pomex.new()), "campaign.jobs.db",
        { queue = "spring" }))
    ]] .. pages.code "jobs-unclear" .. "jobs:close()")
    said = env.bash(shell.lua() .. " unclear.lua")
    assert.matches("\nrachel%-001\t", "\n" .. said)
  end)

  describe("end at Ctrl-C", function()
    local before

    -- Runs the page's script, stops it once `reached()`, and returns what it said.
    local function stopped(reached)
      before = env.sb.ledger:count "generation"
      env.sb.journal:clear()
      env.write("script.lua", ('local photo, group_id = "https://cdn.example/a.jpg", "%s"\n'
        .. 'local prompts = { "{rachel} waves.", "{rachel} wave." }\n'):format(env.person)
        .. pages.code "ctrl-c")
      env.write("script", env.profile() .. ([[
        echo $$ > pid
        exec env --default-signal=INT %s script.lua]]):format(shell.lua()))
      env.bash "(bash script; echo $? > code) > said 2>&1 < /dev/null &"
      env.until_("what is stopped", reached)
      env.bash "kill -INT $(cat pid)"
      env.until_("the end", function() return (campaigns.read(env.path "code") or ""):find "\n" end)
      assert.equal("130\n", campaigns.read(env.path "code"))
      return campaigns.read(env.path "said")
    end

    after_each(function()
      env.sb:clear_faults()
      env.sb:config { asset_seconds = 0, generation_seconds = 0 }
    end)

    it("with the id of what was being ordered, and order nothing more", function()
      local slow = env.sb:fault { endpoint = "generations.create", delay = 2 }
      env.sb:config { generation_seconds = 1000 }
      local said = stopped(function() return env.sb:struck(slow) == 1 end)
      assert.matches("\nmade\tcgt%-%S+\ncgt%-%S+\tcancelled_error\n$", said)
      assert.equal(before + 1, env.sb.ledger:count "generation")
    end)

    it("with the id of a portrait that is not active yet", function()
      env.sb:config { asset_seconds = 1000 }
      local said = stopped(function() return env.sb.journal:requests("assets.get")[1] end)
      assert.matches("^portrait\tasset%-%S+\nasset%-%S+\tcancelled_error\n$", said)
      assert.equal(before, env.sb.ledger:count "generation")
    end)

    it("while a video is being saved", function()
      local slow = env.sb:fault { endpoint = "video", delay = 1000 }
      local said = stopped(function() return env.sb:struck(slow) == 1 end)
      assert.matches("\nmade\tcgt%-%S+\ncgt%-%S+\tcancelled_error\n$", said)
      assert.equal(before + 1, env.sb.ledger:count "generation")
    end)

    it("not before what they were asked for is saved", function()
      local slow = env.sb:fault { endpoint = "video", delay = 1000, skip = 1 }
      local said = stopped(function() return env.sb:struck(slow) == 1 end)
      local id = said:match "\nmade\t(%S+)\n"
      assert.matches(("\n%s\t%s.mp4\n"):format(id, id), said, 1, true)
      assert.equal("ftyp", campaigns.read(env.path(id .. ".mp4")):sub(5, 8))
    end)
  end)

  it("are manifests without a fault", function()
    for name, file in pairs { ["manifest-json"] = "m.jsonl", ["manifest-csv"] = "m.csv",
      films = "films.csv" } do
      env.write(file, (pages.code(name):gsub("group%-…", env.person)))
      local code, out, err = env.run("check " .. file)
      assert.equal(0, code, out .. err)
    end
  end)

  it("check, count and run a table", function()
    env.write("films.csv", (pages.code "films":gsub("group%-…", env.person)))
    local script = pages.code "campaign":gsub("pomex run", "pomex --yes run")
    local output = env.bash("set -e\n" .. script)
    assert.matches("films.csv: 1 video and 1 portrait, no fault\n", output, 1, true)
    assert.matches("\n2 of 2 done\n", output, 1, true)
    assert.equal("ftyp", campaigns.read(env.path "film-1.mp4"):sub(5, 8))
  end)

  it("begin with what the quickstart built", function()
    local bin = os.getenv "POMEX_SANDBOX_BIN":match "^(.*)/"
    local root = shell.bash "pwd":gsub("\n", "")
    local script, count = pages.code "built":gsub("%$PWD/build/release/bin", bin)
      :gsub("%$PWD/build/release/lib/%?%.so", "$LUA_CPATH") -- that of this Lua
    assert.equal(1, count)
    script = script:gsub("%$PWD/lua", root .. "/lua")
      :gsub("lua5%.4 ", shell.lua() .. " " .. root .. "/")
    local output = env.bash(script)
    assert.matches("ok +key ", output)
    assert.is_nil(output:find("fault", 1, true), output)
    assert.matches("\nsaved\tflow%-%d+%-%d+%.mp4\t%d+\n", output)
  end)

  it("make a database, and ask it with SQL #once", function()
    local _, has_server = shell.bash "ls /usr/lib/postgresql/*/bin/postgres"
    if not interpreter.optional "pomex.storecore".postgresql or not has_server then return end
    env.write("films.csv", "key,prompt,duration\nfilm-1,A wave.,5\n")
    for _, name in ipairs { "sql-database", "sql-reader", "sql-look" } do
      env.write(name, (pages.code(name):gsub("…", "@PASSWORD@")))
    end
    env.write("run", env.profile() .. [[
      sed -i "s/@PASSWORD@/$PGPASSWORD/" sql-*
      server="${POMEX_POSTGRESQL_URL#*@}"; server="${server%/*}"
      ask() { psql -X -q -v ON_ERROR_STOP=1 -d "postgresql://$1@$server/$2" -f "$3" 2>&1; }
      echo 'DROP ROLE pomex' > drop
      ask postgres postgres drop && ask postgres postgres sql-database || exit 1
      pomex -y run films.csv --store "postgresql://pomex@$server/jobs" 2>&1 || exit 1
      ask postgres jobs sql-reader && ask reader jobs sql-look]])
    local output, ok = env.bash(("env -u POMEX_POSTGRESQL_URL -u PGPASSWORD "
      .. "%s/spec/support/postgresql.sh bash run"):format(shell.bash "pwd":gsub("\n", "")))
    assert.is_true(ok, output)
    assert.matches("default | film-1 | film-1.mp4 | cgt-", output:gsub(" +", " "), 1, true)
    assert.matches("| done ", output, 1, true)
    assert.matches("| begun", output:gsub(" +", " "), 1, true)
  end)

  it("survive kills #once", function()
    local bin = os.getenv "POMEX_SANDBOX_BIN":match "^(.*)/"
    local script = pages.code "jobs-service" .. pages.code "jobs-table" .. pages.code "jobs-kill"
      .. pages.code "jobs-resend"
    local function swap(pattern, by)
      local count
      script, count = script:gsub(pattern, by)
      assert.is_true(count > 0, pattern)
    end
    -- Smaller, and what this run has built.
    swap("build/try/bin", bin)
    swap("lua5%.4", shell.lua())
    swap("examples/batch", shell.bash "pwd":gsub("\n", "") .. "/%0")
    swap("seq 50", "seq 6")
    swap("%-seconds %d", "-seconds 1")
    swap("KILL 4", "KILL 1")
    local output = env.bash(script .. "\nkill %1")
    assert.matches("\n6\n", output, 1, true)
    assert.matches("\nno job of films.csv.jobs.db is unclear, ", output, 1, true)
    assert.matches("done: 11 done, 0 failed, 0 unclear%s*$", output)
    assert.equal(2, select(2, output:gsub(" Killed ", "")))
  end)

  it("send again what a kill left unclear, and the command finds nothing more to do", function()
    local root = shell.bash "pwd":gsub("\n", "")
    local function block(name)
      return (pages.code(name):gsub("seq 50", "seq 6"):gsub("lua5%.4", shell.lua())
        :gsub("examples/batch", root .. "/%0"))
    end
    local before = env.sb.ledger:count "generation"
    env.bash(("person=%s\n%s"):format(env.person, block "jobs-table"))
    -- One request is never answered, nor carried out, and the kill comes when all others are done.
    env.sb:fault { endpoint = "generations.create", before_accept = "hang" }
    local run = block("jobs-kill"):match "timeout %-s KILL 4 ([^\n]+)"
    env.bash(("(echo $BASHPID > pid; exec %s) > said 2>&1 &"):format(run))
    -- Not what it prints: Lua 5.1 holds that back until it ends.
    env.until_("five videos", function()
      return env.bash "ls videos/*.mp4 2> /dev/null | wc -l" == "5\n"
    end)
    env.bash "kill -KILL $(cat pid)"
    local output = env.bash(run)
    assert.matches("\nfilm%-%d is unclear: [^\n]+\nunclear: 10 done, 0 failed, 1 unclear", output)
    -- The page's next block finds it, and then the command, as the page says, has nothing to do.
    output = env.bash(block "jobs-resend")
    assert.matches("is sent again:\tfilm%-%d\n", output)
    assert.matches("done: 11 done, 0 failed, 0 unclear%s*$", output)
    assert.equal(before + 6, env.sb.ledger:count "generation")
    local said = pages.read "docs/jobs.md":match "`(pomex run films.csv[^`]*)`"
    local code, out, err = env.run("--yes " .. said:gsub("^pomex ", ""))
    assert.equal(0, code, out .. err)
    assert.matches("11 of 11 done", out .. err)
    assert.equal(before + 6, env.sb.ledger:count "generation")
    code, out, err = env.run "jobs list --state unclear"
    assert.equal(0, code, out .. err)
  end)
end)
