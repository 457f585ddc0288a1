--- Asks of the store of jobs: each is handed to the store's thread, and whoever waits for its
--- answer goes on when that has come, in every host.

local core = require "pomex.core"
local errors = require "pomex.errors"
local waitable = require "pomex.waitable"

local now = core.now

---@class pomex.Ask: pomex.Waitable
---@field finished boolean
---@field reply table|nil
local Ask = {}
Ask.__index = Ask
for name, method in pairs(waitable) do Ask[name] = method end

function Ask:__call()
  return self.finished
end

---@return table|nil reply
---@return pomex.Error? err
function Ask:outcome()
  return self.reply, self.err
end

---@class pomex.Asks
---@field client pomex.Client
---@field store table
---@field outstanding integer how many are not answered
local Asks = {}
Asks.__index = Asks

local asks = {}

---@param client pomex.Client
---@param store table of pomex.storecore
---@param veil fun(text: string): string hides what its answers must not show
---@return pomex.Asks
function asks.new(client, store, veil)
  local self = setmetatable({
    client = client, store = store, veil = veil, waiting = {}, outstanding = 0, fd = nil,
  }, Asks)
  client.loop:add_source(self)
  return self
end

local function store_error(message, answer)
  return errors.new("store_error", { message = message, cause = answer, retryable = false })
end

asks.error = store_error

---The client was closed, which is no trouble of the store: `cause` says so.
---@return pomex.Error
function asks.closed()
  return store_error("the client was closed", "closed")
end

-- The store's descriptor is there from the first request on.
local function watch(self)
  if self.fd then return true end
  local fd = self.store:fd()
  local watched, why = self.client.loop.handle:watch(fd)
  if watched then self.fd = fd end
  return watched, why
end

---Hands a request over.
---@param verb string
---@param fields table
---@return pomex.Ask|nil
---@return pomex.Error? err
function Asks:submit(verb, fields)
  local loop = self.client.loop
  if not self.store then return nil, store_error("the store of jobs is closed") end
  if loop.closed then return nil, asks.closed() end
  local ticket, why = self.store:submit(verb, fields)
  if not ticket then return nil, store_error(why) end
  local ask = setmetatable({ client = self.client, finished = false, waiter = nil }, Ask)
  self.waiting[ticket] = ask
  self.outstanding = self.outstanding + 1
  local watched
  watched, why = watch(self)
  if not watched then return nil, store_error("the store cannot be watched: " .. why) end
  loop:begin()
  return ask
end

---Asks, and waits for the answer.
---@param verb string
---@param fields table
---@return table|nil reply with `answer`, `why`, and what the verb answers
---@return pomex.Error? err store_error: there is no answer
function Asks:ask(verb, fields)
  local ask, err = self:submit(verb, fields)
  if not ask then return nil, err end
  while not ask.finished do
    if self.client.loop.closed then
      self:forsake()
      break
    end
    ask:pause(now)
  end
  return ask:outcome()
end

local GOOD = { yes = true, known = true, second = true }

---Asks for what is to be done, and takes any answer but a good one for an error.
---@param verb string
---@param fields table
---@return table|nil reply
---@return pomex.Error? err
function Asks:must(verb, fields)
  local reply, err = self:ask(verb, fields)
  if not reply then return nil, err end
  if GOOD[reply.answer] then return reply end
  if reply.answer == "missing" then
    return nil, errors.new("not_found_error", {
      message = reply.why or "the store has no such job or queue", retryable = false,
    })
  end
  return nil, store_error(reply.why or "the store answered " .. reply.answer, reply.answer)
end

---For the loop: takes what the store has answered.
---@private
function Asks:collect()
  local store = self.store
  local ticket, reply = store:take()
  while ticket do
    local ask = self.waiting[ticket]
    if ask then
      self.waiting[ticket] = nil
      self.outstanding = self.outstanding - 1
      if reply.why then reply.why = self.veil(reply.why) end
      ask.reply = reply
      ask:settle()
      if self.store ~= store then return end
    end
    ticket, reply = store:take()
  end
  local loop = self.client.loop
  if loop.closed then return end
  local own, of_core = loop:timeout(), loop.handle:timeout()
  store:stepped(own and of_core and math.min(own, of_core) or own or of_core)
end

---For the loop: nobody will collect any more.
---@private
function Asks:forsake()
  local waiting = self.waiting
  self.waiting, self.outstanding = {}, 0
  for _, ask in pairs(waiting) do
    ask.err = store_error("closed before the store had answered", "closed")
    ask:settle()
  end
end

---Ends all. WAITS 2 s at most, for what was submitted.
function Asks:close()
  local store, loop = self.store, self.client.loop
  self.store = nil
  loop:remove_source(self)
  if self.fd and not loop.closed then loop.handle:unwatch(self.fd) end
  self:forsake()
  if store then store:close() end
end

return asks
