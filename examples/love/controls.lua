--- What can be pressed and typed into. What a frame shows is what the next key or click finds.

local pen = require "pen"
local ui = require "ui"
local utf8 = require "utf8"

local controls = {}

local MAX_TYPED = 4000
local TYPING = 0.7   -- seconds after the last letter, for which letters press no button
local ALIKE = { kpenter = "return" }

local actions, focus, clicked = {}, nil, nil

---Begins a frame.
function controls.begin()
  actions, focus = {}, nil
end

---Whether a point of the window is in that part of the layout.
function controls.within(at_x, at_y, x, y, width, height)
  at_x, at_y = at_x / ui.scale, at_y / ui.scale
  return at_x >= x and at_x < x + width and at_y >= y and at_y < y + height
end

---A button; its width. `options`: key (as LÖVE names it), ctrl, shown (how the key is called),
---look "primary" | "plain".
function controls.button(label, x, y, options, action)
  local font, small = ui.font(15, "bold"), ui.font(12)
  local shown = options.shown or options.key:upper()
  local key_width = small:getWidth(shown) + 16
  local width, height = font:getWidth(label) + key_width + 46, 42
  local over = controls.within(love.mouse.getX(), love.mouse.getY(), x, y, width, height)
  local primary = options.look == "primary"
  ui.box(x, y, width, height, primary and "accent" or over and "line" or "raised",
    not primary and "line" or nil, 10)
  if over and primary then ui.box(x, y, width, height, "accent", "white", 10) end
  ui.write(label, x + 18, y + 12, { weight = "bold", colour = primary and "ink" or "text" })
  local key_x = x + width - key_width - 12
  ui.set(primary and "ink" or "card", primary and 0.18 or 1)
  pen.rectangle("fill", key_x, y + 10, key_width, 22, 6, 6)
  ui.write(shown, key_x + 8, y + 14, { size = 12, colour = primary and "ink" or "dim" })
  actions[#actions + 1] = { x = x, y = y, width = width, height = height, action = action,
    key = options.key, ctrl = options.ctrl or false }
  return width
end

-- ------------------------------------------------------------------------------------ a field
-- `state.caret` is how many letters stand before the caret; nil: all.

local function length(state)
  return utf8.len(state.text)
end

-- The text before the caret, and after it.
local function halves(state)
  local at = utf8.offset(state.text, (state.caret or length(state)) + 1)
  return state.text:sub(1, at - 1), state.text:sub(at)
end

-- The line that the caret is in, and the text before it there. A line's end is the next's begin.
local function caret_line(lines, before)
  local rest = #before
  for i, line in ipairs(lines) do
    if rest < #line or i == #lines then return i, line:sub(1, rest) end
    rest = rest - #line
  end
  return 1, ""
end

-- Puts the caret where a click was.
local function place(state, lines, first, x, y, font)
  local at, before = math.floor(y / (font:getHeight() * 1.35)) + first, ""
  at = math.max(math.min(at, #lines), 1)
  local letters = utf8.len(table.concat(lines, "", 1, at - 1))
  for _, code in utf8.codes(lines[at] or "") do
    local letter = utf8.char(code)
    if font:getWidth(before) + font:getWidth(letter) / 2 > x then break end
    before, letters = before .. letter, letters + 1
  end
  state.caret = letters
end

---A field for `state.text`, which takes what is typed and pasted.
function controls.field(state, x, y, width, height)
  focus = state
  ui.box(x, y, width, height, "bottom", "accent", 10)
  local font = ui.font(16)
  local before = halves(state)
  local lines = ui.wrap(state.text, font, width - 36)
  local line, left = caret_line(lines, before)
  -- No more lines than there is room for: those around the caret.
  local tall = font:getHeight() * 1.35
  local room = math.max(math.floor((height - 20) / tall), 1)
  local first = math.max(math.min(line - math.floor(room / 2), #lines - room + 1), 1)
  if clicked and controls.within(clicked.x, clicked.y, x, y, width, height) then
    place(state, lines, first, clicked.x / ui.scale - x - 18, clicked.y / ui.scale - y - 14, font)
  end
  if state.text == "" then
    ui.write(state.placeholder, x + 18, y + 14, { size = 16, width = width - 30, colour = "faint" })
  end
  for i = first, math.min(first + room - 1, #lines) do
    ui.write(lines[i], x + 18, y + 14 + (i - first) * tall, { size = 16 })
  end
  if love.timer.getTime() % 1 < 0.55 then
    pen.moves()
    ui.set "text"
    pen.rectangle("fill", x + 18 + font:getWidth(left), y + 14 + (line - first) * tall, 2,
      font:getHeight())
    pen.rests()
  end
end

local typed_at = -math.huge

function controls.typed(text)
  if not focus then return end
  typed_at = love.timer.getTime()
  local before, after = halves(focus)
  before = ui.clean((before .. text):sub(1, math.max(MAX_TYPED - #after, 0)))
  focus.text, focus.caret = before .. after, utf8.len(before)
end

local function cut(before, after)
  focus.text, focus.caret = before .. after, utf8.len(before)
end

-- What the keys do that write nothing. With Ctrl a word is what is deleted or passed over.
local edits = {}

local function shorter(before, ctrl)
  if ctrl then return (before:gsub("%S*%s*$", "", 1)) end
  return before:sub(1, (utf8.offset(before, -1) or 1) - 1)
end

local function beyond(after, ctrl)
  if ctrl then return (after:gsub("^%s*%S*", "", 1)) end
  return after:sub(utf8.offset(after, 2) or 1)
end

function edits.backspace(before, after, ctrl) cut(shorter(before, ctrl), after) end
edits["delete"] = function(before, after, ctrl) cut(before, beyond(after, ctrl)) end
function edits.left(before, _, ctrl) focus.caret = utf8.len(shorter(before, ctrl)) end
function edits.right(_, after, ctrl)
  focus.caret = length(focus) - utf8.len(beyond(after, ctrl))
end
function edits.home() focus.caret = 0 end
edits["end"] = function() focus.caret = nil end

-- Who goes on typing while the screen changes means no button of the next one.
local function is_typed_on(key, ctrl)
  local now = love.timer.getTime()
  if ctrl or #key > 1 or now - typed_at > TYPING then return false end
  typed_at = now
  return true
end

-- Which keys that count as Ctrl are down. love.keyboard.isDown says what is so at the frame's end:
-- of Ctrl pressed and let go within a frame nothing.
local CTRL, down = { lctrl = true, rctrl = true, lgui = true, rgui = true }, {}

function controls.released(key)
  down[key] = nil
end

---What is let go while another window has the keyboard we are not told.
function controls.let_go()
  down = {}
end

---`again`: the key is held down, which types but presses no button.
function controls.key(key, again)
  if CTRL[key] then down[key] = true end
  local ctrl = next(down) ~= nil
  key = ALIKE[key] or key
  if focus and ctrl and key == "v" then
    controls.typed(love.system.getClipboardText():match("^%s*(.-)%s*$"))
  elseif focus and ctrl and key == "c" then
    love.system.setClipboardText(focus.text)
  elseif focus and edits[key] then
    local before, after = halves(focus)
    edits[key](before, after, ctrl)
  elseif not again and not is_typed_on(key, ctrl) then
    for _, one in ipairs(actions) do
      if one.key == key and one.ctrl == ctrl then return one.action() end
    end
  end
end

function controls.click(x, y)
  clicked = { x = x, y = y }
  for _, one in ipairs(actions) do
    if controls.within(x, y, one.x, one.y, one.width, one.height) then return one.action() end
  end
end

---Ends a frame.
function controls.finish()
  clicked = nil
end

return controls
