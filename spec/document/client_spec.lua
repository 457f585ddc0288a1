-- The API document and silences.md, held by the client: what it sends (the sandbox's journal
-- shows it), what it refuses to send, and what it makes of each answer.

local cjson = require "cjson"
local document = require "spec.document.document"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

local FAST = "byteplus/seedance-2.0-fast"
local PORTRAIT = "https://yourcdn.com/portrait.jpg"
local CALLBACK = "https://yourapp.com/realhuman/callback"

describe("the client, by the document:", function()
  local sb, client

  before_each(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
    client = pomex.check(pomex.new(sb:client_options { rate_limits = false }))
  end)
  after_each(function()
    client:close()
    assert.equal(0, sb:stop())
  end)

  local function sent(endpoint)
    local requests = sb.journal:requests(endpoint)
    return requests[#requests], #requests
  end

  local function sent_body(endpoint)
    return cjson.decode(sent(endpoint).body)
  end

  -- A call that must be refused here, in these words, with nothing sent.
  local function refused(message, hint, value, err)
    assert.is_nil(value)
    assert.equal("invalid_request_error", err.type)
    assert.is_true(err.client)
    assert.equal(0, err.attempts)
    assert.is_truthy(err.message:find(message, 1, true), err.message)
    if hint then
      assert.is_truthy(tostring(err.hint):find(hint, 1, true), tostring(err.hint))
    end
    assert.equal(0, #sb.journal:requests())
  end

  local function failed(kind, status, value, err)
    assert.is_nil(value)
    assert.equal(kind, err.type, tostring(err))
    assert.equal(status, err.status)
    return err
  end

  local function session(body)
    return client.sessions:create(body or { callback_url = CALLBACK, lang = "en" })
  end

  local function upload(fields)
    local body = { url = PORTRAIT, asset_type = "Image", group_id = pomex.VIRTUAL }
    for key, value in pairs(fields or {}) do body[key] = value end
    return client.assets:create(body)
  end

  local function generate(fields)
    local body = { model = FAST, content = { { type = "text", text = "a wave" } } }
    for key, value in pairs(fields or {}) do body[key] = value end
    return client.generations:create(body)
  end

  describe("basics:", function()
    it("the base URL is https://api.pomex.ai unless told otherwise [doc 6]", function()
      local plain = pomex.check(pomex.new { api_key = "sk-x" })
      assert.equal(os.getenv("POMEX_BASE_URL") or "https://api.pomex.ai",
        (plain:base_url():gsub("/$", "")))
      plain:close()
    end)

    it("each request carries Authorization: Bearer and each POST application/json"
      .. " [doc 7-8] [silence 33]", function()
      session()
      local asset = upload()
      client.assets:get(asset.id)
      client.assets:list {}
      local task = generate()
      client.generations:get(task.id)
      local requests = sb.journal:requests()
      assert.equal(6, #requests)
      for _, request in ipairs(requests) do
        assert.is_true(request.authorized, request.endpoint)
        if request.method == "POST" then
          assert.matches("^application/json", request.headers["content-type"])
        end
      end
    end)

    it("no key is refused before anything is sent, and the error says where to put one", function()
      if os.getenv("POMEX_API_KEY") then return end
      local none, err = pomex.new { base_url = sb.url }
      assert.is_nil(none)
      assert.equal("invalid_request_error", err.type)
      assert.is_true(err.client)
      assert.matches("no API key.*POMEX_API_KEY", err.message)
      assert.equal(0, #sb.journal:requests())
    end)

    it("401 is an authentication_error with the service's words [doc 10 177-178]", function()
      local stranger = pomex.check(pomex.new(sb:client_options { api_key = "sk-wrong" }))
      local err = failed("authentication_error", 401, stranger.assets:list {})
      assert.is_true(#err.message > 0)
      assert.is_nil(tostring(err):find("sk-wrong", 1, true))
      stranger:close()
    end)
  end)

  describe("sessions:", function()
    it("sends callback_url and lang, returns the document's fields"
      .. " [doc 12-15 28 43-50 167]", function()
      local reply = session()
      assert.same({ callback_url = CALLBACK, lang = "en" }, sent_body "sessions.create")
      assert.equal("/v1/video/assets/sessions", sent("sessions.create").path)
      assert.equal("video.asset_session", reply.object)
      assert.equal("pending", reply.status)
      assert.matches("lang=en$", reply.h5_link)
    end)

    it("gives the h5_link byte for byte [doc 16-21]", function()
      local link = "https://kyc.byteintl.com/?a=%2F%20b+c&d=~%7E&lang=en"
      sb:fault { endpoint = "sessions.create", status = 200,
        body = cjson.encode { object = "video.asset_session", status = "pending", h5_link = link } }
      assert.equal(link, session().h5_link)
    end)

    it("sends zh, en and zh-Hant, and no lang where none is given [doc 40-41]", function()
      for _, lang in ipairs { "zh", "en", "zh-Hant" } do
        assert.is_table(session { callback_url = CALLBACK, lang = lang })
        assert.equal(lang, sent_body("sessions.create").lang)
      end
      session { callback_url = CALLBACK }
      assert.is_nil(sent_body("sessions.create").lang)
    end)

    it("refuses what the document refuses, in its words, before anything is sent"
      .. " [doc 38-39 172 186-188]", function()
      refused("callback_url is required", nil, session { lang = "en" })
      refused("callback_url is required", nil, session { callback_url = "" })
      refused("callback_url must be a valid https URL", "http://x.example/",
        session { callback_url = "http://x.example/" })
      refused("callback_url must be a valid https URL", nil, session { callback_url = "https://" })
      refused("lang must be zh, en, or zh-Hant", '"fr"',
        session { callback_url = CALLBACK, lang = "fr" })
    end)

    it("a new session after one that expired is an ordinary call [doc 51] [silence 23]", function()
      local link = session().h5_link
      sb.clock:advance(31 * 60)
      assert.is_nil((sb:scan(link, "pass")))
      assert.is_string((sb:scan(session().h5_link, "pass")))
    end)
  end)

  describe("uploads:", function()
    it("send url, asset_type, group_id and name; return id, object and processing"
      .. " [doc 24 31 73-74 77-89 193]", function()
      local group_id = sb:add_person()
      local asset = upload { group_id = group_id, name = "model-rachel-frontal" }
      assert.same({ url = PORTRAIT, asset_type = "Image", group_id = group_id,
        name = "model-rachel-frontal" }, sent_body "assets.create")
      assert.equal("video.asset", asset.object)
      assert.equal("processing", asset.status)
      assert.matches("^asset%-", asset.id)
    end)

    it("leave group_id out for pomex.VIRTUAL, and only then [doc 71-72]", function()
      upload { group_id = pomex.VIRTUAL }
      assert.is_nil(sent_body("assets.create").group_id)
      assert.error_matches(function()
        client.assets:create { url = PORTRAIT, asset_type = "Image" }
      end, "group_id must be given")
    end)

    it("refuse a url that is missing, not https, local or asset://"
      .. " [doc 67-68 194] [silence 11 17]", function()
      refused("url is required", nil, client.assets:create { asset_type = "Image",
        group_id = pomex.VIRTUAL })
      refused("url must be a valid https URL", "http://", upload { url = "http://x.example/a.jpg" })
      refused("url must be a valid https URL", "/home/me/a.jpg", upload { url = "/home/me/a.jpg" })
      refused("url must be a valid https URL", nil, upload { url = "asset://asset-1" })
    end)

    it("refuse an asset_type that is none of the three, or in another case"
      .. " [doc 69-70] [silence 16]", function()
      for _, kind in ipairs { "image", "Picture", "" } do
        refused("asset_type must be Image, Video, or Audio", nil, upload { asset_type = kind })
      end
      refused("asset_type must be Image, Video, or Audio", nil, client.assets:create {
        url = PORTRAIT, group_id = pomex.VIRTUAL })
      for _, kind in ipairs { "Image", "Video", "Audio" } do
        assert.is_table(upload { asset_type = kind })
      end
    end)

    it("pass on the service's group id error [doc 189]", function()
      local err = failed("invalid_request_error", 400, upload { group_id = "group-none" })
      assert.equal("group id error", err.message)
      assert.is_falsy(err.client)
    end)

    it("wait until active, by looking again [doc 25-26 32 90 92]", function()
      sb:config { asset_seconds = 100 }
      local asset = upload()
      local looks = 0
      asset = client.assets:wait(asset.id, { first = 0.01, max = 0.02, on_update = function(a)
        looks = looks + 1
        if looks == 1 then
          assert.equal("processing", a.status)
          sb.clock:advance(101)
        end
      end })
      assert.equal("active", asset.status)
      assert.is_true(select(2, sent "assets.get") >= 2)
    end)

    it("a failed asset is asset_failed, with what came [doc 75 168] [silence 6]", function()
      for _, mark in ipairs { "no-face", "several-faces", "other-person" } do
        local asset = upload { group_id = sb:add_person(),
          url = "https://yourcdn.com/" .. mark .. ".jpg" }
        local value, err = client.assets:wait(asset.id)
        assert.is_nil(value)
        assert.equal("asset_failed", err.type)
        assert.equal("failed", err.object.status)
        assert.is_string(err.object.error.message)
        assert.equal(asset.id, err.id)
      end
    end)
  end)

  it("an asset has the fields of the document, as values [doc 94-103]", function()
    local example = cjson.decode(document.between("Poll this endpoint until status becomes active "
      .. "(usable) or failed.\nResponse 200\n", "The signed url"))
    sb:fault { endpoint = "assets.get", status = 200, body = cjson.encode(example) }
    assert.same(example, client.assets:get(example.id))
  end)

  describe("lists:", function()
    it("send every filter of the document [doc 109-110] [silence 12]", function()
      local group_id = sb:add_person()
      client.assets:list { group_id = group_id, status = { "active", "processing" },
        name = "a b&c", page = 2, limit = 100, sort_by = "update_time", sort_order = "asc" }
      local query = sent("assets.list").query
      for _, part in ipairs { "group_id=" .. group_id, "page=2", "limit=100",
        "sort_by=update_time", "sort_order=asc" } do
        assert.is_truthy(query:find(part, 1, true), query)
      end
      assert.matches("status=active[%%2,C]+processing", query)
      assert.matches("name=a[%%2+0]+b%%26c", query)
      client.assets:list { status = "failed" }
      assert.equal("status=failed", sent("assets.list").query)
    end)

    it("send nothing that was not given [doc 108] [silence 13]", function()
      client.assets:list {}
      assert.equal("", sent("assets.list").query or "")
      client.assets:list { group_id = pomex.VIRTUAL }
      assert.equal("", sent("assets.list").query or "")
    end)

    it("return the page of the document, as values [doc 115-131]", function()
      local example = cjson.decode(document.between("| sort_order | asc or desc. |\nResponse 200\n",
        "Generate a Video From an Asset"))
      sb:fault { endpoint = "assets.list", status = 200, body = cjson.encode(example) }
      assert.same(example, client.assets:list {})
    end)

    it("refuse a status, limit, page or order that the document has not"
      .. " [doc 111-113 190] [silence 15]", function()
      refused("status must be active, processing, or failed", '"done"',
        client.assets:list { status = "done" })
      refused("status must be active, processing, or failed", nil,
        client.assets:list { status = { "active", "gone" } })
      refused("limit", "1000", client.assets:list { limit = 1000 })
      refused("limit", nil, client.assets:list { limit = 0 })
      refused("page", nil, client.assets:list { page = 0 })
      refused("sort_by", '"name"', client.assets:list { sort_by = "name" })
      refused("sort_order", '"down"', client.assets:list { sort_order = "down" })
    end)

    it("each walks over all pages, 100 at a time, and past the end finds nothing"
      .. " [silence 14]", function()
      local group_id = sb:add_person()
      sb:add_assets { count = 230, group_id = group_id, name = "bulk" }
      local seen, count = {}, 0
      for asset in client.assets:each { group_id = group_id } do
        assert.is_nil(seen[asset.id])
        seen[asset.id] = true
        count = count + 1
      end
      assert.equal(230, count)
      assert.matches("limit=100", sent("assets.list").query)
      local page = client.assets:list { group_id = group_id, page = 99 }
      assert.same({}, page.items)
      assert.equal(230, page.total_count)
    end)
  end)

  describe("generations:", function()
    it("send the document's example as it is written there [doc 27 33 142-156]", function()
      local example = document.between('curl -X POST "https://api.pomex.ai/v1/video/generations"',
        "'Response 200"):match("%-d '(.*)$")
      example = cjson.decode(example)
      local uploaded = upload { group_id = sb:add_person() }
      local asset = client.assets:wait(uploaded.id, { first = 0.01 })
      local task = client.generations:create { model = example.model,
        content = pomex.content()
          :text((example.content[1].text:gsub("image 1", "{rachel}")))
          :image(asset, "rachel") }
      example.content[2].image_url.url = "asset://" .. asset.id
      assert.same(example, sent_body "generations.create")
      assert.equal("queued", task.status)
      assert.equal("video.generation.task", task.object)
      assert.equal(FAST, task.model)
    end)

    it("refuse a missing model, missing content, and content without text"
      .. " [doc 138-139] [silence 27]", function()
      refused("model", nil, client.generations:create {
        content = { { type = "text", text = "t" } } })
      refused("content", nil, client.generations:create { model = FAST })
      refused("content", nil, generate { content = {} })
      refused("text", nil, generate { content = pomex.content():image("asset-1") })
    end)

    it("refuse an asset with a model other than the two, and pass other models on"
      .. " [doc 133 136-137 195] [silence 19 32]", function()
      refused("model", "byteplus/seedance-1.0", generate { model = "byteplus/seedance-1.0",
        content = pomex.content():text("t"):image("asset-1") })
      assert.is_table(generate { model = "byteplus/seedance-1.0" })
      assert.is_table(generate { model = "byteplus/seedance-2.0" })
    end)

    it("pass the service's refusal of an asset on, with its id [silence 18]", function()
      local err = failed("invalid_request_error", 400, generate {
        content = pomex.content():text("t"):image("asset-none") })
      assert.matches("asset%-none", err.message)
    end)

    it("pass fields and parts that the document does not know on untouched [silence 9]", function()
      local fields = { duration = 5, ratio = "16:9", resolution = "720p", seed = 4294967295,
        generate_audio = true, content = {
          { type = "text", text = "t" },
          { type = "image_url", image_url = { url = PORTRAIT } },
          { type = "video_url", video_url = { url = PORTRAIT }, role = "reference_video" },
          { type = "image_url", image_url = { url = PORTRAIT }, role = "first_frame" } } }
      assert.is_table(generate(fields))
      local body = sent_body "generations.create"
      for name, value in pairs(fields) do assert.same(value, body[name]) end
      assert.matches('"seed":4294967295[,}]', sent("generations.create").body)
    end)

    it("go from queued by running to succeeded, and give the video's link [doc 157-162]", function()
      sb:config { generation_seconds = 100 }
      local task, seen = generate(), {}
      task = client.generations:wait(task, { first = 0.01, max = 0.02, on_update = function(t)
        -- The next look may go out while the clock is being moved, and see the same once more.
        if seen[#seen] == t.status then return end
        seen[#seen + 1] = t.status
        sb.clock:advance(50)
      end })
      assert.equal("succeeded", task.status)
      assert.same({ "queued", "running" }, seen)
      assert.matches("^http.-%.mp4%?", task.content.video_url)
    end)

    it("a failed one is generation_failed, with what came [doc 169] [silence 7]", function()
      local task = generate { content = { { type = "text", text = "[fail]" } } }
      local value, err = client.generations:wait(task)
      assert.is_nil(value)
      assert.equal("generation_failed", err.type)
      assert.is_string(err.object.error.message)
      assert.equal(task.id, err.id)
    end)

    it("other ends are final, in any case; an unknown status is polled on and named"
      .. " [silence 8]", function()
      for _, status in ipairs { "cancelled", "canceled", "expired", "error", "rejected", "timeout",
        "Failed", "CANCELLED" } do
        sb:fault { endpoint = "generations.get", status = 200, times = 1,
          body = cjson.encode { id = "cgt-1", status = status } }
        local _, err = client.generations:wait("cgt-1", { timeout = 5 })
        assert.equal("generation_failed", err.type)
        assert.equal(status, err.object.status)
        assert.equal(status, err.last_status)
        assert.truthy(err.message:find('"' .. status .. '"', 1, true))
        assert.equal("maybe", err.billed)
        sb:fault { endpoint = "assets.get", status = 200, times = 1,
          body = cjson.encode { id = "asset-1", status = status } }
        local _, over = client.assets:wait("asset-1", { timeout = 5 })
        assert.equal("asset_failed", over.type)
        assert.equal(status, over.last_status)
      end
      sb:fault { endpoint = "generations.get", status = 200, times = 1,
        body = cjson.encode { id = "cgt-1", status = "Succeeded" } }
      assert.equal("Succeeded", assert(client.generations:wait("cgt-1", { timeout = 5 })).status)
      sb:fault { endpoint = "generations.get", status = 200, times = 0,
        body = cjson.encode { id = "cgt-1", status = "dreaming" } }
      local _, err = client.generations:wait("cgt-1", { timeout = 1.5, first = 0.01, max = 0.05 })
      assert.equal("timeout_error", err.type)
      assert.equal("dreaming", err.last_status)
      assert.equal("cgt-1", err.id)
    end)

    it("the video is saved from its link, without the key; a link that expired is asked for anew"
      .. " [doc 163] [silence 34]",
      function()
        local path = os.tmpname()
        local task = client.generations:wait(generate())
        sb.clock:advance(25 * 3600)
        local file = assert(client.generations:download(task, path, { overwrite = true }))
        assert.equal(path, file.path)
        for _, request in ipairs(sb.journal:requests()) do
          if request.path:find("%.mp4") then
            assert.is_false(request.authorized)
            assert.is_nil(request.headers.authorization)
          end
        end
        os.remove(path)
      end)

    it("a link that stays refused is an error that says so [silence 28]", function()
      local path = os.tmpname()
      local task = client.generations:wait(generate())
      sb:fault { endpoint = "video", status = 403, times = 0 }
      local file, err = client.generations:download(task, path, { overwrite = true })
      assert.is_nil(file)
      assert.equal(403, err.status)
      assert.matches("link", err.message .. tostring(err.hint))
      os.remove(path)
    end)

    it("billed ones are sent once, whatever becomes of the answer [doc 197]", function()
      for _, way in ipairs { "drop", "truncate", "garbage" } do
        local before = sb.ledger:count "generation"
        sb:fault { endpoint = "generations.create", after_accept = way }
        local task, err = generate()
        assert.is_nil(task)
        assert.equal("ambiguous_error", err.type)
        assert.is_true(err.maybe_billed)
        assert.equal(before + 1, sb.ledger:count "generation")
      end
    end)
  end)

  describe("errors:", function()
    it("404 is not_found_error, 502 upstream_error, 503 unavailable_error, 429 rate_limit_error"
      .. " [doc 179-181] [silence 1-2]",
      function()
        local once = pomex.check(pomex.new(sb:client_options { rate_limits = false,
          max_retries = 0 }))
        failed("not_found_error", 404, once.assets:get("asset-none"))
        for status, kind in pairs { [502] = "upstream_error", [503] = "unavailable_error",
          [429] = "rate_limit_error", [500] = "api_error", [401] = "authentication_error" } do
          sb:fault { endpoint = "assets.list", status = status }
          failed(kind, status, once.assets:list {})
        end
        once:close()
      end)

    it("the envelope's message is the error's [doc 9 171 175-176 191]", function()
      sb:fault { endpoint = "assets.list", status = 400,
        body = '{"error":{"message":"body must be valid JSON","type":"invalid_request_error"}}' }
      local err = failed("invalid_request_error", 400, client.assets:list {})
      assert.equal("body must be valid JSON", err.message)
    end)

    it("503 is tried again, and so is 502 for a GET [doc 182]", function()
      for _, status in ipairs { 502, 503 } do
        sb:fault { endpoint = "assets.list", status = status }
        assert.is_table(client.assets:list {})
      end
      assert.equal(4, #sb.journal:requests "assets.list")
    end)

    it("keep the service's own code and type [silence 5]", function()
      sb:fault { endpoint = "assets.get", status = 403, times = 1, body = cjson.encode {
        error = { message = "no", code = "Quota.Exceeded", type = "forbidden" } } }
      local _, err = client.assets:get("asset-1")
      assert.equal("api_error", err.type)
      assert.equal("Quota.Exceeded", err.service_code)
      assert.equal("forbidden", err.service_type)
      sb:fault { endpoint = "generations.get", status = 200, times = 1, body = cjson.encode {
        id = "cgt-1", status = "failed", error = { code = 1301, message = "no" } } }
      _, err = client.generations:wait("cgt-1", { timeout = 5 })
      assert.equal("generation_failed", err.type)
      assert.equal("1301", err.service_code)
      assert.is_nil(err.service_type)
    end)

    it("a body that is no envelope is still one error with status, type and the body"
      .. " [silence 4]", function()
      for _, body in ipairs { "<html>bad gateway</html>", "", '{"error":"text"}', "[]", "null",
        ("x"):rep(5000) } do
        sb:fault { endpoint = "assets.get", status = 400, body = body, content_type = "text/html" }
        local err = failed("invalid_request_error", 400, client.assets:get("asset-1"))
        assert.is_true(#err.message > 0)
        assert.equal(body:sub(1, 512), err.body or "")
      end
    end)
  end)

  describe("limits:", function()
    local function last_request()
      local requests = sb.journal:requests()
      return requests[#requests].at
    end

    -- Whether `limit` requests a second were the most, counted from `start`: a busy machine delays
    -- the arrival of a request, which can make later ones come closer together, but never early.
    local function in_time(endpoint, limit, start)
      local requests = sb.journal:requests(endpoint)
      for i, request in ipairs(requests) do
        local seconds = math.floor((i - 1) / limit)
        assert.is_true(request.at >= start + seconds,
          ("%s: request %d came %.3f s after the start"):format(endpoint, i, request.at - start))
      end
      return #requests
    end

    it("no more than 3 sessions, 10 lists and 100 gets a second; the rest waits"
      .. " [doc 196]", function()
      local limited = pomex.check(pomex.new(sb:client_options()))
      local asset = upload()
      local start = last_request()
      sb.journal:clear()
      local operations = {}
      local function add(operation) operations[#operations + 1] = operation end
      for _ = 1, 7 do add(limited.async.sessions:create { callback_url = CALLBACK }) end
      for _ = 1, 22 do add(limited.async.assets:list {}) end
      for _ = 1, 202 do add(limited.async.assets:get(asset.id)) end
      for _, result in ipairs(pomex.all(operations)) do
        assert.is_table(result[1], tostring(result[2]))
      end
      for endpoint, limit in pairs { ["sessions.create"] = { 3, 7 }, ["assets.list"] = { 10, 22 },
        ["assets.get"] = { 100, 202 } } do
        assert.equal(limit[2], in_time(endpoint, limit[1], start))
      end
      limited:close()
    end)

    it("none for uploads, generations and their gets unless set [silence 3]", function()
      local free = pomex.check(pomex.new(sb:client_options()))
      local operations = {}
      for i = 1, 40 do
        operations[i] = free.async.assets:create { url = PORTRAIT, asset_type = "Image",
          group_id = pomex.VIRTUAL }
      end
      pomex.all(operations)
      local creates = sb.journal:requests("assets.create")
      assert.equal(40, #creates)
      assert.is_true(creates[40].at - creates[1].at < 6) -- at 5 a second: 7.35
      free:close()
      local start = last_request()
      sb.journal:clear()
      local set = pomex.check(pomex.new(sb:client_options { rate_limits = { asset_create = 5 } }))
      operations = {}
      for i = 1, 7 do
        operations[i] = set.async.assets:create { url = PORTRAIT, asset_type = "Image",
          group_id = pomex.VIRTUAL }
      end
      pomex.all(operations)
      assert.equal(7, in_time("assets.create", 5, start))
      set:close()
    end)
  end)
end)
