--- Where the API key comes from. It is handed on to `pomex.new`, and shown nowhere.

local errors = require "pomex.errors"

local key = {}

-- The first line that a program prints.
local function from_program(program)
  local pipe = io.popen(program, "r")
  local line = pipe and pipe:read("*l")
  local ok, _, status = true, nil, nil
  if pipe then ok, _, status = pipe:close() end
  -- Lua 5.1 does not say how a program ended; then only an empty answer is a failure.
  if line and line ~= "" and ok then return line end
  return nil, errors.new("authentication_error", {
    message = "key_command printed no key", client = true, retryable = false,
    hint = status and status ~= 0 and ("it ended with exit code %d"):format(status)
      or "its first line has to be the key",
  })
end

---Finds the key: $POMEX_API_KEY, --key-file, key_file or key_command of the configuration. What the
---command line says itself wins over the environment, and the environment over the configuration.
---@param args table the arguments of the command
---@param settings table<string, string> the configuration
---@return { api_key?: string, api_key_file?: string, source: string }|nil found what pomex.new
---  takes; source: where it is from
---@return pomex.Error? err authentication_error: there is none
function key.find(args, settings)
  if args.key_file then return { api_key_file = args.key_file, source = "--key-file" } end
  local named = os.getenv "POMEX_API_KEY"
  if named and named ~= "" then return { source = "$POMEX_API_KEY" } end
  if settings.key_file then
    return { api_key_file = settings.key_file, source = "key_file of " .. settings.path }
  end
  if settings.key_command then
    local line, err = from_program(settings.key_command)
    if not line then return nil, err end
    return { api_key = line, source = "key_command of " .. settings.path }
  end
  return nil, errors.new("authentication_error", {
    message = "there is no API key", client = true, retryable = false,
    hint = "set POMEX_API_KEY, name a file with --key-file, or put key_command into "
      .. (require("pomex.command.config").path() or "the configuration"),
  })
end

return key
