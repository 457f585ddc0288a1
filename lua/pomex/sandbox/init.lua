--- Starts the service, emulated on this machine, for your own tests: docs/testing.md.
---
---     local sb = assert(require("pomex.sandbox").start { asset_seconds = 0 })
---     local client = pomex.new(sb:client_options())
---     …
---     assert(sb.ledger:count "generation" == 1)
---     sb:stop()
---
--- The sandbox is a process of its own, which ends when this process does, in whatever way.

local control = require "pomex.sandbox.control"
local errors = require "pomex.errors"
local json = require "pomex.json"
local records = require "pomex.sandbox.records"

---@class pomex.SandboxModule
local sandbox = {}

-- The options besides the settings, which are made once the program runs.
local OPTIONS = {
  host = "string", port = "whole", key = "string", database = "string",
  binary = "string", start_timeout = "seconds", idle_seconds = "whole", request_seconds = "number",
}

local function exists(path)
  local file = io.open(path, "rb")
  -- io.open opens a folder too, but nothing can be read from it.
  local found = file and file:read(1) ~= nil
  if file then file:close() end
  return found or false
end

-- Where the program is, if both are installed: PREFIX/bin, with this file in
-- PREFIX/share/lua/5.4/pomex/sandbox.
local function beside_module()
  if not debug then return nil end
  local folder = debug.getinfo(1, "S").source:match("^@(.*)/sandbox/[^/]*$")
  return folder and folder .. "/../../../../bin/pomex-sandbox"
end

-- Where it lies in a build folder, which has both: beside the command that runs. A name without
-- a folder was found elsewhere: what lies in the current folder is not what anybody meant.
local function beside_program()
  local program = rawget(_G, "arg")
  program = type(program) == "table" and program[0]
  local folder = type(program) == "string" and program:match "^(.*)/[^/]*$"
  return folder and folder .. "/pomex-sandbox"
end

local function on_path()
  for folder in (os.getenv("PATH") or ""):gmatch("[^:]+") do
    local path = folder .. "/pomex-sandbox"
    if exists(path) then return path end
  end
end

local function find_binary(asked)
  if asked or os.getenv("POMEX_SANDBOX_BIN") then
    local path = asked or os.getenv("POMEX_SANDBOX_BIN")
    if exists(path) then return path end
    return nil, errors.new("connection_error", {
      message = "there is no pomex-sandbox at " .. errors.quoted(path),
      hint = asked and "option binary" or "environment variable POMEX_SANDBOX_BIN",
    })
  end
  local looked = { "the option binary", "$POMEX_SANDBOX_BIN" }
  for _, place in ipairs { beside_module, beside_program } do
    local path = place()
    if path and exists(path) then return path end
    looked[#looked + 1] = path
  end
  local path = on_path()
  if path then return path end
  return nil, errors.new("connection_error", {
    message = "pomex-sandbox was not found",
    hint = "looked at " .. table.concat(looked, ", ") .. " and $PATH; `cmake --install` and "
      .. "LuaRocks install it if libmicrohttpd and SQLite were there to build it",
  })
end

local function arguments(options)
  local list = { "--json", "--watch-stdin", "--quiet", "--port", ("%d"):format(options.port or 0) }
  for _, name in ipairs { "host", "database" } do
    if options[name] then
      list[#list + 1] = "--" .. name
      list[#list + 1] = options[name]
    end
  end
  for option, name in pairs { ["--idle-seconds"] = "idle_seconds",
    ["--request-seconds"] = "request_seconds" } do
    if options[name] then
      list[#list + 1] = option
      list[#list + 1] = ("%.14g"):format(options[name])
    end
  end
  return list
end

local function spawn(binary, options)
  local core = require "pomex.core"
  -- The key is not passed on the command line, because other users can read that.
  local process, why = core.spawn(binary, arguments(options),
    { options.key and "POMEX_SANDBOX_KEY=" .. options.key })
  if not process then
    return nil, errors.new("connection_error", {
      message = "pomex-sandbox could not be started: " .. tostring(why), hint = binary })
  end
  local line, reason = process:read_line(options.start_timeout or 10)
  local hello = json.object(line or "")
  if hello and hello.url then return process, hello end
  process:stop(1)
  if hello and hello.error then
    return nil, errors.new("connection_error", {
      message = "pomex-sandbox did not start: " .. tostring(hello.error) })
  end
  return nil, errors.new("connection_error", {
    message = "pomex-sandbox did not say where it listens",
    hint = line and "it said " .. errors.quoted(line)
      or ("%s; %s"):format(tostring(reason), binary) })
end

local function configure(sb, options)
  local settings = {}
  for name in pairs(control.CONFIG) do settings[name] = options[name] end
  if next(settings) == nil then return true end
  return records.request(sb, "POST", "config", settings)
end

---Starts a sandbox: by default on 127.0.0.1, on a free port.
---@param options? pomex.SandboxOptions
---@return pomex.Sandbox|nil
---@return pomex.Error? err connection_error: the program was not found or did not start, because
---  the port is in use for example; invalid_request_error: a setting is out of range
function sandbox.start(options)
  options = control.check("sandbox.start", options or {}, OPTIONS, control.CONFIG)
  local binary, err = find_binary(options.binary)
  if not binary then return nil, err end
  local process, hello = spawn(binary, options)
  if not process then return nil, hello end
  local client
  client, err = require("pomex").new {
    base_url = hello.url, api_key = hello.key, host = "blocking", rate_limits = false,
    allow_http = control.needs_http(hello.url) or nil,
  }
  if not client then
    process:stop(1)
    return nil, err
  end
  local sb = control.new(hello, process, client)
  local configured
  configured, err = configure(sb, options)
  if configured then return sb end
  sb:stop()
  return nil, err
end

return sandbox
