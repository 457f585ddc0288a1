-- lua/pomex/command/screen.lua and cells.lua: how often it is drawn, and how wide texts are.

local cells = require "pomex.command.cells"
local core = require "pomex.core"
local screens = require "pomex.command.screen"

local function none()
  return { ready = 5, sending = 0, polling = 0, saving = 0, done = 0, failed = 0, cancelled = 0,
    expired = 0, unclear = 0, stuck = 0, blocked = 0, money = 0 }
end

local function new()
  return screens.new { terminal = false, paint = function(_, _, text) return text end }
end

describe("the screen's parts #command", function()
  it("are redrawn at most ten times a second, and once a second at rest", function()
    local screen = new()
    screen.last = core.now()
    screen:update { key = "a", kind = "video", state = "sending" }
    local due = screen:due()
    assert.is_true(due > 0.05 and due <= 0.1, due .. "")
    screen.dirty, screen.last = false, core.now()
    due = screen:due()
    assert.is_true(due > 0.9 and due <= 1, due .. "")
  end)

  it("fit any window, whatever the keys are", function()
    local screen = new()
    for i = 1, 30 do
      screen:update { key = ("影像é\27[31m-%d"):format(i):rep(i % 7 + 1), kind = "video",
        state = "polling", status = "running", error = ("x"):rep(i * 10) }
    end
    screen:counted(none())
    for columns = 1, 220, 9 do
      for rows = 1, 60, 7 do
        local lines = screen:lines(columns, rows)
        assert.is_true(#lines <= math.max(rows - 1, 1), columns .. "x" .. rows)
        for _, line in ipairs(lines) do
          assert.is_true(cells.width(line) <= math.max(columns - 1, 0), line)
          assert.is_falsy(line:find "[%z\1-\31]")
        end
      end
    end
  end)

  it("count wide characters twice, and marks that stand on others not", function()
    assert.equal(4, cells.width "影像")
    assert.equal(1, cells.width "e\204\129")
    assert.equal("影…", cells.cut("影像影像", 4))
    assert.equal("ab  ", cells.fit("ab", 4))
    assert.equal("", cells.cut("abc", 0))
  end)

  it("forget a job once it is over", function()
    local screen = new()
    screen:update { key = "a", kind = "video", state = "sending" }
    screen:update { key = "b", kind = "video", state = "polling" }
    screen:update { key = "a", kind = "video", state = "done" }
    assert.equal(1, #screen.order)
    assert.equal("b", screen.order[1].key)
  end)
end)
