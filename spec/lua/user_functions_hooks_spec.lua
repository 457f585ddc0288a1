-- Each function that is told how something goes on (on_created, on_update, on_progress), and each
-- thing that it may do: in a task, and in the main chunk.

describe("the caller's", function()
  local hooks = require("spec.support.hooks")()

  -- What calls `f`, the first time that it has something to tell.
  local BEGIN = {
    on_created = function(f)
      return hooks.client.async.assets:create_and_wait(hooks.portrait(),
        { first = 0.01, max = 0.02, on_created = f })
    end,
    on_update = hooks.waiting,
    on_progress = function(f)
      return hooks.client.async.generations:download(hooks.film(), hooks.path,
        { on_progress = f })
    end,
  }

  local function begin(hook, act)
    local op, acted
    op = BEGIN[hook](function(told)
      if acted then return end
      acted = true
      return act(op, told)
    end)
    return op
  end

  local function is_whole(hook, value)
    if hook ~= "on_progress" then return assert.equal("active", value.status) end
    assert.is_true(value.size > 1000)
  end

  local function is_cancelled(hook, value, err)
    assert.is_nil(value)
    assert.equal("cancelled_error", err.type)
    if hook == "on_update" then return assert.equal("processing", err.last_status) end
    assert.is_nil(io.open(hooks.path, "rb"))
    os.remove(hooks.path .. ".part")
    os.remove(hooks.path .. ".part.note")
  end

  for hook in pairs(BEGIN) do
    for way, run in pairs(hooks.WAYS) do
      describe(hook .. ", in " .. way .. ",", function()
        it("may cancel what it is told of", function()
          -- So slowly that it is not told of the last byte first.
          hooks.sb:fault { endpoint = "video", after_accept = "drip" }
          local op = begin(hook, function(op) op:cancel() end)
          if hook == "on_created" then
            -- A task, which waits for nothing at that time: its next wait is not begun.
            local value, err = run(op.wait, op)
            assert.is_nil(value)
            assert.equal("cancelled_error", err.type)
            assert.matches("^asset%-", err.id)
          else
            is_cancelled(hook, run(op.wait, op))
          end
          hooks.usable()
        end)

        it("may close the client", function()
          hooks.sb:fault { endpoint = "video", after_accept = "drip" }
          local op = begin(hook, function() hooks.client:close() end)
          local value, err = run(op.wait, op)
          if hook == "on_created" then
            assert.is_nil(value)
            assert.equal("cancelled_error", err.type)
            assert.matches("^asset%-", err.id)
          else
            is_cancelled(hook, value, err)
          end
        end)

        it("may begin calls, and wait for them", function()
          local page, other
          local op = begin(hook, function()
            other = hooks.client.async.assets:get("nope")
            page = hooks.client.assets:list()
          end)
          is_whole(hook, assert(run(op.wait, op)))
          assert.equal("list", page.object)
          assert.equal("not_found_error", select(2, other:wait()).type)
          hooks.usable()
        end)

        it("may raise, and the operation goes on", function()
          local id
          local op = begin(hook, function(_, object)
            id = hook == "on_created" and object.id
            error("mine", 0)
          end)
          assert.same({ false, "mine" }, { pcall(run, op.wait, op) })
          hooks.drain()
          is_whole(hook, assert(run(function()
            return id and hooks.client.assets:wait(id) or op:wait()
          end)))
          hooks.usable()
        end)
      end)
    end
  end
end)
