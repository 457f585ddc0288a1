--- Whether the service answers, by the client's events: pomex goes on by itself, and the window
--- says so. One request follows the other in this game, so one answer is enough to know.

local outage = {}
outage.__index = outage

outage.QUIET = 8    -- seconds without any answer that are no usual wait
outage.HICCUP = 1   -- seconds of failures for which nobody has to be told

function outage.new()
  return setmetatable({ asked = {} }, outage)
end

local function answers(status)
  return status ~= nil and status ~= 0 and status ~= 429 and status < 500
end

---What `on_event` of the client is told.
---@param event pomex.Event
function outage:hear(event)
  local now = love.timer.getTime()
  if event.name == "request" then
    self.asked[event.operation] = now
  elseif event.name == "response" then
    if answers(event.status) then
      self.began = nil
    else
      self.began = self.began or self.asked[event.operation] or now
      self.status, self.again = event.status or 0, event.next and now + event.next
    end
    self.asked[event.operation] = nil
  elseif event.name == "done" then
    -- What failed for good has a screen of its own.
    self.began, self.asked[event.operation] = nil, nil
  end
end

---What is wrong now; nil: nothing.
---@param progress? number the bytes of a download, which answer while they come
---@return { status: integer, seconds: number, again: number|nil }|nil state seconds: for how long;
---  again: in how many seconds the next request follows
function outage:now(progress)
  local now = love.timer.getTime()
  if progress ~= self.progress then self.progress, self.heard = progress, now end
  local began, status = self.began, self.status
  if began and now - began < self.HICCUP then return nil end
  local again = self.again and self.again > now and self.again - now or nil
  for _, asked in pairs(self.asked) do
    again = nil
    local silent = math.max(asked, self.heard or asked)
    if not began and now - silent >= self.QUIET then began, status = silent, 0 end
  end
  return began and { status = status, seconds = now - began, again = again } or nil
end

return outage
