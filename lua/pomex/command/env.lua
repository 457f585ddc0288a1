--- What a subcommand needs of the outside: its output, the configuration, a client, an answer of
--- the person before the keyboard. One for each run of the command.

local config = require "pomex.command.config"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local output = require "pomex.command.output"
local tty = require "pomex.command.tty"

---@class pomex.CommandEnv
---@field args table what argparse made of the command line
---@field out pomex.CommandOutput
---@field fields table more fields of the last object of --json
local Env = {}
Env.__index = Env

local environment = {}

---The configuration for this run: --profile, else $POMEX_PROFILE, names the section.
---@return table<string, string>|nil settings
---@return pomex.Error? err
function Env:settings()
  local profile = self.args.profile or os.getenv "POMEX_PROFILE"
  return config.read(profile ~= "" and profile or nil)
end

---Makes the client. Only where it is nil has the reason been told.
---@param options? pomex.Options more options
---@return pomex.Client|nil client
---@return integer? code the exit code
function Env:client(options)
  local settings, err = self:settings()
  local found
  if settings then found, err = require("pomex.command.key").find(self.args, settings) end
  if not found then return nil, self:failed(err) end
  local given = { api_key = found.api_key, api_key_file = found.api_key_file, host = "blocking" }
  given.base_url = self.args.base_url
  local named = os.getenv "POMEX_BASE_URL"
  if not given.base_url and (not named or named == "") then given.base_url = settings.base_url end
  for name, value in pairs(options or {}) do given[name] = value end
  local client
  client, err = require("pomex").new(given)
  if not client then return nil, self:failed(err) end
  self.opened = client
  return client
end

---Tells why something ended, and what to type next.
---@param err pomex.Error|string
---@param following? string the command to type next
---@param code? integer default: what exits.of says of the error, or 1 for a text
---@return integer code
function Env:failed(err, following, code)
  code = code or (errors.is(err) and exits.of(err) or exits.FAILED)
  self.out:failure(err)
  if not following and code == exits.REFUSED then following = "pomex doctor" end
  if following then self.out:next(following) end
  return code
end

---Asks once before something is billed.
---@param what string what is about to be billed: "1 video", "200 videos for at most 450.00"
---@return boolean|nil yes
---@return integer? code where it is nil: the exit code; the reason has been told
function Env:confirm(what)
  if self.args.yes then return true end
  if not tty.is(0) then
    return nil, self:failed(("%s would be billed, and nobody can be asked: standard input is no "
      .. "terminal; --yes answers"):format(what), nil, exits.USAGE)
  end
  local answer = tty.ask(("%s will be billed. Go on? [y/N] "):format(what))
  if answer and answer:lower():find("^%s*y") then return true end
  return nil, self:failed("nothing was sent", nil, exits.INTERRUPTED)
end

---Closes what was opened, and ends the output.
---@param code integer
---@return integer code
function Env:finish(code)
  if self.opened then self.opened:close() end
  return self.out:finish(code, self.fields)
end

---@param args table
---@return pomex.CommandOutput
function environment.output(args)
  return output.new { json = args.json, quiet = args.quiet, color = args.color,
    terminal = tty.is(2) }
end

---@param args table
---@return pomex.CommandEnv
function environment.new(args)
  return setmetatable({ args = args, out = environment.output(args), fields = {} }, Env)
end

return environment
