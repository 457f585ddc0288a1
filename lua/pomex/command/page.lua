--- How a subcommand describes itself: its page of --help, which begins with examples.

local page = {}

-- What is raised where an option ends the command at once: --help and --version.
---@class pomex.CommandPage
---@field page string what to print

---Gives a parser of argparse its page, and its -h.
---@param parser table
---@param about { usage: string, what: string, examples?: string[], more?: string }
---  usage: without "Usage: "; what: one sentence, which lists and completions show, too; examples:
---  lines to type; more: what stands below the options
---@return table parser
function page.describe(parser, about)
  local text = { about.what }
  if about.examples then
    text[#text + 1] = "\nExamples:"
    for _, line in ipairs(about.examples) do text[#text + 1] = "   " .. line end
  end
  parser:usage("Usage: " .. about.usage)
  parser:description(table.concat(text, "\n"))
  if parser.summary then parser:summary(about.what) end
  if about.more then parser:epilog(about.more) end
  parser:add_help(false)
  parser:flag "-h --help"
    :description "Show this page."
    :action(function() error({ page = parser:get_help() }, 0) end)
  return parser
end

-- A number of at least `least`, for `convert` of an option.
local function number_from(least, what, whole)
  return function(text)
    local number = tonumber(text)
    if number and number >= least and number < math.huge and (not whole or number % 1 == 0) then
      return number
    end
    return nil, ("%s is not %s"):format(text, what)
  end
end

---For `convert`: seconds above 0.
page.seconds = number_from(0.001, "a number of seconds above 0")
---For `convert`: a whole number of at least 1.
page.count = number_from(1, "a whole number of at least 1", true)
---For `convert`: a sum of money, 0 or more.
page.money = number_from(0, "an amount of 0 or more")

return page
