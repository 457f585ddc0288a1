--- What a subcommand needs of the outside: its output, the configuration, a client, an answer of
--- the person before the keyboard. One for each run of the command.

local config = require "pomex.command.config"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local links = require "pomex.command.links"
local output = require "pomex.command.output"
local place = require "pomex.jobs.place"
local stop = require "pomex.command.stop"
local tty = require "pomex.command.tty"

---@class pomex.CommandEnv
---@field args table what argparse made of the command line
---@field out pomex.CommandOutput
---@field stop pomex.CommandStop
---@field argv string[] the command line, without the program
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

---Makes the client, and holds the signals. Where it is nil, the reason has been told.
---@param options? pomex.Options more options
---@return pomex.Client|nil client
---@return integer? code the exit code
function Env:client(options)
  local settings, err = self:settings()
  local found
  if settings then found, err = require("pomex.command.key").find(self.args, settings) end
  local client
  if found then client, err = self:new_client(found, settings, options) end
  if client then return client end
  return nil, self:failed(err)
end

-- A service on this machine is the sandbox: its videos are there within seconds, and nobody pays
-- for a look.
local QUICK = {
  asset = { first = 1 / 10, max = 1 }, generation = { first = 1 / 10, max = 1 },
}

local function is_sandbox(url)
  return url ~= nil and (url:find "^http://127%.%d+%.%d+%.%d+[:/]" or url:find "^http://%[::1%]")
    ~= nil
end

---Makes the client of a key that was found, and holds the signals.
---@param found { api_key?: string, api_key_file?: string }
---@param settings table<string, string> the configuration
---@param options? pomex.Options more options
---@return pomex.Client|nil client
---@return pomex.Error? err
function Env:new_client(found, settings, options)
  local given = { api_key = found.api_key, api_key_file = found.api_key_file }
  given.base_url = self.args.base_url
  local named = os.getenv "POMEX_BASE_URL"
  if not given.base_url and (not named or named == "") then given.base_url = settings.base_url end
  given.rate_share = tonumber(settings.rate_share)
  given.client_cert, given.client_key = settings.client_cert, settings.client_key
  if is_sandbox(given.base_url or named) then given.poll = QUICK end
  for name, value in pairs(options or {}) do given[name] = value end
  local client, err = require("pomex").new(given)
  if not client then
    -- What is no key at all is a matter of the key, whatever the library calls it.
    if err.message:lower():find("api_key", 1, true) then err.type = "authentication_error" end
    return nil, err
  end
  self.opened = client
  local held
  held, err = self.stop:hold(client)
  if held then return client end
  return nil, err
end

---A command of pomex to type next, with the options of this one that say which key and service.
---@param ... string words; those of people are quoted for a shell
---@return string line
function Env:command(...)
  local words = { "pomex", ... }
  for _, name in ipairs { "profile", "key_file", "base_url" } do
    if self.args[name] then
      words[#words + 1] = "--" .. name:gsub("_", "-")
      words[#words + 1] = Env.word(self.args[name])
    end
  end
  return table.concat(words, " ")
end

---This command again, with another value of -o, or with more words.
---@param path? string in place of what -o says
---@param ... string words to add
---@return string line
function Env:again(path, ...)
  local words, replace, last = { "pomex" }, false, nil
  for _, word in ipairs(self.argv) do
    -- Behind "--" stand no options.
    if word == "--" then last = last or #words + 1 end
    if replace then word, replace = path, false end
    if path and (word == "-o" or word == "--output") then replace = true end
    if path and word:find("^%-%-output=") then word = "--output=" .. path end
    words[#words + 1] = Env.word(word)
  end
  local at = last or #words + 1
  for i, word in ipairs { ... } do table.insert(words, at + i - 1, word) end
  return errors.one_line(table.concat(words, " "))
end

---Tells why something ended, and what to type next.
---@param err pomex.Error|string
---@param following? string the command to type next
---@param code? integer default: what exits.of says of the error, or 1 for a text
---@return integer code
function Env:failed(err, following, code)
  code = code or (errors.is(err) and exits.of(err) or exits.FAILED)
  self.out:failure(err)
  if not following and code == exits.USAGE then
    following = ("pomex %s --help"):format(self.args.verb and self.args.command .. " "
      .. self.args.verb or self.args.command)
  end
  if not following and errors.is(err) and err.status == 402 then
    following = self:again() .. "   # once the account is topped up"
  end
  self.out:next(following or self:command "doctor")
  return code
end

---Asks once before something is billed.
---@param what string what is about to be billed: "1 video", "200 videos for at most 450.00"
---@return boolean|nil yes
---@return integer? code where it is nil: the exit code; the reason has been told
function Env:confirm(what)
  return self:agreed(what .. " will be billed.", what .. " would be billed, and")
end

---Asks once before something that cannot be taken back.
---@param what string a sentence
---@param but? string what an error says before "nobody can be asked"
---@param following? string what to type where nobody can be asked; default: the same with --yes,
---  which is no advice where a person has to look first
---@return boolean|nil yes
---@return integer? code where it is nil: the exit code; the reason has been told
function Env:agreed(what, but, following)
  if self.args.yes then return true end
  if not tty.is(0) then
    return nil, self:failed(("%s nobody can be asked: standard input is no terminal; --yes answers")
      :format(but or what), following or self:again(nil, "--yes"), exits.USAGE)
  end
  local answer = self.stop:released(function()
    return tty.ask(what .. " Go on? [y/N] ")
  end)
  if answer and answer:lower():find("^%s*y") then return true end
  return nil, self:failed("nothing was sent", self:again(), exits.INTERRUPTED)
end

---Closes what was opened, and ends the output.
---@param code integer
---@return integer code
function Env:finish(code)
  if self.opened then self.opened:close() end
  return self.out:finish(code, self.fields)
end

---One word for a shell, quoted where it has to be. The URL of a database loses its password, a link
---what stands behind its "?".
---@param text string
---@return string
function Env.word(text)
  text = links.shown(place.shown(text))
  if text:find("^[%w@%%_+=:,./-]+$") then return text end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---@param args table
---@return pomex.CommandOutput
function environment.output(args)
  return output.new { json = args.json, quiet = args.quiet, color = args.color,
    terminal = tty.is(2) }
end

---@param args table
---@param argv string[]
---@return pomex.CommandEnv
function environment.new(args, argv)
  local out = environment.output(args)
  return setmetatable({ args = args, argv = argv, out = out, stop = stop.new(out), fields = {} },
    Env)
end

return environment
