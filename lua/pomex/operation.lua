--- Operations: something asked of the service, which has its answer or will have it. `client.async`
--- returns operations; the plain calls are `client.async…:wait()`.

local catch = require "pomex.host.catch"
local cancel = require "pomex.cancel"
local core = require "pomex.core"
local errors = require "pomex.errors"
local json = require "pomex.json"
local options = require "pomex.options"
local outcome = require "pomex.outcome"
local waitable = require "pomex.waitable"

local now, note, cancelled_here = core.now, catch.note, cancel.here

---To drop an operation does not cancel it. Its result stays in it, however often it is taken.
---@class pomex.Operation: pomex.Waitable
---@field client pomex.Client
local Operation = {}
Operation.__index = Operation
for name, method in pairs(waitable) do Operation[name] = method end

-- Hosts call it to learn whether there is a reason to stop waiting; news for on_update is one.
function Operation:__call()
  return self.finished or self.news or false
end

Operation.outcome = outcome.take

local operation = {}

-- Enters an operation into the loop, which reports its end from then on.
local function adopt(client, kind, opts, object_id, handle, number)
  -- At most eight fields, among them three that are set later: a ninth would double the table.
  local op = setmetatable({
    client = client, handle = handle, kind = kind, object_id = object_id,
    opts = opts, finished = false, value = nil, waiter = nil,
  }, Operation)
  local loop = client.loop
  -- If an interrupt cuts this short, the next step counts the pending operations again.
  local unsure = loop.unsure
  loop.unsure = true
  loop.pending[number] = op
  loop.count = loop.count + 1
  loop.unsure = unsure
  -- Over already: a step in a finalizer came in between, and found no such operation in the loop.
  if handle:told() then
    loop.unsure = true
    loop:stir()
  end
  loop:begin()
  return op
end

---Makes an operation of what the core has started; one that has failed if the core started nothing.
---@param client pomex.Client
---@param kind pomex.Kind
---@param opts table|nil the caller's
---@param object_id string|nil of the asset or the generation that it is about
---@param handle userdata|nil what the core made
---@param number integer|table its number in the loop, or why the core made nothing
---@return pomex.Operation
function operation.new(client, kind, opts, object_id, handle, number)
  if not handle then
    local why = number
    if why.type == "misuse" then
      options.misuse(errors.one_line(kind.endpoint .. ": " .. why.message))
    end
    return operation.already_failed(client, errors.wrap(why), kind, object_id)
  end
  local ok, op = pcall(adopt, client, kind, opts, object_id, handle, number)
  if ok then return op end
  -- The caller will not get the operation, so it must not run; nothing was sent yet.
  handle:cancel()
  error(op, 0)
end

--- An operation that nothing was started for yet: see plain.lua.
---@param client pomex.Client
---@return pomex.Operation
function operation.blank(client)
  return setmetatable({
    client = client, handle = nil, kind = nil, object_id = nil,
    opts = nil, finished = false, value = nil, waiter = nil,
  }, Operation)
end

-- An operation of these endpoints that has an id is about a generation, which is paid for.
local ABOUT_GENERATION = { ["generations.get"] = true, ["generations.cancel"] = true,
  download = true }

---An operation that failed before it began.
---@param client pomex.Client
---@param err pomex.Error
---@param kind pomex.Kind
---@param object_id? string of the asset or the generation that it is about
---@return pomex.Operation
function operation.already_failed(client, err, kind, object_id)
  if err.endpoint == nil then err.endpoint = kind.endpoint end
  if err.id == nil then err.id = object_id end
  local paid = object_id and ABOUT_GENERATION[kind.endpoint] and not kind.of_asset
  errors.bill(err, paid and "yes" or "no")
  return setmetatable({ client = client, kind = kind, finished = true, err = err }, Operation)
end

-- Calls on_update or on_progress, in the waiting coroutine and without a pcall: they may yield.
local function deliver(self)
  local opts, handle = self.opts or {}, self.handle
  self.news = nil
  -- The last news came with the end, and another coroutine has taken the result.
  if not handle then return end
  if opts.on_update then
    local seen = json.object(handle:body())
    if seen then opts.on_update(seen) end
  elseif opts.on_progress then
    opts.on_progress(handle:progress())
  end
end

---Waits for the result.
---@param timeout? number seconds for this wait alone, after which the operation goes on and can be
---  waited for again; 0 looks and returns
---@return any value
---@return pomex.Error? err
function Operation:wait(timeout)
  local deadline
  if timeout ~= nil then
    options.expect("operation:wait", "timeout", timeout, "span")
    deadline = now() + timeout
  end
  local client = self.client
  local host = client.host
  -- In a cancelled task there is no wait. What was just begun has sent nothing yet.
  if cancelled_here() and not self:done() then
    self:cancel()
    return self:outcome()
  end
  while true do
    if self.news then deliver(self) end
    if self.finished or client.loop.closed then return self:outcome() end
    -- Where nothing can wait, one can still look.
    local done = self:done()
    if (done or timeout == 0) and host.may and not host.may(client, "wait") then
      if done then return self:outcome() end
      return outcome.not_yet(self, timeout)
    end
    if not deadline then
      note(self)
      host.wait(client, self)
    elseif not self:pause(now, deadline) then
      -- Perhaps it is over, and no step has told of it yet.
      if self:done() then return self:outcome() end
      return outcome.not_yet(self, timeout)
    end
  end
end

---Whether the result is there.
---@return boolean
function Operation:done()
  return self.finished or not self.handle or self.handle:done()
end

---Ends the operation now. Its error says whether something was perhaps carried out:
---"ambiguous_error", or "cancelled_error". No effect on one that is done.
function Operation:cancel()
  if self.handle and not self.finished then self.handle:cancel() end
end

---Waits until a call that was started with `stand_by` stands: it has its turn and its slot, and
---sends nothing before `proceed`.
---@private
---@return boolean stands false: it is over
function Operation:await_turn()
  local client = self.client
  if cancelled_here() then self:cancel() end
  while not self:done() and not client.loop.closed do
    if self.handle:stands() then
      self.news = nil
      return true
    end
    note(self)
    client.host.wait(client, self)
  end
  return false
end

---Sends a call that stands.
---@private
---@param send_by number seconds of CLOCK_BOOTTIME after which no byte of it is sent
function Operation:proceed(send_by)
  if self.handle then self.handle:proceed(send_by) end
end

---Its number, which no other operation of this client has: `event.operation` of its events.
---@return integer|nil number nil: it was refused before it was one, and has no events
function Operation:id()
  return self.handle and self.handle:id() or self.number
end

---The X-Request-Id of its last attempt's answer, also of a good one: support may ask for it.
---@return string|nil request_id nil: the answer had none, or none came
function Operation:request_id()
  if self.handle then return self.handle:request_id() end
  return self.answered
end

---How many attempts were made; of a wait, how many looks.
---@return integer
function Operation:attempts()
  return self.handle and self.handle:attempts() or self.tries or 0
end

---The progress of a download in bytes.
---@return integer done bytes saved so far; 0 for other operations
---@return integer|nil total the whole length, if it is known
function Operation:progress()
  if self.handle then return self.handle:progress() end
  local size = self.value and self.kind.endpoint == "download" and self.value.size or nil
  return size or 0, size
end

function Operation:__tostring()
  return ("pomex operation (%s, %s)"):format(
    self.kind.endpoint, self:done() and (self.err and "failed" or "done") or "pending")
end

options.methods(Operation, "operation",
  { "wait", "done", "cancel", "attempts", "progress", "on_done" })

return operation
