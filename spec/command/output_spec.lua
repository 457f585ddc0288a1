-- Where the command writes, and what becomes of it when nobody reads any more.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

describe("the output of the command pomex #command", function()
  local sb, at, group

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
    at = command.new(sb)
    group = sb:add_person()
    sb:add_assets { count = 500, group_id = group, status = "active" }
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)

  it("ends with its reader, and the command does not", function()
    local run = at:bash("pomex portrait list -g " .. group .. " | head -1; echo ${PIPESTATUS[0]}")
    assert.matches("^asset%-[^\n]*\n0\n$", run.out)
    assert.equal("", run.err)
    -- Nobody reads from the start, and the video is made all the same.
    local before = sb.ledger:count "generation"
    run = at:bash("pomex --json video 'A wave.' -y -o piped.mp4 | true; echo ${PIPESTATUS[0]}")
    assert.equal("0\n", run.out)
    assert.equal("ftyp", command.read(at.folder .. "/piped.mp4"):sub(5, 8))
    assert.equal(before + 1, sb.ledger:count "generation")
  end)

  it("can be closed, all of it, and no message is written into a file or a socket", function()
    for i, closed in ipairs { "2>&-", "1>&-", "0<&-", "0<&- 1>&- 2>&-" } do
      local name = i .. ".mp4"
      local run = at:bash(("pomex video 'A wave.' -y -o %s %s"):format(name, closed))
      assert.equal(0, run.code, closed .. run.err)
      local bytes = command.read(at.folder .. "/" .. name)
      assert.equal("ftyp", bytes:sub(5, 8))
      assert.is_nil(bytes:find("succeeded", 1, true))
    end
    -- An error, too.
    assert.equal(1, at:bash("pomex video show cgt-nowhere 2>&-").code)
    assert.equal(4, at:bash("pomex video show cgt-nowhere 2>&-", { POMEX_API_KEY = "sk-x" }).code)
  end)

  it("says so where a result cannot be written, and ends with 1", function()
    local run = at:bash("pomex verify --scan pass > /dev/full")
    assert.equal(1, run.code)
    assert.matches("standard output could not be written: No space left", run.err)
  end)

  it("has nothing on stderr with --quiet but ids and errors", function()
    local run = at:run "-q video 'A wave.' -y -o quiet.mp4"
    assert.same({ 0, "quiet.mp4\n" }, { run.code, run.out })
    assert.matches("^video cgt%-%S+\n$", run.err)
    run = at:run "--quiet video show cgt-nowhere"
    assert.matches("^pomex: [^\n]*\n$", run.err)
  end)

  it("is coloured on a terminal alone, unless the environment or --color says otherwise", function()
    local line = "video show cgt-nowhere"
    local function colored(run) return (run.out .. run.err):find("\27[31m", 1, true) ~= nil end
    assert.is_false(colored(at:run(line, { TERM = "xterm" })))
    assert.is_true(colored(at:terminal(line, "")))
    assert.is_false(colored(at:terminal(line, "", { NO_COLOR = "1" })))
    assert.is_false(colored(at:terminal(line, "", { TERM = "dumb" })))
    assert.is_false(colored(at:terminal("--color never " .. line, "")))
    assert.is_true(colored(at:terminal("--color always " .. line, "", { NO_COLOR = "1" })))
    assert.is_true(colored(at:run("--color=always " .. line)))
  end)

  it("draws a line again on a terminal alone, and on none that is dumb", function()
    sb:config { generation_seconds = 1000 }
    local id = at:run("video 'A wave.' -y --no-wait").out:match "%S+"
    local line = "video wait --timeout 2.5 " .. id
    local function drawn(run) return select(2, (run.out .. run.err):gsub("\r\27%[K", "")) end
    assert.equal(2, drawn(at:terminal(line, "")))
    assert.equal(0, drawn(at:terminal(line, "", { TERM = "dumb" })))
    local piped = at:run(line, { TERM = "xterm" })
    assert.equal(0, drawn(piped))
    assert.equal(6, piped.code)
    sb:config { generation_seconds = 0 }
  end)

  it("is JSON Lines with --json, whatever happens, with one result at the end", function()
    for line, code in pairs {
      ["portrait list --virtual"] = 0, ["video show cgt-nowhere"] = 1, ["video 'A wave.'"] = 2,
      ["nonsense"] = 2, ["verify --scan fail"] = 1, ["portrait list -g " .. group] = 0,
    } do
      local objects, run = at:json(line)
      assert.equal(code, run.code, line)
      local results = 0
      for _, object in ipairs(objects) do
        if object.type == "result" then results = results + 1 end
      end
      local last = objects[#objects]
      assert.same({ 1, "result", code }, { results, last.type, last.exit }, line)
      assert.equal(code ~= 0, last.error ~= nil and last.next ~= nil, line)
    end
  end)

  it("is one useful line for odd words, and never a fault of pomex's own", function()
    for line, code in pairs {
      ["video show ''"] = 2, ["video show .."] = 2, ["video show a/b"] = 1,
      ["portrait wait '' --timeout 1"] = 2, ["portrait show $(printf %01000d)"] = 2,
      ["video $'a\\xff' -y --no-wait"] = 2, ["video '' -y --no-wait"] = 2,
      ["video x -y --no-wait --set ="] = 2, ["video x -y --no-wait --set n=1e400"] = 2,
      ["video x -y --no-wait -d inf"] = 2, ["video x -y -o ''"] = 2, ["video x -y -o /tmp"] = 1,
      ["video '{}' -y --no-wait"] = 2, ["video x -y --no-wait -i ''"] = 2, ["video -- -x"] = 2,
      ["--base-url junk video show a"] = 2, ["--base-url http://a.example video show a"] = 2,
      ["--key-file /nonexistent video show a"] = 4, ["--key-file /dev/null video show a"] = 4,
      ["--key-file /tmp video show a"] = 4, ["portrait list -g ''"] = 2,
      ["verify --callback-url ''"] = 2, ["sandbox -- --port 99999"] = 1,
      ["portrait add '' -g g"] = 2, ["portrait add $'https://a.example/\\n' -g g"] = 2,
      ["--"] = 2, ["help nonsense"] = 2, ["--color"] = 2,
    } do
      local run = at:run(line)
      assert.same({ code, "" }, { run.code, run.out }, line .. ": " .. run.err)
      assert.matches("^pomex: [^\n]+\nnext: pomex [^\n]*\n$", run.err)
      assert.not_matches("mistake in pomex", run.err)
    end
    assert.matches("next: pomex video make %-o FILE %-%- %-x\n", at:run("video -- -x").err)
    assert.equal(0, at:run("portrait list --virtual", { HOME = false }).code)
  end)

  it("shows no control byte of the service's", function()
    sb:fault { endpoint = "generations.get", status = 404,
      body = '{"error":{"message":"gone\\u001b[2J\\nnext: rm -rf","type":"x"}}' }
    local run = at:run "video show cgt-1"
    assert.matches("^pomex: gone\\x1b%[2J\\x0anext: rm %-rf [^\n]*\nnext: pomex video list\n$",
      run.err)
  end)
end)
