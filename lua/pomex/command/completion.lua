--- `pomex completion`: prints what makes a shell complete the command's words.

local exits = require "pomex.command.exits"
local page = require "pomex.command.page"

local completion = {}

local SHELLS = { "bash", "zsh", "fish" }

---@param parser table
function completion.describe(parser)
  page.describe(parser, {
    usage = "pomex completion bash|zsh|fish",
    what = "Print a completion script for a shell.",
    examples = {
      "eval \"$(pomex completion bash)\"          # in ~/.bashrc",
      "pomex completion zsh > ~/.zfunc/_pomex     # a folder of $fpath",
      "pomex completion fish > ~/.config/fish/completions/pomex.fish",
    },
  })
  parser:argument "shell" :choices(SHELLS) :description "The shell."
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function completion.run(args, env)
  local parser, subcommands = require("pomex.command").parser()
  for _, child in ipairs(parser._commands) do
    local offer = subcommands[child._name].offer
    if offer then offer(child) end
  end
  env.out:result((parser["get_" .. args.shell .. "_complete"](parser):gsub("\n$", "")))
  return exits.DONE
end

return completion
