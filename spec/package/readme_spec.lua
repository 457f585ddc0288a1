-- The README is short, its program runs, and what it lists is compared with the scripts.

local pages = require "spec.support.pages"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local read, code_of = pages.read, pages.code
local root, README = pages.root, pages.read "README.md"

describe("README.md", function()
  local sb, client, folder

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0 })
    client = pomex.check(pomex.new(sb:client_options()))
    folder = os.tmpname()
    os.remove(folder)
    shell.bash("mkdir " .. shell.quote(folder))
  end)

  teardown(function()
    client:close()
    sb:stop()
    shell.bash("rm -r " .. shell.quote(folder))
  end)

  it("has at most 180 lines", function()
    local _, lines = README:gsub("\n", "")
    assert.is_true(lines <= 180, lines .. " lines")
  end)

  it("shows in its first 60 what it is, how to try it, a program, and what others lose", function()
    local top, lines = "", 0
    for line in README:gmatch "[^\n]*\n" do
      lines = lines + 1
      if lines <= 60 then top = top .. line end
    end
    local commands = top:match "```sh\n(.-)```"
    assert.equal("./examples/quickstart.sh\n", commands)
    assert.is_truthy(top:find("`./spec/run.sh`", 1, true))
    assert.is_truthy(top:find("](docs/studio.jpg)", 1, true))
    assert.is_truthy(top:find(code_of "program", 1, true))
    local _, rows = top:match "\n|%-%-%-|%-%-%-|%-%-%-|\n(.-)\n\n":gsub("[^\n]+", "")
    assert.equal(3, rows)
  end)

  it("shows a whole program of at most twelve lines that runs as it stands", function()
    local code = code_of "program"
    local _, lines = code:gsub("\n", "")
    assert.is_true(lines <= 12, lines .. " lines")
    local file = assert(io.open(folder .. "/program.lua", "wb"))
    file:write(code)
    file:close()
    local output, ok = shell.bash(("cd %s && POMEX_BASE_URL=%s POMEX_API_KEY=%s %s program.lua %s")
      :format(shell.quote(folder), shell.quote(sb.url), shell.quote(sb.key), shell.lua(),
        sb:add_person()))
    assert.is_true(ok, output)
    assert.matches("^cgt%-[%w-]+\nout%.mp4\t%d+\n$", output)
    local video = assert(io.open(folder .. "/out.mp4", "rb"))
    assert.equal("ftyp", video:read(8):sub(5))
    video:close()
  end)

  it("lists every package that the scripts install, and no other", function()
    local listed, installed = {}, {}
    local table_of = README:match("\n## What it needs(.-)\n## ")
    for name in table_of:gmatch("`([%w+.-]+)`") do listed[name] = true end
    local names = shell.bash(". " .. shell.quote(root .. "/cmake/packages.sh") .. [[ && echo \
      "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" "${POMEX_TEST_PACKAGES[@]}" \
      "${POMEX_OTHER_NAMES[@]}"]])
    for name in names:gmatch("%S+") do installed[name] = true end
    assert.is_true(installed["libcurl4-openssl-dev"])
    assert.same(installed, listed)
  end)

  it("has every type of error in the reference", function()
    local reference = read "docs/reference.md":match "\n## Errors\n(.-)\n### "
    for name in read("lua/pomex/errors.lua"):gmatch('%-%-%-| "([%w_]+)"') do
      assert.is_truthy(reference:find("`" .. name .. "`", 1, true), name .. " is not in the list")
    end
  end)
end)
