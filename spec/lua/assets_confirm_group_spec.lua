-- client.assets:confirm_group: whether a group is this account's, and what cannot be known.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

describe("assets:confirm_group", function()
  local sb, client, other

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, rate_limits = false })
    client = pomex.check(pomex.new(sb:client_options()))
    other = pomex.check(pomex.new(sb:client_options { api_key = sb:add_account() }))
  end)

  teardown(function()
    client:close()
    other:close()
    sb:stop()
  end)

  after_each(function() sb:clear_faults() end)

  it("is \"ours\" where an asset of the group is listed, whatever became of it", function()
    for _, status in ipairs { "active", "processing", "failed" } do
      local group = sb:add_person()
      sb:add_assets { count = 3, group_id = group, status = status }
      assert.equal("ours", client.assets:confirm_group(group))
    end
  end)

  it("is \"unknown\" for a group that has nothing yet", function()
    assert.equal("unknown", client.assets:confirm_group(sb:add_person()))
  end)

  it("is \"foreign\" where the service says group id error", function()
    local group = sb:add_person()
    sb:add_assets { count = 1, group_id = group }
    assert.equal("foreign", other.assets:confirm_group(group))
    assert.equal("foreign", client.assets:confirm_group "group-made-up")
    assert.equal("foreign", client.assets:confirm_group "a b&group_id=c/../d")
  end)

  it("asks once, for one asset of that group", function()
    local group = sb:add_person()
    sb.journal:clear()
    client.assets:confirm_group(group)
    local requests = sb.journal:requests()
    assert.equal(1, #requests)
    assert.equal("assets.list", requests[1].endpoint)
    assert.matches("group_id=" .. group:gsub("%-", "%%-"), requests[1].query)
    assert.matches("limit=1%f[%D]", requests[1].query)
  end)

  it("takes another group's assets for no proof", function()
    for _, items in ipairs { '[{"id":"asset-1","group_id":"group-2"}]', '[{"id":"asset-1"}]',
      '["group-1"]', '[null]', '[{"group_id":["group-1"]}]', '{}' } do
      sb:fault { endpoint = "assets.list", status = 200,
        body = '{"object":"list","items":' .. items .. ',"total_count":1}' }
      assert.equal("unknown", client.assets:confirm_group "group-1")
    end
  end)

  it("learns nothing from any other error", function()
    local function nothing(kind, ...)
      local verdict, err = client.assets:confirm_group(...)
      assert.is_nil(verdict)
      assert.equal(kind, err.type)
      assert.equal("assets.list", err.endpoint)
    end
    sb:fault { endpoint = "assets.list", status = 400,
      body = '{"error":{"message":"limit must be between 1 and 100","type":"x"}}' }
    nothing("invalid_request_error", "group-1")
    -- The words alone, under another status.
    sb:fault { endpoint = "assets.list", status = 404,
      body = '{"error":{"message":"group id error"}}' }
    nothing("not_found_error", "group-1")
    sb:fault { endpoint = "assets.list", status = 502, times = 0 }
    nothing("upstream_error", "group-1", { max_retries = 1 })
    sb:clear_faults()
    for _, body in ipairs { '{"object":"list"}', '{"items":"group-1"}', "[]", "group id error" } do
      sb:fault { endpoint = "assets.list", status = 200, body = body }
      nothing("decode_error", "group-1")
    end
    nothing("invalid_request_error", "")
    local stranger = pomex.check(pomex.new(sb:client_options { api_key = "sk-wrong" }))
    local verdict, err = stranger.assets:confirm_group(sb:add_person())
    stranger:close()
    assert.is_nil(verdict)
    assert.equal("authentication_error", err.type)
  end)

  it("raises on misuse", function()
    for _, value in ipairs { pomex.VIRTUAL, 1, {}, pomex.null } do
      assert.error_matches(function() client.assets:confirm_group(value) end,
        "assets:confirm_group: group_id must be a string")
    end
    assert.error_matches(function() client.assets:confirm_group() end, "must be a string, not nil")
    assert.error_matches(function() client.assets:confirm_group("g", { retries = 1 }) end,
      "unknown key \"retries\"")
  end)

  it("is in client.async too, many at once", function()
    local ours, new = sb:add_person(), sb:add_person()
    sb:add_assets { count = 1, group_id = ours }
    local asks = {}
    for i = 1, 30 do
      asks[i] = client.async.assets:confirm_group(({ ours, new, "group-x" })[i % 3 + 1])
    end
    for i, result in ipairs(pomex.all(asks)) do
      assert.equal(({ "ours", "unknown", "foreign" })[i % 3 + 1], result[1])
    end
  end)
end)
