-- The sandbox's pages as a person meets them: in a phone's browser, in three languages.

local browser = require "spec.support.browser"
local cjson = require "cjson"
local process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"

local FORM = "application/x-www-form-urlencoded"
local WIDTH, HEIGHT = 360, 800
local LANGS = { "zh", "en", "zh-Hant" }

-- Everything that a finger could be meant for, and how the page lies in the window.
local LOOK = [[
  const targets = [...document.querySelectorAll('button, a.button, nav a')].map(e => {
    const box = e.getBoundingClientRect();
    return { text: e.innerText, width: box.width, height: box.height, left: box.left,
             right: box.right };
  });
  return { lang: document.documentElement.lang, targets: targets,
           title: document.title, heading: document.querySelector('h1').innerText,
           view: (document.querySelector('main').dataset.view || ''),
           scripts: document.scripts.length, text: document.body.innerText,
           across: document.documentElement.scrollWidth, window: window.innerWidth };
]]

describe("the sandbox's pages #browser #once", function()
  local sb, chrome, words, tls, tls_port, folder

  setup(function()
    local source = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")
    local file = assert(io.open(source .. "/../../csrc/sandbox/pages/web/strings.json", "rb"))
    words = cjson.decode(file:read("*a"))
    file:close()
    sb = process.start { "--rate-limits", "off", "--asset-seconds", "0" }
    -- Where the callback leads: callbacks are https, so a TLS server that answers anything.
    folder = shell.bash("mktemp -d"):gsub("%s+$", "")
    tls_port = browser.free_port()
    local output, ok = shell.bash("cd " .. folder .. " && openssl req -x509 -newkey rsa:2048 "
      .. "-nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem 2>&1")
    assert.is_true(ok, output)
    tls = browser.background(("openssl s_server -www -accept 127.0.0.1:%d -cert %s/cert.pem "
      .. "-key %s/key.pem"):format(tls_port, folder, folder))
    browser.await_port(tls_port)
    chrome = browser.start(WIDTH, HEIGHT)
  end)

  teardown(function()
    if chrome then chrome:stop() end
    if tls then os.execute("kill " .. tls) end
    if folder then shell.bash("rm -rf " .. shell.quote(folder)) end
    if sb then sb:stop() end
  end)

  local function link_of(lang)
    local reply = sb:post("/v1/video/assets/sessions", { lang = lang,
      callback_url = ("https://127.0.0.1:%d/landed?own=1"):format(tls_port) })
    assert.equal(200, reply.status)
    return reply.body.h5_link
  end

  local function look(lang, picture)
    local page = chrome:run(LOOK)
    chrome:picture(picture .. "-" .. lang)
    assert.equal(lang, page.lang)
    assert.equal(picture == "dashboard" and 1 or 0, page.scripts)
    assert.equal(WIDTH, page.window)
    assert.is_true(page.across <= WIDTH, ("%s is %d wide"):format(picture, page.across))
    assert.is_true(#page.targets >= 3)
    for _, target in ipairs(page.targets) do
      assert.is_true(target.height >= 44, target.text .. " is " .. target.height .. " high")
      assert.is_true(target.width >= 44, target.text)
      assert.is_true(target.left >= 0 and target.right <= WIDTH, target.text)
    end
    return page
  end

  for _, lang in ipairs(LANGS) do
    it("lead from the link to the app, in " .. lang, function()
      local text = words.h5[lang]
      local link = link_of(lang)
      chrome:open(link)
      local page = look(lang, "ready")
      assert.equal("ready", page.view)
      assert.equal(text.ready_title, page.heading)
      assert.is_truthy(page.title:find(text.title, 1, true))
      local buttons = {}
      for _, target in ipairs(page.targets) do buttons[#buttons + 1] = target.text end
      local all = table.concat(buttons, "\n")
      for _, name in ipairs { "pass", "fail", "pre_record", "expire" } do
        assert.is_truthy(all:find(text[name], 1, true), name)
      end
      chrome:click "button[value=pass]"
      local url = chrome:await_url "^https://127%.0%.0%.1:%d+/landed%?own=1&resultCode=10000&"
      local group = url:match("group_id=([%w-]+)")
      assert.equal(200, sb:post("/v1/video/assets", { url = "https://cdn.example/a.jpg",
        asset_type = "Image", group_id = group }).status)

      chrome:open(link)
      page = look(lang, "used")
      assert.equal("used", page.view)
      assert.equal(text.used_title, page.heading)
      assert.is_truthy(page.text:find(text.was_passed, 1, true))
    end)

    it("lead back after a scan that failed, or was recorded, in " .. lang, function()
      local text = words.h5[lang]
      for value, word in pairs { fail = "was_failed", pre_record = "was_pre_recorded" } do
        local link = link_of(lang)
        chrome:open(link)
        chrome:click("button[value=" .. value .. "]")
        local url = chrome:await_url "^https://127%.0%.0%.1:%d+/landed%?own=1&resultCode="
        if value == "fail" then
          assert.is_nil(url:find("resultCode=10000", 1, true))
        else
          assert.is_truthy(url:find("verify_type=pre_record", 1, true))
        end
        chrome:open(link)
        assert.is_truthy(look(lang, "used-" .. value).text:find(text[word], 1, true))
      end
    end)

    it("say that a link has expired, and lead nowhere, in " .. lang, function()
      local text = words.h5[lang]
      local link = link_of(lang)
      chrome:open(link)
      chrome:click "button[value=expire]"
      chrome:await "document.querySelector('main[data-view=expired]') !== null"
      local page = look(lang, "expired")
      assert.equal("expired", page.view)
      assert.equal(text.expired_title, page.heading)
      assert.equal(link, chrome:url())
      chrome:open((link:gsub("session=..", "session=__")))
      assert.equal(text.unknown_title, look(lang, "unknown").heading)
    end)

    it("say what came of it, for a browser that does not follow, in " .. lang, function()
      local text = words.h5[lang]
      for value, title in pairs { pass = "passed_title", fail = "failed_title" } do
        local reply = sb:request("POST", link_of(lang), { text = "outcome=" .. value, type = FORM })
        assert.equal(302, reply.status)
        assert.is_truthy(reply.text:find("<h1>" .. text[title] .. "</h1>", 1, true))
        assert.is_truthy(reply.text:find('<html lang="' .. lang .. '">', 1, true))
        assert.is_truthy(reply.text:find(reply.headers.location:gsub("&", "&amp;"), 1, true))
      end
    end)

    it("show what the sandbox holds, in " .. lang, function()
      local text = words.dashboard[lang]
      local person = sb:person()
      sb:post("/v1/video/assets", { url = "https://cdn.example/a.jpg", asset_type = "Image",
        group_id = person, name = ("long-name-without-a-break-"):rep(8) })
      local asset = sb:active_asset(person)
      for _, prompt in ipairs { ("wordwithoutend"):rep(40), "[fail] <b>bold</b>" } do
        assert.equal(200, sb:post("/v1/video/generations", { model = "byteplus/seedance-2.0",
          content = { { type = "text", text = prompt }, { type = "image_url",
            image_url = { url = "asset://" .. asset } } } }).status)
      end
      link_of(lang)
      chrome:open(sb.url .. "/?lang=" .. lang)
      local page = look(lang, "dashboard")
      for _, name in ipairs { "sessions", "people", "assets", "tasks", "ledger", "note" } do
        assert.is_truthy(page.text:find(text[name], 1, true), name)
      end
      assert.is_truthy(page.text:find(person, 1, true))
      assert.is_truthy(page.text:find("<b>bold</b>", 1, true))
    end)
  end

  it("show on one screen what there is, renew themselves, and find what is sought", function()
    local desk = browser.start(1280, 800, true)
    finally(function() desk:stop() end)
    local function film(prompt, fields)
      fields.model, fields.content = "byteplus/seedance-2.0", { { type = "text", text = prompt } }
      return sb:post("/v1/video/generations", fields).body.id
    end
    for i = 1, 60 do film("Filler " .. i, {}) end
    local sought = film("A kingfisher dives.", { duration = 8, ratio = "9:16" })
    for i = 61, 120 do film("Filler " .. i, {}) end
    desk:open(sb.url .. "/?lang=en")
    assert.is_true(desk:run "return document.documentElement.scrollHeight <= window.innerHeight")
    assert.is_falsy(desk:run("return document.body.innerText"):find(sought, 1, true))
    desk:picture "dashboard-desk"
    desk:type("input[type=search]", "KINGFISHER")
    desk:click ".search button"
    desk:await("document.querySelector('#tasks').innerText.includes('" .. sought .. "')")
    local found = desk:run "return document.querySelector('main').innerText"
    assert.is_truthy(found:find("duration 8, ratio 9:16", 1, true)
      or found:find("ratio 9:16, duration 8", 1, true), found)
    assert.is_falsy(found:find("Filler", 1, true), found)
    -- What comes while the page is open comes into it, and what is being typed stays.
    desk:run "window.here = true; document.querySelector('input[type=search]').value = 'half a w'"
    local later = film("Another kingfisher.", {})
    desk:await("document.querySelector('#tasks').innerText.includes('" .. later .. "')")
    assert.equal("half a w", desk:run "return document.querySelector('input[type=search]').value")
    assert.is_true(desk:run "return window.here")
    desk:picture "dashboard-search"
    -- No byte of a query that is no UTF-8 is in the page.
    assert.equal(200, sb:get("/?q=%ff%3Cscript%3E", { key = false }).status)
    assert.equal("", desk:complaints())
    for line in chrome:complaints():gmatch "[^\n]+" do
      -- A link that is used, old or unknown is a 410 or 404, which Chromium reports.
      assert.is_truthy(not line:find(sb.url, 1, true) or line:find "status of 4", line)
    end
  end)

  it("have the same texts in all three languages", function()
    for part, langs in pairs(words) do
      for _, lang in ipairs(LANGS) do
        for key in pairs(langs.en) do
          assert.is_string(langs[lang][key], part .. "." .. lang .. "." .. key)
        end
        for key in pairs(langs[lang]) do assert.is_string(langs.en[key], part .. ".en." .. key) end
      end
    end
  end)
end)
