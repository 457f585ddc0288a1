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
  end)
end)
