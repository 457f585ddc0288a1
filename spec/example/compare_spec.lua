-- examples/compare.sh: what it prints of pomex is what pomex promises, and its faults are faults.

local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

local SCRIPT = shell.quote(root .. "/examples/compare.sh")

describe("the comparison with thirty lines #once #example", function()
  local rows, said, lines = {}, {}, nil

  -- While it runs, the command lines of its session go into a file; then comes what it said.
  local RUN = [[
    unset POMEX_SANDBOX_BIN LUA_PATH LUA_CPATH
    work=$(mktemp -d)
    setsid %s --no-install > "$work/out" 2>&1 &
    while kill -0 $! 2> /dev/null; do
      ps -ww -o args= -s $! >> "$work/lines"
      sleep 0.2
    done
    wait $!
    status=$?
    cat "$work/lines" - "$work/out" <<< ======
    rm -rf "$work"
    exit $status]]

  -- rows[fault][program] = { tasks, file, leaked }, as printed.
  setup(function()
    local output, ok = shell.bash(RUN:format(SCRIPT))
    assert.is_true(ok, output)
    lines, output = output:match "^(.-)\n======\n(.*)$"
    local fault, program
    for line in output:gmatch "[^\n]+" do
      local name, who, tasks, file, leaked =
        line:match "^(.-) +(%l+) +(%d+)  (%l+) +[%d.]+  (%l+)$"
      if name then
        fault, program = name ~= "" and name or fault, who
        rows[fault] = rows[fault] or {}
        rows[fault][program] = { tasks = tonumber(tasks), file = file, leaked = leaked }
      elseif line:find("it said: ", 1, true) then
        said[fault .. "/" .. program] = line
      end
    end
  end)

  local LOST = "the answer is lost after the task was made"
  local REUSED = "a reused connection dies with its request"
  local BROKEN = "the video breaks off in the middle"
  local SILENCE = "the task is made, and then there is silence"
  local REDIRECT = "an answer redirects to another host"

  local function has(fault, program, tasks, file, leaked)
    assert.same({ tasks = tasks, file = file, leaked = leaked }, rows[fault][program])
  end

  it("finds both programs well where nothing goes wrong", function()
    local faults = 0
    for _ in pairs(rows) do faults = faults + 1 end
    assert.equal(6, faults)
    has("no fault", "plain", 1, "whole", "no")
    has("no fault", "pomex", 1, "whole", "no")
  end)

  it("sees pomex bill one task, and either save it whole or say what became of it", function()
    has(LOST, "pomex", 1, "none", "no")
    assert.matches("ambiguous_error.*maybe billed", said[LOST .. "/pomex"])
    has(REUSED, "pomex", 1, "whole", "no")
    has(BROKEN, "pomex", 1, "whole", "no")
    has(SILENCE, "pomex", 1, "none", "no")
    assert.matches("ambiguous_error.*maybe billed", said[SILENCE .. "/pomex"])
    has(REDIRECT, "pomex", 1, "none", "no")
    assert.matches("redirect.*the key stays here.*id cgt%-", said[REDIRECT .. "/pomex"])
  end)

  it("shows no key in the list of processes", function()
    for _, program in ipairs { "thirty_lines%.lua", "pomex_lines%.lua", "pomex%-sandbox " } do
      assert.matches(program, lines)
    end
    assert.is_nil(lines:find "%f[%a]sk%-")
  end)

  it("sees the plain program bill twice, save half a video and send its key away", function()
    has(LOST, "plain", 2, "whole", "no")
    has(REUSED, "plain", 1, "whole", "no")
    has(BROKEN, "plain", 1, "broken", "no")
    has(SILENCE, "plain", 2, "whole", "no")
    has(REDIRECT, "plain", 1, "whole", "yes")
  end)

  it("breaks a reused connection so that libcurl, left alone, makes a second task", function()
    local sb = assert(sandbox.start())
    sb:fault { endpoint = "generations.create", reused = true, after_accept = "drop", times = 0 }
    local output = shell.bash(([[curl -sS --noproxy '*' -H 'Authorization: Bearer %s' \
      %s/v1/video/assets %s/v1/video/generations --next -sS --noproxy '*' \
      -H 'Authorization: Bearer %s' -d '{"model":"m","content":[{"type":"text","text":"x"}]}' \
      %s/v1/video/generations]]):format(sb.key, sb.url, sb.url, sb.key, sb.url))
    local billed, sent = sb.ledger:count "generation", #sb.journal:requests "generations.create"
    sb:stop()
    assert.same({ 2, 2 }, { billed, sent }, output)
  end)
end)
