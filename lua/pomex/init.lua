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

---Returns its arguments, or raises tostring(err) if the first is nil or false.
---@generic T
---@param value T|nil
---@param err? any
---@param ... any
---@return T value
function pomex.check(value, err, ...)
  if not value then error(tostring(err == nil and "pomex.check: no value" or err), 2) end
  return value, err, ...
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
  callback = true, content = true, errors = true, jobs = true, log = true, qr = true,
  sandbox = true,
}

-- Where nginx is started, its master runs init_by_lua; its workers often run as a user who cannot
-- read where pomex lies. So the master reads all that a request may need.
local FOR_REQUESTS = {
  "client", "content", "task", "sessions", "assets", "generations", "callback.verifier",
  "callback.store", "host.auto", "host.openresty", "log",
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
