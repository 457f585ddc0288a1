--- What the specs of the caller's own functions share: a sandbox and a client, what those functions
--- are called for, and the two ways to wait for it.

local assert = require "luassert"
local bed = require "spec.support.bed"
local busted = require "busted"
local pomex = require "pomex"

---@return table hooks with `sb`, `client`, `path`, new for each test
return function()
  local hooks = {}
  local group_id

  bed({ sandbox = { asset_seconds = 0.05, generation_seconds = 0 } },
    function(...) hooks.sb, hooks.client = ... end)
  busted.setup(function() group_id = hooks.sb:add_person() end)
  busted.before_each(function()
    hooks.path = os.tmpname()
    os.remove(hooks.path)
  end)
  busted.after_each(function() os.remove(hooks.path) end)

  function hooks.portrait()
    return { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = group_id }
  end

  function hooks.film()
    return assert(hooks.client.generations:create_and_wait {
      model = "byteplus/seedance-2.0", content = pomex.content():text("a wave") })
  end

  ---A new asset, and an operation that waits for it with `on_update` and finds it "processing"
  ---at its first look, however late that comes.
  function hooks.waiting(on_update)
    local asset = assert(hooks.client.assets:create(hooks.portrait()))
    hooks.sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
      body = ('{"id":"%s","status":"processing"}'):format(asset.id) }
    return hooks.client.async.assets:wait(asset, { first = 0.01, max = 0.02,
      on_update = on_update })
  end

  ---Steps until nothing is left; returns what the steps raised.
  function hooks.drain(own)
    local client, raised = own or hooks.client, {}
    for _ = 1, 4000 do
      local ok, left = pcall(client.step, client)
      if not ok then
        raised[#raised + 1] = tostring(left)
      elseif left == 0 then
        return raised
      else
        client:poll(1)
      end
    end
    error("it never ends")
  end

  function hooks.usable()
    assert.equal("list", assert(hooks.client.assets:list()).object)
    assert.same({}, hooks.drain())
  end

  ---In a task, and blocking in the main chunk.
  hooks.WAYS = {
    task = function(f, ...) return hooks.client:run(f, ...) end,
    ["the main chunk"] = function(f, ...) return f(...) end,
  }

  return hooks
end
