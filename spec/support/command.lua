--- Runs bin/pomex as a process of its own, on a sandbox, with nothing of this machine's
--- configuration.

local cjson = require "cjson"
local interpreter = require "spec.support.interpreter"
local shell = require "spec.support.shell"

local command = {}
command.__index = command

local quote = shell.quote

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

command.read = read

---@class CommandRun
---@field out string what was written to stdout
---@field err string what was written to stderr
---@field code integer the exit code

---A folder for one describe, and how to run the command in it.
---@param sb? pomex.Sandbox its URL, key and token are in the environment
---@return table
function command.new(sb)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. quote(folder)))
  local root = assert(io.popen "pwd"):read "*l"
  local env = { HOME = folder, TERM = "dumb", LC_ALL = "C.UTF-8",
    POMEX_SANDBOX_BIN = os.getenv "POMEX_SANDBOX_BIN" }
  if sb then
    env.POMEX_BASE_URL, env.POMEX_API_KEY, env.POMEX_SANDBOX_TOKEN = sb.url, sb.key, sb.token
  end
  -- The paths of this run, from wherever the command is started.
  env.LUA_PATH = package.path:gsub("%f[^;%z]%./", root .. "/"):gsub("%f[^;%z]lua/", root .. "/lua/")
  env.LUA_CPATH = package.cpath:gsub("%f[^;%z]build/", root .. "/build/")
  return setmetatable({ folder = folder, env = env, root = root }, command)
end

---Removes the folder, with all that is in it.
function command:remove()
  shell.bash("rm -rf " .. quote(self.folder))
end

-- `env -i … lua bin/pomex ARGUMENTS`, for bash.
---@param arguments string for a shell
---@param env? table<string, string|false> more of the environment; false: without it
---@return string
function command:line(arguments, env)
  local words, all = { "env -i PATH=" .. quote(os.getenv "PATH") }, {}
  for name, value in pairs(self.env) do all[name] = value end
  for name, value in pairs(env or {}) do all[name] = value or nil end
  for name, value in pairs(env or {}) do if value == false then all[name] = nil end end
  for name, value in pairs(all) do words[#words + 1] = name .. "=" .. quote(value) end
  words[#words + 1] = quote(interpreter.command)
  words[#words + 1] = quote(self.root .. "/bin/pomex")
  words[#words + 1] = arguments
  return table.concat(words, " ")
end

---Runs a script in the folder, in which `pomex` is the command.
---@param script string for bash
---@param env? table<string, string|false>
---@return CommandRun
function command:bash(script, env)
  local output = shell.bash(([[cd %s
pomex() { timeout 60 %s "$@"; }
(
%s
) > out 2> err
echo $? > code]]):format(quote(self.folder), self:line("", env), script))
  local code = tonumber(read(self.folder .. "/code"))
  os.remove(self.folder .. "/code")
  assert(code, output)
  return { out = read(self.folder .. "/out"), err = read(self.folder .. "/err"), code = code }
end

---Runs the command.
---@param arguments string for a shell
---@param env? table<string, string|false>
---@param input? string of its stdin; default: nothing
---@return CommandRun
function command:run(arguments, env, input)
  local file = assert(io.open(self.folder .. "/in", "wb"))
  file:write(input or "")
  file:close()
  return self:bash("pomex " .. arguments .. " < in", env)
end

---Runs the command with --json: each object of its lines; the last is the result.
---@param arguments string
---@param env? table<string, string|false>
---@return table[] objects
---@return CommandRun run
function command:json(arguments, env)
  local run, objects = self:run("--json " .. arguments, env), {}
  for line in run.out:gmatch "[^\n]+" do objects[#objects + 1] = cjson.decode(line) end
  return objects, run
end

---Runs the command on a terminal of its own, where keys are typed.
---@param arguments string
---@param keys string for printf of bash: what is typed, such as 'y\n'
---@param env? table<string, string|false>
---@param before? string what bash does there before that
---@return CommandRun run `out` is what the terminal got, of both streams
function command:terminal(arguments, keys, env, before)
  env = env or {}
  env.TERM = env.TERM or "xterm"
  return self:bash(("printf %s | timeout 60 script -qec %s /dev/null"):format(quote(keys),
    quote((before or "") .. self:line(arguments, env))), env)
end

---Starts the command, and sends signals: each when its condition holds.
---@param arguments string
---@param steps { [1]: string, [2]: string }[] condition of bash, name of the signal
---@param env? table<string, string|false>
---@return CommandRun
function command:signalled(arguments, steps, env)
  local lines = { "rm -f said told; set -m",
    ("%s < /dev/null > said 2> told & pid=$!"):format(self:line(arguments, env)),
    -- One that heeds no signal fails the test, and does not hang it.
    "{ sleep 40; kill -KILL $pid; } 2> /dev/null & guard=$!" }
  for _, step in ipairs(steps) do
    lines[#lines + 1] = ("until { %s || ! kill -0 $pid; } 2> /dev/null; do sleep 0.01; done")
      :format(step[1])
    lines[#lines + 1] = ("kill -%s $pid"):format(step[2])
  end
  lines[#lines + 1] = "wait $pid; code=$?; kill -- -$guard; (exit $code)"
  local run = self:bash(table.concat(lines, "\n"), env)
  return { out = read(self.folder .. "/said"), err = read(self.folder .. "/told"),
    code = run.code }
end

return command
