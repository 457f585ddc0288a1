-- `pomex verify`, over a sandbox: its phone, an address that is piped in, one that is pasted.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"

local ADDRESS = "https://app.example/cb?resultCode=10000&group_id=%s&verify_type=real_time"
  .. "&algorithmBaseRespCode=0&reqMeasureInfoValue=1\n"

describe("pomex verify #command", function()
  local sb, at

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    at = command.new(sb)
  end)
  teardown(function()
    at:remove()
    sb:stop()
  end)

  it("prints the group id of the person who was scanned, and that alone", function()
    local run = at:run "verify --scan pass"
    assert.equal(0, run.code, run.err)
    local group = run.out:match "^(group%-%S+)\n$"
    assert.equal("ours", (function()
      local added = at:run("portrait add https://cdn.example/a.jpg --wait -g " .. group)
      return added.code == 0 and "ours" or added.err
    end)())
    assert.matches("\n" .. sb.url:gsub("%p", "%%%0") .. "/h5%?[^\n]+\n", run.err)
    assert.matches("\nnext: pomex portrait add URL %-%-group GROUP %-%-wait\n$", run.err)
    assert.not_matches(group, run.err, 1, true)
    assert.matches("\nverified; the service would bill the verification\n", run.err, 1, true)
  end)

  it("ends with 1 where the scan failed, for whatever reason", function()
    for outcome, why in pairs { fail = "not verified: resultCode is", pre_record = "pre%-recorded",
      expire = "expired" } do
      local run = at:run("verify --scan " .. outcome)
      assert.same({ 1, "" }, { run.code, run.out }, outcome)
      assert.matches("pomex: [^\n]*" .. why .. "[^\n]*\nnext: pomex verify\n$", run.err)
    end
  end)

  it("reads the address that is piped in", function()
    local group = sb:add_person()
    local run = at:run("verify", nil, "\n  " .. ADDRESS:format(group))
    assert.same({ 0, group .. "\n" }, { run.code, run.out }, run.err)
    for input, why in pairs {
      [""] = "no address was read", ["hello\n"] = "resultCode is missing",
      [ADDRESS:format "group-20260101000000-aaaaa"] = "none of this account's",
      ["https://app.example/cb?resultCode=10001\n"] = "not verified",
    } do
      run = at:run("verify", nil, input)
      assert.same({ 1, "" }, { run.code, run.out }, input)
      assert.matches("pomex: [^\n]*" .. why .. "[^\n]*\nnext: pomex verify\n$", run.err)
    end
  end)

  it("at a terminal shows the code, and asks again after a slip", function()
    local group = sb:add_person()
    local run = at:terminal("verify", "hello\\n" .. ADDRESS:format(group):gsub("\n", "\\n"))
    assert.equal(0, run.code, run.out)
    assert.equal(2, select(2, run.out:gsub("Paste the address", "")))
    assert.matches("\226\150\136\226\150\128\226\150\128", run.out) -- blocks of the code
    assert.matches("\n" .. group:gsub("%p", "%%%0") .. "\r\n", run.out)
  end)

  it("leaves out a code that the window would cut", function()
    local lines = {}
    for i, size in ipairs { "cols 80 rows 40", "cols 40 rows 40", "cols 80 rows 20" } do
      local run = at:terminal("verify", "\\004", nil, "stty " .. size .. "; ")
      assert.equal(7, run.code, run.out)
      lines[i] = select(2, run.out:gsub("\226\150[\128-\191]", ""))
    end
    assert.is_true(lines[1] > 100)
    assert.same({ 0, 0 }, { lines[2], lines[3] })
  end)

  it("takes the callback URL of the configuration, and refuses one that is no https", function()
    local run = at:run("verify --scan pass --callback-url http://app.example/cb")
    assert.equal(2, run.code)
    assert.matches("valid https URL", run.err)
    local objects = at:json "verify --scan pass --callback-url https://app.example/cb"
    assert.equal("session", objects[1].type)
    assert.matches("^http://.*/h5%?", objects[1].h5_link)
    assert.matches("^group%-", objects[2].group_id)
  end)

  it("needs a sandbox to play the phone", function()
    local run = at:run("verify --scan pass", { POMEX_SANDBOX_TOKEN = false })
    assert.equal(2, run.code)
    assert.matches("\nnext: pomex sandbox\n$", run.err)
  end)
end)
