-- pomex.terminal: terminals, and signals as events of a client's loop.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local pomex = require "pomex"
local proc = require "spec.support.proc"
local shell = require "spec.support.shell"
local terminal = require "pomex.terminal"

-- Runs `script` in a shell that is a child of this process.
local function child(script)
  local pipe = io.popen(script)
  local said = pipe:read "*a"
  pipe:close()
  return said
end

local function pid()
  return tonumber((child "echo $PPID"))
end

local function send(name)
  child(("kill -%s $PPID"):format(name))
end

-- What `script` prints on a terminal of 77 times 33.
local function on_terminal(script)
  return shell.bash(("script -qefc %s /dev/null < /dev/null"):format(shell.quote(
    ("stty cols 77 rows 33; %s -e %s"):format(shell.lua(), shell.quote(script)))))
end

describe("pomex.terminal", function()
  local client, held
  -- Before the bed's own, which looks for what is left open.
  after_each(function()
    if held then held:close() end
    held = nil
  end)

  bed({ sandbox = { generation_seconds = 600 } }, function(_, made) client = made end)

  it("knows a terminal and its size", function()
    local said = on_terminal [[
      local terminal = require "pomex.terminal"
      print(terminal.isatty(1), terminal.size(1))]]
    assert.matches("true%s+77%s+33", said)
  end)

  it("knows what is none", function()
    assert.equal("false\tnil\n", shell.bash(("%s -e %s"):format(shell.lua(), shell.quote [[
      local terminal = require "pomex.terminal"
      print(terminal.isatty(1), (terminal.size(1)))]])))
    assert.is_false(terminal.isatty(999))
    assert.has_error(function() terminal.isatty "1" end)
  end)

  it("reads signals in place of being ended by them", function()
    held = assert(terminal.signals { "INT", "TERM", "HUP", "TSTP", "WINCH" })
    assert.is_nil(held:take())
    for _, name in ipairs { "TERM", "INT", "HUP", "TSTP", "WINCH" } do
      send(name)
      assert.equal(name, held:take())
      assert.is_nil(held:take())
    end
    assert.has_error(function() terminal.signals { "KILL" } end)
  end)

  it("has a signal end a wait at once", function()
    held = assert(terminal.signals { "INT", "WINCH" })
    local task = pomex.check(client.generations:create { model = "byteplus/seedance-2.0-fast",
      content = pomex.content():text "A wave." })
    local op, seen = client.async.generations:wait(task.id, { timeout = 500 }), {}
    assert(held:watch(client, function(name)
      seen[#seen + 1] = name
      if name == "INT" then return op:cancel() end
      -- The second comes when the first was taken, and finds the client asleep.
      child "(sleep 0.2; kill -INT $PPID) > /dev/null 2>&1 &"
    end))
    assert.has_error(function() held:watch(client, print) end)
    client:spawn(function() child "kill -WINCH $PPID > /dev/null 2>&1 &" end)
    local value, err = op:wait()
    assert.is_nil(value)
    assert.equal("cancelled_error", err.type)
    assert.same({ "WINCH", "INT" }, seen)
  end)

  it("raises what the function raises from a step of the client", function()
    held = assert(terminal.signals { "WINCH" })
    assert(held:watch(client, function() error "of the function" end))
    send "WINCH"
    client:poll(10)
    client:step()
    assert.error_matches(function() client:step() end, "of the function")
    client:close()
    held:close()
    held:close()
  end)

  it("lets a signal do as before once it is closed", function()
    held = assert(terminal.signals { "WINCH", "TERM" })
    assert.matches("SigBlk:%s*0*8004000\n", proc.status(pid()))
    held:close()
    assert.matches("SigBlk:%s*0+\n", proc.status(pid()))
  end)

  it("is not inherited by what pomex starts", function()
    held = assert(terminal.signals { "INT", "TERM", "HUP" })
    local process = assert(core.spawn("cat", { "/proc/self/status" }))
    local line
    repeat line = assert(process:read_line()) until line:find "^SigBlk"
    assert.matches("^SigBlk:%s*0+$", line)
    process:stop()
  end)

  it("leaves in peace a sandbox that the program started", function()
    local said = shell.bash(([[setsid --wait %s -e %s]]):format(shell.lua(), shell.quote [[
      local held = require("pomex.terminal").signals { "INT" }
      local sb = assert(require("pomex.sandbox").start())
      local stat = assert(io.open(("/proc/%d/stat"):format(sb.pid))):read "*a"
      print(tonumber((stat:match "^.*%) %a %d+ (%d+)")) == sb.pid)
      io.popen("kill -INT 0"):close() -- as a terminal does at Ctrl-C: its whole group
      print(held:take(), sb:state().generations, sb:stop())]]))
    assert.equal("true\nINT\t0\t0\n", (said:gsub("0%.0", "0")))
  end)

  it("leaves ignored what the process was told to ignore", function()
    assert.equal("nil\tTERM\n", shell.bash(([[trap '' HUP; exec %s -e %s]]):format(shell.lua(),
      shell.quote [[
      local held = require("pomex.terminal").signals { "HUP", "TERM" }
      io.popen("kill -HUP $PPID"):close()
      io.write(tostring(held:take()), "\t")
      io.popen("kill -TERM $PPID"):close()
      print(held:take())]])))
  end)

  it("has a pipe that nobody reads end nothing", function()
    assert.equal("went on\n", shell.bash(([[%s -e %s | true]]):format(shell.lua(),
      shell.quote [[
      require("pomex.terminal").ignore_broken_pipes()
      for _ = 1, 100000 do io.write "x\n" end
      io.stdout:flush()
      io.stderr:write "went on\n"]]) .. "", true))
  end)

  it("stops the process, and goes on with it", function()
    local said = shell.bash(([[
      exec 3< <(%s -e %s)
      read -r child <&3
      while ! grep -q '^State:.T' /proc/$child/status; do sleep 0.01; done
      kill -CONT $child
      cat <&3]]):format(shell.lua(), shell.quote [[
      local file = io.open "/proc/self/stat"
      print((file:read "*a":match "^%d+"))
      io.stdout:flush()
      require("pomex.terminal").suspend()
      print "goes on"]]))
    assert.equal("goes on\n", said)
  end)
end)
