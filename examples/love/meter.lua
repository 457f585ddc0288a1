--- Frame times, and what client:step() takes of them.

local meter = { KEPT = 150 }   -- frames
meter.__index = meter

function meter.new()
  return setmetatable({ frames = {}, steps = {}, next = 1,
    count = 0, seconds = 0, step_worst = 0, step_seconds = 0 }, meter)
end

---One frame: how long after the one before it began, and how much of it the step was.
---@param frame number seconds
---@param step number seconds
function meter:add(frame, step)
  self.frames[self.next], self.steps[self.next] = frame, step
  self.next = self.next % self.KEPT + 1
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

return meter
