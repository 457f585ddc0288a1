-- Waits that look when the last tasks of their client came to their end, to a sandbox whose tasks
-- all take as long. What that gains is in spec/proof/test_pauses.c.

local bed = require "spec.support.bed"
local pomex = require "pomex"

-- A pause of this schedule is at most 1.2 times as long.
local PAUSE = 0.2

describe("the pauses of generations:wait", function()
  local new = bed({ sandbox = { generation_seconds = 1.2 }, client = false }, function() end)

  -- A client, and a table whose `longest` is the longest pause that it made between two looks.
  local function watched(learn)
    local seen = { longest = 0 }
    local client = new {
      poll = { generation = { first = PAUSE, factor = 1, max = PAUSE, learn = learn } },
      on_event = function(event)
        if event.name == "response" and event.endpoint == "generations.get" and event.next then
          seen.longest = math.max(seen.longest, event.next)
        end
      end,
    }
    return client, seen
  end

  local function make(client, count)
    local going = {}
    for i = 1, count do
      going[i] = client.async.generations:create_and_wait({ model = "byteplus/seedance-2.0-fast",
        content = pomex.content():text "a wave" })
    end
    for _, result in ipairs(pomex.all(going)) do
      assert.equal("succeeded", pomex.check(result[1], result[2]).status)
    end
  end

  it("are learnt from eight tasks, where that is asked for", function()
    local client, seen = watched(true)
    make(client, 8)
    assert.is_true(seen.longest <= 1.2 * PAUSE + 0.001)
    -- On a busy machine a look can come so late that the next one has to follow soon.
    local tries = 0
    repeat
      tries = tries + 1
      make(client, 1)
    until seen.longest > 1.5 * PAUSE or tries == 5
    assert.is_true(seen.longest > 1.5 * PAUSE)
    assert.is_true(seen.longest <= 3 * PAUSE + 0.001)
  end)

  it("are those of a schedule that its caller gave", function()
    local client, seen = watched(nil)
    make(client, 8)
    make(client, 1)
    assert.is_true(seen.longest > 0)
    assert.is_true(seen.longest <= 1.2 * PAUSE + 0.001)
  end)

  it("cannot be learnt for assets", function()
    assert.error_matches(function() pomex.new { poll = { asset = { learn = true } } } end,
      'poll%.asset: unknown key "learn"')
    assert.error_matches(function() pomex.new { poll = { generation = { learn = 1 } } } end,
      "poll%.generation: learn must be")
  end)
end)
