--- Frame times, and what client:step() takes of them.

local meter = {}
meter.__index = meter

local KEPT = 150

function meter.new()
  return setmetatable({ frames = {}, steps = {}, next = 1,
    count = 0, seconds = 0, step_worst = 0, step_seconds = 0 }, meter)
end

---One frame: how long after the one before it began, and how much of it the step was.
---@param frame number seconds
---@param step number seconds
function meter:add(frame, step)
  self.frames[self.next], self.steps[self.next] = frame, step
  self.next = self.next % KEPT + 1
  self.count, self.seconds = self.count + 1, self.seconds + frame
  self.step_seconds = self.step_seconds + step
  self.step_worst = math.max(self.step_worst, step)
end

---Frames a second, over what the graph shows.
---@return number
function meter:rate()
  local sum = 0
  for _, frame in ipairs(self.frames) do sum = sum + frame end
  return sum > 0 and #self.frames / sum or 0
end

---Calls `f(position, frame, step)` for what is kept, oldest first; positions are 0 to below 1.
function meter:each(f)
  for i = 0, #self.frames - 1 do
    local at = #self.frames < KEPT and i + 1 or (self.next - 1 + i) % KEPT + 1
    f(i / KEPT, self.frames[at], self.steps[at])
  end
end

return meter
