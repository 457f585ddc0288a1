--- Colours, type, and the few things that can be pressed or typed into. What a frame draws is
--- what the next key or click finds.

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
local MAX_TYPED = 4000

-- The window is laid out for this size, and drawn larger or smaller to fill its own; one narrower
-- than NARROW is laid out without the panels at its side.
local WIDTH, WIDTH_ALONE, HEIGHT, NARROW = 1120, 796, 720, 960
local TYPING = 0.7   -- seconds after the last letter, for which letters press no button

local fonts, data = {}, {}

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
  if scale ~= ui.scale then fonts = {} end
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
  local top, bottom = ui.colours.top, ui.colours.bottom
  local corners = { { 0, 0, top }, { 1, 0, top }, { 1, 1, bottom }, { 0, 1, bottom } }
  for i, corner in ipairs(corners) do
    corners[i] = { corner[1], corner[2], 0, 0, unpack(corner[3]) }
  end
  ui.background = graphics.newMesh(corners, "fan", "static")
end

-- ----------------------------------------------------------------------------- what is drawn

local actions, focus = {}, nil

---Begins a frame.
function ui.begin()
  actions, focus = {}, nil
  ui.fit()
  graphics.scale(ui.scale)
  ui.set "white"
  graphics.draw(ui.background, 0, 0, 0, ui.width, ui.height)
end

function ui.set(name, alpha)
  local colour = ui.colours[name]
  graphics.setColor(colour[1], colour[2], colour[3], alpha or 1)
end

---Writes `text`, wrapped to `width` if given; returns its height.
function ui.write(text, x, y, options)
  local font = ui.font(options.size or 15, options.weight)
  graphics.setFont(font)
  ui.set(options.colour or "text")
  x, y = math.floor(x), math.floor(y)
  if not options.width then
    graphics.print(text, options.right and x - font:getWidth(text) or x, y)
    return font:getHeight()
  end
  font:setLineHeight(options.leading or 1.3)
  graphics.printf(text, x, y, options.width, options.align or "left")
  local _, lines = font:getWrap(text, options.width)
  local height = #lines * font:getHeight() * font:getLineHeight()
  font:setLineHeight(1)
  return height
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

-- Lines are drawn smooth and areas are not, so each area has a line around it.
function ui.box(x, y, width, height, fill, line, radius)
  radius = radius or 12
  ui.set(fill)
  graphics.rectangle("fill", x + 0.5, y + 0.5, width - 1, height - 1, radius, radius)
  if line then ui.set(line) end
  graphics.setLineWidth(1)
  graphics.rectangle("line", x + 0.5, y + 0.5, width - 1, height - 1, radius, radius)
end

function ui.disc(x, y, radius, colour, alpha)
  ui.set(colour, alpha)
  graphics.circle("fill", x, y, radius - 0.5)
  graphics.setLineWidth(1)
  if not alpha then graphics.circle("line", x, y, radius - 0.5) end
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
    ui.box(x + width * from, y, math.max(width * (to - from), 8), 8, colour or "accent", nil, 4)
  end
end

function ui.tick(x, y, size, colour)
  ui.set(colour)
  graphics.setLineWidth(size / 5)
  graphics.setLineJoin "bevel"
  graphics.line(x - size * 0.5, y, x - size * 0.12, y + size * 0.36,
    x + size * 0.5, y - size * 0.36)
end

-- --------------------------------------------------------------- what is pressed and typed

---Whether a point of the window is in that part of the layout.
function ui.within(at_x, at_y, x, y, width, height)
  at_x, at_y = at_x / ui.scale, at_y / ui.scale
  return at_x >= x and at_x < x + width and at_y >= y and at_y < y + height
end

---A button; its width. `options`: key (as LÖVE names it), ctrl, shown (how the key is called),
---look "primary" | "plain".
function ui.button(label, x, y, options, action)
  local font, small = ui.font(15, "bold"), ui.font(12)
  local shown = options.shown or options.key:upper()
  local key_width = small:getWidth(shown) + 16
  local width, height = font:getWidth(label) + key_width + 46, 42
  local over = ui.within(love.mouse.getX(), love.mouse.getY(), x, y, width, height)
  local primary = options.look == "primary"
  ui.box(x, y, width, height, primary and "accent" or over and "line" or "raised",
    not primary and "line" or nil, 10)
  if over and primary then ui.box(x, y, width, height, "accent", "white", 10) end
  ui.write(label, x + 18, y + 12, { weight = "bold", colour = primary and "ink" or "text" })
  local key_x = x + width - key_width - 12
  ui.set(primary and "ink" or "card", primary and 0.18 or 1)
  graphics.rectangle("fill", key_x, y + 10, key_width, 22, 6, 6)
  ui.write(shown, key_x + 8, y + 14, { size = 12, colour = primary and "ink" or "dim" })
  actions[#actions + 1] = { x = x, y = y, width = width, height = height, action = action,
    key = options.key, ctrl = options.ctrl or false }
  return width
end

---A field for `state.text`, which takes what is typed and pasted.
function ui.field(state, x, y, width, height)
  focus = state
  ui.box(x, y, width, height, "bottom", "accent", 10)
  local font = ui.font(16)
  local empty = state.text == ""
  local caret = love.timer.getTime() % 1 < 0.55 and "|" or ""
  -- No more lines than there is room for, the last ones.
  local _, lines = font:getWrap(state.text .. "|", width - 36)
  local room = math.max(math.floor((height - 24) / (font:getHeight() * 1.35)), 1)
  local text = table.concat(lines, "\n", math.max(#lines - room + 1, 1))
  text = text:sub(1, -2) .. caret
  ui.write(empty and state.placeholder or text, x + 18, y + 14, { size = 16, width = width - 30,
    leading = 1.35, colour = empty and "faint" or "text" })
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

local typed_at = -math.huge

function ui.typed(text)
  if not focus then return end
  typed_at = love.timer.getTime()
  focus.text = ui.clean((focus.text .. text):sub(1, MAX_TYPED))
end

-- Who goes on typing while the screen changes means no button of the next one.
local function is_typed_on(key, ctrl)
  local now = love.timer.getTime()
  if ctrl or #key > 1 or now - typed_at > TYPING then return false end
  typed_at = now
  return true
end

---`again`: the key is held down, which types but presses no button.
function ui.key(key, ctrl, again)
  if focus and ctrl and key == "v" then
    ui.typed(love.system.getClipboardText():match("^%s*(.-)%s*$"))
  elseif focus and key == "backspace" then
    local last = utf8.offset(focus.text, -1)
    focus.text = ctrl and "" or last and focus.text:sub(1, last - 1) or ""
  elseif not again and not is_typed_on(key, ctrl) then
    for _, one in ipairs(actions) do
      if one.key == key and one.ctrl == ctrl then return one.action() end
    end
  end
end

function ui.click(x, y)
  for _, one in ipairs(actions) do
    if ui.within(x, y, one.x, one.y, one.width, one.height) then return one.action() end
  end
end

return ui
