-- `--store postgresql://…`: whatever the command says about it, the password is not in it.

local campaigns = require "spec.support.campaigns"

if not campaigns.possible then return end

-- Nobody listens there.
local URL = "postgresql://pomex:geheim99@127.0.0.1:1/jobs"
local SHOWN = "postgresql://pomex@127.0.0.1:1/jobs"

describe("a store in a database #command", function()
  local env = {}
  campaigns.begin(env)

  -- Both outputs of a command, which must not have the password in them.
  local function say(words, code)
    local ended, out, err = env.run(words)
    assert.equal(code, ended, out .. err)
    assert.is_nil((out .. err):find("geheim99", 1, true), out .. err)
    return out, err
  end

  it("[11] that is out of reach is said without its password", function()
    env.write("m.jsonl", campaigns.video "a")
    for _, words in ipairs { "jobs list --store ", "jobs show a --store ", "jobs cancel a --store ",
      "run m.jsonl --yes --store ", "run m.jsonl --yes --store=", "check m.jsonl --store " } do
      local _, err = say(words .. URL, 11)
      assert.matches("every list of processes shows the password in --store", err, 1, true)
      assert.matches("\nnext: pomex doctor %-%-store '?postgresql://[^\n]+\n", err)
    end
    local out = say("jobs list --json --store " .. URL, 11)
    assert.matches('"type":"result"', out, 1, true)
    assert.is_nil(campaigns.read(env.path "postgresql:"))
  end)

  it("[2] is shown without its password in what to type next", function()
    env.write("m.jsonl", campaigns.video "a")
    local _, err = say("run m.jsonl --max-cost 3 --store " .. URL, 2)
    assert.matches("--store " .. SHOWN, err, 1, true)
    _, err = say("run m.jsonl --max-cost 3 --store=" .. URL, 2)
    assert.matches("--store=" .. SHOWN, err, 1, true)
    say("jobs list --stoer " .. URL, 2)
    say("jobs " .. URL, 2)
  end)

  it("[11] is a fault that doctor names", function()
    local out = say("doctor --store " .. URL, 11)
    assert.matches("fault  store +" .. SHOWN:gsub("%p", "%%%0"), out)
    out = say("doctor --store nowhere.db", 11)
    assert.matches("fault  store +nowhere.db: is not there", out)
    env.write("m.jsonl", campaigns.video "a")
    assert.equal(0, (env.run "run m.jsonl --yes --price 2"))
    out = say("doctor --store m.jsonl", 0)
    assert.matches("ok     store +m.jsonl.jobs.db: 0 at work", out)
  end)
end)
