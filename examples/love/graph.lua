--- The meter's graph: a sprite for each frame, of which a frame changes the oldest alone.

local pen = require "pen"
local ui = require "ui"

local graph = {}

local HIGHEST = 2 / 60   -- seconds of a frame that are as high as the graph

local batch, known = nil, 0

local function sprites(kept)
  local pixel = love.image.newImageData(1, 1)
  pixel:setPixel(0, 0, 1, 1, 1, 1)
  batch = pen.newSpriteBatch(pen.newImage(pixel), 2 * kept, "stream")
  for _ = 1, 2 * kept do batch:add(0, 0, 0, 0, 0) end
end

local function set(index, slot, colour, seconds, least)
  batch:setColor(ui.colours[colour])
  local part = math.min(math.max(seconds / HIGHEST, least), 1)
  batch:set(index, slot - 1, -part, 0, 1, part)
end

-- The slots from `first` on as a part of the graph that begins at x.
local function draw(first, count, x, bottom, wide, height)
  if count < 1 then return end
  pen.call(batch.setDrawRange, batch, 2 * first - 1, 2 * count)
  pen.draw(batch, x - (first - 1) * wide, bottom, 0, wide, height)
end

---Draws the frames that `meter` has kept; the oldest is at the left.
function graph.draw(meter, left, bottom, width, height)
  local kept = meter.KEPT
  if not batch then sprites(kept) end
  -- A meter keeps what comes in place of its oldest, and so does the batch.
  for count = math.max(known, meter.count - kept) + 1, meter.count do
    local slot = (count - 1) % kept + 1
    local frame = meter.frames[slot]
    set(2 * slot - 1, slot, frame < 0.025 and "line" or frame < 0.034 and "busy" or "failed",
      frame, 0)
    set(2 * slot, slot, "accent", meter.steps[slot], 0.01)
  end
  known = meter.count
  local wide, oldest = width / kept, meter.next
  draw(oldest, kept - oldest + 1, left, bottom, wide, height)
  draw(1, oldest - 1, left + (kept - oldest + 1) * wide, bottom, wide, height)
end

return graph
