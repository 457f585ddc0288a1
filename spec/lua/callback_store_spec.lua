-- Where used states are remembered.

local callback = require "pomex.callback"
local callbacks = require "spec.support.callbacks"

local new, signed, returned = callbacks.new, callbacks.signed, callbacks.returned
local refused, accepted = callbacks.refused, callbacks.accepted

describe("stores of used states:", function()
  local clock
  before_each(function() clock = callbacks.stop_clock() end)
  after_each(function() clock.go() end)

  describe("the store in memory", function()
    it("claims a nonce once until it expires, and forgets it then", function()
      local store = callback.memory()
      for i = 1, 1000 do assert.is_true(store:claim("n" .. i, clock.now + 1 + i % 3600)) end
      assert.is_false(store:claim("n1", clock.now + 2))
      clock.now = clock.now + 1800
      for i = 1800, 2000 do assert.is_true(store:claim("n" .. i, clock.now + 1800)) end
      assert.is_false(store:claim("n2000", clock.now + 1800))
      assert.is_true(store.count < 500)
      clock.now = clock.now + 4000
      store:claim("last", clock.now + 1)
      assert.equal(1, store.count)
      local kept = 0
      for _ in pairs(store.seen) do kept = kept + 1 end
      assert.equal(1, kept)
    end)

    it("refuses when it is full rather than forget what is alive", function()
      local store = callback.memory(3)
      for i = 1, 3 do assert.is_true(store:claim("n" .. i, clock.now + 100)) end
      local ok, why = store:claim("n4", clock.now + 100)
      assert.is_nil(ok)
      assert.matches("full: 3 states", why)
      for i = 1, 3 do assert.is_false(store:claim("n" .. i, clock.now + 100)) end
      clock.now = clock.now + 200
      assert.is_true(store:claim("n4", clock.now + 100))
    end)

    it("claims nothing of a time that it has forgotten, though the clock go back", function()
      local cb = new()
      local url, other = returned(signed(cb)), returned(signed(cb))
      accepted(cb, url)
      clock.now = clock.now + 8000
      accepted(cb, returned(signed(cb)))
      clock.now = clock.now - 8000
      refused("store", cb, url)
      refused("store", cb, other)
      clock.now = clock.now + 120
      accepted(cb, returned(signed(cb)))
    end)

    it("refuses several nginx workers, when it is made and when it is used", function()
      local made = new()
      local url = returned(signed(made))
      local workers = 2
      rawset(_G, "ngx", { worker = { count = function() return workers end } })
      finally(function() rawset(_G, "ngx", nil) end)
      assert.error_matches(new, "several workers.*pomex.callback.shared_dict")
      assert.error_matches(callback.memory, "several workers")
      local err = refused("store", made, url)
      assert.matches("shared_dict", err.hint)
      assert.is_table(new { store = { claim = function() return true end } })
      workers = 1
      accepted(made, url)
      assert.is_table(new())
    end)
  end)

  describe("the store in a lua_shared_dict", function()
    it("keeps a nonce for as long as its state lives, under a prefix", function()
      local calls = {}
      local dict = { add = function() end, safe_add = function(_, ...)
        calls[#calls + 1] = { ... }
        return true
      end }
      callback.shared_dict(dict):claim("n", clock.now + 100)
      callback.shared_dict(dict, "p/"):claim("n", clock.now - 100)
      assert.same({ { "pomex.callback:n", true, 160 }, { "p/n", true, 60 } }, calls)
    end)

    it("takes \"no memory\" for what it is, never for a claim", function()
      local answer
      local dict = { add = function() return answer[1], answer[2], answer[3] end }
      local store = callback.shared_dict(dict)
      for _, case in ipairs {
        { { true, nil, false }, true }, { { false, "exists", false }, false },
        { { false, "no memory", true }, nil, "no memory" },
        { { nil, "no memory" }, nil, "no memory" },
        { { true, nil, true }, nil, "threw out" }, { {}, nil, "lua_shared_dict" },
      } do
        answer = case[1]
        local claimed, why = store:claim("n", clock.now + 1)
        assert.equal(case[2], claimed)
        if case[3] then assert.matches(case[3], why) end
      end
    end)

    it("raises on what is no dict", function()
      assert.error_matches(function() callback.shared_dict(nil) end,
        "must be an ngx.shared.NAME, not nil")
      assert.error_matches(function() callback.shared_dict {} end, "must be an ngx.shared.NAME")
    end)
  end)

  it("lets nobody in on a store that fails, and shows no nonce", function()
    local nonce
    for _, claim in pairs {
      function() error "the disk is full" end,
      function() error { "no text" } end,
      function() return nil, "no connection" end,
      function(_, given) return nil, "cannot set " .. given end,
      function(_, given) error("cannot set " .. given) end,
      function() end,
      function() return 0 end, -- Redis's "there already was one"
      function() return 1 end,
      function() return "false" end,
      function() return {} end,
    } do
      local store = { claim = function(self, given, expires)
        nonce = given
        assert.equal(1800003660, expires)
        return claim(self, given)
      end }
      local cb = new { store = store }
      local url = returned(signed(cb))
      local err = refused("store", cb, url)
      assert.equal("connection_error", err.type)
      assert.is_true(err.retryable)
      assert.is_nil(tostring(err):find(nonce, 1, true))
      store.claim = function() return true end
      accepted(cb, url)
    end
    local cb = new { store = { claim = function() return false end } }
    refused("used", cb, returned(signed(cb)))
  end)
end)
