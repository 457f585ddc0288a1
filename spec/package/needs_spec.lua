-- What `require "pomex"` says where a module in C is missing, or was built for another Lua.

local shell = require "spec.support.shell"

local VERSION = _VERSION:match("%d%.%d")
-- What is built for 5.4 shows nothing that a 5.5 would not have.
local OTHER = (VERSION == "5.4" or VERSION == "5.5") and "5.1" or "5.4"
-- From where lua-cjson comes for this Lua, beside LuaRocks.
local SOURCE = VERSION == "5.5" and "no distribution has it for Lua 5.5 yet"
  or '"apt-get install lua-cjson"'
local RUNNING = rawget(_G, "jit") and "LuaJIT" or _VERSION

local function bash(script)
  local output, ok = shell.bash(script)
  assert(ok, output)
  return (output:gsub("%s+$", ""))
end

-- What a fresh Lua says that finds modules in C in `cpath` alone.
local function message_with(cpath)
  return (shell.bash(("%s -e 'package.cpath = %q print(select(2, pcall(require, %q)))'"):format(
    shell.lua(), cpath, "pomex")))
end

-- The entry of package.cpath that this run has pomex's module from.
local function own_entry()
  for entry in package.cpath:gmatch("[^;]+") do
    local file = io.open((entry:gsub("%?", "pomex/core")))
    if file then
      file:close()
      return entry
    end
  end
end

describe("require \"pomex\"", function()
  local folder, core, readme

  setup(function()
    folder = bash "mktemp -d"
    core = assert(own_entry(), package.cpath)
    local file = assert(io.open "README.md")
    readme = file:read("*a")
    file:close()
    bash(("cd %s && mkdir pomex && cp -L /usr/lib/*/lua/%s/cjson.so . && cp cjson.so pomex/core.so")
      :format(folder, OTHER))
  end)

  teardown(function() bash("rm -r " .. shell.quote(folder)) end)

  it("says how to install lua-cjson where it is missing", function()
    local said = message_with(core)
    assert.matches('^pomex: ' .. RUNNING .. '.- does not find the module "cjson"; ', said)
    assert.matches(SOURCE, said, 1, true)
    assert.matches('"luarocks --lua-version=' .. VERSION .. ' install lua-cjson"', said, 1, true)
    assert.matches("no field package.preload['cjson']", said, 1, true)
  end)

  it("says for which Lua a lua-cjson is, and which runs", function()
    local said = message_with(core .. ";" .. folder .. "/?.so")
    assert.matches(folder .. "/cjson.so is built for Lua " .. OTHER, said, 1, true)
    assert.matches("^pomex: [^\n]-, and " .. RUNNING .. "[^\n]- runs; ", said)
    assert.matches(SOURCE, said, 1, true)
  end)

  it("says how to build its own module where it is missing", function()
    local said = message_with "/nowhere/?.so"
    assert.matches('^pomex: ' .. RUNNING .. '.- does not find the module "pomex.core"; ', said)
    assert.matches("-DPOMEX_LUA=" .. (rawget(_G, "jit") and "luajit" or VERSION), said, 1, true)
    assert.matches("luarocks --lua-version=" .. VERSION .. " make", said, 1, true)
    local packages = said:match("on Debian that needs ([^\n(]+)")
    for name in packages:gmatch("%S+") do
      -- README's row of what building needs names the headers of 5.4.
      assert.matches("`" .. name .. "`", readme, 1, true)
    end
  end)

  it("says for which Lua its own module is, and which runs", function()
    local said = message_with(folder .. "/?.so")
    assert.matches("pomex/core.so is built for Lua " .. OTHER, said, 1, true)
    assert.matches(", and " .. RUNNING .. ".- runs; build it ", said)
  end)

  it("names the package of a library that its own module misses #native", function()
    bash(([[cd %s && mkdir broken broken/pomex && echo 'int pomex_part(void) { return 1; }' > part.c
      echo 'int pomex_part(void); int luaopen_pomex_core(void) { return pomex_part(); }' > core.c
      cc -shared -fPIC -o libjansson.so.4 -Wl,-soname,libjansson.so.4 part.c
      cc -shared -fPIC -o broken/pomex/core.so core.c -L. -l:libjansson.so.4
      sed -i 's/libjansson\.so\.4/libjans404.so.4/' broken/pomex/core.so; rm libjansson.so.4]])
      :format(folder))
    assert.matches("the library libjans404.so.4, which pomex.core needs, is missing",
      message_with(folder .. "/broken/?.so"), 1, true)
    local said = shell.bash(shell.lua() .. [[ -e 'package.preload["pomex.core"] = function()
      error "libjansson.so.4: cannot open shared object file: No such file or directory" end
      print(select(2, pcall(require, "pomex")))']])
    assert.matches("libjansson.so.4, which pomex.core needs, is missing: install it (Debian: "
      .. "libjansson4)", said, 1, true)
  end)

  it("goes on as ever once they are there", function()
    assert.equal("table: ", message_with(core .. ";" .. package.cpath):sub(1, 7))
  end)
end)
