--- The plain GET of one object, from its start to its end: most calls of a busy program are one.
--- It does what `client.async…:get(id):wait()` does, but asks the host once where that asks five
--- times. Nobody else ever holds its operation, so that is used again.

local calls = require "pomex.calls"
local cancel = require "pomex.cancel"
local coroutines = require "pomex.host.coroutine"
local take = require("pomex.json").take
local operation = require "pomex.operation"

local plain = {}

local cancelled_here, require_waitable = cancel.here, calls.require_waitable
local yield, next = coroutine.yield, next
local PARKED = coroutines.PARKED

-- The most operations that are kept to be used again.
local KEPT = 64

-- Starts the GET, and enters it into the loop. An error that cuts this short (no memory, Ctrl-C)
-- can leave a GET running whose answer nobody takes: it changes nothing.
local function begin(client, loop, kind, id)
  local kept = loop.kept_operations
  local last = #kept
  local op = kept[last]
  if op then kept[last] = nil else op = operation.blank(client) end
  local handle, number = loop.handle:call(kind.endpoint, id, nil, nil, op.handle)
  if not handle then return operation.new(client, kind, nil, id, nil, number) end
  op.handle, op.kind, op.object_id, op.finished = handle, kind, id, false
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
  return op, number
end

-- The answer of an operation that is over; what is no plain answer takes the usual way.
local function outcome(loop, op)
  local handle = op.handle
  local value = handle and not loop.closed and not op.crowded and take(handle)
  if not value then return op:wait() end
  local kept = loop.kept_operations
  if #kept < KEPT then kept[#kept + 1] = op end
  return value
end

-- Waits where the thread may block, in the core alone as long as nothing but this can happen.
local function block(loop, op, number)
  if loop.tail > 0 or loop.due or loop.later[1] or loop.unsure or loop.on_event
    or loop.sources[1] or next(loop.elsewhere) or loop:unheard() > 0 then
    return op:wait()
  end
  -- Cut short here by an error, the next step counts the pending operations again.
  loop.unsure = true
  local over = loop.handle:finish(op.handle)
  if over then
    op.finished = true
    loop.pending[number] = nil
    loop.count = loop.count - 1
  end
  loop.unsure = false
  if not over then return op:wait() end
  return outcome(loop, op)
end

---@param async table `client.async.assets` or `client.async.generations`
---@param kind pomex.Kind
---@param id any
---@param opts any
---@return table|nil object
---@return pomex.Error? err
function plain.get(async, kind, id, opts)
  local client, co, task = async.client, nil, nil
  local place = client.host.place
  if place and opts == nil and type(id) == "string" and not client.defaults
    and not cancelled_here() then
    co, task = place(client)
  end
  if not co then return require_waitable(async):get(id, opts):wait() end
  local loop = client.loop
  local op, number = begin(client, loop, kind, id)
  if not number then return op:wait() end
  if not task then return block(loop, op, number) end
  op.waiter, task.waiting = co, op
  yield(PARKED)
  if not op.finished then return op:wait() end
  -- From here on it can be another's.
  task.waiting = nil
  return outcome(loop, op)
end

return plain
