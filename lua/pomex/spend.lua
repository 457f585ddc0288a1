--- What a client may spend on videos, and what it has spent. A video counts from before it is sent;
--- it is given back only if nothing can have been made of it.

local calls = require "pomex.calls"
local costs = require "pomex.cost"
local errors = require "pomex.errors"
local operation = require "pomex.operation"
local options = require "pomex.options"
local text = require "pomex.text"

local CREATE = calls.KINDS["generations.create"]

---@class pomex.Spending
---@field videos integer
---@field cost integer in millionths
local Spending = {}
Spending.__index = Spending

local spend = {}

---@param given table|nil the option `spend` of pomex.new
---@return pomex.Spending|nil
function spend.new(given)
  if given == nil then return nil end
  local opts = options.check("spend", given, { videos = "whole", cost = "number", price = "any" })
  if opts.price ~= nil then costs.check_price("spend", opts.price) end
  if opts.cost ~= nil and (opts.cost < 0 or opts.cost == math.huge) then
    options.misuse("spend: cost must be an amount, 0 or more")
  end
  if opts.cost ~= nil and opts.price == nil then
    options.misuse("spend: cost needs price, that of a million tokens")
  end
  return setmetatable({
    most_videos = opts.videos or math.huge, price = opts.price,
    most_cost = opts.cost and costs.millionths(opts.cost) or math.huge,
    videos = 0, cost = 0,
    made = {}, -- what each task counts for, by its id
    beneath = nil, -- of the client that client:with made this one's of; it counts, too
  }, Spending)
end

local function refused(message, hint)
  local err = errors.new("spend_error", { message = message, hint = hint, attempts = 0,
    client = true, retryable = false })
  return errors.bill(err, "no")
end

local function amount(millionths)
  return text.number("%.14g", costs.amount(millionths))
end

-- What a body counts for; nil and an error: it does not fit.
local function fits(self, body)
  local cost = self.price and costs.at_most(body, self.price) or 0
  if self.videos + 1 > self.most_videos then
    return nil, refused(("this client may make %s, and has"):format(
      text.count(self.most_videos, "video")),
      "spend.videos of pomex.new")
  end
  if cost < 0 and self.most_cost < math.huge then
    return nil, refused("nobody knows what this video can cost, and what may be spent is limited",
      "spend.price of pomex.new needs the model, and the resolution must be 480p, 720p or 1080p")
  end
  cost = math.max(cost, 0)
  if self.cost + cost > self.most_cost then
    return nil, refused(("this video can cost %s, and %s of %s are spent"):format(
      amount(cost), amount(self.cost), amount(self.most_cost)),
      "what the body leaves open is taken at the dearest; spend.cost of pomex.new")
  end
  return cost
end

---Counts a create that was just started, until it is known that nothing was made.
---@param op pomex.Operation
---@param cost integer in millionths
---@param model any
function Spending:count(op, cost, model)
  self.videos, self.cost = self.videos + 1, self.cost + cost
  op:on_done(function(made, err)
    local id = type(made) == "table" and made.id or err and err.id
    if err and err.billed == "no" then
      self.videos, self.cost = self.videos - 1, self.cost - cost
    elseif type(id) == "string" then
      self.made[id] = { cost = cost, model = model }
    end
  end)
end

---Looks in the answer of a get or a wait for what the service counted.
---@param op pomex.Operation
---@return pomex.Operation op the same
function Spending:settles(op)
  return op:on_done(function(task, err)
    task = task or err and err.object
    local made = type(task) == "table" and self.made[task.id]
    local cost = made and costs.settled(made.model, task, self.price) or -1
    if cost < 0 then return end
    self.cost, made.cost = self.cost + cost - made.cost, cost
  end)
end

---A task that was cancelled while it was queued is not made, and given back.
---@param op pomex.Operation of a cancel
---@return pomex.Operation op the same
function Spending:gives_back(op)
  return op:on_done(function(task)
    local made = task and self.made[task.id]
    if not made then return end
    self.made[task.id] = nil
    self.videos, self.cost = self.videos - 1, self.cost - made.cost
  end)
end

---@return { videos: integer, cost: number? }
function Spending:told()
  return { videos = self.videos, cost = self.price and costs.amount(self.cost) or nil }
end

---Starts something that makes a video, if it may be spent. `start` begins the operation.
---@param client pomex.Client
---@param kind pomex.Kind
---@param body table
---@param start fun(): pomex.Operation
---@return pomex.Operation
function spend.starting(client, kind, body, start)
  local spending = client.spending
  if not spending then return start() end
  local each, costs_there = spending, {}
  while each do
    local cost, err = fits(each, body)
    if not cost then return operation.already_failed(client.root, err, kind) end
    costs_there[#costs_there + 1], each = cost, each.beneath
  end
  local op = start()
  each = spending
  for _, cost in ipairs(costs_there) do
    each:count(op, cost, body.model)
    each = each.beneath
  end
  return op
end

---Starts a create of a generation.
---@param client pomex.Client
---@param payload table a checked copy
---@param opts table|nil a checked copy
---@return pomex.Operation
function spend.start(client, payload, opts)
  return spend.starting(client, CREATE, payload, function()
    return calls.start(client, CREATE, nil, payload, opts)
  end)
end

---Has the answer of a get or a wait settle what its task counts for.
---@param client pomex.Client
---@param op pomex.Operation
---@return pomex.Operation op the same
function spend.settling(client, op)
  local each = client.spending
  while each do
    each:settles(op)
    each = each.beneath
  end
  return op
end

---Has a cancel that succeeds give back what its task counts for.
---@param client pomex.Client
---@param op pomex.Operation
---@return pomex.Operation op the same
function spend.cancelling(client, op)
  local each = client.spending
  while each do
    each:gives_back(op)
    each = each.beneath
  end
  return op
end

return spend
