-- examples/flow.lua, as a user runs it.

local shell = require "spec.support.shell"

describe("examples/flow.lua", function()
  it("goes from a scan to a saved video, twice in one folder", function()
    local root = shell.bash "pwd":gsub("\n", "")
    local folder = shell.bash "mktemp -d":gsub("\n", "")
    for _ = 1, 2 do
      local output, ok = shell.bash(("cd %s && env -u POMEX_BASE_URL -u POMEX_API_KEY timeout 60 "
        .. "%s %s/examples/flow.lua"):format(folder, shell.lua(), shell.quote(root)))
      assert.is_true(ok, output)
      assert.matches("^verified\tgroup%-%S+\nactive\tasset%-%S+\nmade\tcgt%-%S+\n"
        .. "saved\tflow%.mp4\t%d+\nwould have been billed:\t1\t1\n$", output)
    end
    assert.equal("ftyp", shell.bash(("head -c 8 %s/flow.mp4"):format(folder)):sub(5))
    shell.bash("rm -r " .. folder)
  end)
end)
