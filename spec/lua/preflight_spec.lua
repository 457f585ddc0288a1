-- A generation with `preflight` looks at its assets first.

local bed = require "spec.support.bed"
local pomex = require "pomex"

local FAST = "byteplus/seedance-2.0-fast"

describe("a generation with preflight", function()
  local sb, client
  bed({ sandbox = { asset_seconds = 0, generation_seconds = 0 } }, function(...)
    sb, client = ...
  end)

  local function assets(count, group)
    group = group or sb:add_person()
    local list = {}
    for i = 1, count do
      list[i] = pomex.check(client.assets:create_and_wait { url = "https://cdn.example/a.png",
        asset_type = "Image", group_id = group })
    end
    sb.journal:clear()
    return list
  end

  local function body(list, as_ids)
    local content = pomex.content():text "They wave."
    for _, asset in ipairs(list) do content:image(as_ids and asset.id or asset) end
    return { model = FAST, content = content }
  end

  -- How many requests of each kind were sent: get, list, create.
  local function sent()
    return { #sb.journal:requests "assets.get", #sb.journal:requests "assets.list",
      #sb.journal:requests "generations.create" }
  end

  it("looks at one asset with one request", function()
    assert.is_table(pomex.check(client.generations:create(body(assets(1)), { preflight = true })))
    assert.same({ 1, 0, 1 }, sent())
  end)

  it("looks at all of a group in one list, and learns the group where it has ids alone", function()
    local list = assets(4)
    assert.is_table(pomex.check(client.generations:create(body(list), { preflight = true })))
    assert.same({ 0, 1, 1 }, sent())
    sb.journal:clear()
    assert.is_table(pomex.check(client.generations:create(body(list, true), { preflight = true })))
    assert.same({ 1, 1, 1 }, sent())
    sb.journal:clear()
    assert.is_table(pomex.check(client.generations:create(body(list, true))))
    assert.same({ 0, 0, 1 }, sent())
  end)

  it("looks by itself at what no list shows", function()
    local list = assets(2)
    list[3] = assets(1)[1]
    assert.is_table(pomex.check(client.generations:create(body(list), { preflight = true })))
    assert.same({ 1, 1, 1 }, sent())
    sb.journal:clear()
    sb:fault { endpoint = "assets.list", status = 400 }
    assert.is_table(pomex.check(client.generations:create(body(list), { preflight = true })))
    assert.same({ 3, 1, 1 }, sent())
  end)

  it("sends nothing where an asset is not active, and names it", function()
    local list = assets(3)
    sb:config { asset_seconds = 100 }
    local processing = pomex.check(client.assets:create { url = "https://cdn.example/a.png",
      asset_type = "Image", group_id = list[1].group_id })
    sb:config { asset_seconds = 0 }
    sb.journal:clear()
    local billed = sb.ledger:count "generation"
    for _, ids in ipairs { { processing }, { list[1], list[2], processing } } do
      local made, err = client.generations:create(body(ids, true), { preflight = true })
      assert.is_nil(made)
      assert.same({ "invalid_request_error", processing.id, "processing", "no", true },
        { err.type, err.id, err.last_status, err.billed, err.client })
      assert.matches("assets:wait", tostring(err))
    end
    assert.equal(0, sent()[3])
    assert.equal(billed, sb.ledger:count "generation")
  end)

  it("sends nothing where an asset is not there, or cannot be looked at", function()
    local list = assets(2)
    local made, err = client.generations:create(body({ list[1], { id = "asset-none" } }, true),
      { preflight = true })
    assert.is_nil(made)
    assert.same({ "not_found_error", "asset-none", "no" }, { err.type, err.id, err.billed })
    sb:fault { endpoint = "assets.get", status = 401, times = 0 }
    made, err = client.generations:create(body(list, true), { preflight = true })
    assert.is_nil(made)
    assert.same({ "authentication_error", "no" }, { err.type, err.billed })
    assert.equal(0, sent()[3])
  end)

  it("is a task in client.async, and looks before create_and_wait, too", function()
    local list = assets(2)
    local task = client.async.generations:create(body(list), { preflight = true })
    assert.is_table(pomex.check(task:wait()))
    assert.is_table(pomex.check(client.generations:create_and_wait(body(list),
      { preflight = true, timeout = 60 })))
    assert.same({ 0, 2, 2 }, sent())
    client:run(function()
      assert.is_table(pomex.check(client.generations:create(body(list), { preflight = true })))
    end)
    assert.same({ 0, 3, 3 }, sent())
  end)

  it("has nothing to look at where no asset is named, or the content is wrong", function()
    assert.is_table(pomex.check(client.generations:create({ model = FAST,
      content = { { type = "text", text = "a wave" } } }, { preflight = true })))
    assert.same({ 0, 0, 1 }, sent())
    local made, err = client.generations:create({ model = FAST,
      content = pomex.content():text "{none} waves." }, { preflight = true })
    assert.is_nil(made)
    assert.equal("invalid_request_error", err.type)
    assert.same({ 0, 0, 1 }, sent())
    assert.has_error(function() client.generations:create(body {}, { preflight = 1 }) end,
      "generations:create: preflight must be a boolean, not 1")
    assert.has_error(function()
      client.generations:create { model = FAST, content = {}, preflight = true }
    end)
  end)
end)
