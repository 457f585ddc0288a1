--- Starts calls, waits and downloads: what assets, generations and sessions share.

local cancel = require "pomex.cancel"
local beneath = require("pomex.defaults").beneath
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
  asset_download = { endpoint = "download", decode = file, of_asset = true },
  ["generations.list"] = { endpoint = "generations.list", decode = json.page },
}
for _, endpoint in ipairs { "sessions.create", "assets.create", "assets.get", "assets.list",
  "generations.create", "generations.get", "generations.cancel" } do
  KINDS[endpoint] = { endpoint = endpoint, decode = json.object }
end
calls.KINDS = KINDS

---@param client pomex.Client
---@return boolean
function calls.is_closed(client)
  return client.loop.closed or client.shut or false
end

-- Raises where the host says that the running code may not "wait", or "start" an operation.
local function require_may(client, what)
  local may = client.host.may
  if not may then return end
  local allowed, why = may(client.root, what)
  if not allowed then error(why, 0) end
end

-- The client's loop, where something may be started.
local function open(client)
  local loop = client.loop
  if loop.closed or client.shut then closed() end
  if loop.stepping then loop:in_step() end
  require_may(client, "start")
  return loop
end

-- In a cancelled task nothing is begun: what is begun may be sent at once.
local function not_begun(client, kind, id)
  local err = cancel.error("not begun, in a cancelled task", "no")
  err.attempts = 0
  return operation.already_failed(client.root, err, kind, id)
end

-- Notes what a client of client:with began, which its close ends.
local function begun(client, op)
  if client.begun and not op.finished then client.begun[op] = true end
  return op
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
  if client.defaults then opts = beneath(client, "call", opts) end
  local spares = loop.spares
  local last = #spares
  local spare = spares[last]
  if spare then spares[last] = nil end
  local handle, number = loop.handle:call(kind.endpoint, id, payload, opts, spare)
  local op = new(client.root, kind, opts, id, handle, number)
  return client.begun and begun(client, op) or op
end

---Starts a wait for a final status.
---@param client pomex.Client
---@param kind pomex.Kind of the call that looks
---@param id string of the asset or generation
---@param opts table|nil a checked copy
---@param group string|nil of the asset
---@return pomex.Operation
function calls.start_wait(client, kind, id, opts, group)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, kind, id) end
  if client.nudges then client.nudges:attend(client.root) end
  if client.defaults then opts = beneath(client, kind.endpoint, opts) end
  local handle, number = loop.handle:wait(kind.endpoint, id, opts, group)
  return begun(client, new(client.root, kind, opts, id, handle, number))
end

---Starts a download.
---@param client pomex.Client
---@param kind pomex.Kind
---@param id string of the generation or asset
---@param link string|nil where the caller has an object that says it
---@param path string
---@param opts table|nil a checked copy
---@return pomex.Operation
function calls.start_download(client, kind, id, link, path, opts)
  local loop = open(client)
  if cancelled_here() then return not_begun(client, kind, id) end
  -- Made before anything is started: between the start and `new` nothing may fail.
  local kept = { path = path, on_progress = opts and opts.on_progress }
  opts = beneath(client, "download", opts)
  local handle, number = loop.handle:download(id, link, path, opts)
  return begun(client, new(client.root, kind, kept, id, handle, number))
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
  opts = beneath(client, "call", opts)
  local handle, number = loop.handle:request(method, path, parts, opts)
  return begun(client, new(client.root, KINDS.request, opts, nil, handle, number))
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
  if calls.is_closed(client) then
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
    adopt = opts.adopt, preflight = opts.preflight, headers = opts.headers,
  }):wait()
  if not created then return nil, err end
  if opts.on_created then opts.on_created(created) end
  return follow(resource, client, created.id, "wait", created.id, {
    -- Above 0, so that there is one last look even if the creation took all of the time.
    timeout = deadline and math.max(deadline - now(), 1 / 1000) or nil,
    first = opts.first, factor = opts.factor, max = opts.max, on_update = opts.on_update,
    headers = opts.headers,
  })
end

---For the plain calls: raises where the running coroutine may not wait, before anything is sent
---whose answer would reach nobody.
---@generic T
---@param async T
---@return T async
function calls.require_waitable(async)
  local client = async.client
  if client.loop.closed or client.shut then closed() end
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
