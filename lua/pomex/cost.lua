--- What a video costs at most, and what it did cost. A price is that of a million tokens, and ships
--- with no version: it is the caller's. (spec/document/beyond-the-document.md, "Cost")

local core = require "pomex.core"
local errors = require "pomex.errors"
local options = require "pomex.options"
local text = require "pomex.text"

local cost = {}

local MILLION = 1000000

-- What a body leaves open is taken at the dearest.
local DEAREST_SECONDS = 15
local FRAMES_A_SECOND = 24
-- Of each resolution the ratio with the most pixels, among those that any version of the model has;
-- and those of the two ratios whose size nobody puts otherwise.
local PIXELS = { ["480p"] = 864 * 496, ["720p"] = 1504 * 640, ["1080p"] = 1920 * 1088 }
local WIDE = { ["480p"] = 864 * 496, ["720p"] = 1280 * 720, ["1080p"] = 1920 * 1088 }
local OF_RATIO = { ["16:9"] = WIDE, ["9:16"] = WIDE }

local function has_video(body)
  for _, part in ipairs(type(body.content) == "table" and body.content or {}) do
    if type(part) == "table" and part.type == "video_url" then return true end
  end
  return false
end

-- How many frames are counted: one more than the seconds have, and those of videos that are given.
-- nil: nobody knows; what is no number would also spoil every sum that it is added to.
local function most_frames(body)
  local seconds, frames = body.duration, body.frames
  if seconds ~= seconds or seconds == math.huge or frames ~= frames or frames == math.huge then
    return nil
  end
  if type(seconds) ~= "number" or seconds <= 0 then seconds = DEAREST_SECONDS end
  if has_video(body) then seconds = seconds + DEAREST_SECONDS end
  return math.max(FRAMES_A_SECOND * seconds + 1, type(frames) == "number" and frames or 0)
end

-- pomex.null stands for a field that is not given.
local function given(value)
  if value == core.null then return nil end
  return value
end

---The tokens that a body can come to: pixels × frames / 1024.
---@param body table
---@return integer|nil tokens nil: a resolution that nobody knows, or a duration that is no number
function cost.most_tokens(body)
  local fast = type(body.model) == "string" and body.model:find("fast", 1, true)
  local resolution, ratio = given(body.resolution), given(body.ratio)
  if resolution == nil then resolution = fast and "720p" or "1080p" end
  local pixels = type(resolution) == "string"
    and (OF_RATIO[ratio] or PIXELS)[text.lower(resolution)]
  local frames = most_frames(body)
  return pixels and frames and math.ceil(pixels * frames / 1024)
end

-- What keeps the tokens of a body from being counted, with its value.
local function uncounted(body)
  if most_frames(body) then return "resolution (" .. errors.quoted(body.resolution) .. ")" end
  return ("duration (%s)"):format(errors.one_line(body.duration or body.frames))
end

---Whole millionths of an amount.
---@param amount number
---@return integer
function cost.millionths(amount)
  return math.floor(amount * MILLION + 1 / 2)
end

---The price for a model.
---@param price number|table<string, number>|nil for any model, or by model
---@param model any
---@return number|nil
function cost.price_of(price, model)
  if type(price) ~= "table" then return price end
  return type(model) == "string" and price[model] or nil
end

---What a body costs at most.
---@param body table
---@param price number|table<string, number>|nil
---@return integer cost in millionths; -1: nobody knows
function cost.at_most(body, price)
  local each = cost.price_of(price, body.model)
  local tokens = each and cost.most_tokens(body)
  return tokens and math.ceil(tokens * each) or -1
end

---What a task did cost, by what the service counted.
---@param model any of its body
---@param task any the service's answer
---@param price number|table<string, number>|nil
---@return integer cost in millionths; -1: the service does not say
function cost.settled(model, task, price)
  local each = cost.price_of(price, model)
  local usage = type(task) == "table" and task.usage
  local tokens = type(usage) == "table" and tonumber(usage.completion_tokens)
  if not each or not tokens or not (tokens >= 0 and tokens < math.huge) then return -1 end
  return math.ceil(tokens * each)
end

---@param millionths integer
---@return number|nil amount in the currency
function cost.amount(millionths)
  return millionths and millionths >= 0 and millionths / MILLION or nil
end

local function is_amount(value)
  return type(value) == "number" and value >= 0 and value < math.huge
end

---Raises unless it is a price, or prices by model.
---@param where string
---@param price any
function cost.check_price(where, price)
  local fine = is_amount(price) or type(price) == "table"
  for model, each in pairs(type(price) == "table" and price or {}) do
    fine = fine and type(model) == "string" and is_amount(each)
  end
  if not fine then
    options.misuse(where .. ": price must be a number, 0 or more, or a table of them by model")
  end
end

---`pomex.cost`.
---@param body pomex.GenerationBody
---@param price number|table<string, number>
---@return number|nil amount
---@return pomex.Error? err
function cost.of(body, price)
  options.expect("pomex.cost", "body", body, "table")
  cost.check_price("pomex.cost", price)
  local content = body.content
  if type(content) == "table" and type(content.build) == "function" then
    local parts, err = content:build()
    if not parts then return nil, err end
    body = setmetatable({ content = parts }, { __index = body })
  end
  local millionths = cost.at_most(body, price)
  if millionths >= 0 then return cost.amount(millionths) end
  if not cost.price_of(price, body.model) then
    return errors.invalid(nil, "there is no price for the model",
      "model is " .. errors.quoted(body.model))
  end
  return errors.invalid(nil, "nobody knows what a video of that " .. uncounted(body) .. " costs")
end

return cost
