--- Errors that nobody could be told of, for `step` to raise, the oldest first.

-- Those of one who says nothing but errors (an on_event that raises at each) are not all kept.
local MOST = 64

---@class pomex.Failures
local Failures = {}
Failures.__index = Failures

local failures = {}

---@return pomex.Failures
function failures.new()
  return setmetatable({ lost = 0 }, Failures)
end

---@param message string
---@param task? pomex.Task the one that failed: it may yet be waited for
function Failures:add(message, task)
  if #self >= MOST and not task then
    self.lost = self.lost + 1
  else
    self[#self + 1] = { message = message, task = task }
  end
end

---How many are yet to be raised.
---@return integer
function Failures:count()
  for i = #self, 1, -1 do
    local task = self[i].task
    if task and task.collected then table.remove(self, i) end
  end
  return #self + (self.lost > 0 and 1 or 0)
end

---The oldest that still nobody collected; in the end, how many were not kept.
---@return string|nil
function Failures:take()
  local count, lost = self:count(), self.lost
  if count == 0 then return nil end
  if self[1] then return table.remove(self, 1).message end
  self.lost = 0
  return ("pomex: %d more errors in on_event or on_done"):format(lost)
end

return failures
