--- The second half of spec/support/host_scenarios.lua: what goes on while nobody waits, how clients
--- and loops end, and what else the host does.

local core = require "pomex.core"
local now = core.now

return function(given)
  local scenario, equal, matches, listed, slow =
    given.scenario, given.equal, given.matches, given.listed, given.slow

  -- ------------------------------------------------------------------------- nobody waits there

  scenario("tells on_done while nobody waits", function(env)
    local client = env.client()
    local got, told = nil, 0
    env.run(function()
      client.async.assets:list():on_done(function(page)
        got, told = page, told + 1
      end)
    end)
    listed(got)
    equal(1, told, "times")
  end, "loop")

  scenario("sends nothing of a plain call within a step, where it cannot wait", function(env)
    local client = env.client()
    env.sb.journal:clear()
    local ok, why
    env.run(function()
      client.async.assets:list():on_done(function()
        ok, why = pcall(client.sessions.create, client.sessions,
          { callback_url = "https://app.example/cb" })
      end):wait()
    end)
    equal(false, ok, "the call went through")
    matches("^pomex: ", why, "what it raised")
    env.run(function() listed(client.assets:list()) end)
    equal(0, #env.sb.journal:requests "sessions.create", "requests")
  end, "refuse")

  scenario("sends nothing of a plain call within what a function in C calls", function(env)
    local client = env.client()
    local billed = env.sb.ledger:count "generation"
    local function film()
      return env.pomex.check(client.generations:create { model = "byteplus/seedance-2.0",
        content = env.pomex.content():text "A wave." }).id
    end
    local ways = {
      function() return (("x"):gsub("x", film)) end,
      function() table.sort({ 2, 1 }, film) end,
      function()
        package.preload["spec.film"], package.loaded["spec.film"] = film, nil
        return require "spec.film"
      end,
    }
    env.run(function()
      for i, way in ipairs(ways) do
        local result = env.pomex.all { client:spawn(way) }[1]
        equal(nil, result[1], "what came of way " .. i)
        matches("a wait in a function that a function in C calls", result[2], "what it raised")
      end
      equal(billed, env.sb.ledger:count "generation", "videos billed")
      local id = client:run(film)
      equal("string", type(id), "the id from Lua")
    end)
    equal(billed + 1, env.sb.ledger:count "generation", "videos billed")
  end, "refuse")

  scenario("lets a client go that nobody closed", function(env)
    local held = setmetatable({}, { __mode = "k" })
    env.run(function()
      local client = env.client { unheld = true }
      held[client] = true
      listed(client.assets:list())
    end)
    for _ = 1, 4 do collectgarbage() end
    equal(nil, next(held), "what still holds it")
  end)

  scenario("keeps a client that nobody holds until its operations are over", function(env)
    slow(env, 0.2)
    local held, got = setmetatable({}, { __mode = "k" }), nil
    env.run(function()
      local client = env.client { unheld = true }
      held[client] = true
      client.async.assets:list():on_done(function(page) got = page end)
    end)
    listed(got)
    for _ = 1, 4 do collectgarbage() end
    equal(nil, next(held), "what still holds it")
  end, "watch")

  -- ------------------------------------------------------------------------------------- ends

  scenario("tells those who wait that the client was closed", function(env)
    slow(env, 5)
    local client, began = env.client(), now()
    env.run(function()
      local tasks = {}
      for i = 1, 5 do tasks[i] = client:spawn(function() return client.assets:list() end) end
      local timed = client:spawn(function() return client.async.assets:list():wait(3) end)
      local _, late = tasks[1]:wait(0.05)
      equal("timeout_error", late.type, "before it was closed")
      client:close()
      for i = 1, 5 do
        local _, err = tasks[i]:wait()
        equal("cancelled_error", err.type, "of a wait")
      end
      local _, err = timed:wait()
      equal("cancelled_error", err.type, "of a wait with a deadline")
      local ok, why = pcall(client.assets.list, client.assets)
      equal(false, ok, "a call of a closed client")
      matches("pomex client is closed", why, "what it raises")
    end)
    if now() - began > 4 then error("it waited for the answers") end
  end)

  scenario("may be closed from an on_done", function(env)
    local client, other = env.client(), env.client()
    local err
    slow(env, 5)
    env.run(function()
      client.async.assets:list():on_done(function(_, e) err = e end)
      client.async.assets:get("no-such-asset"):on_done(function() client:close() end)
    end)
    equal("cancelled_error", err and err.type, "of the other operation")
    env.sb:clear_faults()
    env.run(function() listed(other.assets:list()) end)
  end, "loop")

  scenario("goes on where a loop was stopped", function(env)
    slow(env, 1)
    local client = env.client()
    local page, told
    env.halting(function(halt)
      env.go(function() page = client.assets:list() end)
      client.async.assets:list():on_done(function(got) told = got end)
      halt()
    end)
    equal(nil, page, "what the wait has")
    env.run(function() listed(client.assets:list()) end)
    listed(page)
    listed(told)
  end, "halt")

  scenario("may be closed after the loop was stopped under its waits", function(env)
    slow(env, 5)
    local client, err = env.client(), nil
    env.halting(function(halt)
      env.go(function() err = select(2, client.assets:list()) end)
      env.go(function()
        env.sleep(0.05)
        halt()
      end)
    end)
    equal(nil, err, "what the wait has")
    client:close()
    local began = now()
    env.run(function() end)
    equal("cancelled_error", err and err.type, "what the wait has")
    if now() - began > 4 then error("it waited for the answer") end
  end, "halt")

  -- ------------------------------------------------------------------------------------ beside

  -- The clock without the time for which this thread could have run and the machine ran others,
  -- where Linux counts that.
  local function own_time()
    local file = io.open("/proc/self/schedstat")
    local delay = file and file:read("*l"):match("^%d+ (%d+)") or 0
    if file then file:close() end
    return now() - delay / 1e9
  end

  -- Of a ticker of 10 ms beside 50 waits of 0.4 s: seconds a beat, and the longest.
  local function beat_beside(env)
    local client = env.client()
    local over, beats, longest = 0, 0, 0
    local began = own_time()
    env.run(function()
      env.go(function()
        local last = began
        while over < 50 do
          env.sleep(0.01)
          local time = own_time()
          beats, longest, last = beats + 1, math.max(longest, time - last), time
        end
      end)
      for _ = 1, 50 do
        client:spawn(function()
          listed(client.assets:list())
          over = over + 1
        end)
      end
    end)
    client:close()
    equal(50, over, "waits that ended")
    return (own_time() - began) / beats, longest
  end

  -- What holds the host up from outside is not there each time; what we do is.
  scenario("keeps the beat of others while 50 wait", function(env)
    slow(env, 0.4)
    local tries = {}
    for i = 1, 12 do
      local beat, longest = beat_beside(env)
      if beat <= 0.04 and longest <= 0.15 then return end
      tries[i] = ("%.0f ms, at most %.0f"):format(beat * 1000, longest * 1000)
    end
    error("a beat of 10 ms took " .. table.concat(tries, "; "))
  end, "side")

  scenario("waits for what is no client's: a task that sleeps as the host does", function(env)
    local client = env.client()
    env.run(function()
      local task = client:spawn(function()
        env.sleep(0.05)
        listed(client.assets:list())
        env.sleep(0.05)
        return "slept"
      end)
      equal("slept", task:wait(), "the task")
      local failing = client:spawn(function()
        env.sleep(0.01)
        client.assets:list()
        error("late", 0)
      end)
      equal("late", env.pomex.all { failing }[1][2], "the error")
    end)
  end, "side")

  scenario("wakes a host's own task by what another did", function(env)
    slow(env, 5)
    local client, began = env.client(), now()
    local op, err
    env.run(function()
      env.go(function()
        op = client.async.assets:list()
        err = select(2, op:wait())
      end)
      env.go(function()
        env.sleep(0.05)
        op:cancel()
      end)
    end)
    equal("cancelled_error", err and err.type, "what the wait has")
    if now() - began > 4 then error("it waited for the answer") end
  end, "side")

end
