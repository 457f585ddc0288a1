--- `pomex sandbox`: starts pomex-sandbox, and prints what to paste.

local exits = require "pomex.command.exits"
local page = require "pomex.command.page"

local sandbox = {}

-- What pomex-sandbox listens on if it is started by itself.
local PORT = 8765

-- Options of pomex-sandbox, and what pomex.sandbox calls them.
local OPTIONS = {
  ["--host"] = "host", ["--port"] = "port", ["--database"] = "database",
  ["--asset-seconds"] = "asset_seconds", ["--generation-seconds"] = "generation_seconds",
  ["--rate-limits"] = "rate_limits", ["--idle-seconds"] = "idle_seconds",
  ["--request-seconds"] = "request_seconds",
}
-- What `pomex` has for itself, as pomex-sandbox does.
local OF_COMMAND = { ["--json"] = true, ["--quiet"] = true, ["--help"] = true }
local SWITCH = { on = true, off = false }

---@param parser table
function sandbox.describe(parser)
  page.describe(parser, {
    usage = "pomex sandbox [-- OPTIONS]",
    what = "Start the service, emulated on this machine: nothing is billed.",
    examples = {
      "pomex sandbox                      # paste its lines into another terminal",
      "pomex sandbox -- --port 0 --generation-seconds 2",
      "pomex sandbox -- --database people.db   # keeps all until the next start",
    },
    more = [[
Runs until Ctrl-C. OPTIONS: --host ADDRESS, --port PORT (8765; 0: any free one),
--database FILE, --asset-seconds N, --generation-seconds N, --rate-limits on|off,
--idle-seconds N, --request-seconds N; "pomex-sandbox --help" says more of them.
--json stands before the "--".]],
  })
  parser:argument "options" :args "*" :argname "OPTIONS" :description "Of pomex-sandbox."
end

-- The words as options of pomex.sandbox.start; nil and what is wrong.
local function options_of(words)
  local options, i = { port = PORT }, 1
  while words[i] do
    local word, value = words[i]:match("^(%-%-[^=]+)=?(.*)$")
    local name = OPTIONS[word]
    if OF_COMMAND[words[i]] then
      return nil, ("%s is an option of pomex: it stands before \"--\""):format(words[i])
    end
    if not name then
      return nil, words[i] .. " is no option that fits here"
    end
    if not words[i]:find("=", 1, true) then
      i = i + 1
      value = words[i]
    end
    if not value then return nil, word .. " needs a value" end
    if name == "rate_limits" then options[name] = SWITCH[value]
    elseif name == "host" or name == "database" then options[name] = value
    else options[name] = tonumber(value) end
    if options[name] == nil then return nil, ("%s cannot be %s"):format(word, value) end
    i = i + 1
  end
  return options
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function sandbox.run(args, env)
  local options, why = options_of(args.options)
  if not options then return env:failed(why, nil, exits.USAGE) end
  options.key = os.getenv "POMEX_SANDBOX_KEY"
  local good, sb, err = pcall(require("pomex.sandbox").start, options)
  if not good then return env:failed(sb, nil, exits.USAGE) end
  if not sb then
    return env:failed(err, tostring(err.message):find("in use", 1, true)
      and "pomex sandbox -- --port 0" or nil)
  end
  env.out:change({ type = "sandbox", base_url = sb.url, api_key = sb.key, token = sb.token,
    pid = sb.pid }, "A sandbox: no service, nothing is billed. Paste into another terminal:")
  env.out:result("export POMEX_BASE_URL=" .. sb.url)
  env.out:result("export POMEX_API_KEY=" .. sb.key)
  env.out:result("export POMEX_SANDBOX_TOKEN=" .. sb.token)
  env.out:say(("Its dashboard is %s/ and Ctrl-C ends it. Then type there:"):format(sb.url))
  env.out:next "pomex verify --scan pass"
  -- Ctrl-C ends this wait: Lua raises on it.
  pcall(sb.wait, sb)
  return sb:stop() == 0 and exits.DONE or env:failed "pomex-sandbox ended by a fault"
end

return sandbox
