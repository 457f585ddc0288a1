--- The pictures: the QR code, a face that is looked at, a film that is made.

local qr = require "pomex.qr"
local ui = require "ui"

local pictures = {}

local graphics = love.graphics
local QUIET_ZONE = 4

local drawn = {}   -- of the link that was last asked for

local function image_of(rows)
  local side = #rows + 2 * QUIET_ZONE
  local pixels = love.image.newImageData(side, side)
  pixels:mapPixel(function(x, y)
    local row = rows[y - QUIET_ZONE + 1]
    local light = row and row[x - QUIET_ZONE + 1] and 0 or 1
    return light, light, light, 1
  end)
  local image = graphics.newImage(pixels)
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
  local pixels = ui.scale * graphics.getDPIScale()
  local scale = math.max(math.floor(room * pixels / drawn.side), 1) / pixels
  local inset = (room - drawn.side * scale) / 2
  ui.box(x, y, room, room, "white", nil, 14)
  ui.set "white"
  graphics.draw(drawn.image, math.floor((x + inset) * pixels) / pixels,
    math.floor((y + inset) * pixels) / pixels, 0, scale)
end

---A head and shoulders; where it is `looked`, a light goes over it.
function pictures.portrait(x, y, width, height, looked)
  ui.box(x, y, width, height, "bottom", "line", 14)
  local middle, colour = x + width / 2, looked and "line" or "raised"
  local scale = ui.scale
  graphics.setScissor((x + 1) * scale, (y + 1) * scale, (width - 2) * scale, (height - 2) * scale)
  ui.disc(middle, y + height * 0.4, width * 0.19, colour)
  ui.set(colour)
  graphics.ellipse("fill", middle, y + height * 1.02, width * 0.36, height * 0.34)
  graphics.ellipse("line", middle, y + height * 1.02, width * 0.36, height * 0.34)
  graphics.setScissor()
  if looked then
    local swing = 0.5 - 0.5 * math.cos(love.timer.getTime() * 1.8)
    local line = y + height * (0.14 + 0.72 * swing)
    for i = 0, 24 do
      ui.set("busy", 0.012 * (24 - i))
      graphics.rectangle("fill", x + 14, line - i, width - 28, 1)
      graphics.rectangle("fill", x + 14, line + i, width - 28, 1)
    end
    ui.set "busy"
    graphics.rectangle("fill", x + 14, line - 1, width - 28, 2)
  end
  -- The corners of a finder.
  ui.set(looked and "busy" or "line")
  graphics.setLineWidth(2)
  local inset, arm = 16, 18
  for _, corner in ipairs { { x, y, 1, 1 }, { x + width, y, -1, 1 }, { x, y + height, 1, -1 },
    { x + width, y + height, -1, -1 } } do
    local cx, cy = corner[1] + corner[3] * inset, corner[2] + corner[4] * inset
    graphics.line(cx + corner[3] * arm, cy, cx, cy, cx, cy + corner[4] * arm)
  end
end

---A film of `height`, 16:9; being `made` it has a ring that turns.
function pictures.film(x, y, height, made)
  local width = height * 16 / 9
  local middle_x, middle_y, radius = x + width / 2, y + height / 2, math.min(height * 0.2, 38)
  ui.box(x, y, width, height, "bottom", "line", 14)
  local holes = math.floor(width / 22)
  local gap = width / holes
  for i = 0, holes - 1 do
    local moved = made and (love.timer.getTime() * 14) % gap - gap / 2 or 0
    local left = x + (i + 0.5) * gap + moved - 5
    if left > x + 6 and left < x + width - 16 then
      ui.box(left, y + 10, 10, 7, "raised", nil, 2)
      ui.box(left, y + height - 17, 10, 7, "raised", nil, 2)
    end
  end
  if made then
    local turn = love.timer.getTime() * 2.4
    graphics.setLineWidth(5)
    ui.set "raised"
    graphics.circle("line", middle_x, middle_y, radius)
    ui.set "busy"
    graphics.arc("line", "open", middle_x, middle_y, radius, turn, turn + 1.7)
  else
    ui.disc(middle_x, middle_y, radius, "done")
  end
  ui.set(made and "raised" or "ink")
  local size = radius * 0.42
  graphics.polygon("fill", middle_x - size * 0.7, middle_y - size, middle_x - size * 0.7,
    middle_y + size, middle_x + size, middle_y)
end

return pictures
