-- examples/flow.lua, as a user runs it.

local shell = require "spec.support.shell"

describe("examples/flow.lua", function()
  it("goes from a scan to a saved video, and a second run leaves the first one's", function()
    local root = shell.bash "pwd":gsub("\n", "")
    local folder = shell.bash "mktemp -d":gsub("\n", "")
    for _ = 1, 2 do
      local output, ok = shell.bash(("cd %s && env -u POMEX_BASE_URL -u POMEX_API_KEY timeout 60 "
        .. "%s %s/examples/flow.lua"):format(folder, shell.lua(), shell.quote(root)))
      assert.is_true(ok, output)
      assert.matches("^verified\tgroup%-%S+\nactive\tasset%-%S+\nmade\tcgt%-%S+\n"
        .. "saved\tflow%-%d+%-%d+%.mp4\t%d+\nwould have been billed:\t1\t1\n$", output)
    end
    local heads = shell.bash(("cd %s && for f in flow-*.mp4; do head -c 8 $f | tail -c 4; done")
      :format(folder))
    assert.equal("ftypftyp", heads)
    shell.bash("rm -r " .. folder)
  end)
end)
