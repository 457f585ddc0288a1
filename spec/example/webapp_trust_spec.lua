-- The web app of examples/openresty lets nobody in: callbacks, other people's things, forms of
-- other pages, and what it says of secrets.
--
-- #once #example

local process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"
local studio = require "spec.support.studio"

describe("the web app's trust #once #example", function()
  local sb, app

  setup(function()
    sb = process.start { "--asset-seconds", "0", "--generation-seconds", "0",
      "--rate-limits", "off" }
    app = studio.start(sb)
  end)

  teardown(function()
    if app then
      -- The form that is too large is nginx's own to refuse.
      assert.equal("", (app:problems():gsub("[^\n]* client intended to send too large[^\n]*", "")
        :gsub("[^\n]* billed: no; group of verification[^\n]*", ""):gsub("\n+", "")))
      app:remove()
    end
    if sb then sb:stop() end
  end)

  -- What the service would send the phone's browser to.
  local function scan(link, outcome)
    return sb:control("POST", "scan", { h5_link = link, outcome = outcome or "pass" }).location
  end

  local function path_of(url)
    return url:sub(#app.url + 1)
  end

  local function verified(visitor, path)
    return visitor:get(path).body:find('class="pill good">Verified', 1, true) ~= nil
  end

  -- Somebody with a verified person; their browser, the person's path, the callback that did it.
  local function somebody(name)
    local visitor = app:visitor()
    local path, link = visitor:begin(name)
    local callback = scan(link)
    assert.equal(303, app:visitor():get(path_of(callback)).status)
    assert.is_true(verified(visitor, path))
    return visitor, path, path_of(callback)
  end

  describe("a callback", function()
    it("binds the person without a cookie, and leads away from the group id", function()
      local visitor = app:visitor()
      local path, link = visitor:begin "Rachel"
      assert.is_false(verified(visitor, path))
      local phone = app:visitor()
      local answer = phone:get(path_of(scan(link)))
      assert.equal(303, answer.status)
      assert.is_truthy(answer.location:find "^/scan/%x+$")
      local page = phone:get(answer.location)
      assert.equal(200, page.status)
      assert.is_nil(page.body:find("group-", 1, true))
      assert.is_nil(page.body:find("/people/", 1, true))
      assert.is_true(verified(visitor, path))
    end)

    it("that comes again only shows how it went, also after nginx was started anew", function()
      local visitor, path, callback = somebody "Rachel"
      local page = "/scan/" .. callback:match "^/verified/(%x+)"
      assert.equal(page, app:visitor():get(callback).location)
      app:stop()
      app = studio.start(sb, app)
      assert.equal(page, app:visitor():get(callback).location)
      assert.is_true(verified(visitor, path))
      local forged = callback:gsub("group_id=[^&]+", "group_id=" .. sb:person())
      assert.equal(page, app:visitor():get(forged).location)
      -- Nor does a failure that comes late undo it.
      local failed = callback:gsub("resultCode=10000", "resultCode=10001")
      assert.equal(page, app:visitor():get(failed).location)
      assert.is_truthy(app:visitor():get(page).body:find("You are verified", 1, true))
      visitor:upload(path, "rachel")
      local group = callback:match "group_id=([^&]+)"
      assert.equal(1, #sb:get("/v1/video/assets?group_id=" .. group).body.items)
    end)

    it("is not used up by a look at its head", function()
      local visitor = app:visitor()
      local path, link = visitor:begin "Rachel"
      local callback = path_of(scan(link))
      assert.equal(405, app:visitor():ask(callback, { "--head" }).status)
      assert.is_false(verified(visitor, path))
      assert.equal(303, app:visitor():get(callback).status)
      assert.is_true(verified(visitor, path))
    end)

    it("with another user's group is refused, and binds nothing", function()
      local owner, owners_path, owners = somebody "Rachel"
      local thief = app:visitor()
      local path, link = thief:begin "Mallory"
      local group = owners:match "group_id=([^&]+)"
      local forged = path_of(scan(link)):gsub("group_id=[^&]+", "group_id=" .. group)
      local answer = app:visitor():get(forged)
      assert.equal(303, answer.status)
      local told = app:visitor():get(answer.location)
      assert.equal(403, told.status)
      assert.is_truthy(told.body:find "belongs to somebody else")
      assert.is_false(verified(thief, path))
      assert.is_truthy(thief:get(path).body:find "belongs to somebody else")
      assert.is_true(verified(owner, owners_path))
      -- That state is used up: its true group does not follow.
      assert.equal(403, app:visitor():get(path_of(scan(thief:link(thief:post(path
        .. "/verification", { once = ("0"):rep(32) }).location))):gsub("^(/verified/)[^?]*",
        forged:match "^[^?]*")).status)
    end)

    it("with a group of another account is refused", function()
      local visitor = app:visitor()
      local path, link = visitor:begin "Rachel"
      local stranger = sb:control("POST", "accounts", {}).key
      local session = sb:post("/v1/video/assets/sessions",
        { callback_url = "https://stranger.example/cb" }, { key = stranger }).body
      local group = scan(session.h5_link):match "group_id=([^&]+)"
      local forged = path_of(scan(link)):gsub("group_id=[^&]+", "group_id=" .. group)
      app:visitor():get(forged)
      assert.is_false(verified(visitor, path))
    end)

    it("with another verification's state, or a changed one, is refused", function()
      local rachel, mallory = app:visitor(), app:visitor()
      local path, link = rachel:begin "Rachel"
      local _, other = mallory:begin "Mallory"
      local mine, theirs = path_of(scan(link)), path_of(scan(other))
      local query = mine:match "%?.*"
      local swapped = mine:match "^/verified/%x+/" .. theirs:match "^/verified/%x+/([^?]*)" .. query
      local changed = mine:gsub("(v1%.[^?]*)%?", function(state)
        local last = state:sub(-1) == "A" and "B" or "A"
        return state:sub(1, -2) .. last .. "?"
      end)
      local unknown = "/verified/" .. ("0"):rep(32) .. "/v1.a.1.b.c" .. query
      for _, bad in ipairs { swapped, changed, unknown, (mine:gsub("v1[^?]*", "none")) } do
        local answer = app:visitor():get(bad)
        assert.is_true(answer.status == 403 or answer.status == 404, bad)
      end
      assert.is_false(verified(rachel, path))
      assert.equal(303, app:visitor():get(mine).status)
      assert.is_true(verified(rachel, path))
    end)

    it("of a scan that failed says so, and the next one binds", function()
      local visitor = app:visitor()
      local path, link = visitor:begin "Rachel"
      local answer = app:visitor():get(path_of(scan(link, "fail")))
      assert.is_truthy(app:visitor():get(answer.location).body:find "did not recognize the face")
      local page = visitor:get(path).body
      assert.is_truthy(page:find "Not verified yet")
      assert.is_nil(page:find("code 1", 1, true))
      app:await("the result code in the log", function()
        return app:log():find("scan of verification %x+ failed, result code 1000%d")
      end)
      -- Who looks at the list need not open each person to see it.
      assert.is_truthy(visitor:get("/").body:find("the scan failed: get a new code", 1, true))
      local once = visitor:once(path, path .. "/verification")
      -- Twice the same form: one new code.
      assert.equal(303, visitor:post(path .. "/verification", { once = once }).status)
      local code = visitor:link(path)
      assert.equal(303, visitor:post(path .. "/verification", { once = once }).status)
      assert.equal(code, visitor:link(path))
      app:visitor():get(path_of(scan(code)))
      assert.is_true(verified(visitor, path))
    end)

    it("of a recorded scan gives nobody a person", function()
      local visitor = app:visitor()
      local path, link = visitor:begin "Rachel"
      app:visitor():get(path_of(scan(link, "pre_record")))
      assert.is_truthy(visitor:get(path).body:find "That was a recording")
    end)
  end)

  it("a form of another page does nothing", function()
    local visitor, path = somebody "Rachel"
    local before = sb:control("GET", "state")
    for _, origin in ipairs { false, "null", "https://evil.example", app.url .. ".evil.example",
      (app.url:gsub("https", "http")) } do
      for _, action in ipairs { "/people", path .. "/portraits", "/videos" } do
        local answer = visitor:post(action, { name = "x", url = "https://cdn.example/x.jpg",
          prompt = "x", model = "byteplus/seedance-2.0", once = ("a"):rep(32) }, origin)
        assert.equal(403, answer.status)
      end
    end
    local after = sb:control("GET", "state")
    assert.same({ before.assets, before.sessions, before.generations },
      { after.assets, after.sessions, after.generations })
  end)

  it("what is one user's is not there for another", function()
    local owner, path = somebody "Rachel"
    owner:upload(path, "rachel")
    local video = owner:film "{rachel} waves."
    owner:await(video, "id=\"player\"")
    local picture = owner:get(path).body:match "/portraits/%x+/picture"
    assert.equal(302, owner:get(picture).status)
    assert.equal(200, owner:get(video .. "/file").status)
    local other = somebody "Mallory"
    for _, stranger in ipairs { other, app:visitor() } do
      for _, place in ipairs { path, path .. "/events", picture, video, video .. "/events",
        video .. "/file", "/files/" .. video:match "%x+$" .. ".mp4" } do
        assert.equal(404, stranger:get(place).status, place)
      end
      local once = ("b"):rep(32)
      for place, fields in pairs { [path .. "/portraits"] = { name = "mine",
        url = "https://cdn.example/m.jpg", once = once }, [video .. "/resume"] = {},
        [video .. "/delete"] = {}, [path .. "/delete"] = {},
        [path .. "/verification"] = { once = once } } do
        local status = stranger:post(place, fields).status
        assert.is_true(status == 403 or status == 404, place)
      end
    end
    -- Nor can a prompt name it.
    local answer = other:post("/videos", other:video_form "{rachel} waves.")
    assert.equal(422, answer.status)
    assert.is_truthy(answer.body:find "No portrait is called &quot;rachel&quot;")
  end)

  -- Without a group the service lists the account's own Virtual group.
  it("who is not verified gets nothing that the account has", function()
    assert.equal(200, sb:post("/v1/video/assets", { url = "https://cdn.example/mine.jpg",
      asset_type = "Image", name = "the-operators" }).status)
    local visitor = app:visitor()
    local path, link = visitor:begin "Rachel"
    for _, events in ipairs { "/events", "/events?page=verification" } do
      visitor:ask(path .. events, { "--max-time", "1" })
    end
    app:visitor():get(path_of(scan(link)))
    assert.is_true(verified(visitor, path))
    visitor:upload(path, "rachel")
    visitor:ask(path .. "/events", { "--max-time", "1" })
    assert.is_nil(visitor:get(path).body:find("the-operators", 1, true))
    assert.is_nil(visitor:get("/").body:find("the-operators", 1, true))
    local lists = sb:control("GET", "journal?endpoint=assets.list").requests
    assert.is_true(#lists > 0)
    for _, request in ipairs(lists) do
      assert.is_truthy(request.query:find("group_id=group-", 1, true), request.query)
    end
  end)

  it("who comes by the name localhost is led to the other, which forms are for", function()
    local visitor = app:visitor()
    local answer = visitor:get(("https://localhost:%d/nothing?here"):format(app.port))
    assert.equal(303, answer.status)
    assert.equal(app.url .. "/nothing?here", answer.location)
  end)

  it("every answer carries its policy, and the cookie its attributes", function()
    local visitor = app:visitor()
    local opened = visitor:post("/studio", { name = "Corner" })
    local cookie = opened.head:match "\n[Ss]et%-[Cc]ookie: ([^\r]+)"
    for _, attribute in ipairs { "^__Host%-studio=%x+;", "; Path=/;", "; Secure", "; HttpOnly",
      "; SameSite=Lax" } do
      assert.is_truthy(cookie:find(attribute), cookie)
    end
    for path, status in pairs { ["/"] = 200, ["/nothing"] = 404, ["/static/studio.js"] = 200,
      ["/videos"] = 405, ["/static/../nginx.conf.in"] = 404 } do
      local answer = visitor:ask(path, { "--path-as-is" })
      assert.equal(status, answer.status, path)
      local policy = answer.head:match "\n[Cc]ontent%-[Ss]ecurity%-[Pp]olicy: ([^\r]+)"
      assert.is_truthy(policy and policy:find("default-src 'none'; script-src 'self'", 1, true))
      assert.is_nil(policy:find("unsafe", 1, true))
      assert.is_truthy(answer.head:lower():find("x-content-type-options: nosniff", 1, true))
    end
    assert.is_nil(visitor:get("/").body:find "<script>")
  end)

  it("shows names as they are, in pages and in events", function()
    local evil = [[<img src=x onerror=alert(1)>"'&]]
    local visitor = app:visitor()
    visitor:post("/studio", { name = evil })
    visitor.named = true
    local path, link = visitor:begin(evil)
    app:visitor():get(path_of(scan(link)))
    visitor:upload(path, evil, "https://cdn.example/x.jpg")
    local video = visitor:film("{" .. evil .. "} waves <b>.")
    visitor:await(video, "id=\"player\"")
    for _, page in ipairs { "/", path, video, visitor:begin(evil),
      "/?again=" .. video:match "%x+$" } do
      local body = visitor:get(page).body
      assert.is_nil(body:find("<img src=x", 1, true), page)
      assert.is_nil(body:find("<b>.", 1, true), page)
      assert.is_truthy(body:find("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;", 1, true),
        page)
    end
    local events = visitor:ask("/events", { "--max-time", "3" }).body
    assert.is_nil(events:find("<img src=x", 1, true))
    assert.is_truthy(events:find("&lt;img src=x", 1, true))
  end)

  it("takes no form that is too large, too long or odd", function()
    local visitor, path = somebody "Rachel"
    visitor:upload(path, "rachel")
    assert.equal(413, visitor:post("/videos", { prompt = ("x"):rep(20000) }).status)
    local many = {}
    for i = 1, 30 do many["field" .. i] = "x" end
    assert.equal(400, visitor:post("/videos", many).status)
    local form = visitor:video_form "{rachel} waves."
    form.model = "other/model"
    assert.equal(400, visitor:post("/videos", form).status)
    for prompt, why in pairs { [""] = "Write what", ["Nobody waves."] = "names nobody",
      ["{rachel} {"] = "A { has no } after it",
      ["{rachel} and image 7"] = "counts more pictures than it names",
      ["{rachel}2 waves."] = "Put a space between the name",
      [("x"):rep(2001)] = "too long" } do
      local answer = visitor:post("/videos", visitor:video_form(prompt))
      assert.equal(422, answer.status, prompt)
      assert.is_truthy(answer.body:find(why, 1, true), why)
    end
    for url, why in pairs { [""] = "Give the link", ["http://cdn.example/a.jpg"] = "public https",
      ["javascript:alert(1)"] = "public https" } do
      local answer = visitor:post(path .. "/portraits", { url = url, name = "other",
        once = visitor:once(path, path .. "/portraits") })
      assert.equal(422, answer.status)
      assert.is_truthy(answer.body:find(why, 1, true), url)
    end
    local taken = visitor:post(path .. "/portraits", { url = "https://cdn.example/a.jpg",
      name = "rachel", once = visitor:once(path, path .. "/portraits") })
    assert.equal(422, taken.status)
    assert.is_truthy(taken.body:find "Another portrait has that name")
  end)

  it("a page that was opened by a callback tells nobody its address", function()
    local _, link = app:visitor():begin "Rachel"
    local callback = path_of(scan(link)):gsub("v1%.", "v1.0")
    local answer = app:visitor():get(callback)
    assert.equal(403, answer.status)
    assert.matches("\n[Rr]eferrer%-[Pp]olicy: no%-referrer\r", answer.head)
    assert.matches("\n[Rr]eferrer%-[Pp]olicy: same%-origin\r", app:visitor():get("/").head)
  end)

  it("nothing that it logs or shows holds the key, a group, a state or a signed link", function()
    local visitor, path, callback = somebody "Rachel"
    visitor:upload(path, "rachel")
    local video = visitor:film "{rachel} waves."
    visitor:await(video, "id=\"player\"")
    visitor:get("/portraits/" .. visitor:get(path).body:match "portrait%-(%x+)" .. "/picture")
    app:visitor():get(callback)
    -- What nginx has to say of a callback goes with the request's line: nowhere.
    assert.equal(413, app:visitor():ask(callback, { "--data", ("x"):rep(70000) }).status)
    -- A call that fails while one is answered is logged, without what the service quotes.
    local _, link = app:visitor():begin "Rachel"
    local failing = path_of(scan(link))
    local quoted = failing:match "group_id=([^&]+)"
    sb:control("POST", "faults", { endpoint = "assets.list", status = 403,
      body = ('{"error":{"message":"no %s at https://x.example/x(1).jpg?signature=1"}}')
        :format(quoted) })
    assert.equal(303, app:visitor():get(failing).status)
    app:await("the log", function()
      return app:problems():find "billed: no; group of verification %x+: .*at https://x.example/"
    end)
    assert.is_nil(app:log():find(quoted, 1, true))
    local output = shell.bash("cat " .. app.folder .. "/*.log " .. app.root .. "/out /proc/"
      .. app:master() .. "/cmdline")
    for pid in pairs(app:workers()) do
      output = output .. shell.bash("cat /proc/" .. pid .. "/cmdline")
    end
    for _, page in ipairs { "/", path, video, "/events", path .. "/events" } do
      output = output .. visitor:ask(page, { "--max-time", "3" }).body
    end
    assert.is_truthy(output:find("/verified/...", 1, true))
    local group = callback:match "group_id=([^&]+)"
    local state = callback:match "v1%.[^?]+"
    for what, secret in pairs { key = sb.key, group = group, state = state, sign = "signature=",
      groups = "group_id" } do
      assert.is_nil(output:find(secret, 1, true), what)
    end
  end)
end)

describe("the web app where videos cost money #once #example", function()
  local URL = "https://studio.example"
  local sb, app

  setup(function()
    sb = process.start()
    app = studio.start(sb, nil, "--url HTTPS://Studio.Example:443/")
  end)

  teardown(function()
    if app then app:remove() end
    if sb then sb:stop() end
  end)

  it("says so, and opens by a link only, which it prints", function()
    assert.is_truthy(app:said():find("LIVE: every video is billed", 1, true), app:said())
    local code = app:said():match("open: " .. URL:gsub("%p", "%%%0") .. "/%?invite=(%x+)\n")
    assert.equal(32, #code)
    local visitor = app:visitor()
    local function open(name)
      return visitor:post("/studio", { name = name }, URL)
    end
    for _, path in ipairs { "/", "/?invite=", "/?invite=" .. ("0"):rep(32) } do
      local page = visitor:get(path)
      assert.equal(401, page.status)
      assert.is_nil(page.body:find "<form")
    end
    for _, invite in ipairs { false, "", ("0"):rep(32) } do
      local answer = visitor:ask("/studio", { "-H", "Origin: " .. URL, "-H",
        "Cookie: " .. (invite and "__Host-invite=" .. invite or "a=b"), "--data", "name=Corner" })
      assert.equal(401, answer.status)
      assert.is_nil(answer.head:lower():find "set%-cookie")
    end
    -- A form's Referer is the address of its page, and nginx logs it with what is too large.
    local link = "/?invite=" .. code
    local door = visitor:get(link)
    local at = door.location or link
    assert.equal(413, visitor:ask("/studio", { "-e", app.url .. at, "-H", "Origin: " .. URL,
      "--data", ("x"):rep(20000) }).status)
    app:await("nginx's message", function()
      return app:log():find('too large body.*"POST /studio.*referrer: "')
    end)
    assert.is_nil(app:log():find(code, 1, true))
    assert.equal(303, door.status)
    local cookie = door.head:match "\n[Ss]et%-[Cc]ookie: ([^\r]+)"
    assert.equal("__Host-invite=" .. code
      .. "; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax", cookie)
    assert.is_truthy(visitor:get(at).body:find('action="/studio"', 1, true))
    assert.equal(422, open("").status)
    assert.equal(303, open("Corner").status)
    assert.is_truthy(visitor:get("/").body:find("Welcome, Corner.", 1, true))
    assert.is_nil(shell.bash("cat " .. app.folder .. "/*.log"):find(code, 1, true))
    assert.equal("600\n", shell.bash("stat -c %a " .. app.folder .. "/invite"))
  end)

  it("keeps its invitation, and shows a certificate that it is given", function()
    local said = app:said():match "invite=%x+"
    local files = app.root .. "/of-ours"
    shell.bash(("mkdir %s && mv %s/certificate.* %s"):format(files, app.folder, files))
    assert.equal(0, app:stop())
    app = studio.start(sb, app, ("--certificate %s/certificate.pem --key %s/certificate.key")
      :format(files, files))
    assert.is_truthy(app:said():find(said, 1, true))
    assert.is_nil(app:said():find("warn", 1, true))
    assert.equal(401, app:visitor():get("/").status)
    local _, made = shell.bash("ls " .. app.folder .. "/certificate.pem")
    assert.is_false(made)
  end)
end)
