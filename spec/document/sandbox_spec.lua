-- The API document and silences.md, held by the sandbox: bare HTTP, no client in between.

local bare = require "spec.support.http"
local callback = require "pomex.callback"
local document = require "spec.document.document"
local sandbox = require "pomex.sandbox"

local FAST = "byteplus/seedance-2.0-fast"
local PORTRAIT = "https://yourcdn.com/portrait.jpg"
local CALLBACK = "https://yourapp.com/realhuman/callback"

local SESSIONS, ASSETS = "/v1/video/assets/sessions", "/v1/video/assets"
local GENERATIONS = "/v1/video/generations"

describe("the sandbox, by the document:", function()
  local sb

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 100, generation_seconds = 100,
      rate_limits = false })
  end)
  teardown(function() assert.equal(0, sb:stop()) end)

  local function post(path, body, options)
    options = options or {}
    return bare.request("POST", sb.url .. path, { key = options.key or sb.key, json = body,
      text = options.text, type = options.type })
  end

  local function get(path, key)
    return bare.request("GET", sb.url .. path, { key = key or sb.key })
  end

  local function list(query)
    local parts = {}
    for name, value in pairs(query or {}) do
      parts[#parts + 1] = name .. "=" .. bare.escape(value)
    end
    return get(ASSETS .. "?" .. table.concat(parts, "&"))
  end

  local function refused(reply, message, kind)
    assert.equal(400, reply.status)
    assert.equal(kind or "invalid_request_error", reply.body.error.type)
    assert.is_truthy(reply.body.error.message:find(message, 1, true), reply.body.error.message)
  end

  local function session(body)
    local reply = post(SESSIONS, body or { callback_url = CALLBACK, lang = "en" })
    assert.equal(200, reply.status)
    return reply.body
  end

  local function press(link, outcome)
    return bare.request("POST", link, { text = "outcome=" .. outcome,
      type = "application/x-www-form-urlencoded" })
  end

  local function upload(fields)
    local body = { url = PORTRAIT, asset_type = "Image", name = "model-rachel-frontal" }
    for key, value in pairs(fields or {}) do body[key] = value end
    local reply = post(ASSETS, body)
    assert.equal(200, reply.status, reply.text)
    return reply.body.id
  end

  local function active(fields)
    local id = upload(fields)
    sb.clock:advance(101)
    return id
  end

  local function generation(asset, fields)
    local body = { model = FAST, content = { { type = "text", text = "image 1 waves" } } }
    if asset then
      body.content[2] = { type = "image_url", image_url = { url = "asset://" .. asset },
        role = "reference_image" }
    end
    for key, value in pairs(fields or {}) do body[key] = value end
    return post(GENERATIONS, body)
  end

  it("401 authentication_error without a key or with a wrong one, on every endpoint"
    .. " [doc 7 10 177-178]", function()
    for _, call in ipairs { { "POST", SESSIONS }, { "POST", ASSETS }, { "GET", ASSETS },
      { "GET", ASSETS .. "/asset-x" }, { "POST", GENERATIONS }, { "GET", GENERATIONS .. "/cgt-x" },
    } do
      for _, key in ipairs { false, "sk-wrong", "" } do
        local reply = bare.request(call[1], sb.url .. call[2],
          { key = key or nil, text = call[1] == "POST" and "{}" or nil })
        assert.equal(401, reply.status)
        assert.equal("authentication_error", reply.body.error.type)
        assert.is_string(reply.body.error.message)
      end
    end
  end)

  it("errors are JSON with message and type in an envelope [doc 9 171-172 175-176]", function()
    local reply = post(SESSIONS, { callback_url = "http://yourapp.com/cb" })
    assert.same({ error = { message = "callback_url must be a valid https URL",
      type = "invalid_request_error" } }, reply.body)
    assert.matches("^application/json", reply.headers["content-type"])
  end)

  it("a body that is no JSON is a 400; JSON is read under any content type"
    .. " [doc 8 191] [silence 33]", function()
    for _, path in ipairs { SESSIONS, ASSETS, GENERATIONS } do
      for _, text in ipairs { "{", "", "callback_url=x", '{"a":1}}' } do
        refused(post(path, nil, { text = text }), "body must be valid JSON")
      end
    end
    for _, kind in ipairs { "text/plain", "application/x-www-form-urlencoded", false } do
      local reply = post(SESSIONS, { callback_url = CALLBACK }, { type = kind })
      assert.equal(200, reply.status)
    end
  end)

  describe("sessions:", function()
    it("a pending session with an h5_link in the language asked for"
      .. " [doc 12-15 28 47-50 167]", function()
      local reply = session()
      assert.equal("video.asset_session", reply.object)
      assert.equal("pending", reply.status)
      assert.matches("^http.-lang=en$", reply.h5_link)
      local count = 0
      for _ in pairs(reply) do count = count + 1 end
      assert.equal(3, count)
    end)

    it("zh is the default; zh, en and zh-Hant are taken, the page says which it is"
      .. " [doc 16-21 40-41]", function()
      for lang, wanted in pairs { zh = "zh", en = "en", ["zh-Hant"] = "zh%-Hant", [""] = "zh" } do
        local link = session { callback_url = CALLBACK, lang = lang ~= "" and lang or nil }.h5_link
        local page = bare.request("GET", link)
        assert.equal(200, page.status)
        assert.matches('<html[^>]* lang="' .. wanted .. '[^"]*"', page.text)
      end
    end)

    it("callback_url is required, https and well formed [doc 38-39 186-187]", function()
      refused(post(SESSIONS, { lang = "en" }), "callback_url is required")
      refused(post(SESSIONS, { callback_url = "" }), "callback_url is required")
      for _, url in ipairs { "http://yourapp.com/cb", "yourapp.com/cb", "https://", "https:///cb",
        "https://a b/", "ftp://x/" } do
        refused(post(SESSIONS, { callback_url = url }), "callback_url must be a valid https URL")
      end
    end)

    it("an unsupported lang is a 400 [doc 188]", function()
      for _, lang in ipairs { "fr", "EN", "zh-hant", "zh-TW", "" } do
        refused(post(SESSIONS, { callback_url = CALLBACK, lang = lang }),
          "lang must be zh, en, or zh-Hant")
      end
    end)

    it("the link lives 30 minutes; an expired one leads nowhere, a new one works"
      .. " [doc 51]", function()
      local link = session().h5_link
      sb.clock:advance(29 * 60)
      assert.equal(302, press(session().h5_link, "pass").status)
      sb.clock:advance(2 * 60)
      local reply = press(link, "pass")
      assert.equal(410, reply.status)
      assert.is_nil(reply.headers.location)
      assert.equal(302, press(session().h5_link, "pass").status)
      link = session().h5_link
      sb.clock:advance(30 * 60 - 1)
      assert.equal(200, bare.request("GET", link).status)
      sb.clock:advance(1)
      assert.equal(410, bare.request("GET", link).status)
      link = session().h5_link
      assert.equal(410, press(link, "expire").status)
      assert.equal(410, bare.request("GET", link).status)
    end)
  end)

  describe("the callback:", function()
    it("success is a 302 to callback_url with the document's five parameters"
      .. " [doc 22-23 29-30 53 57-59]", function()
      local reply = press(session().h5_link, "pass")
      assert.equal(302, reply.status)
      local query = reply.headers.location:match("^https://yourapp%.com/realhuman/callback%?(.*)$")
      local example = document.between("Example redirect\n", "Read group_id only")
      local names, wanted = {}, {}
      for name in query:gmatch("([^&=]+)=") do names[#names + 1] = name end
      for name in example:gmatch("[?&]([^&=]+)=") do wanted[#wanted + 1] = name end
      table.sort(names)
      table.sort(wanted)
      assert.same(wanted, names)
      assert.matches("resultCode=10000", query)
      assert.matches("verify_type=real_time", query)
      assert.matches("reqMeasureInfoValue=1", query)
      assert.matches("group_id=group%-%d+%-%w+", query)
    end)

    it("failure has another resultCode, the other parameters and no group_id"
      .. " [doc 56] [silence 20]", function()
      local reply = press(session().h5_link, "fail")
      assert.equal(302, reply.status)
      local location = reply.headers.location
      assert.not_matches("resultCode=10000[&#]", location .. "&")
      assert.matches("resultCode=%d+", location)
      assert.matches("reqMeasureInfoValue=0", location)
      assert.not_matches("group_id", location)
      for _, name in ipairs { "verify_type", "algorithmBaseRespCode", "reqMeasureInfoValue" } do
        assert.matches(name .. "=", location)
      end
    end)

    it("pre_record says so and gives no usable group [doc 63]", function()
      local location = press(session().h5_link, "pre_record").headers.location
      assert.matches("verify_type=pre_record", location)
      assert.is_nil((callback.parse_unverified(location)))
      refused(post(ASSETS, { url = PORTRAIT, asset_type = "Image",
        group_id = location:match("group_id=([^&]+)") }), "group id error")
    end)

    it("own parameters of callback_url stay, before the new ones and the fragment"
      .. " [silence 21]", function()
      for url, wanted in pairs {
        ["https://a.example/cb"] = "^https://a%.example/cb%?resultCode=10000&group_id=",
        ["https://a.example"] = "^https://a%.example%?resultCode=10000&",
        ["https://a.example/cb?s=a%20b&x="] = "^https://a%.example/cb%?s=a%%20b&x=&resultCode=",
        ["https://a.example/cb?"] = "^https://a%.example/cb%?resultCode=10000&",
        ["https://a.example/cb?x=1&"] = "^https://a%.example/cb%?x=1&resultCode=10000&",
        ["https://a.example/cb#top"] = "^https://a%.example/cb%?resultCode=10000&[^#]*#top$",
        ["https://a.example/cb?x#a?b"] = "^https://a%.example/cb%?x&resultCode=[^#]*#a%?b$",
      } do
        local location = press(session { callback_url = url }.h5_link, "pass").headers.location
        assert.matches(wanted, location)
        assert.is_table((callback.parse_unverified(location)))
      end
    end)

    it("each scan is a new group, and a link works once [doc 62 193] [silence 23]", function()
      local link, billed = session().h5_link, sb.ledger:count "verification"
      local first = callback.parse_unverified(press(link, "pass").headers.location)
      upload { group_id = first.group_id }
      local again = press(link, "pass")
      assert.equal(410, again.status)
      assert.is_nil(again.headers.location)
      assert.equal(410, bare.request("GET", link).status)
      assert.equal(billed + 1, sb.ledger:count "verification")
      local other = press(session().h5_link, "pass")
      local second = callback.parse_unverified(other.headers.location)
      assert.not_equal(first.group_id, second.group_id)
    end)

    it("the page, the video link and the callback need no key [silence 34]", function()
      assert.equal(200, bare.request("GET", session().h5_link).status)
      local asset = active { group_id = sb:add_person() }
      assert.equal(200, bare.request("GET", get(ASSETS .. "/" .. asset).body.url).status)
    end)
  end)

  describe("uploads:", function()
    it("answer 200 with id, object and status processing, and nothing else"
      .. " [doc 24 31 77-89]", function()
      local reply = post(ASSETS, { url = PORTRAIT, asset_type = "Image",
        group_id = sb:add_person(), name = "model-rachel-frontal" })
      assert.equal(200, reply.status)
      assert.matches("^asset%-%d+%-%w+$", reply.body.id)
      assert.same({ id = reply.body.id, object = "video.asset", status = "processing" }, reply.body)
    end)

    it("url is required and https [doc 67-68] [silence 11 17]", function()
      refused(post(ASSETS, { asset_type = "Image" }), "url is required")
      refused(post(ASSETS, { asset_type = "Image", url = "" }), "url is required")
      for _, url in ipairs { "http://yourcdn.com/a.jpg", "/tmp/a.jpg", "asset://asset-1" } do
        refused(post(ASSETS, { asset_type = "Image", url = url }), "url must be a valid https URL")
      end
    end)

    it("asset_type is Image, Video or Audio, case-sensitive [doc 69-70] [silence 16]", function()
      for _, kind in ipairs { "image", "IMAGE", "Picture", "" } do
        refused(post(ASSETS, { url = PORTRAIT, asset_type = kind }),
          "asset_type must be Image, Video, or Audio")
      end
      refused(post(ASSETS, { url = PORTRAIT }), "asset_type must be Image, Video, or Audio")
      for _, kind in ipairs { "Image", "Video", "Audio" } do upload { asset_type = kind } end
    end)

    it("group id error for a group that is not ours [doc 189]", function()
      refused(post(ASSETS, { url = PORTRAIT, asset_type = "Image", group_id = "group-none" }),
        "group id error")
      local reply = post(ASSETS, { url = PORTRAIT, asset_type = "Image",
        group_id = sb:add_person() }, { key = sb:add_account() })
      refused(reply, "group id error")
    end)

    it("go to the default Virtual group without a group_id [doc 71-72]", function()
      local id = upload { name = "virtual one" }
      local asset = get(ASSETS .. "/" .. id).body
      assert.is_string(asset.group_id)
      assert.equal(id, list { name = "virtual one" }.body.items[1].id)
    end)

    it("the name is optional, and is given back [doc 73-74]", function()
      local reply = post(ASSETS, { url = PORTRAIT, asset_type = "Image" })
      assert.equal(200, reply.status)
      assert.equal("front", get(ASSETS .. "/" .. upload { name = "front" }).body.name)
    end)

    it("no face, several faces and another person fail, with a message"
      .. " [doc 75 168] [silence 6]", function()
      local group_id = sb:add_person()
      for mark, words in pairs { ["no-face"] = "no face", ["several-faces"] = "more than one",
        ["other-person"] = "verified person" } do
        local id = active { group_id = group_id, url = "https://yourcdn.com/" .. mark .. ".jpg" }
        local asset = get(ASSETS .. "/" .. id).body
        assert.equal("failed", asset.status)
        assert.matches(words, asset.error.message, 1, true)
      end
      -- Only the name of the file counts.
      local id = active { group_id = group_id,
        url = "https://yourcdn.com/no-face/x.jpg?no-face#no-face" }
      assert.equal("active", get(ASSETS .. "/" .. id).body.status)
    end)

    it("no face is looked for in Video, Audio and the Virtual group [silence 31]", function()
      local url = "https://yourcdn.com/no-face.jpg"
      local group_id = sb:add_person()
      for _, fields in ipairs { { group_id = group_id, asset_type = "Video", url = url },
        { group_id = group_id, asset_type = "Audio", url = url }, { url = url } } do
        assert.equal("active", get(ASSETS .. "/" .. active(fields)).body.status)
      end
    end)

    it("many portraits of one person need no second scan [doc 2 194]", function()
      local group_id = callback.parse_unverified(press(session().h5_link, "pass")
        .headers.location).group_id
      local billed = sb.ledger:count "verification"
      for i = 1, 3 do upload { group_id = group_id, name = "n" .. i } end
      assert.equal(3, list { group_id = group_id }.body.total_count)
      assert.equal(billed, sb.ledger:count "verification")
    end)
  end)

  describe("one asset:", function()
    it("is processing, then active, with the fields of the document"
      .. " [doc 25-26 32 90 92 94-103]", function()
      local group_id = sb:add_person()
      local id = upload { group_id = group_id, name = "Ünïcode 名" }
      local young = get(ASSETS .. "/" .. id).body
      assert.equal("processing", young.status)
      assert.equal(young.created_at, young.updated_at)
      sb.clock:advance(101)
      local asset = get(ASSETS .. "/" .. id).body
      assert.equal("video.asset", asset.object)
      assert.equal("Ünïcode 名", asset.name)
      assert.equal("Image", asset.asset_type)
      assert.equal(group_id, asset.group_id)
      assert.equal("active", asset.status)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", asset.created_at)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", asset.updated_at)
      assert.equal(young.created_at, asset.created_at)
      assert.is_true(asset.created_at < asset.updated_at)
      assert.matches("/portrait%.jpg%?expires=%d+&signature=%x+$", asset.url)
      assert.is_nil(asset.error)
    end)

    it("its url is signed for 12 hours [doc 104]", function()
      local url = get(ASSETS .. "/" .. active {}).body.url
      local picture = bare.request("GET", url)
      assert.equal(200, picture.status)
      assert.equal("image/png", picture.headers["content-type"])
      assert.equal("\137PNG", picture.text:sub(1, 4))
      sb.clock:advance(12 * 3600 - 5)
      assert.equal(200, bare.request("GET", url).status)
      sb.clock:advance(6)
      local late = bare.request("GET", url)
      assert.equal(403, late.status)
      assert.matches("expired", late.body.error.message)
      local changed = bare.request("GET", (get(ASSETS .. "/" .. active {}).body.url
        :gsub("portrait", "other")))
      assert.is_true(changed.status == 403 or changed.status == 404)
    end)

    it("404 with a message and no type where there is none, or it is another's"
      .. " [doc 179] [silence 1]", function()
      for _, path in ipairs { ASSETS .. "/asset-none", GENERATIONS .. "/cgt-none" } do
        local reply = get(path)
        assert.equal(404, reply.status)
        assert.is_string(reply.body.error.message)
        assert.is_nil(reply.body.error.type)
      end
      local stranger = sb:add_account()
      assert.equal(404, get(ASSETS .. "/" .. upload {}, stranger).status)
      assert.equal(404, get(GENERATIONS .. "/" .. generation().body.id, stranger).status)
      assert.equal(0, get(ASSETS, stranger).body.total_count)
    end)
  end)

  describe("lists:", function()
    local group_id
    setup(function()
      group_id = sb:add_person()
      for i = 1, 12 do
        upload { group_id = group_id, name = ("Front %02d"):format(i) }
        sb.clock:advance(1)
      end
      sb.clock:advance(101)
      upload { group_id = group_id, name = "side", url = "https://yourcdn.com/no-face.jpg" }
      sb.clock:advance(101)
      upload { group_id = group_id, name = "late" }
    end)

    it("have the envelope and the item fields of the document [doc 115-131]", function()
      local page = list { group_id = group_id }.body
      assert.equal("list", page.object)
      assert.equal(14, page.total_count)
      assert.equal(1, page.page_number)
      assert.equal(10, page.page_size)
      assert.equal(10, #page.items)
      for _, name in ipairs { "id", "name", "url", "asset_type", "group_id", "status",
        "created_at", "updated_at" } do
        assert.is_string(page.items[1][name], name)
      end
    end)

    it("are the default Virtual group's without a group_id [doc 108]", function()
      local id = upload { name = "only virtual" }
      assert.equal(id, list { name = "only virtual" }.body.items[1].id)
      assert.equal(0, list { name = "Front 01" }.body.total_count)
    end)

    it("a foreign group is an error", function()
      refused(list { group_id = "group-none" }, "group id error")
      refused(get(ASSETS .. "?group_id=" .. group_id, sb:add_account()), "group id error")
    end)

    it("filter by one status or several [doc 109 190]", function()
      assert.equal(12, list { group_id = group_id, status = "active" }.body.total_count)
      assert.equal(1, list { group_id = group_id, status = "failed" }.body.total_count)
      assert.equal(1, list { group_id = group_id, status = "processing" }.body.total_count)
      assert.equal(2, list { group_id = group_id, status = "processing,failed" }.body.total_count)
      for _, status in ipairs { "done", "Active", "active,done", "active," } do
        refused(list { group_id = group_id, status = status },
          "status must be active, processing, or failed")
      end
    end)

    it("search names by a case-insensitive part [doc 110] [silence 12]", function()
      assert.equal(12, list { group_id = group_id, name = "front" }.body.total_count)
      assert.equal(1, list { group_id = group_id, name = "IDE" }.body.total_count)
      assert.equal(0, list { group_id = group_id, name = "%" }.body.total_count)
    end)

    it("page 1 and limit 10 are the defaults, 100 the most; past the end, none"
      .. " [doc 111] [silence 14]", function()
      local page = list { group_id = group_id, page = 2 }.body
      assert.equal(4, #page.items)
      assert.equal(2, page.page_number)
      page = list { group_id = group_id, limit = 100 }.body
      assert.equal(14, #page.items)
      assert.equal(100, page.page_size)
      local reply = list { group_id = group_id, page = 9 }
      assert.equal(200, reply.status)
      assert.same({}, reply.body.items)
      assert.equal(14, reply.body.total_count)
    end)

    it("a limit or page out of range, or no number, is a 400 [silence 15]", function()
      for _, limit in ipairs { "101", "0", "-1", "ten", "1.5", "" } do
        refused(list { group_id = group_id, limit = limit }, "limit")
      end
      for _, page in ipairs { "0", "-1", "x" } do
        refused(list { group_id = group_id, page = page }, "page")
      end
    end)

    it("are sorted as asked, by create_time and desc unless told otherwise"
      .. " [doc 112-113] [silence 13]", function()
      local function names(query)
        query.group_id, query.limit, query.name = group_id, 100, "Front"
        local result = {}
        for i, item in ipairs(list(query).body.items) do result[i] = item.name end
        return result
      end
      assert.equal("Front 12", names({})[1])
      assert.equal("Front 01", names({ sort_order = "asc" })[1])
      assert.equal("Front 01", names({ sort_by = "create_time", sort_order = "asc" })[1])
      assert.equal("Front 12", names({ sort_by = "update_time", sort_order = "desc" })[1])
      assert.equal(12, #names { sort_by = "group_id", sort_order = "asc" })
      refused(list { group_id = group_id, sort_by = "name" }, "sort_by must be")
      refused(list { group_id = group_id, sort_order = "down" }, "sort_order must be")
    end)
  end)

  describe("generations:", function()
    local asset
    setup(function() asset = active { group_id = sb:add_person() } end)

    it("answer 200 with id, object, model and queued; then running; then succeeded"
      .. " [doc 27 33 142-162]", function()
      local reply = generation(asset)
      assert.equal(200, reply.status, reply.text)
      assert.matches("^cgt%-%d+%-%w+$", reply.body.id)
      assert.same({ id = reply.body.id, object = "video.generation.task", model = FAST,
        status = "queued" }, reply.body)
      local path = GENERATIONS .. "/" .. reply.body.id
      assert.same({ id = reply.body.id, object = "video.generation.task", status = "queued" },
        get(path).body)
      sb.clock:advance(60)
      assert.equal("running", get(path).body.status)
      assert.is_nil(get(path).body.content)
      sb.clock:advance(60)
      local task = get(path).body
      assert.equal("succeeded", task.status)
      assert.equal("video.generation.task", task.object)
      assert.equal(reply.body.id, task.id)
      assert.matches("^http.-%.mp4%?", task.content.video_url)
    end)

    it("both Seedance 2.0 models take real people; no other model takes an asset"
      .. " [doc 133 136-137 195] [silence 19 32]", function()
      assert.equal(200, generation(asset, { model = "byteplus/seedance-2.0" }).status)
      assert.equal(200, generation(asset, { model = FAST }).status)
      refused(generation(asset, { model = "byteplus/seedance-1.0" }), "model")
      assert.equal(200, generation(nil, { model = "byteplus/seedance-1.0" }).status)
    end)

    it("model and content are required, and a text part [doc 138-139] [silence 27]", function()
      refused(post(GENERATIONS, { content = { { type = "text", text = "t" } } }), "model")
      refused(post(GENERATIONS, { model = FAST }), "content")
      refused(post(GENERATIONS, { model = FAST, content = { { type = "image_url",
        image_url = { url = "asset://" .. asset }, role = "reference_image" } } }), "text")
    end)

    it("an asset that is missing, not active or another's is a 400 with its id"
      .. " [silence 18]", function()
      local waiting = upload { group_id = sb:add_person() }
      refused(generation(waiting), waiting)
      refused(generation("asset-none"), "asset-none")
      local stranger = sb:add_account()
      refused(post(GENERATIONS, { model = FAST, content = { { type = "text", text = "t" },
        { type = "image_url", image_url = { url = "asset://" .. asset } } } },
        { key = stranger }), asset)
    end)

    it("an https image, a missing role and fields it does not know are taken"
      .. " [silence 9 26]", function()
      local reply = generation(nil, { duration = 5, ratio = "16:9", seed = 7, content = {
        { type = "text", text = "t" },
        { type = "image_url", image_url = { url = PORTRAIT } } } })
      assert.equal(200, reply.status, reply.text)
    end)

    it("a prompt with the mark fails, with a message [doc 169] [silence 7]", function()
      local content, billed = { { type = "text", text = "a wave [fail]" } },
        sb.ledger:count "generation"
      local id = generation(asset, { content = content }).body.id
      sb.clock:advance(120)
      local task = get(GENERATIONS .. "/" .. id).body
      assert.equal("failed", task.status)
      assert.is_string(task.error.message)
      assert.is_nil(task.content)
      assert.equal(billed + 1, sb.ledger:count "generation")
    end)

    it("a prompt with the mark of refusal makes no task, and is not billed", function()
      local billed = sb.ledger:count "generation"
      refused(generation(asset, { content = { { type = "text", text = "a wave" },
        { type = "text", text = "and [refuse] more" } } }), "[refuse]")
      assert.equal(billed, sb.ledger:count "generation")
    end)

    it("the video link is signed for 24 hours, needs no key, and plays"
      .. " [doc 163] [silence 22 28]", function()
      local path = GENERATIONS .. "/" .. generation(asset).body.id
      sb.clock:advance(120)
      local url = get(path).body.content.video_url
      local video = bare.request("GET", url)
      assert.equal(200, video.status)
      assert.equal("ftyp", video.text:sub(5, 8))
      assert.equal("video/mp4", video.headers["content-type"])
      sb.clock:advance(23 * 3600)
      assert.equal(200, bare.request("GET", url).status)
      sb.clock:advance(2 * 3600)
      assert.equal(403, bare.request("GET", url).status)
      assert.equal(200, bare.request("GET", get(path).body.content.video_url).status)
    end)

    it("are in the ledger, one each; sessions, uploads, lists and gets are not"
      .. " [doc 197] [silence 29]", function()
      local before, verified = sb.ledger:count "generation", sb.ledger:count "verification"
      session()
      upload {}
      list {}
      get(ASSETS .. "/" .. asset)
      assert.equal(before, sb.ledger:count "generation")
      assert.equal(verified, sb.ledger:count "verification")
      local id = generation(asset).body.id
      assert.equal(before + 1, sb.ledger:count "generation")
      get(GENERATIONS .. "/" .. id)
      assert.equal(before + 1, sb.ledger:count "generation")
      local entries = sb.ledger:entries()
      local found = false
      for _, entry in ipairs(entries) do found = found or entry.id == id end
      assert.is_true(found)
    end)

    it("a verification is billed as its reqMeasureInfoValue says [doc 60 198]", function()
      local before = sb.ledger:count "verification"
      local location = press(session().h5_link, "pass").headers.location
      assert.matches("reqMeasureInfoValue=1", location)
      assert.equal(before + 1, sb.ledger:count "verification")
      location = press(session().h5_link, "fail").headers.location
      local billed = location:match("reqMeasureInfoValue=(%d)") == "1" and 1 or 0
      assert.equal(before + 1 + billed, sb.ledger:count "verification")
    end)
  end)

  describe("limits:", function()
    after_each(function()
      sb:config { rate_limits = false, rate_limit_answer = 429 }
    end)

    -- How many of `count` calls in a row were let through, and the first that was not.
    local function burst(count, call)
      local passed, stopped = 0, nil
      for _ = 1, count do
        local reply = call()
        if reply.status == 200 then
          passed = passed + 1
        else
          stopped = stopped or reply
        end
      end
      return passed, stopped
    end

    it("3 sessions, 10 lists and 100 gets a second; over that 429 with Retry-After"
      .. " [doc 196]", function()
      local id = upload {}
      for count, call in pairs {
        [3] = function() return post(SESSIONS, { callback_url = CALLBACK }) end,
        [10] = function() return list {} end,
        [100] = function() return get(ASSETS .. "/" .. id) end,
      } do
        sb:config { rate_limits = true }
        local passed, stopped = burst(count + 1, call)
        -- Another account has its own.
        assert.equal(200, get(ASSETS, sb:add_account()).status)
        -- A slow machine may take more than the second that the limit looks at.
        assert.is_true(passed >= count)
        if stopped then
          assert.equal(count, passed)
          assert.equal(429, stopped.status)
          assert.equal("1", stopped.headers["retry-after"])
          assert.is_string(stopped.body.error.message)
          assert.is_nil(stopped.body.error.type)
        else
          assert.equal(100, count)
        end
        sb:config { rate_limits = false }
      end
    end)

    it("uploads, generations and their gets have none by default, and take one"
      .. " [silence 3]", function()
      sb:config { rate_limits = true }
      assert.equal(15, (burst(15, function()
        return post(ASSETS, { url = PORTRAIT, asset_type = "Image" })
      end)))
      local task
      assert.equal(15, (burst(15, function()
        task = generation(nil)
        return task
      end)))
      assert.equal(15, (burst(15, function()
        return get(GENERATIONS .. "/" .. task.body.id)
      end)))
      sb:config { rate_limits = { generation_create = 1 } }
      assert.equal(1, (burst(2, function() return generation(nil) end)))
    end)

    it("can be answered as the upstream's: 502 upstream_error [silence 2]", function()
      sb:config { rate_limits = true, rate_limit_answer = 502 }
      local _, stopped = burst(4, function()
        return post(SESSIONS, { callback_url = CALLBACK })
      end)
      assert.equal(502, stopped.status)
      assert.equal("upstream_error", stopped.body.error.type)
    end)
  end)

  it("502 and 503 can be had on demand, as the document writes them [doc 180-182]", function()
    sb:fault { endpoint = "assets.list", status = 502 }
    local reply = list {}
    assert.equal(502, reply.status)
    assert.equal("upstream_error", reply.body.error.type)
    sb:fault { endpoint = "assets.list", status = 503, retry_after = 1 }
    reply = list {}
    assert.equal(503, reply.status)
    assert.equal("1", reply.headers["retry-after"])
    assert.is_string(reply.body.error.message)
    assert.is_nil(reply.body.error.type)
    assert.equal(200, list {}.status)
  end)
end)
