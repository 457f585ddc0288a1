-- Many waits for assets of one group, beside the sandbox with the document's rate limits.

local bed = require "spec.support.bed"
local pomex = require "pomex"

describe("many waits of one group", function()
  local sb, client
  local both = { sandbox = { asset_seconds = 2, rate_limits = true },
    client = { rate_limits = {} } }
  bed(both, function(...)
    sb, client = ...
  end)

  local function upload(group, file)
    return client.async.assets:create { url = "https://cdn.example/" .. file,
      asset_type = "Image", group_id = group }
  end

  local function waits(assets)
    local ops = {}
    for i, asset in ipairs(assets) do ops[i] = client.async.assets:wait(asset, { timeout = 60 }) end
    return ops
  end

  local function refused()
    for _, request in ipairs(sb.journal:requests()) do
      if request.status == 429 then return true end
    end
    return false
  end

  it("are looked at alone where nothing limits the looks", function()
    local free = pomex.check(pomex.new(sb:client_options { rate_limits = false,
      poll = { asset = { first = 1 / 10, max = 1 } } }))
    local group, ops = sb:add_person(), {}
    local ids = sb:add_assets { group_id = group, status = "active", count = 30 }
    for i, id in ipairs(ids) do
      ops[i] = free.async.assets:wait { id = id, group_id = group }
    end
    assert.equal(30, #ops)
    for _, result in ipairs(pomex.all(ops)) do assert.equal("active", result[1].status) end
    assert.equal(0, #sb.journal:requests "assets.list")
    free:close()
  end)

  it("are told by pages of what create returned", function()
    local group, created = sb:add_person(), {}
    for i = 1, 40 do created[i] = upload(group, i == 7 and "no-face.jpg" or "a.jpg") end
    for i, op in ipairs(created) do created[i] = pomex.check(op:wait()) end
    for i, result in ipairs(pomex.all(waits(created))) do
      local asset, err = result[1], result[2]
      if i == 7 then
        assert.equal("asset_failed", err.type)
        assert.matches("no face", err.message)
      else
        local got = pomex.check(client.assets:get(created[i]))
        got.url, asset.url = nil, nil -- they are signed anew
        assert.same(got, asset)
      end
    end
    local looks = #sb.journal:requests "assets.get" - 39
    assert.is_true(looks < 40, looks .. " looks")
    assert.is_true(#sb.journal:requests "assets.list" > 0)
    assert.is_false(refused())
  end)

  it("know the group that the table says", function()
    local group = sb:add_person()
    local ids, given = sb:add_assets { count = 60, group_id = group, status = "processing" }, {}
    for i, id in ipairs(ids) do given[i] = { id = id, group_id = group } end
    for _, result in ipairs(pomex.all(waits(given))) do
      assert.equal("active", pomex.check(result[1], result[2]).status)
    end
    assert.is_true(#sb.journal:requests "assets.get" < 60)
    assert.is_false(refused())
  end)

  it("end although the lists lag", function()
    local group = sb:add_person()
    sb:config { asset_list_lag_seconds = 600 }
    local ids, given = sb:add_assets { count = 30, group_id = group, status = "processing" }, {}
    for i, id in ipairs(ids) do given[i] = { id = id, group_id = group } end
    for _, result in ipairs(pomex.all(waits(given))) do
      assert.equal("active", pomex.check(result[1], result[2]).status)
    end
    assert.same({}, pomex.check(client.assets:list { group_id = group }).items)
    sb:config { asset_list_lag_seconds = 0 }
    assert.equal(10, #pomex.check(client.assets:list { group_id = group }).items)
  end)

  it("do not believe a group that is none", function()
    local ids, given = sb:add_assets { count = 12 }, {}
    for i, id in ipairs(ids) do
      given[i] = { id = id, group_id = ({ "group-of-nobody", "a\0b", "\255" })[i % 3 + 1] }
    end
    for _, result in ipairs(pomex.all(waits(given))) do
      assert.equal("active", pomex.check(result[1], result[2]).status)
    end
  end)
end)
