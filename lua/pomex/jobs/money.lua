--- What a video may cost at most, and what it did cost. Amounts are in the currency of the prices
--- that the caller gives; the store counts whole millionths of it.

local text = require "pomex.text"

local money = {}

local MILLION = 1000000

-- What a body leaves open is reserved at the dearest.
local DEAREST_SECONDS = 15
local FRAMES_A_SECOND = 24
-- Of each resolution the ratio with the most pixels, among those that any version of the model has.
local PIXELS = { ["480p"] = 864 * 496, ["720p"] = 1504 * 640, ["1080p"] = 1920 * 1088 }

local function has_video(body)
  for _, part in ipairs(type(body.content) == "table" and body.content or {}) do
    if type(part) == "table" and part.type == "video_url" then return true end
  end
  return false
end

-- How many frames are counted: one more than the seconds have, and those of videos that are given.
local function most_frames(body)
  local seconds, frames = body.duration, body.frames
  if type(seconds) ~= "number" or seconds <= 0 then seconds = DEAREST_SECONDS end
  if has_video(body) then seconds = seconds + DEAREST_SECONDS end
  return math.max(FRAMES_A_SECOND * seconds + 1, type(frames) == "number" and frames or 0)
end

-- The tokens that a body can come to: pixels × frames / 1024. nil: a resolution that nobody knows.
local function most_tokens(body)
  local fast = type(body.model) == "string" and body.model:find("fast", 1, true)
  local resolution = body.resolution
  if resolution == nil then resolution = fast and "720p" or "1080p" end
  local pixels = type(resolution) == "string" and PIXELS[text.lower(resolution)]
  return pixels and math.ceil(pixels * most_frames(body) / 1024)
end

local function millionths(amount)
  return math.floor(amount * MILLION + 1 / 2)
end

money.millionths = millionths

---What an attempt reserves.
---@param prices table<string, number>|nil of a million tokens, by model
---@param body table
---@param price number|nil what the caller says that the video costs
---@return integer cost in millionths; -1: nobody knows
function money.reserved(prices, body, price)
  if price then return millionths(price) end
  local each = prices and prices[body.model]
  local tokens = each and most_tokens(body)
  return tokens and math.ceil(tokens * each) or -1
end

---What it cost in the end.
---@param prices table<string, number>|nil
---@param body table
---@param task table the service's answer
---@return integer cost in millionths; -1: what was reserved
function money.settled(prices, body, task)
  local each = prices and prices[body.model]
  local usage = type(task) == "table" and task.usage
  local tokens = type(usage) == "table" and tonumber(usage.completion_tokens)
  if not each or not tokens or tokens < 0 then return -1 end
  return math.ceil(tokens * each)
end

---Caps in words.
---@param videos integer -1: none
---@param amount integer in millionths; -1: none
---@return string
function money.caps(videos, amount)
  local parts = {}
  if videos >= 0 then parts[1] = ("%d video%s"):format(videos, videos == 1 and "" or "s") end
  if amount >= 0 then parts[#parts + 1] = "money " .. text.number("%.14g", amount / MILLION) end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

---@param cost integer in millionths
---@return number|nil amount in the currency
function money.amount(cost)
  return cost and cost >= 0 and cost / MILLION or nil
end

return money
