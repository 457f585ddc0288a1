--- Starts calls, waits and downloads: what assets, generations and sessions share.

local cancel = require "pomex.cancel"
local core = require "pomex.core"
local errors = require "pomex.errors"
local operation = require "pomex.operation"
local options = require "pomex.options"
local json = require "pomex.json"

local calls = {}

local new, now, cancelled_here = operation.new, core.now, cancel.here

local function file(_, _, _, op)
  local handle = op.handle
  local size, sum = handle:progress(), handle:sum()
  return { path = op.opts.path, size = size, id = op.object_id,
    looks_like = handle:looks_like(), sum = sum ~= "" and sum or nil }
end

local function closed()
  options.misuse("pomex client is closed")
end

-- How the answer of each endpoint becomes a value of Lua.
local KINDS = {
  request = { endpoint = "request", decode = json.any },
  download = { endpoint = "download", decode = file },
}
for _, endpoint in ipairs { "sessions.create", "assets.create", "assets.get", "assets.list",
  "generations.create", "generations.get" } do
  KINDS[endpoint] = { endpoint = endpoint, decode = json.object }
end
calls.KINDS = KINDS

-- Raises where the host says that the running code may not "wait", or "start" an operation.
local function require_may(client, what)
  local may = client.host.may
  if not may then return end
  local allowed, why = may(client, what)
  if not allowed then error(why, 0) end
end

-- The client's loop, where something may be started.
local function open(client)
  local loop = client.loop
  if loop.closed then closed() end
  if loop.stepping then loop:in_step() end
  require_may(client, "start")
  return loop
end

-- In a cancelled task nothing is begun: what is begun may be sent at once.
local function not_begun(client, kind, id)
  local err = cancel.error("not begun, in a cancelled task", "no")
  err.attempts = 0
  return operation.already_failed(client, err, kind, id)
end

-- The next functions are flat, and keep intermediate values out of argument lists, so that a task
-- which waits has a small stack.

---Starts one call.
---@param client pomex.Client
---@param kind pomex.Kind
---@param id string|nil of the asset or generation
---@param payload table|nil the body or the query, a checked copy
---@param opts table|nil a checked copy
---@return pomex.Operation
function calls.start(client, kind, id, payload, opts)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, kind, id) end
  local spares = loop.spares
  local last = #spares
  local spare = spares[last]
  if spare then spares[last] = nil end
  local handle, number = loop.handle:call(kind.endpoint, id, payload, opts, spare)
  return new(client, kind, opts, id, handle, number)
end

---Starts a wait for a final status.
---@param client pomex.Client
---@param kind pomex.Kind of the call that looks
---@param id string of the asset or generation
---@param opts table|nil a checked copy
---@return pomex.Operation
function calls.start_wait(client, kind, id, opts)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, kind, id) end
  local handle, number = loop.handle:wait(kind.endpoint, id, opts)
  return new(client, kind, opts, id, handle, number)
end

---Starts a download.
---@param client pomex.Client
---@param id string of the generation
---@param link string|nil the video's address, where the caller has a generation that says it
---@param path string
---@param opts table|nil a checked copy
---@return pomex.Operation
function calls.start_download(client, id, link, path, opts)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, KINDS.download, id) end
  -- Made before anything is started: between the start and `new` nothing may fail.
  local kept = { path = path, on_progress = opts and opts.on_progress }
  local handle, number = loop.handle:download(id, link, path, opts)
  return new(client, KINDS.download, kept, id, handle, number)
end

---Starts a request of the caller's own.
---@param client pomex.Client
---@param method string
---@param path string
---@param parts table|nil a checked copy
---@param opts table|nil a checked copy
---@return pomex.Operation
function calls.start_request(client, method, path, parts, opts)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, KINDS.request) end
  local handle, number = loop.handle:request(method, path, parts, opts)
  return new(client, KINDS.request, opts, nil, handle, number)
end

---The id in `x`, which is an id or an object that has one; raises on anything else.
---@param where string "assets:get"
---@param name string the argument's name
---@param x any
---@return string
function calls.id_of(where, name, x)
  if type(x) == "string" then return x end
  local id = type(x) == "table" and x.id
  if type(id) ~= "string" then
    options.misuse(("%s: %s must be an id or an object with an id, not %s"):format(
      where, name, type(x) == "table" and "a table without one" or type(x)))
  end
  options.no_call_options(where, x, name)
  return id
end

-- After the object is made, to repeat the call would make (and bill) another one, so the error must
-- not be retryable. A generation stays paid for, unless it has failed.
local function made(resource, id, object, err)
  if err then
    err.retryable, err.id = false, err.id or id
    if resource.bills and err.type ~= "generation_failed" then errors.bill(err, "yes") end
  end
  return object, err
end

---Waits for the object that was just made, or downloads it. If the client was closed meanwhile,
---either would raise, and the id would be lost: then it is an error with the id.
---@param resource table
---@param client pomex.Client
---@param id string
---@param step "wait"|"download" the method of `resource` to call
---@param ... any its arguments
---@return table|nil object
---@return pomex.Error? err never `retryable`
function calls.follow(resource, client, id, step, ...)
  if client.loop.closed then
    return made(resource, id, nil, errors.bill(errors.new("cancelled_error", {
      message = ("the client was closed before the %s of %s"):format(step, id), attempts = 0,
    }), "no"))
  end
  return made(resource, id, resource[step](resource, ...))
end

local follow = calls.follow

---A create-and-wait: `create`, then `on_created` with the id in hand, then `wait`.
---@param resource table with wait
---@param client pomex.Client
---@param create fun(client: table, where: string, body: table, opts?: table): pomex.Operation
---@param where string "assets:create_and_wait"
---@param body table
---@param opts? pomex.CreateAndWaitOptions
---@return table|nil object
---@return pomex.Error? err
function calls.create_and_wait(resource, client, create, where, body, opts)
  if not opts then
    local created, err = create(client, where, body):wait()
    if not created then return nil, err end
    return follow(resource, client, created.id, "wait", created.id)
  end
  local timeout = opts.timeout
  local deadline = timeout and now() + timeout
  local created, err = create(client, where, body, {
    timeout = timeout and math.min(timeout, client.budget) or nil,
    max_retries = opts.max_retries, validate = opts.validate, send_by = opts.send_by,
  }):wait()
  if not created then return nil, err end
  if opts.on_created then opts.on_created(created) end
  return follow(resource, client, created.id, "wait", created.id, {
    -- Above 0, so that there is one last look even if the creation took all of the time.
    timeout = deadline and math.max(deadline - now(), 1 / 1000) or nil,
    first = opts.first, factor = opts.factor, max = opts.max, on_update = opts.on_update,
  })
end

---For the plain calls: raises where the running coroutine may not wait, before anything is sent
---whose answer would reach nobody.
---@generic T
---@param async T
---@return T async
function calls.require_waitable(async)
  local client = async.client
  if client.loop.closed then closed() end
  require_may(client, "wait")
  return async
end

---Starts a method of the plain resources in a task; in a cancelled task, one that is cancelled too.
---@param client pomex.Client
---@param method function
---@param ... any its arguments
---@return pomex.Task
function calls.spawn(client, method, ...)
  if not cancelled_here() then return client:spawn(method, ...) end
  local err = cancel.error("not begun, in a cancelled task", "no")
  return client:spawn(function() return nil, err end)
end

return calls
