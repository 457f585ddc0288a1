-- The examples of the hosts, as a user runs them.

local interpreter = require "spec.support.interpreter"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

describe("the example", function()
  local sb

  setup(function() sb = assert(sandbox.start { asset_seconds = 1.9 }) end)
  teardown(function() sb:stop() end)

  -- What it counts while three portraits are processed, for more than a second; the module that it
  -- requires, where that is not everywhere.
  local EXAMPLES = {
    blocking = { 3 }, coroutine = { 20 }, cqueues = { 20, "cqueues" }, luv = { 20, "luv" },
    copas = { 20, "copas" },
  }

  for name, example in pairs(EXAMPLES) do
    it(name .. ".lua runs", function()
      local least, module = example[1], example[2]
      local needed, lacking = interpreter.optional(module or "pomex")
      if not needed then pending(lacking) end
      local output, ok = shell.bash(("POMEX_BASE_URL=%s POMEX_API_KEY=%s timeout 60 %s "
        .. "examples/%s.lua"):format(sb.url, sb.key, shell.lua(), name))
      assert.is_true(ok, output)
      for _, portrait in ipairs { "left", "front", "right" } do
        assert.matches(portrait .. " is active\n", output)
      end
      local count = output:match("%a+ (%d+) [^\n]*meanwhile\n$")
      assert.is_true(count and tonumber(count) >= least, output)
      assert.equal(4, select(2, output:gsub("\n", "")), output)
    end)
  end
end)
