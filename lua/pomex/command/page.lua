--- What subcommands share of their pages: `--help`, which begins with examples, the options that
--- several of them have, and tables of results.

local errors = require "pomex.errors"
local exits = require "pomex.command.exits"

local page = {}

-- Text whose paragraphs are one line each, to be broken where the page ends. A line that begins
-- with a space stands as it is.
local function flowed(text)
  local out = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local last = out[#out]
    local whole = line == "" or line:find "^ "
    if last and not whole and last ~= "" and not last:find "^ " then
      out[#out] = last .. " " .. line
    else
      out[#out + 1] = line
    end
  end
  return table.concat(out, "\n")
end

---Gives a parser of argparse its page, and its -h.
---@param parser table
---@param about { usage: string, what: string, examples?: string[], more?: string }
---  usage: without "Usage: "; what: one sentence, which lists and completions show, too; examples:
---  lines to type; more: what stands below the options
---@return table parser
function page.describe(parser, about)
  parser.about = about -- for the man page
  local text = { about.what }
  if about.examples then
    text[#text + 1] = "\nExamples:"
    for _, line in ipairs(about.examples) do text[#text + 1] = "   " .. line end
  end
  parser:usage("Usage: " .. about.usage)
  parser:description(table.concat(text, "\n"))
  if parser.summary then parser:summary(about.what) end
  if about.more then parser:epilog(flowed(about.more)) end
  parser:add_help(false)
  -- What ends the command at once is raised, and printed by init.lua.
  parser:flag "-h --help"
    :description "Show this page."
    :action(function() error({ page = parser:get_help() }, 0) end)
  return parser
end

---For `convert` of an option: a number.
---@param option string its name, for the message
---@param least number
---@param what string "a number of seconds above 0"
---@param whole? boolean
---@return fun(text: string): number|nil, string?
function page.number(option, least, what, whole)
  return function(text)
    local number = tonumber(text)
    if number and number >= least and number < math.huge and (not whole or number % 1 == 0) then
      return number
    end
    return nil, ("%s is %s, and has to be %s"):format(option, errors.quoted(text), what)
  end
end

---Adds --timeout, as `args.timeout`.
---@param parser table
function page.timeout(parser)
  parser:option "--timeout" :argname "SECONDS"
    :convert(page.number("--timeout", 0.001, "a number of seconds above 0"))
    :description "Wait no longer than that; the service goes on (exit code 6)."
end

---Adds --max, as `args.max`.
---@param parser table
function page.most(parser)
  parser:option "--max" :argname "N"
    :convert(page.number("--max", 1, "a whole number of at least 1", true))
    :description "At most N."
end

---Adds -o and --force, as `args.output` and `args.force`.
---@param parser table
---@return table option -o
function page.file(parser)
  parser:flag "-f --force" :description "Replace a file that has that name."
  return parser:option "-o --output" :argname "FILE" :description "Where to save it."
end

---Adds --group and --virtual.
---@param parser table
function page.group(parser)
  parser:option "-g --group" :argname "GROUP" :description "The group id of the person."
  parser:flag "--virtual" :description "The account's default Virtual group instead."
end

---The group that the arguments name.
---@param env pomex.CommandEnv
---@return string|pomex.Virtual|nil group
---@return integer? code where it is nil: none is named, or two
function page.group_of(env)
  local args = env.args
  if (args.group ~= nil) ~= (args.virtual ~= nil) then
    return args.group or require("pomex").VIRTUAL
  end
  return nil, env:failed("say whose portraits: --group GROUP, or --virtual", env:command "verify",
    exits.USAGE)
end

-- How an element of a parser is named on its page: "-o, --output FILE" on one line.
local function label(element)
  local names = element._public_aliases or element._aliases or {}
  local name = #names > 0 and table.concat(names, ", ") or nil
  local words = {}
  for _, word in ipairs(element:_get_argument_list()) do words[#words + 1] = word end
  if not name then return words end
  table.insert(words, 1, name)
  return { table.concat(words, " ") }
end

---Has the pages of a parser and of all below it name each option on one line. (argparse has no
---setting for that, and a version without these fields shows several lines.)
---@param parser table
function page.tidy(parser)
  for _, list in ipairs { parser._options or {}, parser._arguments or {} } do
    for _, element in ipairs(list) do
      if element._get_argument_list and not element._choices then
        element._get_label_lines = label
      end
    end
  end
  for _, child in ipairs(parser._commands or {}) do page.tidy(child) end
end

---Prints fields of an object, one a line, and puts them into the last object of --json.
---@param env pomex.CommandEnv
---@param object table
---@param names string[] those that are there are shown
function page.fields(env, object, names)
  for _, name in ipairs(names) do
    local value = object[name]
    if value ~= nil and type(value) ~= "table" then
      env.fields[name] = value
      if name:find("_at$") then value = page.time(value) end
      env.out:result(("%-11s %s"):format(name, errors.one_line(value)))
    end
  end
end

---Prints rows of cells below each other, and puts their number into the last object of --json.
---@param env pomex.CommandEnv
---@param rows string[][] cells, each on one line
function page.rows(env, rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = cell .. (" "):rep(widths[i] - #cell) end
    env.out:result((table.concat(cells, "  "):gsub("%s+$", "")))
  end
  env.fields.count = #rows
  if #rows == 0 then env.out:say "there is none" end
end

---A time of the service's: ISO 8601 of assets, seconds since 1970 of tasks.
---@param time any
---@return string text "-": there is none
function page.time(time)
  if type(time) == "number" then return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(time)) end
  return time and errors.one_line(time) or "-"
end

return page
