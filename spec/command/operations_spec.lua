-- The lines that docs/operations.md shows are those that appear.

local campaigns = require "spec.support.campaigns"
local interpreter = require "spec.support.interpreter"
local pages = require "spec.support.pages"

if not campaigns.possible then return end

-- What differs from run to run, and from one libcurl to another.
local MASKS = { { "127%.0%.0%.1:(%d+ after)", "127.0.0.1 port %1" },
  { "cgt%-%d+%-%w+", "cgt-ID" }, { "request_id req%-[%w-]+", "request_id ID" },
  { "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d", "TIME" }, { "127%.0%.0%.1 port %d+ after %d+ ms",
  "HOST" }, { "Couldn't connect", "Could not connect" },
  { "due at %d%d:%d%d:%d%d", "due at TIME" } }

local function masked(text)
  for _, mask in ipairs(MASKS) do text = text:gsub(mask[1], mask[2]) end
  return text
end

describe("docs/operations.md #command", function()
  local env = {}
  campaigns.begin(env, { asset_seconds = 0, generation_seconds = 0 })

  before_each(function()
    env.write("films.csv", "key,prompt,images,duration,portrait,group_id\n"
      .. "rachel,,,,https://cdn.example/a.jpg," .. env.person .. "\n"
      .. "film-1,{x} waves 1.,x=job:rachel,5,,\n")
  end)

  -- The lines of a block stand together, and in that order, in what was printed.
  local function shows(name, printed)
    assert.is_truthy(("\n" .. masked(printed)):find("\n" .. masked(pages.code(name)), 1, true),
      pages.code(name) .. "is not in\n" .. printed)
  end

  local RUN = "-y run films.csv"

  it("shows a service that is out", function()
    env.sb:fault { endpoint = "generations.create", status = 503 }
    local code, _, err = env.run(RUN .. " --concurrency 1")
    assert.equal(0, code, err)
    shows("ops-outage", err)
  end)

  it("shows a service that cannot be reached", function()
    env.sb:add_assets { group_id = env.person }
    env.write("films.csv", "key,prompt,duration\nfilm-1,A wave.,5\n")
    local run = env.start(RUN, "export POMEX_BASE_URL=http://127.0.0.1:9")
    env.until_("a second try", function() return env.has_said "tried again" end)
    run.signal "INT"
    local code, _, err = run.wait()
    assert.equal(7, code, err)
    shows("ops-away", err)
  end)

  it("shows a key that is revoked, and what comes after it", function()
    env.sb:fault { endpoint = "generations.create", status = 401 }
    local code, out, err = env.run(RUN)
    assert.equal(4, code, err)
    shows("ops-revoked", out .. err)
    local run = env.start(RUN)
    env.until_("the gate", function() return env.has_said "nothing begins for now" end)
    run.signal "INT"
    code, out, err = run.wait()
    assert.equal(7, code, err)
    shows("ops-barred", out .. err)
    code, out = env.run("doctor", "export POMEX_API_KEY=sk-wrong-0123456789")
    assert.equal(4, code)
    shows("ops-refused", out)
  end)

  it("shows a video whose answer was lost, and how to ask what is in a queue", function()
    env.sb.clock:advance(600) -- the videos of other tests are too old to be this one
    env.sb:fault { endpoint = "generations.create", after_accept = "drop" }
    local code, _, err = env.run(RUN)
    assert.equal(3, code, err)
    shows("ops-unclear", err)
    local output = env.bash(pages.code "ops-doctor")
    assert.matches("\nfilm%-1  unclear ", output)
    assert.matches("ok +account ", output)
  end)

  it("has a drill, whose ends are as it says", function()
    env.sb:config { generation_seconds = 2 }
    local before = env.sb.ledger:count "generation"
    local output = env.bash(("export POMEX_SANDBOX_TOKEN=%s\n%s"):format(env.sb.token,
      pages.code "ops-drill"))
    for name, code in pairs { outage = 0, limit = 0, lost = 3, key = 4 } do
      assert.matches(("\n%s: exit code %d\n"):format(name, code), "\n" .. output, 1, true)
    end
    assert.equal(before + 3, env.sb.ledger:count "generation")
  end)

  it("has a drill of a dead worker, whose video is saved and billed once", function()
    env.sb:config { generation_seconds = 3 }
    local before = env.sb.ledger:count "generation"
    -- Of the function `pomex` the shell would be killed, and not the command.
    local output = env.bash((pages.code "ops-drill-dead"):gsub("pomex (%-y run dead%.csv 2>)",
      (campaigns.command():gsub("%%", "%%%%")) .. " %1"))
    assert.matches("dead is done", output, 1, true)
    assert.equal(before + 1, env.sb.ledger:count "generation")
  end)

  it("shows a database that is away", function()
    local core = interpreter.optional "pomex.storecore"
    if not core.postgresql then return end
    local code, _, err = env.run(RUN .. " --store postgresql://pomex@127.0.0.1:9/jobs")
    assert.equal(11, code, err)
    shows("ops-store", err)
  end)
end)
