--- The hosts that load here, each as what spec/support/host_scenarios.lua asks for.

local core = require "pomex.core"
local coroutines = require "pomex.host.coroutine"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"
local socket = require "socket"

local now = core.now
local unpack = table.unpack or unpack

local envs = {}

---Hosts whose module is not here, and why.
---@type { name: string, why: string }[]
envs.lacking = {}

-- Longer than any scenario: a loop that does not return by itself has failed.
local PATIENCE = 20

---@param name string
---@param host string|pomex.Host
---@param can table<string, boolean> what scenarios may need
local function new(name, host, can)
  local env = { name = name, pomex = pomex, can = can, clients = {} }
  env.all = setmetatable({}, { __mode = "k" })
  function env.client(extra)
    local options, held = { host = host, rate_limits = false }, true
    for key, value in pairs(extra or {}) do
      if key == "unheld" then held = false else options[key] = value end
    end
    local client = pomex.check(pomex.new(env.sb:client_options(options)))
    env.all[client] = true
    if held then env.clients[#env.clients + 1] = client end
    return client
  end
  function env.close()
    for _, client in ipairs(env.clients) do client:close() end
    env.clients = {}
  end
  envs[#envs + 1] = env
  return env
end

local function expect(ok, why)
  if not ok then error(tostring(why), 0) end
end

-- ----------------------------------------------------------------------------------- blocking

local blocking = new("blocking", "blocking", { refuse = true })
function blocking.run(f) f() end

local auto = new("auto, with no loop", nil, { refuse = true })
function auto.run(f) f() end

-- ------------------------------------------- a loop of one's own: a frame every few milliseconds

local function frames(name, host, refuses)
  local env = new(name, host, { side = true, loop = true, halt = true, refuse = refuses })
  local sleepers, due, halted = {}, {}, false

  function env.resume(co)
    expect(coroutine.resume(co))
  end
  function env.wake(co)
    due[#due + 1] = co
  end
  function env.wake_at(co, at)
    sleepers[co] = at
  end
  function env.sleep(seconds)
    local at, co = now() + seconds, coroutines.current()
    -- A task's own yields last until the next step.
    if not coroutines.started[co] then sleepers[co] = at end
    repeat coroutine.yield() until now() >= at
  end
  function env.go(f)
    env.resume(coroutine.create(f))
  end

  local function frame()
    local time, list = now(), due
    due = {}
    for _, co in ipairs(list) do
      if coroutine.status(co) == "suspended" then env.resume(co) end
    end
    for co, at in pairs(sleepers) do
      if at <= time then
        sleepers[co] = nil
        env.wake(co)
      end
    end
    local clients, left = {}, 0
    for client in pairs(env.all) do clients[#clients + 1] = client end
    for _, client in ipairs(clients) do
      if not client.loop.closed then client:step() end
    end
    -- One may have woken what is another's.
    for _, client in ipairs(clients) do left = left + client.loop:unfinished() end
    return left + #due + (next(sleepers) and 1 or 0)
  end

  local function loop()
    local began = now()
    while frame() > 0 and not halted do
      if now() - began > PATIENCE then error("the frames do not end", 0) end
      socket.sleep(0.002)
    end
  end
  function env.run(f)
    local over
    halted = false
    env.go(function()
      f()
      over = true
    end)
    loop()
    expect(over, "what the frames run did not end")
  end
  function env.halting(f)
    halted = false
    env.go(function() f(function() halted = true end) end)
    loop()
  end
  return env
end

frames("coroutine", "coroutine", true)

-- A table of functions, in the form of today, and in that of earlier versions.
for _, form in ipairs { "two functions", "running, wait and spawn" } do
  local env
  local host = {}
  function host.wait(_, ready, timeout)
    local me, deadline = coroutines.current(), timeout and now() + timeout
    local function wake() env.wake(me) end
    while not ready() and not (deadline and now() >= deadline) do
      ready:subscribe(wake)
      env.wake_at(me, deadline)
      coroutine.yield()
    end
    env.wake_at(me, nil)
    ready:unsubscribe(wake)
  end
  if form == "two functions" then
    function host.spawn(task, ...)
      local count, arguments = select("#", ...), { ... }
      env.go(function() task:run(unpack(arguments, 1, count)) end)
    end
  else
    host.running = coroutines.current
    function host.spawn(f) env.go(f) end
  end
  env = frames("a table of " .. form, host, false)
end

-- ------------------------------------------------------------------------------------ cqueues

local WATCHES = { side = true, loop = true, watch = true, halt = true, refuse = true }

local function with_cqueues(cqueues, name, host)
  local env, cq = new(name, host, WATCHES), cqueues.new()
  function env.go(f) cq:wrap(f) end
  env.sleep = cqueues.sleep
  function env.run(f)
    cq:wrap(f)
    expect(cq:loop(PATIENCE))
    expect(cq:empty(), "the controller's loop does not return")
  end
  function env.halting(f)
    local halted
    cq:wrap(f, function() halted = true end)
    while not halted do expect(cq:step(PATIENCE)) end
  end
end

-- ---------------------------------------------------------------------------------------- luv

local function with_luv(luv, name, host)
  local env = new(name, host, WATCHES)
  -- A luv callback that raises ends the process, so a task keeps what f raises.
  local spare = pomex.new { api_key = "sk-k", base_url = "http://127.0.0.1:1", host = host }

  function env.go(f)
    spare:spawn(f)
  end
  function env.sleep(seconds)
    local co, timer = coroutine.running(), luv.new_timer()
    timer:start(math.floor(seconds * 1000), 0, function()
      timer:close()
      expect(coroutine.resume(co))
    end)
    coroutine.yield()
  end
  local function loop()
    local late
    local watchdog = luv.new_timer()
    luv.update_time()
    watchdog:start(PATIENCE * 1000, 0, function()
      late = true
      luv.stop()
    end)
    watchdog:unref()
    luv.run()
    watchdog:stop()
    watchdog:close()
    luv.run("nowait")
    expect(not late, "uv.run does not return")
  end
  -- Within the loop: only there does "auto" know that it runs.
  local function run(f, ...)
    local task
    local soon, argument = luv.new_timer(), ...
    soon:start(0, 0, function()
      soon:close()
      task = spare:spawn(f, argument)
      task.collected = true
    end)
    loop()
    return task
  end
  function env.run(f)
    local task = run(f)
    expect(task:done(), "what luv runs did not end")
    task:wait()
  end
  function env.halting(f)
    run(f, luv.stop)
  end
end

-- -------------------------------------------------------------------------------------- copas

local function with_copas(copas)
  local env = new("copas", "copas", WATCHES)
  local live, failed, halted = 0, nil, false

  local function start(f, argument)
    live = live + 1
    copas.addthread(function()
      copas.setErrorHandler(function(why) live, failed = live - 1, why end)
      f(argument)
      live = live - 1
    end)
  end
  env.go = start
  function env.sleep(seconds)
    local at, asleep = now() + seconds, false
    local bell = {}
    function bell.getfd() return now() >= at and 0 or -1 end
    function bell.dirty() return now() >= at end
    function bell.close() end
    function bell.receive()
      asleep = not asleep
      if asleep then return nil, "timeout" end
      return "rung"
    end
    copas.receive(bell, 1)
  end
  -- This copas never returns from its loop: it is over when nothing is left to do.
  local function loop()
    local began, quiet = now(), 0
    while quiet < 3 and not halted and not failed do
      copas.step(0.002)
      local busy = live
      for client in pairs(env.all) do busy = busy + client.loop:unfinished() end
      quiet = busy == 0 and quiet + 1 or 0
      expect(now() - began < PATIENCE, "copas is never done")
    end
    local why = failed
    failed = nil
    expect(not why, why)
  end
  function env.run(f)
    halted = false
    start(f)
    loop()
    for _, client in ipairs(env.clients) do
      expect(not client.loop.end_watch, "copas still watches an idle client")
    end
  end
  function env.halting(f)
    halted = false
    start(f, function() halted = true end)
    loop()
  end
end

local function with(add, host, name, ...)
  local module, why = interpreter.optional(host)
  if module then return add(module, name, ...) end
  envs.lacking[#envs.lacking + 1] = { name = name, why = why }
end

with(with_cqueues, "cqueues", "cqueues", "cqueues")
with(with_cqueues, "cqueues", "auto, in cqueues", nil)
with(with_luv, "luv", "luv", "luv")
with(with_luv, "luv", "auto, in luv", nil)
with(with_copas, "copas", "copas")

return envs
