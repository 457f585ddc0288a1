--- pomex: PomexAI's Real-Human Asset API.
---
---     local pomex = require "pomex"
---     local client = pomex.check(pomex.new())
---     local asset, err = client.assets:get(id)
---
--- Every call returns its value, or nil and a pomex.Error. Misuse (a wrong Lua type, an unknown
--- key) raises.

local needs = require "pomex.needs"
local core = needs.load "pomex.core"
local values = require "pomex.values"

-- Only a client needs lua-cjson, but that it is missing is said here. lua-cjson ends a program that
-- loads it under a decimal point of several bytes.
if #core.decimal_point() == 1 then needs.load "cjson" else core.plainly(needs.load, "cjson") end

---@class pomex
---@field content pomex.ContentModule `pomex.content()` makes a builder
---@field callback pomex.CallbackModule reads the redirect that ends a verification
---@field errors pomex.ErrorsModule
---@field log pomex.LogModule writes events as lines
---@field notices pomex.NoticesModule URLs at which the service says that a task has changed
---@field qr pomex.QrModule raises where pomex was built without libqrencode
---@field jobs pomex.JobsModule videos and portraits that outlive a process
---@field sandbox pomex.SandboxModule `pomex.sandbox.start{…}`: the service, emulated
local pomex = {}

pomex.VERSION = core.VERSION

---JSON null, for requests (`cjson.null` is the same). A null in an answer is an absent field.
---@type pomex.Null
pomex.null = core.null

---The `group_id` that stands for the account's default Virtual group.
---@type pomex.Virtual
pomex.VIRTUAL = values.VIRTUAL

---Makes a client. Opens nothing until its first use. Document section: Basics.
---@param options? pomex.Options
---@return pomex.Client|nil client
---@return pomex.Error? err
function pomex.new(options)
  return require("pomex.client").new(options)
end

---Returns its arguments, or raises `err` if the first is nil or false. What is raised is the error
---itself, with its fields; its line on PUC Lua 5.1, and outside of a task in nginx and in callbacks
---of luv's, which show nothing of a table that nobody caught.
---@generic T
---@param value T|nil
---@param err? any
---@param ... any
---@return T value
function pomex.check(value, err, ...)
  if value then return value, err, ... end
  if type(err) == "table" then err = require("pomex.host.uncaught").raised(err) end
  if not require("pomex.errors").is(err) then
    err = tostring(err == nil and "pomex.check: no value" or err)
  end
  error(err, 2)
end

---What a video costs at most: (24 × seconds + 1) × width × height / 1024 tokens. What the body
---leaves open is taken at the dearest: 15 seconds, 1080p (fast: 720p), the ratio with the most
---pixels.
---@param body pomex.GenerationBody
---@param price number|table<string, number> of a million tokens; or one for each model
---@return number|nil amount in the currency of the price
---@return pomex.Error? err invalid_request_error: no price for the model, or a resolution of which
---  nobody knows what it costs
function pomex.cost(body, price)
  return require("pomex.cost").of(body, price)
end

---Waits for all of `ops`, and cancels none of them.
---@param ops (pomex.Operation|pomex.Task)[]
---@return { [1]: any, [2]: any }[] results `{ value, err }` of each, in their order
function pomex.all(ops)
  return require("pomex.task").all(ops)
end

---Marks a table as a JSON array: without it, an empty table is sent as an object.
---@generic T
---@param list? T[]
---@return T[] list the same table
function pomex.array(list)
  return setmetatable(list or {}, values.ARRAY)
end

-- Loaded when they are first used, so that requiring pomex stays cheap.
local PARTS = {
  callback = true, content = true, errors = true, jobs = true, log = true,
  notices = true, qr = true, sandbox = true,
}

-- Where nginx is started, its master runs init_by_lua; its workers often run as a user who cannot
-- read where pomex lies. So the master reads all that a request may need.
local FOR_REQUESTS = {
  "client", "content", "task", "sessions", "assets", "generations", "callback.verifier",
  "callback.store", "notices", "nudges", "cost", "host.auto", "host.openresty", "host.uncaught",
  "log",
}

local function in_master()
  local ngx = rawget(_G, "ngx")
  local phase = type(ngx) == "table" and rawget(ngx, "get_phase")
  return type(phase) == "function" and phase() == "init"
end

if in_master() then
  for _, name in ipairs(FOR_REQUESTS) do pcall(require, "pomex." .. name) end
end

return setmetatable(pomex, {
  __index = function(self, name)
    if not PARTS[name] then return nil end
    local part = require("pomex." .. name)
    rawset(self, name, part)
    return part
  end,
})
