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

  it("count a job that ends at once, before the store is asked again", function()
    local screen = new()
    screen:ended { key = "a", kind = "video", state = "done" } -- nothing is counted yet
    screen:counted(none())
    for _, state in ipairs { "sending", "polling", "ready", "done", "failed", "unclear" } do
      screen:ended { key = "a", kind = "video", state = state }
    end
    local lines = screen:lines(80, 24)
    assert.equal("1 of 5 done · 1 failed · 1 unclear · 0 active", lines[#lines])
  end)

  it("give what was begun before its time from there", function()
    local screen = new()
    screen:update { key = "fresh", kind = "video", state = "sending" }
    screen:update { key = "old", kind = "video", state = "polling" }
    local undated = screen:undated()
    assert.same({ 1, "old" }, { #undated, undated[1].key })
    assert.same({}, screen:undated())
    screen:began_at(undated[1], core.wall() - 90)
    local lines = screen:lines(80, 24)
    assert.matches("^fresh +%d s  sending$", lines[1])
    assert.matches("^old +1:3%d  making$", lines[2])
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
