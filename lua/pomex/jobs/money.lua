--- What a video may cost at most, and what it did cost. Amounts are in the currency of the prices
--- that the caller gives; the store counts whole millionths of it.

local costs = require "pomex.cost"
local text = require "pomex.text"

local money = { millionths = costs.millionths, amount = costs.amount }

---What an attempt reserves.
---@param prices table<string, number>|nil of a million tokens, by model
---@param body table
---@param price number|nil what the caller says that the video costs
---@return integer cost in millionths; -1: nobody knows
function money.reserved(prices, body, price)
  if price then return costs.millionths(price) end
  return costs.at_most(body, prices)
end

---What it cost in the end.
---@param prices table<string, number>|nil
---@param body table
---@param task table the service's answer
---@return integer cost in millionths; -1: what was reserved
function money.settled(prices, body, task)
  return costs.settled(body.model, task, prices)
end

---Caps in words.
---@param videos integer -1: none
---@param amount integer in millionths; -1: none
---@return string
function money.caps(videos, amount)
  local parts = {}
  if videos >= 0 then parts[1] = text.count(videos, "video") end
  if amount >= 0 then parts[#parts + 1] = "money " .. text.number("%.14g", costs.amount(amount)) end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

return money
