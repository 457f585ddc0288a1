--- The command pomex: `bin/pomex` calls `main`. Each subcommand is a file of this folder:
---
---     return {
---       describe = function(parser) … end,      -- its options, to argparse; see page.lua
---       run = function(args, env) … return code end,  -- code: one of exits.lua
---     }
---
--- `env` has what a subcommand needs of the outside: see env.lua.

-- What is missing is said in one line by bin/pomex: first the module in C, then lua-cjson.
local pomex = require "pomex"
local argparse = require "pomex.command.needed"("argparse")
local environment = require "pomex.command.env"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local stop = require "pomex.command.stop"
local terminal = require "pomex.terminal"
local uncaught = require "pomex.host.uncaught"

local command = {}

-- In the order of `pomex --help`.
local NAMES = {
  "verify", "portrait", "video", "run", "check", "cost", "jobs", "sandbox", "doctor", "completion",
}

local COLORS = { "auto", "always", "never" }

local function options_of_all(parser)
  parser:flag "--json" :description "Write JSON Lines: one object a change, and a last \"result\"."
  parser:flag "-q --quiet" :description "Write no progress; only ids, errors and results."
  parser:flag "-y --yes" :description "Answer yes where something is about to be billed."
  parser:option "--color" :choices(COLORS) :description "Colours: auto, always or never."
  parser:option "--key-file" :argname "FILE"
    :description "Read the API key from the first line of FILE."
  parser:option "--profile" :argname "NAME"
    :description "Use the section NAME of the configuration."
  parser:option "--base-url" :argname "URL" :description "Send requests there."
  parser:flag "--version" :description "Show the version."
    :action(function() error({ page = "pomex " .. pomex.VERSION }, 0) end)
  parser:flag "--man" :hidden(true)
    :action(function() error({ page = require "pomex.command.manual"(parser) }, 0) end)
end

---The parser, and the subcommands by name.
---@return table parser
---@return table<string, { describe: function, run: function }> subcommands
function command.parser()
  local parser = page.describe(argparse("pomex"), {
    usage = "pomex <command> …",
    what = "Portraits of verified people, and videos of them, from PomexAI's Real-Human Asset API.",
    examples = {
      "pomex sandbox                 # the service, emulated: all for nothing",
      "pomex verify                  # a person's face scan; gives a group id",
      "pomex portrait add https://… --group group-… --wait",
      "pomex video \"{rachel} waves.\" --image rachel=asset-… -o wave.mp4",
      "pomex run spring.csv          # a table of prompts to a folder of videos",
      "pomex doctor                  # is everything in place?",
    },
    more = [[
The API key comes from $POMEX_API_KEY, --key-file, or key_command in
$XDG_CONFIG_HOME/pomex/config. It is never an argument, and never shown.

Results go to stdout, all else to stderr. Exit codes: 0 done, 1 some failed, 2 usage,
3 unclear (perhaps billed: look), 4 key or money, 5 cap, 6 --timeout, 7 interrupted or paused,
11 store, 130 second Ctrl-C. "pomex <command> --help" has examples; "man pomex" says more.]],
  })
  parser:help_description_margin(28)
  parser:help_max_width(80)
  parser:command_target "command"
  options_of_all(parser)
  local subcommands = {}
  for _, name in ipairs(NAMES) do
    local subcommand = require("pomex.command." .. name)
    subcommand.describe(parser:command(name))
    subcommands[name] = subcommand
  end
  page.tidy(parser)
  return parser, subcommands
end

-- The command line as argparse wants it: `help X` is `X --help`; a subcommand may put in words that
-- can be left out.
local function completed(argv, subcommands)
  local words = {}
  for i, word in ipairs(argv) do words[i] = word end
  if words[1] == "help" then
    table.remove(words, 1)
    words[#words + 1] = "--help"
  end
  local first
  for i, word in ipairs(words) do
    if subcommands[word] then first = i break end
  end
  local complete = first and subcommands[words[first]].complete
  return complete and complete(words, first) or words
end

-- The arguments, the subcommand that they name, and the command line; or nil and the exit code.
local function parsed(argv)
  local parser, subcommands = command.parser()
  function parser.error(at, message)
    error({ usage = (message:gsub("%s*\n%s*", " ")), help = at:_get_fullname() }, 0)
  end
  local words = completed(argv, subcommands)
  local ok, args = pcall(parser.parse, parser, words)
  if ok then return args, subcommands[args.command], words end
  if type(args) ~= "table" then error(args, 0) end
  local json = false
  for _, word in ipairs(words) do json = json or word == "--json" end
  local out = environment.output { json = json and not args.page }
  if args.page then
    out:result((args.page:gsub("\n$", "")))
    return nil, out:finish(exits.DONE)
  end
  out:failure(args.usage)
  out:next(args.help .. " --help")
  return nil, out:finish(exits.USAGE)
end

local function run(argv)
  local args, subcommand, words = parsed(argv)
  if not args then return subcommand end
  local env = environment.new(args, words)
  return env:finish(subcommand.run(args, env))
end

---@param argv string[] the words behind the program's name
---@return integer code the exit code
function command.main(argv)
  terminal.ignore_broken_pipes()
  -- An error's fields choose words and the exit code, in PUC 5.1, too.
  uncaught.catches_all = true
  local ok, code = xpcall(function() return run(argv) end, function(why)
    local trace = os.getenv "POMEX_TRACEBACK" and debug.traceback("", 2) or ""
    return errors.one_line(tostring(why)) .. trace
  end)
  if ok then return code end
  if stop.is_interrupt(code) then
    io.stderr:write("pomex: stopped; nothing was sent\n")
    return exits.INTERRUPTED
  end
  io.stderr:write("pomex: a mistake in pomex itself, please report it: ", code,
    "\nnext: pomex doctor  # its lines can go into the report\n")
  return exits.FAILED
end

return command
