--- Draws as love.graphics does, but only what differs. A frame has two layers: what stands still is
--- kept in a canvas, and drawn anew only if it is not what it was in the frame before; what moves
--- is drawn over it in each frame. Where no GPU draws, filling and type cost most of a frame.
---
--- pen.rectangle, pen.print and all others only write down the call; pen.finish makes it. Whatever
--- begins with `new`, `get` or `is` is answered at once.

local graphics = love.graphics

---@class Pen
local pen = { drawn = 0 }   -- how often what stands still was drawn

-- One call after the other: the function, how many arguments, the arguments.
local still, before, moving = { n = 0 }, { n = 0 }, { n = 0 }
local layer = still
local canvas

---Writes down any call, such as a font's method.
function pen.call(f, ...)
  local n, count = layer.n, select("#", ...)
  layer[n + 1], layer[n + 2] = f, count
  for i = 1, count do layer[n + 2 + i] = (select(i, ...)) end
  layer.n = n + 2 + count
end

setmetatable(pen, { __index = function(_, name)
  local f = assert(graphics[name], name)
  if not (name:find "^new" or name:find "^get" or name:find "^is") then
    local made = f
    f = function(...) pen.call(made, ...) end
  end
  pen[name] = f
  return f
end })

local function play(list)
  local i = 1
  while i <= list.n do
    local count = list[i + 1]
    list[i](unpack(list, i + 2, i + 1 + count))
    i = i + 2 + count
  end
end

local function differ(a, b)
  if a.n ~= b.n then return true end
  for i = 1, a.n do
    if a[i] ~= b[i] then return true end
  end
  return false
end

function pen.begin()
  still.n, moving.n, layer = 0, 0, still
end

---What follows moves: it is drawn in each frame, over all that stands still.
function pen.moves()
  layer = moving
end

---What follows stands still again.
function pen.rests()
  layer = still
end

---What stands still is drawn anew: a window that changed may have lost it.
function pen.forget()
  before.n = -1
end

---@param scale number how many pixels of the window one of the layout is
function pen.finish(scale)
  local width, height = graphics.getDimensions()
  local fresh = not canvas or canvas:getWidth() ~= width or canvas:getHeight() ~= height
  if fresh then
    canvas = graphics.newCanvas(width, height)
    canvas:setFilter("nearest", "nearest")
  end
  if fresh or differ(still, before) then
    pen.drawn = pen.drawn + 1
    graphics.setCanvas(canvas)
    graphics.scale(scale)
    play(still)
    graphics.setCanvas()
    graphics.origin()
    still, before = before, still
  end
  -- It covers the window: nothing below it shines through.
  graphics.setBlendMode("replace", "premultiplied")
  graphics.setColor(1, 1, 1)
  graphics.draw(canvas)
  graphics.setBlendMode "alpha"
  graphics.scale(scale)
  play(moving)
end

return pen
