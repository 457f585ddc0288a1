-- `pomex video`, over a sandbox: from the words to the file, and every way in which that can end.

local cjson = require "cjson"
local command = require "spec.support.command"
local pages = require "spec.support.pages"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

-- As it stands, in a pattern.
local function plain(text) return (text:gsub("%p", "%%%0")) end

describe("pomex video #command", function()
  local sb, at, asset

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
    at = command.new(sb)
    asset = sb:add_assets { group_id = sb:add_person(), status = "active" }[1]
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)
  before_each(function()
    sb:clear_faults()
    sb:config { generation_seconds = 0 }
  end)

  -- What a line billed, beside what it printed.
  local function billed(line, env, input)
    local before = sb.ledger:count "generation"
    local run = at:run("video " .. line, env, input)
    return sb.ledger:count "generation" - before, run
  end

  it("goes from the words to the file", function()
    local count, run = billed(('"The person in {rachel} waves." --image rachel=%s --yes -o a.mp4')
      :format(asset))
    assert.equal(0, run.code, run.err)
    assert.equal(1, count)
    assert.equal("a.mp4\n", run.out)
    local id = run.err:match "^video (cgt%-%S+)\n"
    assert.matches("\n" .. plain(id) .. " succeeded\nsaved a.mp4 %(%d+ bytes%)\n$", run.err)
    assert.equal("ftyp", command.read(at.folder .. "/a.mp4"):sub(5, 8))
    local requests = sb.journal:requests "generations.create"
    local body = cjson.decode(requests[#requests].body)
    assert.equal("byteplus/seedance-2.0-fast", body.model)
    assert.equal("The person in image 1 waves.", body.content[1].text)
    assert.equal("asset://" .. asset, body.content[2].image_url.url)
  end)

  it("is what the README says, from the scan to the file", function()
    local script, begun = pages.code "command":gsub("^pomex sandbox[^\n]*\n", "")
    assert.equal(1, begun)
    -- It asks, and here is nobody.
    local run = at:bash("set -e\n" .. script:gsub("\npomex video", "\npomex --yes video"))
    assert.same({ 0, "wave.mp4\n" }, { run.code, run.out }, run.err)
  end)

  it("sends the fields that are set", function()
    local _, run = billed("'A wave.' -m standard -d 5 --set seed=7 --set watermark=false "
      .. "--set ratio=16:9 --no-wait -y")
    assert.equal(0, run.code, run.err)
    assert.matches("^cgt%-%S+\n$", run.out)
    local requests = sb.journal:requests "generations.create"
    local text = requests[#requests].body
    local body = cjson.decode(text)
    body.content = nil
    assert.same({ model = "byteplus/seedance-2.0", duration = 5, seed = 7, watermark = false,
      ratio = "16:9" }, body)
    assert.matches('"seed":7[,}]', text)
  end)

  it("asks for nothing that could not be used, with the line that would do", function()
    local _, first = billed("'A wave.' -y -o taken.mp4")
    assert.equal(0, first.code, first.err)
    sb:config { asset_seconds = 1000 }
    local slow = sb:add_assets { status = "processing", group_id = sb:add_person() }[1]
    sb:config { asset_seconds = 0 }
    for _, row in ipairs {
      { "'A wave.' -y -o taken.mp4", 1, "taken.mp4 exists already %(%-%-force", "ANOTHER%-FILE" },
      { "'A wave.' -y -o no/folder.mp4", 1, "No such file or directory", "ANOTHER%-FILE" },
      { "'A wave.' -y", 2, "%-o FILE", "%-o FILE" },
      { "'A wave.' -o b.mp4", 2, "standard input is no terminal", "%-%-yes" },
      { "'{tom} waves.' -y -o b.mp4 -i rachel=" .. asset, 2, 'no image is called "tom"',
        "%-%-help" },
      { "'A wave.' -y -o b.mp4 -i rachel=" .. asset, 2, "no text mentions {rachel}", "%-%-help" },
      { "'image 2 waves.' -y -o b.mp4 -i " .. asset, 2, "image 2", "%-%-help" },
      { "'{a} waves.' -y -o b.mp4 -i a=asset-nowhere", 1, "asset not found", "portrait list" },
      { "'{a} waves.' -y -o b.mp4 -i a=" .. slow, 1, "is not active: it is processing",
        "portrait wait " .. plain(slow) },
      { "'A wave.' -y -o b.mp4 --set model=x", 2, "there is an option", "%-%-help" },
      { "'A wave.' -y -o b.mp4 --set x", 2, "FIELD=VALUE", "%-%-help" },
      { "'A wave.' -y -o b.mp4 -i x=y=z=", 2, "no text mentions {x}", "%-%-help" },
      { "'{a} waves.' -y -o b.mp4 -m old -i a=" .. asset, 2, "model", "%-%-help" },
      { "'A wave.' -y -o b.mp4 -m fats", 2, 'fast, standard or a name like [^\n]*not "fats"',
        "%-%-help" },
      { "'A wave.' -y -o b.mp4 --set duration=five", 2, 'duration must be a number, not the text',
        "%-%-help" },
      { "'A wave.' -y -o b.mp4 --set duraton=5", 2, 'is it "duration"', "%-%-help" },
      { "'A wave.' -y -o b.mp4 -d zero", 2, "%-%-duration", "%-%-help" },
      { "", 2, "a command is required", "%-%-help" },
    } do
      local count, run = billed(row[1])
      assert.equal(row[2], run.code, row[1] .. ": " .. run.err)
      assert.matches("^pomex: [^\n]*" .. row[3] .. "[^\n]*\nnext: pomex [^\n]*" .. row[4], run.err)
      assert.equal(0, count, row[1])
      assert.equal("", run.out)
    end
    assert.equal("", command.read(at.folder .. "/b.mp4"))
  end)

  it("warns of what the service may refuse, such as a model that is new, and sends it", function()
    local count, run = billed("'A wave.' -y -o new.mp4 -m byteplus/seedance-3 -d 500")
    assert.same({ 0, 1 }, { run.code, count })
    assert.matches("^warning: duration is 500, and known are [^\n]*: the service may refuse it"
      .. '[^\n]*\nwarning: model is "byteplus/seedance%-3", and known are', run.err)
  end)

  it("says of a video that failed what is known of its bill", function()
    local _, run = billed("'A [fail] wave.' -y -o failed.mp4")
    assert.equal(1, run.code)
    assert.matches("\nwhether a video that failed is billed, the service's document does not say: "
      .. "it is perhaps billed\npomex: task cgt", run.err, 1, true)
  end)

  it("shows no query of a link in what to type next, and says so", function()
    local _, run = billed("'{a} waves.' -o link.mp4 -i 'a=https://a.example/a.jpg?sig=SECRET'")
    assert.equal(2, run.code)
    assert.not_matches("SECRET", run.err)
    assert.matches("\n  (what a link has behind its ? is not shown: where … stands, give it "
      .. "again)\nnext: pomex video make '{a} waves.' -o link.mp4 "
      .. "-i 'a=https://a.example/a.jpg?…' --yes\n", run.err, 1, true)
    _, run = billed("'A wave.' -o link.mp4")
    assert.not_matches("is not shown", run.err, 1, true)
  end)

  it("replaces a file with --force alone", function()
    local _, first = billed("'A wave.' -y -o forced.mp4")
    local count, run = billed("'A wave.' -y -o forced.mp4 --force")
    assert.same({ 0, 0, 1 }, { first.code, run.code, count })
  end)

  it("asks at a terminal, once, and takes only yes for one", function()
    local before = sb.ledger:count "generation"
    for _, keys in ipairs { "n\\n", "\\n", "nyes\\n" } do
      local run = at:terminal("video 'A wave.' -o asked.mp4", keys)
      assert.equal(7, run.code, run.out)
      assert.matches("1 video %(byteplus/seedance%-2.0%-fast%) will be billed. Go on%? %[y/N%]",
        run.out)
      assert.matches("next: pomex video make 'A wave.' %-o asked.mp4", run.out)
    end
    assert.equal(before, sb.ledger:count "generation")
    local dear = at:terminal("video 'A wave.' -o asked.mp4 -d 5 --price 10", "n\\n")
    assert.matches("1 video %(.-%) for at most 1%.14 will be billed", dear.out)
    local run = at:terminal("video 'A wave.' -o asked.mp4", "y\\n")
    assert.equal(0, run.code, run.out)
    assert.equal(1, select(2, run.out:gsub("Go on%?", "")))
    assert.equal(before + 1, sb.ledger:count "generation")
  end)

  it("ends with 3 where it is unclear whether it was made, and sends nothing again", function()
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
    local count, run = billed("'A wave.' -y -o c.mp4")
    assert.same({ 3, 1, "" }, { run.code, count, run.out })
    assert.matches("It was not sent again%.\nLook into the service's console", run.err)
    assert.matches("it may be cgt%-%d+%-%w+[,%) ]", run.err)
    assert.matches("\nnext: pomex video list\n$", run.err)
  end)

  it("ends with 6 when --timeout runs out; the line that it names goes on", function()
    sb:config { generation_seconds = 1000 }
    local count, run = billed("'A wave.' -y -o d.mp4 --timeout 0.2")
    assert.same({ 6, 1, "" }, { run.code, count, run.out })
    local id, line = run.err:match "^video (%S+)\n.*\nnext: pomex ([^\n]+)\n$"
    assert.equal("video wait " .. id .. " -o d.mp4", line)
    sb.clock:advance(1000)
    local again = at:run(line)
    assert.same({ 0, "d.mp4\n" }, { again.code, again.out })
    assert.equal("ftyp", command.read(at.folder .. "/d.mp4"):sub(5, 8))
  end)

  it("ends with 1 where the service says that it failed", function()
    local count, run = billed("'[fail]' -y -o e.mp4")
    assert.same({ 1, 1, "" }, { run.code, count, run.out })
    assert.matches("\nnext: pomex video OTHER%-WORDS", run.err)
  end)

  it("ends with 1 where it cannot be saved, and names what saves it", function()
    sb:fault { endpoint = "video", status = 403, times = 0 }
    local count, run = billed("'A wave.' -y -o f.mp4")
    assert.same({ 1, 1 }, { run.code, count })
    local id = run.err:match "^video (%S+)\n"
    assert.matches("\nnext: pomex video save " .. plain(id) .. " %-o f.mp4\n$", run.err)
  end)

  it("shows, waits for and saves what was made", function()
    sb:config { generation_seconds = 1000 }
    local _, run = billed("'A wave.' -y --no-wait")
    local id = run.out:match "^(cgt%-%S+)\n$"
    assert.matches("\nnext: pomex video wait " .. plain(id) .. " %-o FILE\n$", run.err)
    assert.matches("^id%s+" .. plain(id) .. "\nstatus%s+queued\n", at:run("video show " .. id).out)
    local early = at:run("video save " .. id .. " -o g.mp4")
    assert.equal(1, early.code)
    assert.matches("next: pomex video wait " .. plain(id) .. " %-o g.mp4", early.err)
    sb.clock:advance(1000)
    assert.equal(id .. "\n", at:run("video wait " .. id).out)
    assert.same({ out = "g.mp4\n", code = 0, err = "" }, at:run("-q video save " .. id
      .. " -o g.mp4"))
    assert.not_matches("http", at:run("video show " .. id).out)
    assert.matches("\nvideo_url%s+http://127", at:run("video show --all " .. id).out)
    local lost = at:run "video show cgt-nowhere"
    assert.equal(1, lost.code)
    assert.matches("\nnext: pomex video list\n$", lost.err)
  end)

  it("says it in JSON, too", function()
    local objects, run = at:json "video '[fail]' -y -o h.mp4"
    assert.equal(1, run.code)
    assert.equal("made", objects[1].type)
    local last = objects[#objects]
    assert.same({ "result", 1, objects[1].id, "generation_failed" },
      { last.type, last.exit, last.id, last.error_type })
    objects = at:json "video 'A wave.' -y -o h.mp4"
    last = objects[#objects]
    assert.same({ 0, "h.mp4" }, { last.exit, last.file })
    assert.same({ "change", "succeeded" }, { objects[#objects - 1].type,
      objects[#objects - 1].status })
  end)

  -- Runs the command against a server that answers by a script; the requests that arrived, too.
  local function scripted(steps, line)
    local file = assert(io.open(at.folder .. "/steps.json", "wb"))
    file:write(cjson.encode(steps))
    file:close()
    local run = at:bash(("coproc server { %s steps.json; }\nread -r hello <&${server[0]}\n"
      .. "url=${hello#*:\\\"}\npomex --base-url ${url%%%%\\\"*} %s\ncode=$?\n"
      .. "exec {server[1]}>&-\ncat <&${server[0]} > arrived\n(exit $code)"):format(
      shell.quote((os.getenv "POMEX_SANDBOX_BIN"):gsub("bin/pomex%-sandbox$",
        "spec/support/fault_server")), line))
    return run, command.read(at.folder .. "/arrived")
  end

  it("lists and cancels where the service does #native", function()
    local list = { match = "GET /v1/video/generations?", body = cjson.encode { total = 2, data = {
      { id = "cgt-1", status = "queued", model = "m", created_at = 1796000000 },
      { id = "cgt-2", status = "succeeded" } } } }
    local run = scripted({ list }, "video list --status queued")
    assert.equal("cgt-1  queued     2026-11-30T00:53:20Z  m\ncgt-2  succeeded  -\n", run.out)
    -- Where the service names no time, the id has it, in UTC+8.
    list.body = cjson.encode { data = { { id = "cgt-20260619150458-96ncj", status = "running" } } }
    run = scripted({ list }, "video list")
    assert.equal("cgt-20260619150458-96ncj  running  2026-06-19T07:04:58Z\n", run.out)
    -- Pages may be smaller than what was asked for, and one may come twice.
    local function page(...)
      local data = {}
      for i, id in ipairs { ... } do data[i] = { id = id, status = "queued" } end
      return { match = "GET /v1/video/generations?", times = 1,
        body = cjson.encode { data = data } }
    end
    run = scripted({ page("cgt-1", "cgt-2"), page "cgt-3", page "cgt-3" }, "video list")
    assert.equal("cgt-1  queued  -\ncgt-2  queued  -\ncgt-3  queued  -\n", run.out, run.err)
    local gone = { match = "DELETE /v1/video/generations/cgt-1", body = "{}" }
    for status, code in pairs { queued = 0, running = 1, succeeded = 1, failed = 1 } do
      local look = { match = "GET /v1/video/generations/cgt-1", body = cjson.encode {
        id = "cgt-1", status = status } }
      local cancelled, arrived = scripted({ look, gone }, "video cancel cgt-1")
      assert.equal(code, cancelled.code, cancelled.err)
      assert.equal(status == "queued", arrived:find("DELETE", 1, true) ~= nil, status)
    end
  end)

  it("says so where the service lists and cancels no videos", function()
    sb:config { generation_seconds = 1000, generation_list = false, generation_cancel = false }
    local list = at:run "video list"
    assert.equal(1, list.code)
    assert.matches("^pomex: this service does not list videos\n", list.err)
    local _, run = billed("'A wave.' -y --no-wait")
    local id = run.out:match "%S+"
    assert.equal(1, at:run("video cancel " .. id).code)
    sb.clock:advance(500)
    local late = at:run("video cancel " .. id)
    assert.equal(1, late.code)
    assert.matches("cannot be cancelled any more: it is running", late.err)
  end)
end)
