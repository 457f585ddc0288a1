--- The window: the way from link to video on top, the stage's own screen, and two panels.

local flow = require "flow"
local graph = require "graph"
local pen = require "pen"
local screens = require "screens"
local ui = require "ui"

local view = {}

local OURS = "api.pomex.ai"   -- any other host is somebody's own, or a sandbox
local EDGE, PANEL, TOP = 32, 304, 172
local NAMES = { session = "Link", scan = "Scan", portrait = "Portrait", video = "Video",
  saved = "Saved" }

local game
local travelled = 0   -- how far along the way is drawn; follows the stage smoothly

function view.load(its_game)
  game = its_game
  screens.load(game)
end

local function position(stage)
  for i, name in ipairs(flow.STAGES) do
    if name == stage then return i end
  end
end

function view.update(dt)
  local target = game.job and position(game.job.stage) - 1 or 0
  travelled = travelled + (target - travelled) * math.min(dt * 6, 1)
end

local function draw_header()
  ui.write("pomex", EDGE, 26, { size = 24, weight = "bold" })
  ui.write("from a face to a video", EDGE + ui.font(24, "bold"):getWidth("pomex") + 14, 34,
    { colour = "dim" })
  local live = game.settings.live
  local text = not live and "SANDBOX   no real service, nothing is billed"
    or (game.host or OURS) == OURS and "LIVE   videos are billed" or "LIVE   at " .. game.host
  local width = ui.font(12, "bold"):getWidth(text) + 44
  local x = ui.width - EDGE - width
  ui.box(x, 28, width, 28, "card", "line", 14)
  ui.disc(x + 18, 42, 4, live and "done" or "busy")
  ui.write(text, x + 30, 35, { size = 12, weight = "bold", colour = live and "done" or "busy" })
end

local function draw_node(i, x, y, stage)
  local at = position(stage)
  local failed = i == at and (game.err or game.job.err)
  local over = i < at or stage == "saved"
  local colour = failed and "failed" or over and "done" or i == at and "accent" or "line"
  if i == at and not over and not failed then
    local pulse = (love.timer.getTime() * 0.7) % 1
    pen.moves()
    ui.set("accent", 0.5 * (1 - pulse))
    pen.setLineWidth(4)
    pen.circle("line", x, y, 18 + 9 * pulse)
    pen.rests()
  end
  ui.disc(x, y, 15, i <= at and colour or "card")
  ui.set(i <= at and colour or "dim")
  pen.setLineWidth(2)
  pen.circle("line", x, y, 15)
  if over then
    ui.tick(x, y, 12, "ink")
  else
    local number = failed and "!" or tostring(i)
    local font = ui.font(14, "bold")
    ui.write(number, x - font:getWidth(number) / 2, y - font:getHeight() / 2,
      { size = 14, weight = "bold", colour = i <= at and "ink" or "dim" })
  end
  local name = NAMES[flow.STAGES[i]]
  local font = ui.font(13, i == at and "bold" or "regular")
  ui.write(name, x - font:getWidth(name) / 2, y + 24, { size = 13,
    weight = i == at and "bold" or "regular", colour = i <= at and "text" or "dim" })
end

local function draw_way(stage)
  local first, last, y = EDGE + 60, ui.width - EDGE - 60, 104
  local step = (last - first) / (#flow.STAGES - 1)
  for i = 1, #flow.STAGES - 1 do
    local from, wide = first + step * (i - 1) + 19, step - 38
    ui.set "line"
    pen.rectangle("fill", from, y - 2, wide, 4)
    local part = math.min(math.max(travelled - i + 1, 0), 1)
    if part > 0.01 then
      pen.moves()
      ui.set "done"
      pen.rectangle("fill", from, y - 2, wide * part, 4)
      pen.rests()
    end
  end
  for i = 1, #flow.STAGES do draw_node(i, first + step * (i - 1), y, stage) end
end

local function draw_requests(x, y, width, height)
  ui.box(x, y, width, height, "card", "line")
  ui.write("Requests", x + 20, y + 16, { size = 13, weight = "bold", colour = "dim" })
  local room = math.floor((height - 58) / 24)
  local log = game.log
  local line = y + 46
  for i = math.max(#log - room + 1, 1), #log do
    local one = log[i]
    local good = type(one.status) == "number" and one.status < 300
    ui.disc(x + 24, line + 9, 4, good and "done" or "failed")
    ui.write(one.endpoint, x + 38, line + 1, { size = 13 })
    local name = ui.font(13):getWidth(one.endpoint)
    if one.times > 1 then
      ui.write("× " .. one.times, x + 46 + name, line + 1, { size = 13, colour = "faint" })
    end
    ui.write(tostring(one.status), x + width - 76, line + 2, { size = 12, colour = "dim",
      right = true })
    ui.write(("%.0f ms"):format(one.seconds * 1000), x + width - 20, line + 2,
      { size = 12, colour = "faint", right = true })
    line = line + 24
  end
end

-- A bar a frame; the dashed line is 1/60 s. What the step took of it is the bright foot.
local function draw_frames(x, y, width, height)
  ui.box(x, y, width, height, "card", "line")
  ui.write("Frames", x + 20, y + 16, { size = 13, weight = "bold", colour = "dim" })
  local meter = game.meter
  local left, bottom, wide, tall = x + 20, y + height - 44, width - 40, height - 96
  ui.set("dim", 0.6)
  for i = 0, wide - 4, 8 do
    pen.rectangle("fill", left + i, bottom - tall / 2, 4, 1)
  end
  ui.write(("worst step() %.2f ms"):format(meter.step_worst * 1000), left, y + height - 32,
    { size = 12, colour = meter.step_worst <= 0.008 and "done" or "busy" })
  ui.write("– –  16.7 ms", left + wide, y + height - 32, { size = 12, colour = "faint",
    right = true })
  pen.moves()
  ui.write(("%.0f a second"):format(meter:rate()), x + width - 20, y + 16,
    { size = 13, weight = "bold", right = true })
  ui.set "white"
  graph.draw(meter, left, bottom, wide, tall)
  pen.rests()
end

function view.draw()
  local job = game.job
  draw_header()
  draw_way(job and job.stage or "session")
  local panel = ui.alone and 0 or PANEL + 20
  local width = ui.width - 2 * EDGE - panel
  local height = ui.height - TOP - EDGE
  ui.box(EDGE, TOP, width, height, "card", "line")
  screens.draw(EDGE + 32, TOP + 28, width - 64, height - 56)
  local x, frames = ui.width - EDGE - PANEL, 190
  if not ui.alone then
    draw_requests(x, TOP, PANEL, height - frames - 20)
    draw_frames(x, ui.height - EDGE - frames, PANEL, frames)
  end
  if game.leaving then
    pen.moves()   -- over all that does
    ui.set("ink", 0.88)
    pen.rectangle("fill", 0, 0, ui.width, ui.height)
    local left = math.ceil(math.max((job.paying or 0) - love.timer.getTime(), 0))
    ui.write(("Waiting for the answer to an order that may be paid for, %d s at most …")
      :format(left), 0, ui.height / 2 - 20,
      { size = 18, weight = "bold", width = ui.width, align = "center" })
    if game.settings.live then   -- which has a memory
      ui.write("Close the window once more, and it does not wait: the next start asks what became "
        .. "of it.", 0, ui.height / 2 + 14, { colour = "dim", width = ui.width, align = "center" })
    end
    pen.rests()
  end
end

return view
