-- pomex-sandbox against those who mean it ill: what they write into every field of every request,
-- keys that nearly fit, paths that lead elsewhere. It lets nobody in, and keeps serving.
-- #once: no Lua of ours is tested here.

local http = require "spec.support.http"
local process = require "spec.support.sandbox_process"

local ASSETS, GENERATIONS = "/v1/video/assets", "/v1/video/generations"
local SESSIONS = "/v1/video/assets/sessions"

-- SQL, HTML, paths, formats, controls, and text that turns back.
local HOSTILE = {
  "'; DROP TABLE assets; --", "\" OR \"1\"=\"1", "x' UNION SELECT key FROM accounts --",
  "%' OR 1=1 --",
  "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{name}}", "&lt;b&gt;",
  "../../../../etc/passwd", "..\\..\\x", "/dev/null\0.mp4", "%s%s%n%n", "${jndi:ldap://x}",
  "\r\nSet-Cookie: a=b", "\27]0;x\7", "\226\128\174gpj.exe", ("A"):rep(70000),
}

describe("the sandbox against #once", function()
  local sb, stranger, person, asset

  setup(function()
    sb = process.start { "--rate-limits", "off", "--asset-seconds", "0" }
    stranger = sb:control("POST", "accounts", {}).key
    person = sb:person()
    asset = sb:active_asset(person)
  end)
  teardown(function() sb:stop() end)

  -- What must hold whatever was sent: it serves, nobody sees another's, no mark is in a page.
  local function unharmed()
    local own = sb:get(ASSETS .. "/" .. asset)
    assert.equal(200, own.status, own.text)
    assert.equal(404, sb:get(ASSETS .. "/" .. asset, { key = stranger }).status)
    assert.equal(401, sb:get(ASSETS, { key = "sk-nobody" }).status)
    local page = sb:get("/?lang=en", { key = false })
    assert.equal(200, page.status)
    assert.is_nil(page.text:find("<script>", 1, true))
    assert.is_nil(page.text:find("<img src=x", 1, true))
  end

  -- A body with `value` in the place of each of its strings, one at a time.
  local function with_each(body, value, visit)
    local function walk(node, send)
      for key, old in pairs(node) do
        if type(old) == "table" then
          walk(old, send)
        else
          node[key] = value
          send()
          node[key] = old
        end
      end
    end
    walk(body, function() visit(body) end)
  end

  it("hostile text in every field of a body", function()
    local bodies = {
      [SESSIONS] = { callback_url = "https://app.example/cb", lang = "en" },
      [ASSETS] = { url = "https://cdn.example/a.jpg", asset_type = "Image", name = "n",
        group_id = person },
      [GENERATIONS] = { model = "byteplus/seedance-2.0-fast", content = {
        { type = "text", text = "A wave" },
        { type = "image_url", role = "reference_image", image_url = { url = "asset://" .. asset } },
      } },
    }
    local sent = 0
    for path, body in pairs(bodies) do
      for _, text in ipairs(HOSTILE) do
        with_each(body, text, function(changed)
          sent = sent + 1
          local reply = sb:post(path, changed)
          assert.is_true(reply.status == 200 or reply.status == 400, reply.text)
          assert.is_truthy(reply.headers["content-type"]:find("application/json", 1, true))
          assert.is_nil(reply.headers["set-cookie"])
        end)
      end
    end
    assert.is_true(sent > 150)
    unharmed()
  end)

  it("hostile text in every parameter, id and header", function()
    for _, text in ipairs(HOSTILE) do
      local value = http.escape(text:sub(1, 4000))
      for _, name in ipairs { "group_id", "name", "status", "asset_type", "page", "limit",
        "sort_by", "sort_order" } do
        local reply = sb:get(("%s?%s=%s"):format(ASSETS, name, value))
        assert.is_true(reply.status == 200 or reply.status == 400, reply.text)
        if name == "name" then
          for _, item in ipairs(reply.body.items or {}) do
            assert.is_truthy(item.name:find(text:sub(1, 20), 1, true), item.name)
          end
        end
      end
      for _, path in ipairs { ASSETS, GENERATIONS } do
        local status = sb:get(path .. "/" .. value).status
        -- libmicrohttpd 1.0.2 and later refuse a NUL by themselves.
        assert.is_true(status == 404 or status == 400 and value:find("%00", 1, true) ~= nil, value)
      end
      assert.is_true(sb:get("/files/videos/" .. value .. "?expires=9999999999&sig=" .. value,
        { key = false }).status >= 400)
      assert.is_true(sb:get("/h5?session=" .. value .. "&lang=" .. value,
        { key = false }).status >= 400)
      if not text:find("%c") and #text < 8000 then
        local headers = { Authorization = "Bearer " .. text }
        assert.equal(401, sb:get(ASSETS, { key = false, headers = headers }).status)
      end
    end
    unharmed()
  end)

  it("hostile text in its own controls", function()
    for _, text in ipairs(HOSTILE) do
      for path, body in pairs {
        faults = { endpoint = "x", body = "x", content_type = "x", retry_after = "x" },
        assets = { group_id = "x", name = "x", status = "x" }, people = { account = "x" },
        clock = { advance = "x" }, scan = { link = "x", outcome = "x" }, config = { lang = "x" },
      } do
        with_each(body, text, function(changed)
          local reply = http.request("POST", sb.url .. "/_sandbox/" .. path,
            { headers = { ["X-Sandbox-Token"] = sb.token }, json = changed })
          assert.is_true(reply.status < 500, path .. ": " .. reply.text)
        end)
      end
    end
    sb:control("DELETE", "faults")
    unharmed()
  end)

  it("keys that nearly fit", function()
    local key = sb.key
    for _, wrong in ipairs { key:sub(1, -2), key .. "0", key:upper(), " " .. key, key .. " x",
      key:gsub(".$", "_"), "", "*", "%", stranger:sub(1, -2), sb.token } do
      local headers = { Authorization = "Bearer " .. wrong }
      assert.equal(401, sb:get(ASSETS, { key = false, headers = headers }).status, wrong)
    end
    for _, header in ipairs { key, "Basic " .. key, "Bearer" .. key,
      "Bearer " .. key .. ", Bearer x" } do
      local reply = sb:get(ASSETS, { key = false, headers = { Authorization = header } })
      assert.equal(401, reply.status, header)
    end
  end)

  it("strangers who know every id", function()
    local task = sb:post(GENERATIONS, { model = "byteplus/seedance-2.0-fast",
      content = { { type = "text", text = "A wave" } } }).body.id
    for _, path in ipairs { ASSETS .. "/" .. asset, GENERATIONS .. "/" .. task } do
      assert.equal(200, sb:get(path).status)
      assert.equal(404, sb:get(path, { key = stranger }).status)
    end
    local upload = { url = "https://cdn.example/a.jpg", asset_type = "Image", group_id = person }
    assert.equal(400, sb:post(ASSETS, upload, { key = stranger }).status)
    assert.equal(400, sb:get(ASSETS .. "?group_id=" .. person, { key = stranger }).status)
    assert.equal(0, sb:get(ASSETS, { key = stranger }).body.total_count)
    local before = sb:control("GET", "ledger").generation
    assert.equal(400, sb:post(GENERATIONS, { model = "byteplus/seedance-2.0", content = {
      { type = "text", text = "a" },
      { type = "image_url", role = "reference_image", image_url = { url = "asset://" .. asset } },
    } }, { key = stranger }).status)
    assert.equal(before, sb:control("GET", "ledger").generation)
  end)

  it("paths that lead elsewhere", function()
    for _, path in ipairs { "//etc/passwd", "/..", "/../../etc/passwd", "/files/../_sandbox/state",
      "/files/%2e%2e/%2e%2e/etc/passwd", "/v1/../_sandbox/ledger", "/_sandbox/../v1/video/assets",
      "/%5fsandbox/state", "/_SANDBOX/state", "/v1/video/assets%2f" .. asset, "/./", "/;/",
      "/v1/video/assets/" .. asset .. "/../../generations", "*" } do
      local text = sb:raw(("GET %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
        .. "Connection: close\r\n\r\n"):format(path, sb.host, sb.port, sb.key))
      local status = tonumber(text:match("^HTTP/1.1 (%d+)"))
      assert.is_true(status == 404 or status == 403 or status == 400,
        path .. ": " .. text:sub(1, 200))
      assert.is_nil(text:find("root:", 1, true))
    end
    unharmed()
  end)

  it("pages of other sites, and names that point here", function()
    for _, headers in ipairs { { Host = "evil.example" }, { Host = sb.host },
      { Host = "localhost" },
      { Host = sb.host .. ":" .. sb.port .. ".evil.example" },
      { Origin = "https://evil.example" },
      { Origin = "null" }, { Origin = "http://" .. sb.host .. ":1" },
      { Origin = "http://" .. sb.host .. ":" .. sb.port .. "@evil.example" } } do
      for _, path in ipairs { "/", ASSETS, "/h5", "/_sandbox/state" } do
        headers["X-Sandbox-Token"] = sb.token
        assert.equal(403, sb:get(path, { headers = headers }).status, path)
      end
    end
  end)
end)
