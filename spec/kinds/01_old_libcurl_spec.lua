-- A libcurl that is older than pomex needs, put before the system's own: pomex.new refuses it.

local shell = require "spec.support.shell"

local OLD = os.getenv("POMEX_SANDBOX_BIN"):gsub("bin/pomex%-sandbox$", "spec/kinds/old_libcurl.so")

-- What a program prints that has the old one preloaded, behind what is preloaded already.
local function run(script)
  local preload = ((os.getenv("LD_PRELOAD") or "") .. " " .. OLD):gsub("^ ", "")
  local file = os.tmpname()
  local out = assert(io.open(file, "wb"))
  out:write(script)
  out:close()
  local command = "env OLD_LIBCURL=1 LD_PRELOAD=" .. shell.quote(preload) .. " "
    .. shell.lua():gsub("^env LD_PRELOAD='[^']*' ", "") .. " " .. file
  local output = shell.bash(command)
  os.remove(file)
  return output
end

describe("a libcurl that is too old", function()
  it("is refused by pomex.new, which names both versions and the library #native", function()
    local output = run [[
      local client, err = require("pomex").new { api_key = "sk-test" }
      print(client, err.type, err.client, err.message, err.hint)
    ]]
    assert.matches("^nil\tinvalid_request_error\ttrue\tlibcurl 7%.79%.0 at ", output)
    assert.matches("7%.88", output)
    assert.truthy(output:find(OLD, 1, true), output)
    assert.matches("LD_LIBRARY_PATH", output)
  end)

  it("is not what the system has", function()
    local client = assert(require("pomex").new { api_key = "sk-test" })
    client:close()
  end)
end)
