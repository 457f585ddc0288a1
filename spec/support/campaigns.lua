--- The command pomex in a folder of its own, with a sandbox: what its specs begin with.

local bed = require "spec.support.bed"
local busted = require "busted"
local interpreter = require "spec.support.interpreter"
local shell = require "spec.support.shell"

local campaigns = {}

---Whether pomex was built with the store, and argparse is there for this Lua.
campaigns.possible = interpreter.optional "pomex.storecore" ~= nil
  and interpreter.optional "argparse" ~= nil

local ROOT = shell.bash "pwd":gsub("\n$", "")

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end
campaigns.read = read

---How to start the command from bash, in any folder.
---@return string
function campaigns.command()
  return shell.lua() .. " " .. shell.quote(ROOT .. "/bin/pomex")
end

-- The paths of modules, as they are for this run, from any folder.
local function paths()
  local function whole(list)
    return (list:gsub("%f[^;%z]%./", ROOT .. "/"):gsub("^%./", ROOT .. "/"))
  end
  return ("export LUA_PATH=%s LUA_CPATH=%s; unset LUA_PATH_5_3 LUA_PATH_5_4 LUA_INIT\n"):format(
    shell.quote(whole(package.path)), shell.quote(whole(package.cpath)))
end

---To be called within `describe`. `env` has in each test: sb, folder; env.write(name, text);
---env.run(words, opts) → exit code, stdout, stderr; env.bash(script) has the function `pomex`;
---env.start(words) → a process in the background with `pid`, `signal(name)`, `wait()`.
---@param env table
---@param options? table of the sandbox
function campaigns.begin(env, options)
  bed({ sandbox = options or { asset_seconds = 0, generation_seconds = 0 }, client = false },
    function(sb) env.sb = sb end)

  busted.before_each(function()
    env.folder = shell.bash "mktemp -d":gsub("\n$", "")
    env.person = env.sb:add_person()
  end)
  busted.after_each(function()
    -- A test that failed has perhaps left a process that runs on.
    for _, name in ipairs { ".pid", ".runner" } do
      local pid = not read(env.path ".code") and (read(env.path(name)) or ""):match "^%d+"
      if pid then shell.bash("kill -KILL " .. pid) end
    end
    shell.bash("rm -rf " .. shell.quote(env.folder))
  end)

  function env.path(name) return env.folder .. "/" .. name end

  function env.write(name, text)
    local file = assert(io.open(env.path(name), "wb"))
    file:write(text)
    file:close()
  end

  ---What a shell reads first, so that it has the function `pomex` and the sandbox's key.
  function env.profile()
    return paths() .. ([[
      export POMEX_BASE_URL=%s POMEX_API_KEY=%s HOME=%s
      unset XDG_CONFIG_HOME POMEX_PROFILE NO_COLOR
      cd %s
      pomex() { %s "$@"; }
    ]]):format(env.sb.url, shell.quote(env.sb.key), shell.quote(env.folder),
      shell.quote(env.folder), campaigns.command())
  end

  function env.bash(script)
    return shell.bash(env.profile() .. script)
  end

  ---@param words string as the shell takes them
  function env.run(words, before)
    local output = env.bash((before or "") .. "\npomex " .. words
      .. " > .out 2> .err < /dev/null; echo $? > .code")
    local code = tonumber(read(env.path ".code") or "")
    assert(code, output)
    return code, read(env.path ".out"), read(env.path ".err")
  end

  ---Starts a command in the background, which takes signals as one from a terminal does.
  function env.start(words, before)
    os.remove(env.path ".code")
    os.remove(env.path ".pid")
    env.bash(([[
      %s
      (env --default-signal=INT,TERM,HUP %s %s > .out 2> .err < /dev/null &
       echo $! > .new; mv .new .pid; wait $!; echo $? > .new; mv .new .code) > /dev/null 2>&1 &
    ]]):format(before or "", campaigns.command(), words))
    env.until_("the process", function() return read(env.path ".pid") ~= nil end)
    local process = { pid = tonumber(read(env.path ".pid")) }
    function process.signal(name) shell.bash(("kill -%s %d"):format(name, process.pid)) end
    function process.wait()
      env.until_("the end", function() return read(env.path ".code") ~= nil end)
      return tonumber(read(env.path ".code")), read(env.path ".out"), read(env.path ".err")
    end
    return process
  end

  ---Waits until `holds()`; raises with what the command has said if it does not.
  function env.until_(what, holds)
    for _ = 1, 600 do
      if holds() then return end
      shell.bash "sleep 0.05"
    end
    error(("%s did not come; %s%s"):format(what, read(env.path ".out") or "",
      read(env.path ".err") or ""))
  end

  ---Waits until the store of m.jsonl keeps so many ids, which a kill takes from nobody: an id is
  ---said before it is kept.
  function env.until_kept(count)
    env.until_("ids that are kept", function()
      local ids = env.bash "pomex jobs list --state polling --store m.jsonl.jobs.db 2> /dev/null"
      return select(2, ids:gsub("cgt%-", "")) == count
    end)
  end

  function env.has_said(words)
    return ((read(env.path ".err") or "") .. (read(env.path ".out") or "")):find(words, 1, true)
      ~= nil
  end
end

---A line of a manifest.
---@param key string
---@param more? string further fields
---@return string
function campaigns.video(key, more)
  return ('{"key": "%s", "prompt": "%s", "duration": 5%s}\n'):format(key, key, more or "")
end

return campaigns
