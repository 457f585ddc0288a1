--- What an operation's wait returns: its result, its error, or that it is not done yet.

local errors = require "pomex.errors"
local json = require "pomex.json"
local text = require "pomex.text"

local outcome = {}

local function failure(self, fields)
  if type(fields.object) == "string" then
    fields.object = json.object(fields.object) or fields.object
  end
  -- If memory ran out, the core could not name the generation.
  if fields.id == nil and fields.billed == "yes" then fields.id = self.object_id end
  return errors.wrap(fields)
end

---What `wait` returns once the operation is done. Takes the result out of the core, once; the core
---keeps it until it is a value of Lua, so that nothing is lost if memory is short.
---@param self pomex.Operation
---@return any value
---@return pomex.Error? err
function outcome.take(self)
  local handle = self.handle
  if not handle then
    if self.err ~= nil then return nil, self.err end
    return self.value
  end
  if self.client.loop.closed and not handle:done() then
    self.handle, self.err = nil, errors.bill(errors.new("cancelled_error", {
      message = "the client was closed in a process other than the one that used it",
      endpoint = self.kind.endpoint, id = self.object_id,
    }), handle:billed())
    return nil, self.err
  end
  local body, status, attempts = handle:result()
  local value, err
  if body then
    local kind = self.kind
    value, err = kind.decode(body, status, kind.endpoint, self)
    -- It was carried out, although nobody can read the answer; the core knows the id from it.
    if err then
      err.attempts, err.id, err.request_id = attempts, handle:object(), handle:request_id()
      errors.bill(err, handle:billed())
    end
  elseif status then
    err = failure(self, status)
  end
  local number, request_id = handle:id(), handle:request_id()
  -- A finalizer that ran meanwhile has taken the result.
  if self.handle ~= handle then return outcome.take(self) end
  self.tries, self.number, self.answered = attempts, number, request_id
  if err then
    self.err, err.operation = err, number
  else
    self.value = value
  end
  -- The result is here now, so the next call can use the core's operation again.
  self.handle = nil
  handle:release()
  local spares = self.client.loop.spares
  if #spares < 64 then spares[#spares + 1] = handle end
  if err then return nil, err end
  return value
end

-- Calls that change nothing, so that they may be repeated.
local ASKS = {
  ["assets.get"] = true, ["assets.list"] = true, ["generations.get"] = true,
  ["generations.list"] = true, download = true,
}

---What `wait` returns if the operation is not done when its time is over.
---@param self pomex.Operation
---@param timeout number seconds, of that wait
---@return nil
---@return pomex.Error err
function outcome.not_yet(self, timeout)
  local handle, endpoint = self.handle, self.kind.endpoint
  local seen = json.object(handle:body())
  return nil, errors.bill(errors.new("timeout_error", {
    message = ("no answer within %s s of waiting"):format(text.number("%.14g", timeout)),
    hint = "the operation goes on; call its wait again, or cancel it",
    endpoint = endpoint, id = self.object_id, retryable = ASKS[endpoint] or false,
    last_status = seen and type(seen.status) == "string" and seen.status or nil,
    attempts = handle:attempts(),
  }), handle:billed())
end

return outcome
