--- What a video may cost at most, and what it did cost. Amounts are in the currency of the prices
--- that the caller gives; the store counts whole millionths of it.

local money = {}

local MILLION = 1000000

-- What a body leaves open is reserved at the dearest.
local DEAREST_SECONDS = 15
local FRAMES_A_SECOND = 24
local PIXELS = {
  ["480p"] = 864 * 480, ["720p"] = 1280 * 720, ["1080p"] = 1920 * 1080,
}

-- The tokens that a body can come to: pixels × frames / 1024.
local function most_tokens(body)
  local fast = type(body.model) == "string" and body.model:find("fast", 1, true)
  local pixels = PIXELS[body.resolution] or PIXELS[fast and "720p" or "1080p"]
  local seconds = body.duration
  if type(seconds) ~= "number" or seconds <= 0 then seconds = DEAREST_SECONDS end
  return math.ceil(pixels * FRAMES_A_SECOND * seconds / 1024)
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
  if not each then return -1 end
  return math.ceil(most_tokens(body) * each)
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

---@param cost integer in millionths
---@return number|nil amount in the currency
function money.amount(cost)
  return cost and cost >= 0 and cost / MILLION or nil
end

return money
