-- What the command says of itself: --help, the man page, completion; and what is wrong with a line.

local command = require "spec.support.command"
local shell = require "spec.support.shell"

describe("pomex --help #command", function()
  local at = command.new()
  teardown(function() at:remove() end)

  -- The words of each command, from the parser itself.
  local parsers = {}
  local function commands(parser, words, all)
    for _, child in ipairs(parser._commands) do
      local line = words .. child._name
      all[#all + 1] = line
      parsers[line] = child
      commands(child, line .. " ", all)
    end
    return all
  end
  local ALL = commands((require("pomex.command").parser()), "", {})

  it("is there for each command, on stdout, and begins with examples", function()
    assert.is_true(#ALL >= 17)
    for _, line in ipairs(ALL) do
      local run = at:run(line .. " --help")
      assert.same({ 0, "" }, { run.code, run.err }, line)
      assert.matches("^Usage: pomex [^\n]+\n.-\n\nExamples:\n   [^\n]*pomex ", run.out)
      assert.equal(run.out, at:run("help " .. line).out)
      for row in run.out:gmatch "[^\n]+" do
        local _, wide = row:gsub("[^\128-\191]", "")
        assert.is_true(wide <= 80, row)
      end
      -- No example was too long, and broken.
      for _, example in ipairs(parsers[line].about.examples) do
        assert.matches("\n   " .. example .. "\n", run.out, 1, true)
      end
    end
    local top = at:run "--help"
    assert.same({ 0, "" }, { top.code, top.err })
    for _, line in ipairs(ALL) do
      if not line:find " " then assert.matches("\n   " .. line .. " ", top.out) end
    end
  end)

  it("is named where a line cannot be read, with 2", function()
    for line, row in pairs {
      [""] = { "a command is required", "pomex %-%-help" },
      ["frobnicate"] = { "unknown command 'frobnicate'", "pomex %-%-help" },
      ["portrait"] = { "a command is required", "pomex portrait %-%-help" },
      ["portrait ad"] = { "unknown command 'ad' Did you mean 'add'%?",
        "pomex portrait %-%-help" },
      ["portrait list --gruop g"] = { "'%-%-gruop' Did you mean '%-%-group'",
        "pomex portrait list %-%-help" },
      ["video wait"] = { "missing argument 'id'", "pomex video wait %-%-help" },
      ["verify --lang fr"] = { "[^\n]*must be one of 'en', 'zh', 'zh%-Hant'",
        "pomex verify %-%-help" },
      ["--color pink doctor"] = { "[^\n]*must be one of 'auto'", "pomex %-%-help" },
      ["doctor more"] = { "too many arguments", "pomex doctor %-%-help" },
    } do
      local run = at:run(line)
      assert.same({ 2, "" }, { run.code, run.out }, line)
      assert.matches("^pomex: " .. row[1] .. "[^\n]*\nnext: " .. row[2] .. "\n$",
        (run.err:gsub("unknown option ", "", 1)))
    end
  end)

  it("cannot be had where something is missing, and says in one line what to install", function()
    local own = at.root .. "/lua/?.lua;" .. at.root .. "/lua/?/init.lua"
    for why, env in pairs {
      ['the command needs argparse for Lua 5.%d: "apt%-get install lua%-argparse"'] =
        { LUA_PATH = own },
      ['does not find the module "pomex.core"'] = { LUA_CPATH = "/nowhere/?.so" },
      ["the Lua files of pomex are not found"] = { LUA_PATH = "/nowhere/?.lua" },
    } do
      local run = at:run("--help", env)
      assert.same({ 1, "" }, { run.code, run.out })
      assert.matches("^pomex: [^\n]*" .. why .. "[^\n]*\n$", run.err)
    end
  end)

  it("has the version beside it", function()
    assert.same({ out = "pomex " .. require("pomex").VERSION .. "\n", err = "", code = 0 },
      at:run "--version")
  end)

  it("is what the man page says: lua5.4 bin/pomex --man > docs/pomex.1 renews it", function()
    local run = at:run "--man"
    assert.equal(0, run.code, run.err)
    assert.equal(command.read "docs/pomex.1", run.out)
    for _, code in ipairs { 0, 1, 2, 3, 4, 5, 6, 7, 11, 130 } do
      assert.matches("\n.TP\n.B " .. code .. "\n", run.out, 1, true)
    end
    assert.same({ "", true }, { shell.bash("command -v man > /dev/null || exit 0\n"
      .. "man --warnings -l docs/pomex.1 2>&1 > /dev/null") })
  end)

  -- Runs a script in a shell that completes; nil: it is not here.
  local function in_shell(name, script)
    local run = at:bash(("command -v %s > /dev/null || exit 0\npomex completion %s > words\n%s")
      :format(name, name, script))
    return run
  end

  it("completes in bash", function()
    local run = in_shell("bash", [[
bash -n words && bash -c '
source words
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _pomex; echo "${COMPREPLY[*]}"; }
try pomex por
try pomex portrait s
try pomex portrait add --vir
try pomex video "A wave." --im
try pomex --color a
']])
    assert.equal("portrait\nshow save\n--virtual\n--image\nauto always\n", run.out, run.err)
  end)

  it("completes in zsh and fish, where they are", function()
    local zsh = in_shell("zsh", "zsh -n words && echo good")
    assert.is_true(zsh.out == "" or zsh.out == "good\n", zsh.err)
    local fish = in_shell("fish", [[fish --no-execute words && fish -c '
source words
complete -C "pomex por" | string split -f1 \t
complete -C "pomex portrait add --vir" | string split -f1 \t']])
    assert.is_true(fish.out == "" or fish.out == "portrait\n--virtual\n", fish.out .. fish.err)
  end)
end)
