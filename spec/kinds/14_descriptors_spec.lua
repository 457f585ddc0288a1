-- A program that has used up its descriptors is told so at its first call, with the limit.

local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local SCRIPT = [[
  local pomex = require "pomex"
  local client = assert(pomex.new { api_key = "sk-test", base_url = arg[1] })
  local files = {}
  while true do
    local file = io.open("/dev/null")
    if not file then break end
    files[#files + 1] = file
  end
  local asset, err = client.assets:get("asset-1")
  for _, file in ipairs(files) do file:close() end
  local _, later = client.assets:get("asset-1")
  print(asset, err.type, err.retryable, tostring(err))
  print(later.type)
]]

describe("descriptors used up", function()
  it("are named at the first use, with their limit, and not called out of memory", function()
    local sb = assert(sandbox.start())
    local file = os.tmpname()
    local out = assert(io.open(file, "wb"))
    out:write(SCRIPT)
    out:close()
    local output = shell.bash(("ulimit -n 32; exec %s %s %s"):format(shell.lua(), file, sb.url))
    os.remove(file)
    sb:stop()
    assert.matches("^nil\tconnection_error\ttrue\t.*RLIMIT_NOFILE is 32", output)
    assert.matches("\nauthentication_error\n$", output)
  end)
end)
