--- The pictures: the QR code, a face that is looked at, a film that is made.

local pen = require "pen"
local qr = require "pomex.qr"
local ui = require "ui"

local pictures = {}

local QUIET_ZONE = 4

local drawn = {}   -- of the link that was last asked for
local ray          -- brightest in its middle

local function image_of(rows)
  local side = #rows + 2 * QUIET_ZONE
  local pixels = love.image.newImageData(side, side)
  pixels:mapPixel(function(x, y)
    local row = rows[y - QUIET_ZONE + 1]
    local light = row and row[x - QUIET_ZONE + 1] and 0 or 1
    return light, light, light, 1
  end)
  local image = pen.newImage(pixels)
  image:setFilter("nearest", "nearest")
  return image, side
end

---The QR code of `link` in a square of `room`, at a whole number of pixels a module: sharp.
function pictures.code(link, x, y, room)
  if drawn.link ~= link then
    -- A screen is neither torn nor stained: level L has the fewest, largest modules.
    local rows, err = qr.matrix(link, { level = "L" })
    drawn = { link = link, err = err }
    if rows then drawn.image, drawn.side = image_of(rows) end
  end
  if not drawn.image then
    ui.box(x, y, room, room, "raised", "line")
    ui.write(ui.clean(drawn.err.message), x + 20, y + 20, { width = room - 40, colour = "dim" })
    return
  end
  local pixels = ui.scale * pen.getDPIScale()
  local scale = math.max(math.floor(room * pixels / drawn.side), 1) / pixels
  local inset = (room - drawn.side * scale) / 2
  ui.box(x, y, room, room, "white", nil, 14)
  ui.set "white"
  pen.draw(drawn.image, math.floor((x + inset) * pixels) / pixels,
    math.floor((y + inset) * pixels) / pixels, 0, scale)
end

local BEAM = 24

local function beam()
  local pixels = love.image.newImageData(1, 2 * BEAM)
  pixels:mapPixel(function(_, y) return 1, 1, 1, 0.28 * (1 - math.abs(y - BEAM + 0.5) / BEAM) end)
  return pen.newImage(pixels)
end

---A head and shoulders; where it is `looked`, a light goes over it.
function pictures.portrait(x, y, width, height, looked)
  ui.box(x, y, width, height, "bottom", "line", 14)
  local middle, colour = x + width / 2, looked and "line" or "raised"
  local scale = ui.scale
  pen.setScissor((x + 1) * scale, (y + 1) * scale, (width - 2) * scale, (height - 2) * scale)
  ui.disc(middle, y + height * 0.4, width * 0.19, colour)
  ui.set(colour)
  pen.ellipse("fill", middle, y + height * 1.02, width * 0.36, height * 0.34)
  pen.ellipse("line", middle, y + height * 1.02, width * 0.36, height * 0.34)
  pen.setScissor()
  if looked then
    local swing = 0.5 - 0.5 * math.cos(love.timer.getTime() * 1.8)
    local line = y + height * (0.14 + 0.72 * swing)
    ray = ray or beam()
    pen.moves()
    ui.set "busy"
    pen.draw(ray, x + 14, line - BEAM, 0, width - 28, 1)
    pen.rectangle("fill", x + 14, line - 1, width - 28, 2)
    pen.rests()
  end
  -- The corners of a finder.
  ui.set(looked and "busy" or "line")
  pen.setLineWidth(2)
  local inset, arm = 16, 18
  for _, corner in ipairs { { x, y, 1, 1 }, { x + width, y, -1, 1 }, { x, y + height, 1, -1 },
    { x + width, y + height, -1, -1 } } do
    local cx, cy = corner[1] + corner[3] * inset, corner[2] + corner[4] * inset
    pen.line(cx + corner[3] * arm, cy, cx, cy, cx, cy + corner[4] * arm)
  end
end

---A film of `height`, 16:9; being `made` it has a ring that turns.
function pictures.film(x, y, height, made)
  local width = height * 16 / 9
  local middle_x, middle_y, radius = x + width / 2, y + height / 2, math.min(height * 0.2, 38)
  ui.box(x, y, width, height, "bottom", "line", 14)
  if made then
    ui.set "raised"
    pen.setLineWidth(5)
    pen.circle("line", middle_x, middle_y, radius)
  else
    ui.disc(middle_x, middle_y, radius, "done")
  end
  ui.set(made and "raised" or "ink")
  local size = radius * 0.42
  pen.polygon("fill", middle_x - size * 0.7, middle_y - size, middle_x - size * 0.7,
    middle_y + size, middle_x + size, middle_y)
  if made then pen.moves() end
  local holes = math.floor(width / 22)
  local gap = width / holes
  local moved = made and (love.timer.getTime() * 14) % gap - gap / 2 or 0
  ui.set "raised"
  for i = 0, holes - 1 do
    local left = x + (i + 0.5) * gap + moved - 5
    if left > x + 6 and left < x + width - 16 then
      pen.rectangle("fill", left, y + 10, 10, 7)
      pen.rectangle("fill", left, y + height - 17, 10, 7)
    end
  end
  if made then
    local turn = love.timer.getTime() * 2.4
    ui.set "busy"
    pen.setLineWidth(5)
    pen.arc("line", "open", middle_x, middle_y, radius, turn, turn + 1.7)
    pen.rests()
  end
end

return pictures
