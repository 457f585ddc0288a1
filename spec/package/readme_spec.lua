-- What the README says is run, and what it lists is compared with the scripts.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

local root = debug.getinfo(1, "S").source:match("^@(.*)spec/[^/]*/[^/]*$")
root = root == "" and "." or root

local function read(path)
  local file = assert(io.open(root .. "/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local README = read "README.md"
local PAGES = { README, read "docs/callback.md" }

local function program(name)
  for _, page in ipairs(PAGES) do
    local code = page:match("<!%-%- run: " .. name .. " %-%->\n```lua\n(.-)```")
    if code then return code end
  end
  error("no page has a program called " .. name)
end

local function compile(code, environment, name)
  if setfenv then return setfenv(assert(loadstring(code, name)), environment) end
  return assert(load(code, name, "t", environment))
end

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

  local function environment(extra)
    local printed = {}
    local env = setmetatable({
      client = client, pomex = pomex, group_id = sb:add_person(),
      print = function(...) printed[#printed + 1] = { ... } end,
    }, { __index = _G })
    for key, value in pairs(extra or {}) do env[key] = value end
    return env, printed
  end

  it("begins with the two commands, after git clone and cd", function()
    local commands = README:match("^# pomex\n\n```sh\n(.-)```")
    assert.matches("^git clone %S+ pomex && cd pomex\n"
      .. "%./examples/quickstart%.sh[^\n]*\n%./spec/run%.sh[^\n]*\n$", commands)
  end)

  it("shows a whole program of at most twelve lines that runs as it stands", function()
    local code = program "program"
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

  it("uploads many at once", function()
    local urls = {}
    for i = 1, 5 do urls[i] = "https://cdn.example/" .. i .. ".jpg" end
    urls[6] = "https://cdn.example/no-face.jpg"
    local env, printed = environment { urls = urls }
    compile(program "many", env, "=README")()
    assert.equal(6, #printed)
    for i = 1, 5 do
      assert.equal(urls[i], printed[i][1])
      assert.matches("^asset%-", printed[i][2])
    end
    assert.equal("asset_failed", printed[6][2].type)
  end)

  it("steps once a frame", function()
    local asset = assert(client.assets:create { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = sb:add_person() })
    local env, printed = environment { asset_id = asset.id }
    local every_frame = compile(program "frame" .. "\nreturn every_frame", env, "=README")()
    local frames = 0
    while #printed == 0 and frames < 1000 do
      every_frame()
      client:poll(0.016)
      frames = frames + 1
    end
    assert.equal("active", printed[1][1])
  end)

  it("tests an app", function()
    compile(program "testing", environment(), "=README")()
  end)

  it("lets a callback in once", function()
    local bound = {}
    local env = environment { secret = ("s"):rep(32),
      bind = function(group, user)
        bound[group] = user
        return true
      end }
    local start, finish = compile(program "callback" .. "\nreturn start, finish", env, "=README")()
    local uri = sb:scan(start "rachel", "pass"):gsub("^https://[^/]*", "")
    assert.equal("mismatch", select(2, finish(uri, "mallory")).reason)
    assert.is_true(finish(uri, "rachel"))
    assert.equal("used", select(2, finish(uri, "rachel")).reason)
    assert.equal("rachel", select(2, next(bound)))
    -- What keeps us from asking about the group loses nobody's scan.
    sb:fault { endpoint = "assets.list", status = 401 }
    uri = sb:scan(start "naomi", "pass"):gsub("^https://[^/]*", "")
    assert.is_true(finish(uri, "naomi"))
    sb:clear_faults()
  end)

  it("has no Lua that does not run", function()
    local count = 0
    for code in table.concat(PAGES):gmatch("```lua\n(.-)```") do
      count = count + 1
      local env = environment { urls = {}, asset_id = "asset-1", arg = {} }
      assert.is_function(compile(code, env, "=README"))
    end
    assert.is_true(count >= 5)
    local listing = README:match("```lua\n(for asset in client.assets:each.-)```")
    compile(listing, environment(), "=README")()
  end)

  it("lists every package that the scripts install, and no other", function()
    local listed, installed = {}, {}
    local table_of = README:match("### What it needs(.-)\n## ")
    for name in table_of:gmatch("`([%w+.-]+)`") do listed[name] = true end
    local names = shell.bash(". " .. shell.quote(root .. "/cmake/packages.sh") .. [[ && echo \
      "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" "${POMEX_TEST_PACKAGES[@]}" \
      "${POMEX_OTHER_NAMES[@]}"]])
    for name in names:gmatch("%S+") do installed[name] = true end
    assert.is_true(installed["libcurl4-openssl-dev"])
    assert.same(installed, listed)
  end)

  it("lists every type of error", function()
    for name in read("lua/pomex/errors.lua"):gmatch('%-%-%-| "([%w_]+)"') do
      assert.is_truthy(README:find("`" .. name .. "`", 1, true), name .. " is not in the README")
    end
  end)
end)
