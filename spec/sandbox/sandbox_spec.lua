-- pomex-sandbox itself, over plain HTTP and plain sockets: what spec/document does not ask.

local cjson = require "cjson"
local process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"
local socket = require "socket"

local ASSETS, GENERATIONS = "/v1/video/assets", "/v1/video/generations"
local SESSIONS = "/v1/video/assets/sessions"
local MODEL = "byteplus/seedance-2.0-fast"
local CALLBACK = "https://app.example/cb"
local FORM = "application/x-www-form-urlencoded"

local function upload_body(group_id, file, name)
  return { url = "https://cdn.example/" .. (file or "a.jpg"), asset_type = "Image",
    group_id = group_id, name = name }
end

local function prompt_body(text, asset_id)
  local content = { { type = "text", text = text } }
  if asset_id then
    content[2] = { type = "image_url", role = "reference_image",
      image_url = { url = "asset://" .. asset_id } }
  end
  return { model = MODEL, content = content }
end

describe("pomex-sandbox #once", function()
  local sb

  setup(function()
    sb = process.start { "--asset-seconds", "10", "--generation-seconds", "20",
      "--rate-limits", "off" }
  end)
  teardown(function() sb:stop() end)
  before_each(function()
    sb:control("DELETE", "faults")
    sb:control("DELETE", "journal")
  end)

  local function create(path, body)
    local reply = sb:post(path, body)
    assert.equal(200, reply.status, reply.text)
    return reply.body
  end

  local function fault(spec)
    return sb:control("POST", "faults", spec).id
  end

  local function advance(seconds)
    return sb:control("POST", "clock", { advance = seconds }).now
  end

  local function refused(reply, status, message)
    assert.equal(status, reply.status, reply.text)
    assert.is_truthy(reply.body.error.message:find(message, 1, true), reply.text)
  end

  local function billed(kind)
    return sb:control("GET", "ledger")[kind or "generation"]
  end

  local function video_link(text, images)
    local task = create(GENERATIONS, prompt_body(text, images))
    advance(20)
    return sb:get(GENERATIONS .. "/" .. task.id).body.content.video_url, task.id
  end

  describe("on the command line", function()
    local function run(arguments, variables)
      return shell.bash((variables or "") .. " " .. shell.quote(process.binary()) .. " "
        .. arguments .. " < /dev/null")
    end

    it("lists every option and every mark", function()
      local help, ok = run "--help"
      assert.is_true(ok)
      for _, word in ipairs { "--host", "--port", "--database", "--asset-seconds",
        "--generation-seconds", "--rate-limits", "--idle-seconds", "--request-seconds",
        "POMEX_SANDBOX_KEY", "--json", "--watch-stdin", "--quiet", "--help", "no-face",
        "several-faces", "other-person", "[fail]", "[refuse]", "X-Sandbox-Token" } do
        assert.is_truthy(help:find(word, 1, true), word)
      end
    end)

    it("names an option or value that it cannot take, and ends with 2", function()
      for _, line in ipairs { "--nonsense", "--port 70000", "--port 1.5", "--port x",
        "--asset-seconds -1", "--generation-seconds nan", "--rate-limits maybe", "stray",
        "--idle-seconds 0", "--idle-seconds 1.5", "--request-seconds x",
        "--key sk-mine" } do
        local output = shell.bash(shell.quote(process.binary()) .. " " .. line
          .. " < /dev/null; echo \"code $?\"")
        assert.is_truthy(output:find("code 2", 1, true), line .. ": " .. output)
        assert.is_truthy(output:find("pomex%-sandbox"), output)
      end
    end)

    it("says which port is taken, which host is none, which file is no database", function()
      local output, ok = run("--port " .. sb.port)
      assert.is_false(ok)
      assert.matches("cannot listen on 127%.0%.0%.1 port " .. sb.port, output)
      output, ok = run "--host no-such-host"
      assert.is_false(ok)
      assert.matches("no IP address", output)
      output, ok = run "--port 0 --database /etc/passwd"
      assert.is_false(ok)
      assert.matches("cannot open the database", output)
    end)

    it("says that an address is not this machine's", function()
      local output, ok = run "--host 192.0.2.1 --port 0"
      assert.is_false(ok)
      assert.matches("cannot listen on 192%.0%.2%.1 port 0: it is no address of this machine",
        output)
    end)

    it("with --json says as JSON why it did not begin", function()
      local command = shell.quote(process.binary()) .. " --json "
      for line, wanted in pairs {
        ["--port " .. sb.port] = "port " .. sb.port .. ": the port is in use",
        ["--port x"] = "--port must be 0 to 65535, not x",
        ["--nonsense"] = "--nonsense is no option",
        ["--host $'\\xff'"] = "--host ? is no IP address",
        ["--port 0 --database /etc/passwd"] = "cannot open the database",
      } do
        local output = shell.bash(command .. line .. " < /dev/null")
        local said = cjson.decode(output).error
        assert.is_truthy(said:find(wanted, 1, true), output)
      end
    end)

    it("says loudly that it is no service, and ends when standard input does", function()
      local output, ok = run "--port 0 --watch-stdin"
      assert.is_true(ok)
      assert.matches("THIS IS NO SERVICE", output)
      assert.matches("\n  POMEX_BASE_URL=http://127%.0%.0%.1:%d+\n  POMEX_API_KEY=sk%-%S+\n"
        .. "  POMEX_SANDBOX_TOKEN=%x+\n", output)
    end)

    it("with --json and --quiet says one line", function()
      local output, ok = run "--port 0 --watch-stdin --json --quiet"
      assert.is_true(ok)
      local hello = cjson.decode(output)
      assert.matches("^sk%-sandbox%-%x+$", hello.key)
      assert.is_true(hello.pid > 1 and #hello.token == 32)
      assert.equal(1, select(2, output:gsub("\n", "")))
    end)

    it("takes a key from the environment, and shows none that it cannot take", function()
      local output, ok = run("--port 0 --watch-stdin --json --quiet", "POMEX_SANDBOX_KEY=sk-mine")
      assert.is_true(ok)
      assert.equal("sk-mine", cjson.decode(output).key)
      for _, key in ipairs { "''", "'sk-of two'", "$'sk-of\\ntwo'" } do
        output, ok = run("--port 0 --watch-stdin --json", "POMEX_SANDBOX_KEY=" .. key)
        assert.is_false(ok)
        assert.matches("POMEX_SANDBOX_KEY must be a key without blanks", output)
        assert.is_nil(output:find("sk-of", 1, true))
      end
    end)

    it("listens on IPv6 loopback too", function()
      local other = process.start { "--host", "::1" }
      assert.matches("^http://%[::1%]:%d+$", other.url)
      other.host = "::1"
      local answer = other:raw(("GET /v1/video/assets HTTP/1.1\r\nHost: [::1]:%d\r\n"
        .. "Authorization: Bearer %s\r\nConnection: close\r\n\r\n"):format(other.port, other.key))
      assert.matches("^HTTP/1.1 200", answer)
      other:stop()
    end)
  end)

  describe("keeps web pages out:", function()
    local ROUTES = { ASSETS, "/_sandbox/state", "/", "/h5?session=x", "/files/videos/x/output.mp4",
      "/_web/style.css", "/nothing" }

    it("a foreign Host is refused on every route", function()
      for _, host in ipairs { "evil.example", "evil.example:" .. sb.port, "127.0.0.1",
        "127.0.0.1:1", "10.0.0.1:" .. sb.port, "localhost.evil.example:" .. sb.port, "[::1",
        ":" .. sb.port, "" } do
        for _, path in ipairs(ROUTES) do
          local reply = sb:get(path, { headers = { Host = host, ["X-Sandbox-Token"] = sb.token } })
          assert.equal(403, reply.status, host .. path)
          assert.is_string(reply.body.error.message)
        end
      end
    end)

    it("a foreign Origin is refused on every route, our own is not", function()
      for _, origin in ipairs { "http://evil.example", "null", "https://127.0.0.1:" .. sb.port,
        "http://127.0.0.1:1", "" } do
        for _, path in ipairs(ROUTES) do
          local reply = sb:get(path, { headers = { Origin = origin,
            ["X-Sandbox-Token"] = sb.token } })
          assert.equal(403, reply.status, origin .. path)
        end
      end
      assert.equal(200, sb:get(ASSETS, { headers = { Origin = sb.url } }).status)
    end)

    it("a sandbox on every address answers to addresses, and to no name but localhost", function()
      local open = process.start { "--host", "0.0.0.0" }
      assert.matches("^http://127%.0%.0%.1:%d+$", open.url)
      -- Another address of the loopback interface: one that 127.0.0.1 alone would not answer on.
      open.host = "127.0.0.2"
      local function status(host)
        local answer = open:raw(("GET /_sandbox/state HTTP/1.1\r\nHost: %s\r\n"
          .. "X-Sandbox-Token: %s\r\nConnection: close\r\n\r\n"):format(host, open.token))
        return answer:match("^HTTP/1.1 (%d+)"), answer
      end
      for _, host in ipairs { "127.0.0.2", "127.0.0.1", "192.0.2.1", "[2001:db8::1]",
        "localhost" } do
        assert.equal("200", status(host .. ":" .. open.port), host)
      end
      for _, host in ipairs { "evil.example:" .. open.port, "192.0.2.1", "192.0.2.1:1",
        "192.0.2.1.evil.example:" .. open.port, "[evil.example]:" .. open.port, "" } do
        local code, answer = status(host)
        assert.equal("403", code, host)
        assert.matches("IP address of this machine, or localhost, with port " .. open.port, answer)
      end
      open:stop()
    end)

    it("localhost is a name of ours", function()
      assert.equal(200, sb:get(ASSETS, { headers = { Host = "localhost:" .. sb.port } }).status)
    end)

    it("/_sandbox/ needs the token, whatever the key", function()
      for _, path in ipairs { "state", "journal", "ledger", "nothing" } do
        assert.equal(403, sb:get("/_sandbox/" .. path).status)
        assert.equal(403, sb:get("/_sandbox/" .. path,
          { headers = { ["X-Sandbox-Token"] = sb.token:sub(1, -2) .. "x" } }).status)
      end
      local groups = sb:control("GET", "state").groups
      assert.equal(403, sb:post("/_sandbox/people", {}).status)
      assert.equal(groups, sb:control("GET", "state").groups)
    end)

    it("pages carry a policy that lets nothing in", function()
      local headers = sb:get("/").headers
      assert.matches("default%-src 'none'", headers["content-security-policy"])
      assert.matches("frame%-ancestors 'none'", headers["content-security-policy"])
      assert.equal("nosniff", headers["x-content-type-options"])
    end)
  end)

  it("accepts its key only", function()
    for _, header in ipairs { "", "Bearer", "Bearer ", "Basic " .. sb.key, "Bearer x" .. sb.key,
      "Bearer " .. sb.key .. "x", sb.key } do
      for _, path in ipairs { ASSETS, ASSETS .. "/x", GENERATIONS .. "/x", "/v1/nothing" } do
        local reply = sb:get(path, { key = false, headers = { Authorization = header } })
        refused(reply, 401, "API key")
        assert.equal("authentication_error", reply.body.error.type)
      end
    end
    assert.equal(200, sb:get(ASSETS, { key = false,
      headers = { Authorization = "bearer " .. sb.key } }).status)
    assert.equal(401, sb:get(ASSETS, { key = false }).status)
  end)

  it("knows no other paths and methods", function()
    for _, path in ipairs { "/v1", "/v1/video", "/v1/video/assets/a/b", "/v2/video/assets",
      "/v1/video/assets/", "/v1/video/generations/", "/files/x", "/h5/../", "/_web/x" } do
      local reply = sb:get(path)
      assert.equal(404, reply.status, path)
    end
    for _, method in ipairs { "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD" } do
      assert.equal(404, sb:request(method, ASSETS).status, method)
    end
    local reply = sb:get(ASSETS .. "/%2e%2e")
    assert.equal(404, reply.status)
    assert.is_nil(reply.body.error.type)
    -- libmicrohttpd 1.0.2 and later refuse these by themselves.
    for _, id in ipairs { "a%00b", "a%zz" } do
      local status = sb:get(ASSETS .. "/" .. id).status
      assert.is_true(status == 404 or status == 400, id)
    end
  end)

  describe("the H5 link", function()
    local function press(link, outcome, headers)
      return sb:request("POST", link, { text = "outcome=" .. outcome, type = FORM, key = false,
        headers = headers })
    end
    local function link_of(callback, lang)
      return create(SESSIONS, { callback_url = callback or CALLBACK, lang = lang }).h5_link
    end
    it("knows no other choices and no other links", function()
      local link = link_of()
      assert.equal(400, press(link, "nothing").status)
      assert.equal(400, sb:request("POST", link, { text = "", type = FORM }).status)
      assert.equal(404, press(link:gsub("session=.", "session=_"), "pass").status)
      assert.equal(404, sb:get("/h5").status)
      assert.equal(403, press(link, "pass", { Origin = "http://evil.example" }).status)
      assert.equal(302, press(link, "pass", { Origin = sb.url }).status)
    end)

    it("shows its page in three languages, of the link, the browser, or English", function()
      local function lang_of(link, accepted)
        local reply = sb:get(link, { headers = { ["Accept-Language"] = accepted } })
        assert.equal(200, reply.status)
        return reply.text:match('<html lang="([%w-]+)">')
      end
      for _, lang in ipairs { "zh", "en", "zh-Hant" } do
        assert.equal(lang, lang_of(link_of(nil, lang)))
      end
      assert.equal("zh", lang_of(link_of()))
      local bare = link_of():gsub("&lang=zh", "")
      for accepted, lang in pairs { ["en-GB,en;q=0.9"] = "en", ["zh-TW"] = "zh-Hant",
        ["zh-Hant-HK"] = "zh-Hant", ["zh-CN,en"] = "zh", ["fr, en"] = "en", ["fr"] = "en",
        [""] = "en" } do
        assert.equal(lang, lang_of(bare, accepted), accepted)
        assert.equal(lang, lang_of("/", accepted), accepted)
      end
      assert.equal("en", lang_of "/")
    end)

    it("shows what is in no language's texts nowhere", function()
      for _, lang in ipairs { "zh", "en", "zh-Hant" } do
        for _, outcome in ipairs { "pass", "fail", "pre_record", "expire" } do
          local link = link_of(nil, lang)
          for _, page in ipairs { sb:get(link), press(link, outcome), sb:get(link),
            sb:get("/?lang=" .. lang) } do
            assert.is_nil(page.text:find("{{", 1, true))
            assert.is_nil(page.text:find("<h1></h1>", 1, true))
            assert.is_nil(page.text:find("<p></p>", 1, true))
          end
        end
      end
    end)
  end)

  describe("a generation", function()
    it("is refused, and not billed, for an asset that is not active", function()
      local before = sb:control("GET", "ledger")
      local person = sb:person()
      local young = create(ASSETS, upload_body(person)).id
      refused(sb:post(GENERATIONS, prompt_body("a", young)), 400, young)
      local bad = create(ASSETS, upload_body(person, "no-face.jpg")).id
      advance(10)
      refused(sb:post(GENERATIONS, prompt_body("a", bad)), 400, bad)
      refused(sb:post(GENERATIONS, prompt_body("a", "asset-none")), 400, "asset-none")
      assert.same(before, sb:control("GET", "ledger"))
    end)

    it("stands in the ledger with its prompt, texts joined by lines", function()
      local body = prompt_body "first"
      body.content[2] = { type = "text", text = "second <b>" }
      local task = create(GENERATIONS, body)
      local entries = sb:control("GET", "ledger").entries
      local last = entries[#entries]
      assert.equal("generation", last.kind)
      assert.equal(task.id, last.id)
      assert.equal("first\nsecond <b>", last.prompt)
      assert.equal(MODEL, last.model)
      assert.equal(1, last.account)
    end)
  end)

  describe("the video", function()
    it("plays, and tells its prompt and number of images", function()
      local prompt = "She waves: “你好” <b>&amp;</b>"
      local link = video_link(prompt, sb:active_asset(sb:person()))
      local reply = sb:get(link, { key = false })
      assert.equal(200, reply.status)
      assert.equal("video/mp4", reply.headers["content-type"])
      assert.is_true(#reply.text >= 2e6 and #reply.text < 3e6)
      local name = os.tmpname()
      local file = assert(io.open(name, "wb"))
      file:write(reply.text)
      file:close()
      local output = shell.bash("ffprobe -v error -of json -show_format -show_streams "
        .. shell.quote(name) .. " && ffmpeg -v error -i " .. shell.quote(name) .. " -f null -")
      os.remove(name)
      local ok, probe = pcall(cjson.decode, output)
      assert.is_true(ok, output)
      assert.equal(prompt, probe.format.tags.prompt)
      assert.equal("1", probe.format.tags.image_count)
      assert.is_true(tonumber(probe.format.duration) >= 3)
      assert.equal("h264", probe.streams[1].codec_name)
      assert.equal("yuv420p", probe.streams[1].pix_fmt)
    end)

    it("comes in ranges", function()
      local link = video_link "ranges"
      local whole = sb:get(link, { key = false })
      local size, etag = #whole.text, whole.headers.etag
      assert.equal(tostring(size), whole.headers["content-length"])
      assert.equal("bytes", whole.headers["accept-ranges"])
      assert.matches('^"%x+"$', etag)
      local function range(text, condition)
        return sb:get(link, { key = false, headers = { Range = text, ["If-Range"] = condition } })
      end
      for text, bounds in pairs { ["bytes=0-0"] = { 0, 0 }, ["bytes=10-19"] = { 10, 19 },
        ["bytes=" .. size - 100 .. "-"] = { size - 100, size - 1 },
        ["bytes=-7"] = { size - 7, size - 1 }, ["bytes=-99999999"] = { 0, size - 1 },
        ["bytes=5-99999999"] = { 5, size - 1 }, ["bytes=5-" .. size] = { 5, size - 1 },
        ["bytes=" .. size - 1 .. "-"] = { size - 1, size - 1 } } do
        local part = range(text)
        assert.equal(206, part.status, text)
        assert.equal(("bytes %d-%d/%d"):format(bounds[1], bounds[2], size),
          part.headers["content-range"])
        assert.is_true(part.text == whole.text:sub(bounds[1] + 1, bounds[2] + 1), text)
      end
      for _, text in ipairs { "bytes=" .. size .. "-", "bytes=-0" } do
        local outside = range(text)
        assert.equal(416, outside.status)
        assert.equal("bytes */" .. size, outside.headers["content-range"])
      end
      for _, text in ipairs { "bytes=5-2", "bytes=a-b", "bytes=-", "items=1-2", "bytes=1-2,4-5",
        "bytes=1-2x", "bytes= 1-2" } do
        assert.equal(200, range(text).status, text)
      end
      assert.equal(206, range("bytes=0-9", etag).status)
      assert.equal(200, range("bytes=0-9", '"another"').status)
      assert.equal(200, range("bytes=0-9", "W/" .. etag).status)
      assert.equal(200, range("bytes=0-9", whole.headers["last-modified"]).status)
      local head = sb:request("HEAD", link, { key = false })
      assert.equal(200, head.status)
      assert.equal("", head.text)
      assert.equal(tostring(size), head.headers["content-length"])
      assert.equal(etag, head.headers.etag)
    end)

    it("has a link that cannot be forged, and ends after a day", function()
      local link, id = video_link "links"
      local _, other = video_link "others"
      for _, wrong in ipairs { (link:gsub("signature=.", "signature=_")),
        (link:gsub("expires=%d", "expires=9")), (link:gsub("[?].*", "")),
        (link:gsub(id:gsub("%-", "%%-"), other)), (link:gsub("output", "Output")),
        (link:gsub("&signature=.*", "")), link .. "0" } do
        refused(sb:get(wrong, { key = false }), 403, "signature")
      end
      advance(24 * 3600 - 40)
      assert.equal(200, sb:request("HEAD", link, { key = false }).status)
      advance(21)
      refused(sb:get(link, { key = false }), 403, "expired")
      local anew = sb:get(GENERATIONS .. "/" .. id).body.content.video_url
      assert.equal(200, sb:request("HEAD", anew, { key = false }).status)
    end)
  end)

  describe("the journal", function()
    it("shows what came, in order, without the key and without controls", function()
      sb:get(ASSETS .. "?limit=5&name=a%20b", { headers = { ["X-Test"] = "Ä" } })
      sb:post(ASSETS, upload_body(nil, "a.jpg", "n"))
      sb:get("/v1/nothing", { key = false })
      sb:control("GET", "state")
      local all = sb:control("GET", "journal").requests
      assert.equal(3, #all)
      local list, upload, nothing = all[1], all[2], all[3]
      assert.equal("assets.list", list.endpoint)
      assert.equal("limit=5&name=a%20b", list.query)
      assert.equal("(set)", list.headers.authorization)
      assert.equal("Ä", list.headers["x-test"])
      assert.is_true(list.authorized)
      assert.equal(200, list.status)
      assert.equal("POST", upload.method)
      assert.equal("n", cjson.decode(upload.body).name)
      assert.equal("application/json", upload.headers["content-type"])
      assert.is_true(upload.at >= list.at and upload.n == list.n + 1)
      assert.equal(cjson.null, nothing.endpoint)
      assert.equal(401, nothing.status)
      assert.is_false(nothing.authorized)
      assert.equal(1, #sb:control("GET", "journal?endpoint=assets.create").requests)
    end)

    it("cuts bodies at 4 KiB and shows bytes that are no UTF-8", function()
      sb:post(ASSETS, nil, { text = ("x"):rep(5000) })
      sb:post(ASSETS, nil, { text = "\255\254" })
      local all = sb:control("GET", "journal").requests
      assert.equal(4096, #all[1].body)
      assert.equal("ÿþ", all[2].body)
    end)
  end)

  describe("a fault", function()
    it("answers in place of the service, carrying nothing out", function()
      local before = billed()
      for _, status in ipairs { 400, 401, 404, 429, 500, 502, 503, 504, 302 } do
        fault { endpoint = "generations.create", status = status, retry_after = 3,
          headers = { ["X-Mark"] = "yes" } }
        local reply = sb:post(GENERATIONS, prompt_body "a")
        assert.equal(status, reply.status)
        assert.equal("3", reply.headers["retry-after"])
        assert.equal("yes", reply.headers["x-mark"])
      end
      assert.equal(before, billed())
      assert.equal(200, sb:post(GENERATIONS, prompt_body "a").status)
    end)

    it("keeps the document's envelope: a type for 400, 401 and 502 only", function()
      local types = { [400] = "invalid_request_error", [401] = "authentication_error",
        [502] = "upstream_error" }
      for _, status in ipairs { 400, 401, 404, 429, 502, 503 } do
        fault { endpoint = "assets.list", status = status }
        local reply = sb:get(ASSETS)
        assert.is_string(reply.body.error.message)
        assert.equal(types[status], reply.body.error.type)
      end
    end)

    it("gives the bytes and the type it is told", function()
      fault { endpoint = "assets.get", status = 502, body = "<html>", content_type = "text/html",
        retry_after = "Fri, 19 Jun 2026 07:02:41 GMT" }
      local reply = sb:get(ASSETS .. "/x")
      assert.equal("<html>", reply.text)
      assert.equal("text/html", reply.headers["content-type"])
      assert.equal("Fri, 19 Jun 2026 07:02:41 GMT", reply.headers["retry-after"])
      fault { endpoint = "assets.get", body = '{"id":"x","status":"cancelled"}' }
      reply = sb:get(ASSETS .. "/x")
      assert.equal(200, reply.status)
      assert.equal("cancelled", reply.body.status)
    end)

    it("strikes as often as told, after as many as told, in order", function()
      fault { endpoint = "assets.list", status = 500, skip = 1, times = 2 }
      fault { endpoint = "assets.list", status = 502 }
      fault { endpoint = "*", status = 503, times = 0, skip = 1 }
      local got = {}
      for i = 1, 6 do got[i] = sb:get(ASSETS).status end
      -- The first request is let pass by the first fault and struck by the second.
      assert.same({ 502, 500, 500, 200, 503, 503 }, got)
      assert.equal(503, sb:get(GENERATIONS .. "/x").status)
      sb:control("DELETE", "faults")
      assert.equal(200, sb:get(ASSETS).status)
    end)

    it("reused: strikes only what is not the first on its connection", function()
      fault { endpoint = "assets.list", status = 500, times = 0, reused = true }
      assert.equal(200, sb:get(ASSETS).status)
      local one = sb:get_text(ASSETS)
      local bytes = sb:raw(one .. one:gsub("\r\n\r\n$", "\r\nConnection: close\r\n\r\n"))
      local statuses = {}
      for status in bytes:gmatch("HTTP/1.1 (%d+)") do statuses[#statuses + 1] = status end
      assert.same({ "200", "500" }, statuses)
    end)

    it("before_accept: nothing is carried out and not a byte is sent", function()
      local before = billed()
      fault { endpoint = "generations.create", before_accept = "drop" }
      local body = cjson.encode(prompt_body "a")
      local text = ("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Content-Length: %d\r\n\r\n%s")
        :format(GENERATIONS, sb.host, sb.port, sb.key, #body, body)
      assert.equal("", (sb:raw(text)))
      fault { endpoint = "generations.create", before_accept = "hang" }
      local bytes, why = sb:raw(text, 0.3)
      assert.equal("", bytes)
      assert.equal("timeout", why)
      assert.equal(before, billed())
      local all = sb:control("GET", "journal?endpoint=generations.create").requests
      assert.equal(2, #all)
      assert.equal(0, all[1].status)
    end)

    it("after_accept: the ledger is written, the answer is broken", function()
      local body = cjson.encode(prompt_body "a")
      local text = ("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Connection: close\r\nContent-Length: %d\r\n\r\n%s")
        :format(GENERATIONS, sb.host, sb.port, sb.key, #body, body)
      local function broken(how, more)
        local before = billed()
        local spec = more or {}
        spec.endpoint, spec.after_accept = "generations.create", how
        fault(spec)
        local bytes, why = sb:raw(text, how == "hang" and 0.3 or 10)
        assert.equal(before + 1, billed(), how)
        return bytes, why
      end
      assert.equal("", (broken "drop"))
      local bytes, why = broken "hang"
      assert.equal("", bytes)
      assert.equal("timeout", why)
      bytes = broken "truncate"
      local length = tonumber(bytes:match("Content%-Length: (%d+)"))
      assert.equal(math.floor(length / 2), #bytes:match("\r\n\r\n(.*)"))
      bytes = broken "garbage"
      assert.matches("^HTTP/1.1 200", bytes)
      assert.is_false((pcall(cjson.decode, (bytes:match("\r\n\r\n(.*)")))))
      bytes = broken("status", { status = 500, body = "gone" })
      assert.matches("^HTTP/1.1 500.*\r\n\r\ngone$", bytes)
    end)

    it("drips a byte each 50 ms", function()
      local text = sb:get_text(ASSETS):gsub("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
      fault { endpoint = "generations.get", after_accept = "drip" }
      local bytes, _, seconds = sb:raw((text:gsub(ASSETS, GENERATIONS .. "/x")))
      local body = bytes:match("\r\n\r\n(.*)")
      assert.equal("generation task not found", cjson.decode(body).error.message)
      assert.is_true(seconds >= 0.05 * (#body - 1), seconds)
    end)

    it("delays an answer, not what is carried out, and nobody else", function()
      local before = billed()
      fault { endpoint = "generations.create", delay = 2 }
      local body = cjson.encode(prompt_body "a")
      local line = assert(socket.connect(sb.host, sb.port))
      local begin = socket.gettime()
      line:send(("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Content-Length: %d\r\n\r\n%s"):format(GENERATIONS, sb.host, sb.port, sb.key, #body,
        body))
      -- The connection that waits does not keep this one waiting.
      for _ = 1, 100 do
        if billed() > before then break end
      end
      assert.equal(before + 1, billed())
      assert.is_true(socket.gettime() - begin < 2)
      line:settimeout(10)
      assert.matches("^HTTP/1.1 200", (line:receive("*l")))
      assert.is_true(socket.gettime() - begin >= 2)
      line:close()
    end)

    it("strikes the video's link: cut, and under another ETag", function()
      local link = video_link "faults"
      local path = link:match("^http://[^/]+(.*)")
      fault { endpoint = "video", after_accept = "truncate", headers = { ETag = '"other"' } }
      local bytes = sb:raw(sb:get_text(path))
      assert.matches('ETag: "other"', bytes)
      local length = tonumber(bytes:match("Content%-Length: (%d+)"))
      assert.equal(math.floor(length / 2), #bytes:match("\r\n\r\n(.*)"))
      fault { endpoint = "video", status = 403 }
      assert.equal(403, sb:get(link, { key = false }).status)
      assert.equal(200, sb:get(link, { key = false }).status)
    end)

    it("is refused where it makes no sense", function()
      for _, spec in ipairs { { endpoint = "nothing" }, { status = 503 },
        { endpoint = "assets.get", times = -1 }, { endpoint = "assets.get", skip = "1" },
        { endpoint = "assets.get", reused = 1 },
        { endpoint = "assets.get", status = 99 }, { endpoint = "assets.get", delay = -1 },
        { endpoint = "assets.get", after_accept = "explode" },
        { endpoint = "assets.get", before_accept = "truncate" },
        { endpoint = "assets.get", headers = { ["a b"] = "x" } },
        { endpoint = "assets.get", headers = { a = "x\r\ny" } },
        { endpoint = "assets.get", surprise = true } } do
        local reply = sb:post("/_sandbox/faults", spec,
          { headers = { ["X-Sandbox-Token"] = sb.token } })
        assert.equal(400, reply.status, cjson.encode(spec))
      end
      assert.equal(200, sb:get(ASSETS).status)
    end)
  end)

  describe("rate limits", function()
    after_each(function() sb:control("POST", "config", { rate_limits = false,
      rate_limit_answer = 429 }) end)

    it("slide: never more than the number in any second", function()
      sb:control("POST", "config", { rate_limits = { generation_get = 5 } })
      local asked, answered = {}, {}
      local till = socket.gettime() + 2.3
      while socket.gettime() < till do
        local at = socket.gettime()
        if sb:get(GENERATIONS .. "/x").status == 404 then
          asked[#asked + 1], answered[#asked + 1] = at, socket.gettime()
        end
      end
      assert.is_true(#asked >= 10 and #asked <= 15, #asked)
      -- It was let in somewhere between the two.
      for i = 6, #asked do assert.is_true(answered[i] - asked[i - 5] > 0.98) end
    end)
  end)

  describe("settings and clock", function()
    local function change(path, body)
      return sb:post("/_sandbox/" .. path, body, { headers = { ["X-Sandbox-Token"] = sb.token } })
    end

    it("refuse what they do not know, and then change nothing", function()
      local before = sb:control("GET", "state").config
      for _, body in ipairs { { surprise = 1 }, { asset_seconds = -1 }, { asset_seconds = "1" },
        { rate_limits = "on" }, { rate_limits = { nothing = 1 } },
        { rate_limits = { sessions = -1 } }, { rate_limit_answer = 500 },
        { h5_seconds = 5, video_link_seconds = -5 } } do
        assert.equal(400, change("config", body).status, cjson.encode(body))
      end
      assert.same(before, sb:control("GET", "state").config)
      for _, body in ipairs { { advance = -1 }, { advance = "1" }, { advance = 1e300 }, {},
        { advance = 1, more = 2 } } do
        assert.equal(400, change("clock", body).status, cjson.encode(body))
      end
      assert.equal(404, change("nothing", {}).status)
      assert.equal(400, sb:post("/_sandbox/clock", nil,
        { text = "{", headers = { ["X-Sandbox-Token"] = sb.token } }).status)
    end)

    it("move the Date of answers and what is dated", function()
      local before = sb:control("GET", "state").now
      local now = advance(1000.5)
      assert.is_true(now >= before + 1000.5 and now < before + 1030)
      local asset = create(ASSETS, upload_body())
      local reply = sb:get(ASSETS .. "/" .. asset.id)
      local date = reply.headers.date
      assert.matches(reply.body.created_at:match("T(%d%d:%d%d):"), date)
    end)
  end)

  describe("the dashboard", function()
    it("shows all of it, and escapes what others named", function()
      local person = sb:person()
      create(ASSETS, upload_body(person, "a.jpg", [[<script>alert("x")</script>'&]]))
      create(GENERATIONS, prompt_body [[<img src=x onerror="a">]])
      create(SESSIONS, { callback_url = CALLBACK .. [[/"><script>]] })
      local page = sb:get("/?lang=en", { key = false })
      assert.equal(200, page.status)
      assert.is_nil(page.text:find("<script>", 1, true))
      assert.is_nil(page.text:find("<img", 1, true))
      assert.is_truthy(page.text:find("&lt;script&gt;alert(&quot;x&quot;)", 1, true))
      assert.is_truthy(page.text:find("&lt;img src=x", 1, true))
      assert.is_truthy(page.text:find(person, 1, true))
      for _, word in ipairs { "Sessions", "People", "Assets", "Tasks", "Ledger" } do
        assert.is_truthy(page.text:find("<h2>" .. word .. "</h2>", 1, true), word)
      end
    end)

    it("stays short, however long a prompt or name is", function()
      local long = ("longer"):rep(100000)
      create(GENERATIONS, prompt_body(long))
      create(ASSETS, upload_body(nil, "a.jpg", long))
      assert.is_true(#sb:get("/").text < 500000)
      local entries = sb:control("GET", "ledger").entries
      assert.equal(long, entries[#entries].prompt)
    end)

    it("shows at most 50 of a kind, the newest first", function()
      sb:control("POST", "assets", { count = 120, name = "many", status = "active" })
      local page = sb:get("/").text
      assert.is_truthy(page:find("many-120", 1, true))
      local _, shown = page:gsub("<dd>many%-%d+</dd>", "")
      assert.equal(50, shown)
    end)
  end)

  describe("keeps serving", function()
    it("bodies of more than 8 MiB, and of less than JSON", function()
      local reply = sb:post(GENERATIONS, nil, { text = (" "):rep(8 * 1024 * 1024 + 1) })
      assert.equal(413, reply.status)
      assert.is_string(reply.body.error.message)
      for _, text in ipairs { "", "{", "[]", "null", "1", '"a"', "\255", "{} {}",
        ("["):rep(100000), ('{"a":'):rep(100000), "{\"a\":1e999}" } do
        for _, path in ipairs { SESSIONS, ASSETS, GENERATIONS } do
          reply = sb:post(path, nil, { text = text })
          assert.equal(400, reply.status, text:sub(1, 20))
        end
      end
      assert.equal(200, sb:get(ASSETS).status)
    end)

    it("lines that are no HTTP, heads without end, clients that leave", function()
      for _, text in ipairs { "\r\n", "hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET " .. ("a"):rep(70000) .. " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" .. ("X-Y: " .. ("z"):rep(1000) .. "\r\n"):rep(70) .. "\r\n",
        "POST /v1/video/assets HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/video/assets HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /v1/video/assets HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" } do
        local line = assert(socket.connect(sb.host, sb.port))
        line:settimeout(0.05)
        line:send(text)
        line:receive("*a")
        line:close()
      end
      fault { endpoint = "*", after_accept = "hang", times = 20 }
      for _ = 1, 20 do
        local line = assert(socket.connect(sb.host, sb.port))
        line:send(sb:get_text(ASSETS))
        line:close()
      end
      assert.equal(200, sb:get("/").status)
    end)

    it("no longer those who send without end", function()
      local line = assert(socket.connect(sb.host, sb.port))
      line:settimeout(10)
      line:send(("POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: 1000000000\r\n\r\n")
        :format(ASSETS, sb.host, sb.port))
      local piece, sent = ("x"):rep(1024 * 1024), 0
      while sent < 1000 and line:send(piece) do sent = sent + 1 end
      line:close()
      assert.is_true(sent >= 8 and sent < 100, sent)
    end)

    it("a chunked body", function()
      local body = cjson.encode(upload_body(nil, "a.jpg", "chunked"))
      local chunks = body:gsub("..?.?.?.?.?.?", function(part)
        return ("%x\r\n%s\r\n"):format(#part, part)
      end)
      local answer = sb:raw(("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%s0\r\n\r\n")
        :format(ASSETS, sb.host, sb.port, sb.key, chunks))
      assert.matches("^HTTP/1.1 200", answer)
    end)

    it("a thousand connections at once", function()
      local lines = {}
      for i = 1, 1000 do
        lines[i] = assert(socket.connect(sb.host, sb.port))
        lines[i]:settimeout(10)
        lines[i]:send(sb:get_text(ASSETS .. "?limit=1"))
      end
      for i = 1, 1000 do
        assert.equal("HTTP/1.1 200 OK", (lines[i]:receive("*l")))
        lines[i]:close()
      end
    end)
  end)
end)
