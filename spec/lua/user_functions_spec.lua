-- The caller's own functions, whatever they do: raise, yield, wait, step, cancel, begin calls,
-- close the client. Each has one outcome, every operation ends, and the client stays usable. What
-- on_created, on_update and on_progress may do: user_functions_hooks_spec.lua.

local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"

-- What may be raised: the value, and how `step` words it.
local RAISED = {
  { what = "a string", value = "thrown", words = "thrown" },
  { what = "a table", value = { code = 5 }, words = "table" },
  { what = "nil", value = nil, words = "nil" },
  {
    what = "a table that cannot be shown",
    value = setmetatable({}, { __tostring = function() error("not even that") end }),
    words = "cannot be shown",
  },
}

describe("the caller's functions", function()
  local hooks = require("spec.support.hooks")()
  local portrait, film, waiting = hooks.portrait, hooks.film, hooks.waiting
  local drain, usable, WAYS = hooks.drain, hooks.usable, hooks.WAYS

  local sb, client, path
  before_each(function() sb, client, path = hooks.sb, hooks.client, hooks.path end)

  for _, row in ipairs(RAISED) do
    describe("that raise " .. row.what, function()
      local function thrower() error(row.value, 0) end
      -- Lua 5.5 makes a text of nil.
      local _, comes = pcall(thrower)
      local words = row.value == nil and tostring(comes) or row.words

      for way, run in pairs(WAYS) do
        it("leave the wait with it and the operation alone, in " .. way, function()
          local op = waiting(thrower)
          local ok, err = pcall(run, op.wait, op)
          assert.is_false(ok)
          assert.equal(comes, err)
          while not op:done() do
            client:step()
            client:poll(0.05)
          end
          local value
          for _ = 1, 2 do
            ok, value = pcall(run, op.wait, op)
            if ok then break end
          end
          assert.equal("active", value.status)
          usable()
        end)
      end

      it("leave the file to come, and the id told", function()
        local op = client.async.generations:download(film(), path, {
          on_progress = thrower, overwrite = true })
        local ok, err = pcall(op.wait, op)
        assert.is_false(ok)
        assert.equal(comes, err)
        drain()
        -- The last bytes may be news again.
        pcall(op.wait, op)
        assert.is_true(assert(op:wait()).size > 1000)
        local id
        ok, err = pcall(client.assets.create_and_wait, client.assets, portrait(), {
          on_created = function(asset)
            id = asset.id
            thrower()
          end })
        assert.is_false(ok)
        assert.equal(comes, err)
        assert.equal("active", assert(client.assets:wait(id)).status)
        usable()
      end)

      it("from on_done or on_event are raised by step, and all others are told", function()
        local hooked = 0
        local own = assert(pomex.new(sb:client_options {
          on_event = function()
            hooked = hooked + 1
            if hooked == 1 then thrower() end
          end }))
        local told, got = 0, nil
        local op = own.async.assets:list()
        op:on_done(thrower):on_done(function() told = told + 1 end)
        own:spawn(function() got = op:wait().object end)
        local raised = drain(own)
        assert.equal(2, #raised)
        assert.is_truthy(raised[1]:find("on_event: ", 1, true) and raised[1]:find(words))
        assert.is_truthy(raised[2]:find("on_done: ", 1, true) and raised[2]:find(words))
        assert.same({ 1, "list" }, { told, got })
        assert.equal("list", op:wait().object)
        op:on_done(thrower)
        assert.equal(1, #drain(own))
        own:close()
      end)

      it("are tasks that failed with it", function()
        local task = client:spawn(function()
          client.assets:list()
          thrower()
        end)
        local ok, err = pcall(task.wait, task)
        assert.is_false(ok)
        assert.equal(comes, err)
        assert.equal("pomex task (failed)", tostring(task))
        local results = client:map({ 1, 2, 3 }, function(i)
          if i == 2 then thrower() end
          local page = client.assets:list()
          if i == 3 then thrower() end
          return page.object
        end)
        assert.same({ "list" }, results[1])
        assert.equal(3, #results)
        assert.equal(comes, results[2][2])
        assert.equal(comes, results[3][2])
        assert.same({}, drain())
        client:spawn(thrower)
        local raised = drain()
        assert.equal(1, #raised)
        assert.is_truthy(raised[1]:find(words))
        usable()
      end)
    end)
  end

  describe("that yield", function()
    it("wait for the next step, in a task", function()
      local yields = 0
      local function yielder()
        yields = yields + 1
        coroutine.yield("to whom it may concern")
      end
      local status, size = client:run(function()
        local made = assert(client.assets:create_and_wait(portrait(), {
          first = 0.01, on_created = yielder, on_update = yielder }))
        local file = assert(client.generations:download(film(), path, {
          on_progress = yielder, overwrite = true }))
        return made.status, file.size
      end)
      assert.equal("active", status)
      -- The first look may have been the last.
      assert.is_true(size > 1000 and yields >= 2)
      usable()
    end)

    it("from on_done or on_event are errors of theirs, where step is called in the main chunk",
      function()
        local own = assert(pomex.new(sb:client_options { on_event = coroutine.yield }))
        local op = own.async.assets:list():on_done(coroutine.yield)
        local raised = drain(own)
        assert.is_true(#raised >= 2)
        for _, message in ipairs(raised) do assert.matches("yield", message) end
        assert.equal("list", op:wait().object)
        own:close()
      end)

    if interpreter.yields_within_calls then
      it("in a step of the caller's own coroutine leave it there until that is resumed", function()
        local op = client.async.assets:list()
        op:on_done(function() coroutine.yield("in the middle") end)
        local stepper = coroutine.create(drain)
        local ok, what
        repeat ok, what = coroutine.resume(stepper) until what
        assert.is_true(ok)
        assert.equal("in the middle", what)
        assert.error_matches(function() client:step() end, "within a step")
        assert.same({ true, {} }, { coroutine.resume(stepper) })
        assert.equal("list", op:wait().object)
        usable()
      end)
    end
  end)

  describe("that close the client", function()
    local function close() client:close() end

    it("from on_event or on_done end all else that waits", function()
      for _, hook in ipairs { "on_event", "on_done" } do
        local own, ended
        own = assert(pomex.new(sb:client_options {
          on_event = hook == "on_event" and function(event)
            if event.name == "response" then own:close() end
          end or nil }))
        sb:fault { endpoint = "assets.get", before_accept = "hang", times = 3 }
        local first = own.async.assets:list()
        if hook == "on_done" then first:on_done(function() own:close() end) end
        local other = own.async.assets:get("x"):on_done(function(_, err) ended = err.type end)
        local task = own:spawn(function() return own.assets:get("y") end)
        assert.has_error(function()
          for _ = 1, 1000 do
            own:step()
            own:poll(0.1)
          end
        end)
        assert.is_true(first:done() and other:done() and task:done())
        assert.equal("cancelled_error", ended)
        assert.equal("cancelled_error", select(2, other:wait()).type)
        assert.equal("cancelled_error", select(2, task:wait()).type)
        own:close()
      end
    end)

    it("while many are mapped end each of them", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 0 }
      local ok, results = pcall(client.map, client, { 1, 2, 3, 4 }, function(i)
        if i == 4 then close() end
        local _, err = client.assets:get("x")
        return err.type
      end)
      assert.is_true(ok)
      for i = 1, 3 do assert.equal("cancelled_error", results[i][1]) end
      assert.matches("closed", results[4][2])
    end)

    it("by a metamethod or a finalizer, in the middle of a call, are no crash", function()
      local trap = setmetatable({}, { __index = function() close() end })
      pcall(client.assets.get, client.assets, "x", trap)
      pcall(client.request, client, "GET", "/v1/video/assets", trap, trap)
      pcall(client.assets.create_and_wait, client.assets, portrait(), trap)
      for _ = 1, 300 do
        local own = assert(pomex.new(sb:client_options()))
        interpreter.finalizer(function() own:close() end)
        local ok, err = true, nil
        for _ = 1, 200 do
          if not ok then break end
          ok, err = pcall(own.async.request, own.async, "GET", "/", { query = { a = "b" } })
        end
        assert.is_true(ok or tostring(err):find("closed", 1, true) ~= nil, err)
        own:close()
      end
    end)
  end)

  describe("that begin calls, cancel, step or wait", function()
    it("begin calls from anywhere", function()
      local begun, own = {}, nil
      local function begin() begun[#begun + 1] = own.async.assets:get("nope") end
      own = assert(pomex.new(sb:client_options { rate_limits = false, on_event = function(event)
        if event.endpoint == "assets.list" and event.name == "done" then begin() end
      end }))
      own.async.assets:list():on_done(begin)
      assert.same({}, drain(own))
      assert.equal(2, #begun)
      for _, op in ipairs(begun) do assert.equal("not_found_error", select(2, op:wait()).type) end
      own:close()
    end)

    for way, run in pairs(WAYS) do
      it("wait for it once more, in " .. way, function()
        local op, inner
        op = waiting(function() inner = op:wait() end)
        local value = run(op.wait, op)
        assert.equal("active", value.status)
        assert.equal(value, inner)
        usable()
      end)
    end

    it("cancel others from on_done", function()
      sb:fault { endpoint = "assets.get", before_accept = "hang", times = 2 }
      local a, b = client.async.assets:get("a"), client.async.assets:get("b")
      local task = client:spawn(function() return select(2, b:wait()).type end)
      client.async.assets:list():on_done(function()
        a:cancel()
        b:cancel()
      end)
      assert.same({}, drain())
      assert.equal("cancelled_error", select(2, a:wait()).type)
      assert.equal("cancelled_error", task:wait())
      usable()
    end)

    it("cancel the task that they run in: nothing is begun in it any more", function()
      local task
      task = client:spawn(function()
        client.assets:list()
        task:cancel()
        return select(2, client.assets:list())
      end)
      assert.equal("cancelled_error", task:wait().type)
      usable()
    end)

    it("may step where the main chunk waits, and nowhere within a step", function()
      local messages, own = {}, nil
      local function step() messages[#messages + 1] = select(2, pcall(own.step, own)) end
      own = assert(pomex.new(sb:client_options { on_event = step }))
      own.async.assets:list():on_done(step)
      client:run(function() return own.assets:list() end)
      assert.same({}, drain(own))
      assert.is_true(#messages >= 3)
      for _, message in ipairs(messages) do assert.matches("within a step", message) end
      own:close()
      local op = waiting(function() messages[#messages + 1] = client:step() end)
      assert.equal("active", op:wait().status)
      assert.equal("number", type(messages[#messages]))
      usable()
    end)

    it("cannot wait for the end of the task that they are", function()
      local task
      task = client:spawn(function()
        client.assets:list()
        return task:wait()
      end)
      drain()
      assert.is_false(task:done())
      assert.error_matches(function() task:wait() end, "nothing in flight can end this wait")
      usable()
    end)
  end)
end)
