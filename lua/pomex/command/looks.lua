--- Says that the service is out of reach for those who only look at it: while all slots of a run
--- are videos in the making, nothing else would tell.

local core = require "pomex.core"

---@class pomex.CommandLooks
---@field env pomex.CommandEnv
---@field since number|nil when the first of the looks failed that failed in a row, by core.now
local Looks = {}
Looks.__index = Looks

local looks = {
  -- Seconds of nothing but failed looks after which they are worth a line.
  AFTER = 30,
}

local LOOKS = { ["generations.get"] = true, ["assets.get"] = true, ["assets.list"] = true,
  ["generations.list"] = true }

local function time(seconds)
  return os.date("!%H:%M:%S UTC", math.floor(seconds))
end

-- An answer about the request, such as that there is no such video, is one.
local function is_failed(event)
  local status = event.status or 0
  return event.type ~= nil and (status < 400 or status == 429 or status >= 500)
end

---For the client's on_event.
---@param event pomex.Event
function Looks:saw(event)
  if event.name ~= "response" or not LOOKS[event.endpoint] then return end
  if is_failed(event) then
    self.since, self.at = self.since or core.now(), self.at or core.wall()
    self.why = event.status and event.status >= 400 and ("HTTP %d"):format(event.status)
      or event.type
    return
  end
  if self.said then
    self.env.out:change({ type = "looks", state = "well", seconds = core.now() - self.since },
      ("looks succeed again, after %d s"):format(math.ceil(core.now() - self.since)))
  end
  self.since, self.at, self.said = nil, nil, false
end

---To be called every second or so.
function Looks:tick()
  if not self.since or self.said or core.now() < self.since + looks.AFTER then return end
  self.said = true
  self.env.out:change({ type = "looks", state = "failing", since = self.at, error = self.why },
    ("looks fail since %s (%s); the videos go on at the service"):format(time(self.at), self.why))
end

---@param env pomex.CommandEnv
---@return pomex.CommandLooks
function looks.new(env)
  return setmetatable({ env = env, said = false }, Looks)
end

return looks
