-- sessions, assets and generations, as a script uses them.

local bed = require "spec.support.bed"
local pomex = require "pomex"

local MODEL = "byteplus/seedance-2.0-fast"

describe("the resources", function()
  local sb, client, group_id
  bed({ sandbox = { asset_seconds = 0, generation_seconds = 0 } },
    function(...) sb, client = ... end)

  setup(function() group_id = sb:add_person() end)
  before_each(function() sb:config { asset_seconds = 0, generation_seconds = 0 } end)

  local function portrait(extra)
    local body = { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = group_id }
    for key, value in pairs(extra or {}) do body[key] = value end
    return body
  end

  local function upload(extra)
    return pomex.check(client.assets:create(portrait(extra)))
  end

  -- Has its first look find it "processing", however late that comes.
  local function processing(asset)
    sb:fault { endpoint = "assets.get", status = 200, content_type = "application/json",
      body = ('{"id":"%s","status":"processing"}'):format(asset.id) }
  end

  local function generation(text)
    return { model = MODEL, content = pomex.content():text(text or "a wave") }
  end

  local function refused(err, pattern)
    assert.equal("invalid_request_error", err.type)
    assert.is_true(err.client)
    assert.equal(0, err.attempts)
    assert.matches(pattern, tostring(err))
    assert.equal(0, #sb.journal:requests())
  end

  describe("sessions", function()
    it("are created with their link", function()
      local session = assert(client.sessions:create {
        callback_url = "https://app.example/cb?x=1", lang = "zh-Hant" })
      assert.equal("pending", session.status)
      assert.equal("video.asset_session", session.object)
      local location, status = sb:scan(session.h5_link, "pass")
      assert.equal(302, status)
      local person = assert(pomex.callback.parse_unverified(location))
      assert.matches("^group%-", person.group_id)
    end)

    it("are refused before a byte is sent, unless one insists", function()
      local session, err = client.sessions:create { callback_url = "http://a/b" }
      assert.is_nil(session)
      refused(err, "callback_url must be a valid https URL.*http://a/b")
      session, err = client.sessions:create { callback_url = "https://a/b", lang = "fr" }
      assert.is_nil(session)
      refused(err, 'lang must be zh, en, or zh%-Hant %(lang is "fr"%)')
      session, err = client.sessions:create({ callback_url = "https://a/b", lang = "fr" },
        { validate = false })
      assert.is_nil(session)
      assert.equal(400, err.status)
      assert.is_false(err.client)
      assert.equal("lang must be zh, en, or zh-Hant", err.message)
      assert.equal(1, #sb.journal:requests())
    end)
  end)

  describe("assets", function()
    it("are created, fetched by id or object, and waited for", function()
      local asset = upload { name = "front" }
      processing(asset)
      assert.equal("processing", asset.status)
      local updates = {}
      local active = assert(client.assets:wait(asset, { timeout = 30, first = 0.01, max = 0.05,
        on_update = function(a) updates[#updates + 1] = a.status end }))
      assert.equal("active", active.status)
      assert.equal(asset.id, active.id)
      assert.is_true(#updates >= 1)
      assert.equal("processing", updates[1])
      assert.same(active.id, assert(client.assets:get(asset)).id)
      assert.same(active.name, assert(client.assets:get(asset.id)).name)
    end)

    it("go into the Virtual group where that is said", function()
      local asset = upload { group_id = pomex.VIRTUAL, name = "v" }
      assert.is_nil(sb.journal:requests("assets.create")[1].body:find("group_id", 1, true))
      local found
      for a in client.assets:each { group_id = pomex.VIRTUAL } do
        found = found or a.id == asset.id
      end
      assert.is_true(found)
    end)

    it("leave the caller's tables as they were", function()
      local body = portrait { group_id = pomex.VIRTUAL }
      assert(client.assets:create(body))
      assert.equal(pomex.VIRTUAL, body.group_id)
      local query = { group_id = pomex.VIRTUAL, status = { "active", "failed" } }
      assert(client.assets:list(query))
      assert.same({ group_id = pomex.VIRTUAL, status = { "active", "failed" } }, query)
    end)

    it("are listed by page, with a list or a string of statuses", function()
      local own = sb:add_person()
      sb:add_assets { count = 3, group_id = own, name = "n", status = "active" }
      local page = assert(client.assets:list { group_id = own, status = { "active", "processing" },
        limit = 2, page = 2, sort_by = "create_time", sort_order = "desc" })
      assert.equal(1, #page.items)
      assert.equal(3, page.total_count)
      assert.equal(2, page.page_number)
      page = assert(client.assets:list { group_id = own, status = "failed" })
      assert.same({}, page.items)
      page = assert(client.assets:list())
      assert.equal("list", page.object)
    end)

    it("are refused with the value at fault", function()
      local _, err = client.assets:create(portrait { asset_type = "image" })
      refused(err, "asset_type must be Image, Video, or Audio.*image")
      _, err = client.assets:create(portrait { url = "/home/me/a.jpg" })
      refused(err, "url must be a valid https URL")
      _, err = client.assets:create(portrait { name = "a\rb" .. "\255" })
      refused(err, "name is not valid UTF%-8")
      _, err = client.assets:list { limit = 1000 }
      refused(err, "limit")
      _, err = client.assets:list { status = "done" }
      refused(err, "status must be active, processing, or failed")
      for _, id in ipairs { "", ".", "..", "a/../b", "a\0b", ("a"):rep(300) } do
        err = select(2, client.assets:get(id))
        refused(err, "id")
      end
    end)

    it("that fail give their answer", function()
      local asset = upload { url = "https://cdn.example/no-face.jpg" }
      local active, err = client.assets:wait(asset)
      assert.is_nil(active)
      assert.equal("asset_failed", err.type)
      assert.equal(asset.id, err.id)
      assert.equal("table", type(err.object))
      assert.equal("failed", err.object.status)
      assert.equal(asset.id, err.object.id)
    end)

    it("that take too long leave the way to go on", function()
      sb:config { asset_seconds = 1000 }
      local asset = upload()
      local active, err = client.assets:wait(asset, { timeout = 1.5, first = 0.02 })
      assert.is_nil(active)
      assert.equal("timeout_error", err.type)
      assert.equal(asset.id, err.id)
      assert.equal("processing", err.last_status)
      sb.clock:advance(2000)
      assert.equal("active", assert(client.assets:wait(err.id)).status)
    end)

    it("are created and waited for in one, the id being told first", function()
      local told, seen
      local asset = assert(client.assets:create_and_wait(portrait(), {
        timeout = 30, first = 0.02,
        on_created = function(a)
          told = a.id
          assert.equal("processing", a.status)
          assert.equal(0, #sb.journal:requests("assets.get"))
          processing(a)
        end,
        on_update = function(a) seen = a.id end,
      }))
      assert.equal("active", asset.status)
      assert.equal(asset.id, told)
      assert.equal(asset.id, seen)
      assert.equal("active", assert(client.assets:create_and_wait(portrait())).status)
    end)

    it("are not waited for where on_created raises, or the creation fails", function()
      assert.error_matches(function()
        client.assets:create_and_wait(portrait(), { on_created = function() error("no") end })
      end, "no")
      assert.equal(0, #sb.journal:requests("assets.get"))
      local asset, err = client.assets:create_and_wait(portrait { asset_type = "image" })
      assert.is_nil(asset)
      assert.equal("assets.create", err.endpoint)
      assert.error_matches(function()
        client.assets:create_and_wait(portrait(), { on_create = print })
      end, 'is it "on_created"')
    end)

    it("in doubt name what they may be", function()
      local twin = upload { name = "twin" }
      local other = pomex.check(pomex.new(sb:client_options()))
      sb:fault { endpoint = "assets.create", after_accept = "drop" }
      local asset, err = other.assets:create(portrait { name = "twin" }, { timeout = 1.5 })
      other:close()
      assert.is_nil(asset)
      assert.equal("ambiguous_error", err.type)
      assert.equal(2, #err.candidates)
      assert.is_true(err.candidates[1] == twin.id or err.candidates[2] == twin.id)
    end)

    it("keep one budget over creation and wait", function()
      sb:config { asset_seconds = 1000 }
      local core = require "pomex.core"
      local began = core.now()
      local asset, err = client.assets:create_and_wait(portrait(), { timeout = 0.5 })
      assert.is_nil(asset)
      assert.equal("timeout_error", err.type)
      assert.is_true(core.now() - began < 2)
    end)
  end)

  describe("generations", function()
    it("run from builder to file", function()
      sb:config { generation_seconds = 0.1 }
      local asset = assert(client.assets:wait(upload()))
      local task = assert(client.generations:create {
        model = MODEL,
        content = pomex.content():text("The person in {rachel} waves."):image(asset, "rachel"),
        duration = 5.0, seed = 7, camera = { fixed = true },
      })
      assert.equal("queued", task.status)
      local sent = require("cjson").decode(sb.journal:requests("generations.create")[1].body)
      assert.equal("The person in image 1 waves.", sent.content[1].text)
      assert.equal("asset://" .. asset.id, sent.content[2].image_url.url)
      assert.equal(5, sent.duration)
      assert.is_true(sent.camera.fixed)
      task = assert(client.generations:wait(task, { timeout = 30, first = 0.02 }))
      assert.equal("succeeded", task.status)
      assert.equal("string", type(task.content.video_url))
      local path = os.tmpname()
      local progress, last = {}, 0
      local file = assert(client.generations:download(task, path, {
        overwrite = true, on_progress = function(done, total)
          assert.is_true(done >= last)
          last = done
          progress[#progress + 1] = total
        end }))
      assert.equal(path, file.path)
      assert.equal(task.id, file.id)
      assert.is_true(#progress >= 1)
      assert.equal(file.size, progress[#progress])
      local handle = assert(io.open(path, "rb"))
      assert.equal(file.size, handle:seek("end"))
      handle:close()
      os.remove(path)
      assert.equal(1, #sb.journal:requests("generations.create"))
    end)

    it("are downloaded by id, and synced if asked", function()
      local task = assert(client.generations:create_and_wait(generation()))
      local path = os.tmpname()
      local file = assert(client.generations:download(task.id, path, {
        sync = true, overwrite = true }))
      assert.is_true(file.size > 1000)
      os.remove(path)
    end)

    it("take plain arrays", function()
      local task = assert(client.generations:create {
        model = MODEL, content = { { type = "text", text = "a wave" } } })
      assert.equal("succeeded", assert(client.generations:wait(task.id)).status)
    end)

    it("are refused by their builder or the rules, nothing being sent", function()
      local before = sb.ledger:count "generation"
      local task, err = client.generations:create {
        model = MODEL, content = pomex.content():text("{nobody} waves") }
      assert.is_nil(task)
      refused(err, "nobody")
      assert.equal("generations.create", err.endpoint)
      task, err = client.generations:create { model = MODEL, content = {} }
      assert.is_nil(task)
      refused(err, "content must have a text part %(content is an empty array%)")
      task, err = client.generations:create { model = MODEL }
      assert.is_nil(task)
      refused(err, "content is required")
      task, err = client.generations:create_and_wait {
        model = MODEL, content = pomex.content():image("a", "b") }
      assert.is_nil(task)
      refused(err, "b")
      assert.equal(before, sb.ledger:count "generation")
    end)

    it("that fail give their answer", function()
      local task, err = client.generations:create_and_wait(generation "[fail] a wave")
      assert.is_nil(task)
      assert.equal("generation_failed", err.type)
      assert.equal("failed", err.object.status)
      assert.equal(err.id, err.object.id)
    end)

    it("that were perhaps billed say so, and were sent once", function()
      local before = sb.ledger:count "generation"
      sb:fault { endpoint = "generations.create", after_accept = "drop" }
      local task, err = client.generations:create(generation())
      assert.is_nil(task)
      assert.equal("ambiguous_error", err.type)
      assert.equal("connection_error", err.cause)
      assert.is_true(err.maybe_billed)
      assert.equal(before + 1, sb.ledger:count "generation")
    end)

    it("cannot be downloaded to nowhere", function()
      local task = assert(client.generations:create_and_wait(generation()))
      sb.journal:clear()
      for _, path in ipairs { "", "a\0b", "/no/such/folder/out.mp4", "/tmp" } do
        local file, err = client.generations:download(task, path)
        assert.is_nil(file)
        assert.equal("string", type(err.type))
        assert.equal(0, #sb.journal:requests("video"))
      end
    end)
  end)
end)
