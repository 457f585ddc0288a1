-- The modules that a program requires by name keep their names, whatever folder they lie in.

local pomex = require "pomex"
local shell = require "spec.support.shell"

-- Each name with a function that it must have.
local NAMES = {
  ["pomex.callback"] = "parse_unverified", ["pomex.content"] = "new", ["pomex.errors"] = "is",
  ["pomex.sandbox"] = "start", ["pomex.host.auto"] = "wait", ["pomex.host.blocking"] = "wait",
  ["pomex.host.coroutine"] = "current",
  ["pomex.terminal"] = "signals", ["pomex.manifest"] = "read",
}
if pcall(require, "pomex.qrcore") then NAMES["pomex.qr"] = "svg" end -- built with libqrencode

-- Runs `script` in a fresh Lua whose package.path is `path`.
local function run_with(path, script)
  local output = shell.bash(("%s -e 'package.path = %q\n%s'"):format(shell.lua(), path, script))
  return output
end

-- The entries of this run's package.path that end in "?.lua", without any "?/init.lua".
local function plain_path()
  local entries = {}
  for entry in package.path:gmatch("[^;]+") do
    if entry:find("%?%.lua$") then entries[#entries + 1] = entry end
  end
  return table.concat(entries, ";")
end

describe("a name that a program requires", function()
  it("is found on a package.path without ?/init.lua", function()
    assert.not_matches("init", plain_path())
    for name, member in pairs(NAMES) do
      assert.equal("function\n",
        run_with(plain_path(), ("print(type(require(%q).%s))"):format(name, member)), name)
    end
  end)

  it("works there: a callback is parsed, and its verifier made", function()
    assert.equal("group-1\tpomex callback verifier\n", run_with(plain_path(), [[
      local callback = require "pomex.callback"
      local person = callback.parse_unverified "resultCode=10000&group_id=group-1"
      local verifier = callback.new { secret = ("x"):rep(32) }
      print(person.group_id, (tostring(verifier):gsub(" %(.*", "")))]]))
  end)

  it("is one module wherever package.path has its folders", function()
    local reversed = {}
    for entry in package.path:gmatch("[^;]+") do table.insert(reversed, 1, entry) end
    for _, path in ipairs { package.path, table.concat(reversed, ";") } do
      assert.equal("true\ttrue\n", run_with(path, [[
        local pomex = require "pomex"
        print(pomex.callback == require "pomex.callback", pomex.sandbox == require "pomex.sandbox")
      ]]))
    end
  end)

  it("is drawn lazily by pomex itself", function()
    assert.equal(require "pomex.callback", pomex.callback)
    assert.equal(require "pomex.sandbox", pomex.sandbox)
    if NAMES["pomex.qr"] then assert.equal(require "pomex.qr", pomex.qr) end
  end)
end)
