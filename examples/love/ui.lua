--- Colours, type and shapes, and how the layout fits its window.

local pen = require "pen"
local utf8 = require "utf8"

local ui = {}

local graphics = love.graphics

local function rgb(hex)
  local r, g, b = hex:match("(%x%x)(%x%x)(%x%x)")
  return { tonumber(r, 16) / 255, tonumber(g, 16) / 255, tonumber(b, 16) / 255 }
end

ui.colours = {
  top = rgb "141a2b", bottom = rgb "0b0e16", card = rgb "191f30", raised = rgb "232b40",
  line = rgb "2d3650", text = rgb "eef1f8", dim = rgb "a9b3cb", faint = rgb "8792ad",
  accent = rgb "7c9cff", done = rgb "4fd6a5", busy = rgb "f5b94e", failed = rgb "ff7386",
  white = rgb "ffffff", ink = rgb "0b0e16",
}

-- DejaVu is LÖVE's own Vera with a bold weight and more alphabets, where it is installed.
local FACES = { regular = "DejaVuSans.ttf", bold = "DejaVuSans-Bold.ttf" }
local FOLDER = "/usr/share/fonts/truetype/dejavu/"

-- The window is laid out for this size, and drawn larger or smaller to fill its own; one narrower
-- than NARROW is laid out without the panels at its side.
local WIDTH, WIDTH_ALONE, HEIGHT, NARROW = 1120, 796, 720, 960

local fonts, data = {}, {}

-- What was laid out of late: a text is measured when it changes, not in each frame.
local REMEMBERED = 300
local wrapped, count = {}, 0

function ui.font(size, weight)
  weight = weight or "regular"
  local key = weight .. size
  if not fonts[key] then
    local sharp = ui.scale * graphics.getDPIScale()
    fonts[key] = data[weight] and graphics.newFont(data[weight], size, "normal", sharp)
      or graphics.newFont(size, "normal", sharp)
  end
  return fonts[key]
end

---How many pixels of the window one of the layout is.
function ui.fit()
  local width, height = graphics.getDimensions()
  ui.alone = width < NARROW
  local scale = math.min(width / (ui.alone and WIDTH_ALONE or WIDTH), height / HEIGHT)
  if scale ~= ui.scale then fonts, wrapped, count = {}, {}, 0 end
  ui.scale, ui.width, ui.height = scale, width / scale, height / scale
end

function ui.load()
  for weight, name in pairs(FACES) do
    local file = io.open(FOLDER .. name, "rb")
    if file then
      data[weight] = love.filesystem.newFileData(file:read("*a"), name)
      file:close()
    end
  end
  fonts = {}
  local top, bottom = ui.colours.top, ui.colours.bottom
  local corners = { { 0, 0, top }, { 1, 0, top }, { 1, 1, bottom }, { 0, 1, bottom } }
  for i, corner in ipairs(corners) do
    corners[i] = { corner[1], corner[2], 0, 0, unpack(corner[3]) }
  end
  ui.background = graphics.newMesh(corners, "fan", "static")
end

---Begins a frame.
function ui.begin()
  ui.fit()
  pen.begin()
  ui.set "white"
  pen.draw(ui.background, 0, 0, 0, ui.width, ui.height)
end

function ui.finish()
  pen.finish(ui.scale)
end

function ui.set(name, alpha)
  local colour = ui.colours[name]
  pen.setColor(colour[1], colour[2], colour[3], alpha or 1)
end

---The lines of `text` in that width: a list that is not to be changed.
function ui.wrap(text, font, width)
  local of_font = wrapped[font]
  if not of_font or count > REMEMBERED then
    if count > REMEMBERED then wrapped, count = {}, 0 end
    of_font = {}
    wrapped[font] = of_font
  end
  local known = of_font[text]
  if not known or known.width ~= width then
    local _, lines = font:getWrap(text, width)
    known = { width = width, lines = lines }
    of_font[text], count = known, count + 1
  end
  return known.lines
end

---Writes `text`, wrapped to `width` if given, and cut after `most` lines; returns its height.
function ui.write(text, x, y, options)
  local font = ui.font(options.size or 15, options.weight)
  pen.setFont(font)
  ui.set(options.colour or "text")
  x, y = math.floor(x), math.floor(y)
  if not options.width then
    pen.print(text, options.right and x - font:getWidth(text) or x, y)
    return font:getHeight()
  end
  local leading = options.leading or 1.3
  local lines = ui.wrap(text, font, options.width)
  local shown = math.min(#lines, options.most or #lines)
  if shown < #lines then
    text = table.concat(lines, "", 1, shown - 1) .. ui.fitting(lines[shown] .. lines[shown + 1],
      options.width - 4, options.size or 15, options.weight)
  end
  pen.call(font.setLineHeight, font, leading)
  pen.printf(text, x, y, options.width, options.align or "left")
  pen.call(font.setLineHeight, font, 1)
  return shown * font:getHeight() * leading
end

---`text` cut with an ellipsis to what fits into `width`.
function ui.fitting(text, width, size, weight)
  local font = ui.font(size, weight)
  if font:getWidth(text) <= width then return text end
  local last = utf8.len(text)
  while last > 1 and font:getWidth(text:sub(1, utf8.offset(text, last) - 1) .. "…") > width do
    last = last - 1
  end
  return text:sub(1, utf8.offset(text, last) - 1) .. "…"
end

---Text as it may be put into a field or onto the screen: valid, and without control bytes.
function ui.clean(text)
  text = text:gsub("%c", " ")
  while not utf8.len(text) do
    local _, at = utf8.len(text)
    text = text:sub(1, at - 1) .. "?" .. text:sub(at + 1)
  end
  return text
end

-- Lines are drawn smooth and areas are not, so each area has a line around it.
function ui.box(x, y, width, height, fill, line, radius)
  radius = radius or 12
  ui.set(fill)
  pen.rectangle("fill", x + 0.5, y + 0.5, width - 1, height - 1, radius, radius)
  if line then ui.set(line) end
  pen.setLineWidth(1)
  pen.rectangle("line", x + 0.5, y + 0.5, width - 1, height - 1, radius, radius)
end

function ui.disc(x, y, radius, colour)
  ui.set(colour)
  pen.circle("fill", x, y, radius - 0.5)
  pen.setLineWidth(1)
  pen.circle("line", x, y, radius - 0.5)
end

---A bar filled to `part` (0 to 1), or with something that moves where `part` is nil.
function ui.bar(x, y, width, part, colour)
  ui.box(x, y, width, 8, "raised", nil, 4)
  local from, to = 0, part
  if not part then
    local at = (love.timer.getTime() * 0.55) % 1.4 - 0.4
    from, to = math.max(at, 0), math.min(at + 0.4, 1)
  end
  if to - from > 0.01 then
    pen.moves()
    ui.box(x + width * from, y, math.max(width * (to - from), 8), 8, colour or "accent", nil, 4)
    pen.rests()
  end
end

function ui.tick(x, y, size, colour)
  ui.set(colour)
  pen.setLineWidth(size / 5)
  pen.setLineJoin "bevel"
  pen.line(x - size * 0.5, y, x - size * 0.12, y + size * 0.36,
    x + size * 0.5, y - size * 0.36)
end

return ui
