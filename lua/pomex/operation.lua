--- Something asked of the service that has its answer, or will have it. `client.async` returns
--- operations; the plain calls are `client.async…:wait()`.

local core = require "pomex.core"
local errors = require "pomex.errors"
local options = require "pomex.options"
local reply = require "pomex.reply"
local waitable = require "pomex.waitable"

local now = core.now

---Dropping one never cancels it. Its result stays in it, however often it is taken.
---@class pomex.Operation
---@field client pomex.Client
local Operation = {}
Operation.__index = Operation
for name, method in pairs(waitable) do Operation[name] = method end

-- Hosts call it: is there a reason to stop waiting? (News for on_update is one.)
function Operation:__call()
  return self.finished or self.updated or self.progressed or false
end

local operation = {}

---@param client pomex.Client
---@param handle table|nil what the core made
---@param refusal table|nil why it made nothing
---@param decode fun(op: pomex.Operation, body: string, status: integer): any, pomex.Error?
---@param endpoint string
---@param opts? table the caller's
---@param target? string the id that it is about
---@return pomex.Operation
function operation.new(client, handle, refusal, decode, endpoint, opts, target)
  if not handle then
    if refusal.type == "misuse" then options.misuse(endpoint .. ": " .. refusal.message) end
    return operation.refused(client, errors.wrap(refusal), endpoint)
  end
  local op = setmetatable({
    client = client, core = handle, decode = decode, endpoint = endpoint,
    opts = opts, target = target,
  }, Operation)
  client.loop:register(op)
  return op
end

---An operation that is over before it began.
---@param client pomex.Client
---@param err pomex.Error
---@param endpoint string
---@return pomex.Operation
function operation.refused(client, err, endpoint)
  if err.endpoint == nil then err.endpoint = endpoint end
  return setmetatable({
    client = client, endpoint = endpoint, finished = true, taken = true, err = err,
  }, Operation)
end

local function failure(fields)
  if type(fields.object) == "string" then
    fields.object = reply.object(fields.object) or fields.object
  end
  return errors.wrap(fields)
end

-- Takes the result out of the core, once.
local function take(self)
  self.taken = true
  if not self.core:done() then
    self.err = errors.new("cancelled_error", {
      message = "the client was closed in a process other than the one that used it",
      endpoint = self.endpoint,
    })
    return
  end
  local body, status = self.core:take()
  if not body then
    self.err = failure(status)
  else
    self.value, self.err = self.decode(self, body, status)
  end
end

---What `wait` returns once it is done.
function Operation:outcome()
  if not self.taken then take(self) end
  if self.err ~= nil then return nil, self.err end
  return self.value
end

-- Runs the caller's functions, in the waiting coroutine and unprotected: they may yield.
local function deliver(self)
  local opts = self.opts
  if self.updated then
    self.updated = nil
    local seen = not self.taken and reply.object(self.core:body())
    if seen and opts and opts.on_update then opts.on_update(seen) end
  end
  if self.progressed then
    self.progressed = nil
    if opts and opts.on_progress then opts.on_progress(self.core:progress()) end
  end
end

local function ran_out(self, timeout)
  local seen = not self.taken and self.core:body() or ""
  seen = seen ~= "" and reply.object(seen) or nil
  return nil, errors.new("timeout_error", {
    message = ("no answer within %.14g s of waiting"):format(timeout),
    hint = "the operation goes on; call its wait again, or cancel it",
    endpoint = self.endpoint, id = self.target, retryable = true,
    last_status = seen and type(seen.status) == "string" and seen.status or nil,
    attempts = self.core:attempts(),
  })
end

---Waits for the result.
---@param timeout? number seconds for this wait alone; 0 looks and returns. When they run out
---  the operation goes on, and can be waited for again.
---@return any value
---@return pomex.Error? err
function Operation:wait(timeout)
  local deadline
  if timeout ~= nil then
    options.expect("operation:wait", "timeout", timeout, "span")
    deadline = now() + timeout
  end
  while true do
    if self.updated or self.progressed then deliver(self) end
    if self.finished then return self:outcome() end
    if not self:pause(now, deadline) and deadline then return ran_out(self, timeout) end
  end
end

---Whether the result is there.
---@return boolean
function Operation:done()
  return self.finished or self.core:done()
end

---Ends it now. Its error says whether something may have been carried out: "cancelled_error"
---or "ambiguous_error". No effect on one that is done.
function Operation:cancel()
  if not self.finished then self.core:cancel() end
end

---How often it was tried; of a wait, how often it looked.
---@return integer
function Operation:attempts()
  return self.core and self.core:attempts() or 0
end

---Of a download: bytes saved so far, and the whole length if it is known.
---@return integer done
---@return integer|nil total
function Operation:progress()
  if not self.core then return 0, nil end
  return self.core:progress()
end

function Operation:__tostring()
  return ("pomex operation (%s, %s)"):format(
    self.endpoint, self:done() and (self.err and "failed" or "done") or "pending")
end

return operation
