-- `pomex doctor` and `pomex sandbox`.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

describe("pomex doctor #command", function()
  local sb, at

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    at = command.new(sb)
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)
  before_each(function() sb:clear_faults() end)

  it("says one line of each thing, and 0 where all is well", function()
    local run = at:run "doctor"
    assert.equal(0, run.code, run.out)
    for _, name in ipairs { "pomex", "lua", "sandbox", "config", "proxy", "key", "service",
      "account", "built", "limits", "clock", "terminal" } do
      assert.equal(1, select(2, ("\n" .. run.out):gsub("\nok%s+" .. name .. "%s+%S[^\n]*", "")),
        name)
    end
    assert.matches("\nok     library    [^\n]*libcurl[^\n]* %(%d+%.%d+%.%d+%)\n", run.out)
    assert.matches("\nok     library    [^\n]*pomex/core.so\n", run.out)
    assert.matches("\nok     key        found: $POMEX_API_KEY\n", run.out, 1, true)
    assert.equal("next: pomex verify\n", run.err)
  end)

  it("says what is at fault, and ends with that one's code", function()
    local function fault(name, code, env, line)
      local run = at:run(line or "doctor", env)
      assert.equal(code, run.code, run.out)
      assert.equal(1, select(2, ("\n" .. run.out):gsub("\nfault%s+", "")), run.out)
      assert.matches("\nnext: ", "\n" .. run.err)
      return ("\n" .. run.out):match("\nfault%s+" .. name .. "%s+([^\n]+)")
    end
    assert.matches("^there is no API key", fault("key", 4, { POMEX_API_KEY = false }))
    assert.matches("quotation mark", fault("key", 4, { POMEX_API_KEY = '"sk-x"' }))
    assert.matches("^the key is refused", fault("account", 4, { POMEX_API_KEY = "sk-x" }))
    assert.matches("127.0.0.1:1", fault("service", 1, { POMEX_BASE_URL = "http://127.0.0.1:1" }),
      1, true)
    assert.matches("^base_url is not a URL", fault("settings", 2, { POMEX_BASE_URL = "junk" }))
    assert.matches("no profile", fault("config", 2, nil, "--profile x doctor"))
    sb:fault { endpoint = "assets.list", status = 503 }
    assert.matches("^" .. sb.url:gsub("%p", "%%%0"), fault("service", 1))
  end)

  it("names the sandbox to who has no key", function()
    assert.matches("tried on the sandbox, where nothing is billed:\n  pomex sandbox\nnext: ",
      at:run("doctor", { POMEX_API_KEY = false }).err)
    assert.not_matches("pomex sandbox", at:run("doctor", { POMEX_API_KEY = "sk-x" }).err, 1, true)
  end)

  it("shows no proxy's address, which can hold a password", function()
    local run = at:run("doctor", { https_proxy = "http://me:hidden@proxy.example:1" })
    assert.matches("\nok     proxy      $https_proxy\n", run.out, 1, true)
    assert.not_matches("hidden", run.out .. run.err)
    assert.not_matches("proxy.example", run.out .. run.err, 1, true)
  end)

  it("is JSON, too", function()
    local objects = at:json "doctor"
    assert.same({ "check", "pomex", "ok" }, { objects[1].type, objects[1].name, objects[1].state })
    assert.same({ "result", 0 }, { objects[#objects].type, objects[#objects].exit })
  end)
end)

describe("pomex sandbox #command", function()
  local at = command.new()
  teardown(function() at:remove() end)

  it("prints lines to paste, serves until it is stopped, and leaves nothing", function()
    local run = at:bash(at:line("sandbox -- --port 0 --asset-seconds=0 --rate-limits off "
      .. "--idle-seconds 50 --request-seconds=1.5") .. [[ \
      > lines &
pid=$!
until [ "$(wc -l < lines)" = 3 ]; do sleep 0.01; done
. ./lines
tr '\0' ' ' < /proc/$(pgrep -P $pid pomex-sandbox)/cmdline > passed
]] .. at:line("verify --scan pass"):gsub("^env %-i ", "env ") .. [[

echo "=$?"
kill -TERM $pid
wait $pid
while curl -s "$POMEX_BASE_URL" > /dev/null; do sleep 0.01; done
echo ended]])
    assert.matches("^group%-%S+\n=0\nended\n$", run.out, run.err)
    local passed = command.read(at.folder .. "/passed")
    assert.matches("--idle-seconds 50 ", passed, 1, true)
    assert.matches("--request-seconds 1.5 ", passed, 1, true)
    local lines = command.read(at.folder .. "/lines")
    assert.matches("^export POMEX_BASE_URL=http://127%.0%.0%.1:%d+\nexport POMEX_API_KEY=sk%-%S+\n"
      .. "export POMEX_SANDBOX_TOKEN=%x+\n$", lines)
  end)

  it("ends with 0 by Ctrl-C at its terminal #native", function()
    local run = at:bash("(until grep -q Ctrl typed 2> /dev/null; do sleep 0.01; done; "
      .. "printf '\\003') | timeout 60 script -qefc " .. require("spec.support.shell").quote(
      "exec " .. at:line("sandbox -- --port 0", { TERM = "xterm" })) .. " typed")
    assert.matches("\nexport POMEX_BASE_URL=http", run.out)
    assert.equal(0, run.code, run.out)
  end)

  it("says which options there are, and what stands in the way", function()
    for words, why in pairs { ["--porter 1"] = "%-%-porter is no option that fits here",
      ["--json"] = '%-%-json is an option of pomex: it stands before "%-%-"',
      ["--port"] = "needs a value", ["--idle-seconds 1.5"] = "idle_seconds",
      ["--port x"] = "%-%-port cannot be x", ["--rate-limits maybe"] = "cannot be maybe",
      ["--port 1.5"] = "port" } do
      local run = at:run("sandbox -- " .. words)
      assert.equal(2, run.code, run.err)
      assert.matches("^pomex: [^\n]*" .. why, run.err)
      assert.matches("\nnext: pomex sandbox %-%-help\n$", run.err)
    end
    local sb = assert(sandbox.start())
    local run = at:run("sandbox -- --port " .. sb.url:match "%d+$")
    sb:stop()
    assert.equal(1, run.code)
    assert.matches("\nnext: pomex sandbox %-%- %-%-port 0\n$", run.err)
    run = at:run("sandbox", { POMEX_SANDBOX_BIN = "/nowhere" })
    assert.equal(1, run.code)
    assert.matches("there is no pomex%-sandbox at", run.err)
  end)
end)
