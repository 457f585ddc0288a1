-- examples/quickstart.lua as a person meets it. (spec/run.sh also runs quickstart.sh, twice.)

local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

local SCRIPT = shell.quote(root .. "/examples/quickstart.lua")
local SHELL_SCRIPT = shell.quote(root .. "/examples/quickstart.sh")

-- Bash that starts the quickstart beside it: $out and $in are its ends, $OUTPUT its video.
local BESIDE = "OUTPUT=$(mktemp -d)/v.mp4\ntrap 'rm -rf \"${OUTPUT%/*}\"' EXIT\n"
  .. "coproc Q { exec " .. shell.lua() .. " " .. SCRIPT .. " --output \"$OUTPUT\" %s 2>&1; }\n"
  .. "exec {out}<&${Q[0]} {in}>&${Q[1]}\npid=$Q_PID\n"
  .. "until_line() { while read -r -t 30 -u $out line; do echo \"$line\"; "
  .. "[[ $line == *\"$1\"* ]] && return; done; return 1; }\n"

local function beside(options, script)
  return shell.bash((BESIDE:gsub("%%s", options)) .. script)
end

-- All with --browser: the curl that it else plays the phone with would run below a sanitizer
-- that this process was started with, and hang.
describe("the quickstart #once", function()
  it("finds what was built whatever paths the user has for Lua 5.4", function()
    local output = shell.bash(([[
      export POMEX_BUILD="$(mktemp -d)" LUA_PATH_5_4="/none/?.lua" LUA_CPATH_5_4="/none/?.so"
      trap 'rm -rf "$POMEX_BUILD"' EXIT
      . %s/examples/build.sh
      cmake() { :; }
      pomex_build test %s
      lua5.4 -e 'print(package.path) print(package.cpath)'
    ]]):format(shell.quote(root), shell.quote(root)))
    assert.matches(root .. "/lua/?.lua;", output, 1, true)
    assert.matches("/release/lib/?.so;", output, 1, true)
  end)

  it("leaves the phone to a human with --browser, and reads the address that is pasted", function()
    local output, ok = beside("--browser", [[
      until_line 'for the person'
      read -r -u $out link; echo "$link"
      address=$(curl -sS --noproxy '*' -o /dev/null -d outcome=pass -w '%{redirect_url}' "$link")
      echo "$address" >&$in
      until_line 'Saved' && until_line 'pomex --help' && wait $pid &&
        head -c 8 "$OUTPUT" | tail -c 4
    ]])
    assert.is_true(ok, output)
    assert.matches("Verified %(real_time%): group%-", output)
    assert.matches("Saved /%S+/v%.mp4: %d+%.%d MB, %d+%.%d s\n", output)
    -- The last lines are what to do next, and that is there.
    local bin = output:match "\n• Next, [^\n]*\nexport PATH=(/%S+):%$PATH\npomex %-%-help\n"
    assert.is_truthy(bin, output)
    -- A sanitizer's build has a module that wants the sanitizer before it.
    if not os.getenv "LD_PRELOAD" then
      assert.matches("^pomex %d", (shell.bash(bin .. "/pomex --version")))
    end
    assert.matches("ftyp$", output)
  end)

  it("says what a failed scan is, without a traceback, and stops its sandbox", function()
    local output = beside("--browser", [[
      until_line 'Started a sandbox'
      url=${line#* at }; url=${url%% *}
      until_line 'for the person'
      read -r -u $out link
      address=$(curl -sS --noproxy '*' -o /dev/null -d outcome=fail -w '%{redirect_url}' "$link")
      echo "$address" >&$in
      cat <&$out
      wait $pid; echo "code $?"
      curl -sS --noproxy '*' -o /dev/null "$url/" || echo "curl $?"
    ]])
    assert.matches("verification_failed: the person was not verified: resultCode is ", output)
    assert.is_nil(output:find("stack traceback", 1, true))
    assert.matches("code 1\n", output)
    assert.matches("curl 7\n", output)
  end)

  it("ends at Ctrl-C, saying so, with nothing half-written and no sandbox left", function()
    local output = beside("--browser", [[
      until_line 'Started a sandbox'
      url=${line#* at }; url=${url%% *}
      until_line 'for the person'
      read -r -u $out link
      address=$(curl -sS --noproxy '*' -o /dev/null -d outcome=pass -w '%{redirect_url}' "$link")
      echo "$address" >&$in
      until_line 'the video is'
      kill -INT $pid
      cat <&$out
      wait $pid; echo "code $?"
      ls "${OUTPUT%/*}" | wc -l
      curl -sS --noproxy '*' -o /dev/null "$url/" || echo "curl $?"
    ]])
    assert.matches("quickstart: stopped\n", output)
    assert.matches("code 130\n0\n", output)
    assert.matches("curl 7\n", output)
    assert.is_nil(output:find("stack traceback", 1, true))
  end)

  it("says where it cannot write", function()
    local output = beside("--browser --output /nonexistent/v.mp4", [[
      until_line 'for the person'
      read -r -u $out link
      address=$(curl -sS --noproxy '*' -o /dev/null -d outcome=pass -w '%{redirect_url}' "$link")
      echo "$address" >&$in
      cat <&$out
      wait $pid; echo "code $?"
    ]])
    assert.matches("quickstart: [^\n]*/nonexistent/v%.mp4[^\n]*\ncode 1\n$", output)
  end)

  it("refuses --live without what it needs, before it builds anything", function()
    local output, ok = shell.bash("POMEX_API_KEY=sk-k " .. SHELL_SCRIPT .. " --live")
    assert.is_false(ok)
    assert.matches("needs %-%-callback%-url and %-%-portrait", output)
    output, ok = shell.bash("POMEX_API_KEY= " .. SHELL_SCRIPT
      .. " --live --callback-url https://a.example --portrait https://b.example/a.jpg")
    assert.is_false(ok)
    assert.matches("POMEX_API_KEY", output)
    output, ok = shell.bash(SHELL_SCRIPT .. " --output /proc/none/v.mp4")
    assert.is_false(ok)
    assert.matches("quickstart: cannot write to /proc/none", output)
    output, ok = shell.bash(SHELL_SCRIPT .. " --lvie")
    assert.is_false(ok)
    assert.matches("unknown argument: %-%-lvie", output)
    output, ok = shell.bash(SHELL_SCRIPT .. " --output")
    assert.is_false(ok)
    assert.matches("%-%-output needs a value", output)
  end)
end)
