--- `pomex jobs`: looks after a store.

local campaign = require "pomex.command.campaign"
local page = require "pomex.command.page"

local VERBS = {}
for _, name in ipairs { "list", "show", "watch", "decide", "retry", "continue", "export" } do
  local part = require("pomex.command.jobs_" .. name)
  for _, verb in ipairs(part.verbs) do VERBS[#VERBS + 1] = verb end
end

local jobs = {}

---@param parser table
function jobs.describe(parser)
  page.describe(parser, {
    usage = "pomex jobs list|show|watch|export …\n"
      .. "       pomex jobs resend|adopt|retry|cancel|forget|pause|continue …",
    what = "Look after the jobs that \"pomex run\" works on.",
    examples = {
      "pomex jobs list --state unclear",
      "pomex jobs show rachel-001",
      "pomex jobs adopt rachel-001 cgt-…     # you saw it in the console",
      "pomex jobs resend rachel-001          # you looked, and it is not there",
      "pomex jobs retry rachel-001 --prompt \"The person in {rachel} smiles.\"",
      "pomex jobs export > spring-result.csv",
    },
    more = "Without --store it is the only *.jobs.db in this folder.",
  })
  parser:command_target "verb"
  for _, verb in ipairs(VERBS) do
    local child = parser:command(verb.name)
    verb.describe(child)
    campaign.store(child, "Default: the only *.jobs.db here.")
  end
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function jobs.run(args, env)
  for _, verb in ipairs(VERBS) do
    if verb.name == args.verb then return verb.run(args, env) end
  end
  error("no verb " .. tostring(args.verb))
end

return jobs
