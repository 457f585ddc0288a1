--- What every host must do: a list of { name, needs = …, run = function(env) } that a spec runs
--- in each host. It needs no test library, so that it can run within a server, too.
---
--- env.pomex               the module
--- env.can                 which of the needs below it meets
--- env.sb                  a sandbox (pomex.Sandbox) without rate limits
--- env.client(extra)       a new client in that host; `env` closes it when the scenario is over,
---                         unless extra.unheld: then `env` does not refer to it, either
--- env.run(f)              runs f as the host runs its own tasks, and its loop until all is over,
---                         what others began too; raises what f raised
--- needs = "side":         env.go(f) starts f beside what runs, as the host does; env.sleep(s)
---                         sleeps as the host's tasks do
--- needs = "loop":         something goes on while nobody waits
--- needs = "watch":        the host itself watches its clients
--- needs = "refuse":       it says where it cannot wait
--- needs = "halt":         env.halting(f) runs f(halt); after halt() the loop is left, soon, with
---                         everything open, and the next env.run goes on with it

local core = require "pomex.core"
local now = core.now

local scenarios = {}

local function scenario(name, run, needs)
  scenarios[#scenarios + 1] = { name = name, run = run, needs = needs }
end

local function equal(expected, got, what)
  if expected ~= got then
    error(("%s: expected %s, got %s"):format(what, tostring(expected), tostring(got)), 2)
  end
end

local function matches(pattern, got, what)
  if not tostring(got):find(pattern) then
    error(("%s: %q is not like %q"):format(what, tostring(got), pattern), 2)
  end
end

local function listed(page, err)
  if not page then error(tostring(err), 2) end
  equal("list", page.object, "the answer")
end

-- Has every listing answered after so long.
local function slow(env, seconds)
  env.sb:fault { endpoint = "assets.list", delay = seconds, times = 0 }
end

-- An asset whose first look finds it "processing", however late that comes, and the next "active".
local function processing(env, client)
  env.sb:config { asset_seconds = 0 }
  local asset = env.pomex.check(client.assets:create {
    url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = env.pomex.VIRTUAL })
  env.sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
    body = ('{"id":"%s","status":"processing"}'):format(asset.id) }
  return asset
end

-- ------------------------------------------------------------------------------------ waits

scenario("waits for an answer, and for one after the other", function(env)
  local client = env.client()
  env.run(function()
    for _ = 1, 3 do listed(client.assets:list()) end
    env.sb:config { asset_seconds = 0 }
    local asset = env.pomex.check(client.assets:create_and_wait {
      url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = env.pomex.VIRTUAL })
    equal("active", asset.status, "the asset")
    local none, err = client.assets:get("no-such-asset")
    equal(nil, none, "an asset that is not there")
    equal("not_found_error", err.type, "the error")
  end)
end)

scenario("serves clients of client:with, which are closed alone", function(env)
  slow(env, 0.2)
  local client = env.client()
  env.run(function()
    local other = env.pomex.check(client:with { headers = { ["X-Of"] = "other" }, budget = 30 })
    listed(other.assets:list())
    local task = other:spawn(function() return client.assets:list() end)
    local mine, its = client.async.assets:list(), other.async.assets:list()
    listed(other:run(function() return other.assets:list() end))
    listed(task:wait())
    listed(its:wait())
    slow(env, 5)
    local lost = other.async.assets:list()
    other:close()
    local page, err = lost:wait(10)
    equal(nil, page, "what a closed client began")
    equal("cancelled_error", err.type, "the error")
    listed(mine:wait())
    equal(false, (pcall(other.assets.get, other.assets, "a")), "a call of a closed client")
    local _, why = client.assets:get("no-such-asset")
    equal("not_found_error", why.type, "the error of the client that goes on")
  end)
end)

scenario("ends a wait when its time is over, and the operation goes on", function(env)
  slow(env, 2)
  local client = env.client()
  env.run(function()
    local op, began = client.async.assets:list(), now()
    local page, err = op:wait(0.05)
    equal(nil, page, "the page after 0.05 s")
    equal("timeout_error", err.type, "the error")
    if now() - began > 1.9 then error("the wait took as long as the answer") end
    equal(nil, (op:wait(0)), "the page of a look")
    listed(op:wait(10))
  end)
end)

scenario("times a wait for what no operation will end", function(env)
  local client = env.client()
  local other = env.client()
  slow(env, 1.5)
  env.run(function()
    local task = client:spawn(function() return other.assets:list() end)
    -- What is over before it must not be taken for the end of all.
    client.async.assets:get("no-such-asset")
    local _, err = task:wait(0.2)
    equal("timeout_error", err and err.type, "the error")
    listed(task:wait())
  end)
end, "loop")

scenario("cancels in the middle of a wait", function(env)
  slow(env, 5)
  local client = env.client()
  env.run(function()
    local op, began = client.async.assets:list(), now()
    local waiting = client:spawn(function() return op:wait() end)
    local in_task = client:spawn(function() return client.assets:list() end)
    local _, late = in_task:wait(0.05)
    equal("timeout_error", late.type, "before anything was cancelled")
    op:cancel()
    in_task:cancel()
    local _, err = waiting:wait()
    equal("cancelled_error", err.type, "of the operation")
    _, err = in_task:wait()
    equal("cancelled_error", err.type, "of the task")
    if now() - began > 4 then error("it waited for the answer") end
  end)
end)

scenario("cancels a task with all that it waits for, and begins nothing in it", function(env)
  slow(env, 5)
  local client, began, before = env.client(), now(), #env.sb.journal:requests()
  env.run(function()
    local function list() return select(2, client.assets:list()) end
    local one, all, mapped, later = client:spawn(list), client:spawn(function()
      return env.pomex.all { client.async.assets:list(), client:spawn(list) }
    end), client:spawn(function()
      return client:map({ 1, 2, 3 }, list, { concurrency = 2 })
    end), client:spawn(function()
      local errs = { list() }
      errs[2] = list()
      errs[3] = select(2, client:run(list))
      errs[4] = select(2, client:spawn(list):wait())
      return errs
    end)
    local tasks = { one, all, mapped, later }
    for _, task in ipairs(tasks) do
      equal("timeout_error", select(2, task:wait(0.05)).type, "before anything was cancelled")
    end
    -- Six begin; on a busy machine they are sent later.
    for _ = 1, 60 do
      if #env.sb.journal:requests() - before == 6 then break end
      one:wait(0.05)
    end
    local sent = #env.sb.journal:requests()
    for _, task in ipairs(tasks) do task:cancel() end
    equal("cancelled_error", one:wait().type, "a plain wait")
    local results = all:wait()
    equal("cancelled_error", results[1][2].type, "an operation of several")
    equal("cancelled_error", results[2][1].type, "a task of several")
    local broken
    results, broken = mapped:wait()
    equal("cancelled_error", broken.type, "the map")
    for i = 1, 2 do equal("cancelled_error", results[i][1].type, "one that runs") end
    equal("cancelled_error", results[3][2].type, "one that was never started")
    for i, err in ipairs(later:wait()) do equal("cancelled_error", err.type, "wait " .. i) end
    -- That of a task which was not cancelled as it began.
    if #env.sb.journal:requests() > sent + 1 then error("more was sent") end
    if now() - began > 4 then error("it waited for the answer") end
  end)
end)

scenario("raises in the wait what on_update raised, and the operation goes on", function(env)
  local client = env.client()
  env.run(function()
    local created = processing(env, client)
    local looks = 0
    local op = client.async.assets:wait(created.id, { on_update = function()
      looks = looks + 1
      if looks == 1 then error("mine", 0) end
    end })
    local results = env.pomex.all { client:spawn(function() return op:wait() end) }
    equal("mine", results[1][2], "the error")
    equal("active", env.pomex.check(op:wait()).status, "the asset")
    listed(client.assets:list())
  end)
end)

scenario("waits in an on_update, which is the waiting coroutine's", function(env)
  local client = env.client()
  env.run(function()
    local created = processing(env, client)
    local page
    local asset = client.assets:wait(created.id, {
      on_update = function() page = client.assets:list() end })
    equal("active", asset and asset.status, "the asset")
    listed(page)
  end)
end)

-- ------------------------------------------------------------------------------------- many

scenario("has 200 calls under way at once", function(env)
  slow(env, 0.2)
  local client = env.client { max_in_flight = 200 }
  local items, began = {}, now()
  for i = 1, 200 do items[i] = i end
  env.run(function()
    local results = client:map(items, function(i)
      listed(client.assets:list())
      return i
    end, { concurrency = 200 })
    for i = 1, 200 do equal(i, results[i][1], "result " .. i) end
  end)
  if now() - began > 10 then error("they went one after the other") end
end)

scenario("runs tasks side by side, in each other, and waits for all", function(env)
  slow(env, 1)
  local client, began = env.client(), now()
  env.run(function()
    local results = env.pomex.all {
      client:spawn(function(x) return client.assets:list() and x end, 1),
      client:spawn(function() return client:run(function() return client.assets:list() end) end),
      client:spawn(function()
        client.assets:list()
        error("raised", 0)
      end),
      client.async.assets:list(),
    }
    equal(1, results[1][1], "the first")
    listed(results[2][1])
    equal("raised", results[3][2], "the third's error")
    listed(results[4][1])
    local a, b, c = client:run(function(...) return ... end, 1, nil, 3)
    equal(true, a == 1 and b == nil and c == 3, "arguments are handed through")
  end)
  if now() - began > 3.5 then error("they went one after the other") end
end)

scenario("goes on after an error in a task", function(env)
  local client = env.client()
  env.run(function()
    local task = client:spawn(function()
      client.assets:list()
      error({ code = 7 })
    end)
    equal(7, env.pomex.all { task }[1][2].code, "the error")
    listed(client.assets:list())
    listed(client:run(function() return client.assets:list() end))
  end)
end)

scenario("serves two clients, and tasks of one that wait for the other", function(env)
  slow(env, 1)
  local first, second = env.client(), env.client()
  env.run(function()
    local began = now()
    local a = first:spawn(function() return second.assets:list() end)
    local b = second:spawn(function() return first.assets:list() end)
    listed(a:wait())
    listed(b:wait())
    -- Where nothing but a wait drives a client, a task blocks in a wait for another one's.
    if env.can.loop and now() - began > 1.9 then error("one waited for the other") end
    first:close()
    listed(second.assets:list())
  end)
end)

scenario("tells the log of each attempt, and of the operation that it is of", function(env)
  local lines = {}
  local client = env.client {
    on_event = env.pomex.log.to(function(line) lines[#lines + 1] = line end) }
  env.sb:fault { endpoint = "assets.list", status = 503, retry_after = 0, times = 1 }
  env.run(function()
    local op = client.async.assets:list()
    listed(op:wait())
    equal(2, #lines, "the lines")
    matches("assets.list attempt=1 status=503 .* type=unavailable_error .*, retry in ", lines[1],
      "the first attempt")
    matches("attempt=2 status=200 .* request_id=" .. op:request_id():gsub("%-", "%%-")
      .. " operation=" .. op:id() .. ", done\n$", lines[2], "the second")
  end)
end)

require "spec.support.host_scenarios_life" {
  scenario = scenario, equal = equal, matches = matches, listed = listed, slow = slow,
}

require "spec.support.host_scenarios_jobs" { scenario = scenario, equal = equal }

return scenarios
