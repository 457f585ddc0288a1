-- `--store postgresql://…`: the command on a database that is there.

local campaigns = require "spec.support.campaigns"
local databases = require "spec.support.databases"
local shell = require "spec.support.shell"

if not campaigns.possible or not databases.URL then return end

describe("a campaign in a database #command #database", function()
  local env = {}
  campaigns.begin(env)

  it("[7] ends at Ctrl-C, and the same command goes on, each video billed once", function()
    local store = shell.quote(databases.new())
    env.sb:config { generation_seconds = 30 }
    env.write("m.jsonl", campaigns.video "a" .. campaigns.video "b" .. campaigns.video "c")
    local run = "run m.jsonl --yes --concurrency 2 --store " .. store
    local process = env.start(run)
    env.until_("an id", function()
      return select(2, (campaigns.read(env.path ".err") or ""):gsub(" is cgt%-", "")) == 2
    end)
    process.signal "INT"
    local code, _, err = process.wait()
    assert.equal(7, code, err)
    assert.matches("next: pomex run m.jsonl --yes --concurrency 2 --store postgres", err, 1, true)
    assert.equal(2, env.sb.ledger:count "generation")
    env.sb.clock:advance(60)
    env.sb:config { generation_seconds = 0 }
    code, _, err = env.run(run)
    assert.equal(0, code, err)
    assert.equal(3, env.sb.ledger:count "generation")
    local listed = select(2, env.run("jobs list --json --store " .. store))
    assert.equal(3, select(2, listed:gsub('"state":"done"', "")))
    local id = listed:match '"key":"b","id":"(.-)"'
    assert.matches("^key +b\n", select(2, env.run(("jobs show %s --store %s"):format(id, store))))
    assert.equal(2, (env.run("jobs forget b --store " .. store)))
    assert.equal(0, (env.run("jobs forget b --yes --store " .. store)))
    listed = select(2, env.run("jobs list --store " .. store))
    assert.matches("%(forgotten %d+%) +done +" .. id:gsub("%-", "%%-") .. " +%-\n", listed)
    assert.equal(2, (env.run("jobs show b --store " .. store)))
  end)

  it("says of which worker there is no sign of life, and adopts what was forgotten", function()
    local store = " --store " .. shell.quote(databases.new())
    env.write("m.jsonl", campaigns.video "a" .. campaigns.video "b")
    local before = env.sb.ledger:count "generation"
    assert.equal(5, (env.run("run m.jsonl --yes --max-videos 0" .. store)))
    -- Made behind the store's back, as what it forgot was.
    local out = select(2, env.run "video b -o b0.mp4 --set duration=5 --yes --json")
    local id = out:match '"id":"(cgt%-[^"]+)"'
    assert.equal(0, (env.run(("jobs adopt b %s%s"):format(id, store))))
    env.sb:fault { endpoint = "generations.create", after_accept = "hang" }
    local process = env.start("run m.jsonl --yes --max-videos 2" .. store)
    env.until_("the request", function()
      return env.sb.ledger:count "generation" == before + 2
    end)
    process.signal "KILL"
    process.wait()
    local code, err
    code, out, err = env.run("doctor" .. store)
    assert.equal(0, code, out .. err)
    assert.matches("look   store      [^\n]*: 0 at work, 1 without a sign of life for 12 s; %d "
      .. "jobs? under way", out)
    code, out, err = env.run("jobs list --state unclear" .. store)
    assert.equal(0, code, err)
    assert.equal("", out)
    assert.matches("1 being sent; whether the process lives, pomex doctor --store ", err, 1, true)
    assert.equal(before + 2, env.sb.ledger:count "generation")
  end)
end)
