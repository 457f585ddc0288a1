-- The web app of examples/openresty as people meet it: from a QR code to a video that plays, in
-- a real browser, on a phone and on a desktop.
--
-- #once #example #browser

local browser = require "spec.support.browser"
local process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"
local studio = require "spec.support.studio"

local PROMPT = "The person in {rachel} smiles and waves at the camera."

-- How the page lies in the window, and what a finger could miss.
local LOOK = [[
  const small = [...document.querySelectorAll('button, .button, nav a, input:not([type=radio], ' +
    '[type=hidden]), textarea, .people a, .crumb a, .choice label')]
    .filter(e => e.checkVisibility())
    .filter(e => { const box = e.getBoundingClientRect();
                   return box.height < 40 || box.width < 40 || box.left < 0 ||
                          box.right > window.innerWidth; })
    .map(e => e.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  return { across: document.documentElement.scrollWidth, small: small.join('\n'),
           h1: document.querySelectorAll('h1').length, lang: document.documentElement.lang,
           twice: ids.filter((id, i) => ids.indexOf(id) !== i).join(' '),
           unnamed: [...document.querySelectorAll('input:not([type=hidden]), textarea, img, svg')]
             .filter(e => !(e.labels && e.labels.length) && !e.hasAttribute('alt') &&
                          !e.closest('[aria-hidden]') && !e.getAttribute('aria-label'))
             .map(e => e.outerHTML).join('\n') };
]]

-- Notes each stage that the page shows from here on; the script stays while the page does.
local WATCH = [[
  window.stages = [document.querySelector('[data-stage]')?.dataset.stage];
  new MutationObserver(() => {
    const stage = document.querySelector('[data-stage]')?.dataset.stage;
    if (stage !== window.stages.at(-1)) window.stages.push(stage);
  }).observe(document.body, { childList: true, subtree: true });
]]

for _, size in ipairs {
  { name = "phone", width = 390, height = 844 },
  { name = "desktop", width = 1280, height = 800, desktop = true },
} do
  describe("the web app on a " .. size.name .. " #once #example #browser", function()
    local sb, app, chrome, handset

    setup(function()
      sb = process.start { "--asset-seconds", "3", "--generation-seconds", "300" }
      app = studio.start(sb)
      chrome = browser.start(size.width, size.height, size.desktop)
      -- The desktop's owner has a phone besides: another browser, without the studio's cookie.
      handset = size.desktop and browser.start(390, 844) or chrome
    end)

    teardown(function()
      if chrome then chrome:stop() end
      if handset and handset ~= chrome then handset:stop() end
      if app then app:remove() end
      if sb then sb:stop() end
    end)

    local function look(name)
      local page = chrome:run(LOOK)
      chrome:picture("studio-" .. size.name .. "-" .. name)
      assert.is_true(page.across <= size.width, name .. " is " .. page.across .. " wide")
      assert.equal("", page.small)
      assert.equal("", page.twice)
      assert.equal("", page.unnamed)
      assert.is_true(page.h1 <= 1)
      assert.equal("en", page.lang)
    end

    it("opens, and asks for a first person", function()
      chrome:open(app.url .. "/")
      look "door"
      chrome:type("#studio", "Corner Films")
      chrome:click "form[action='/studio'] button"
      chrome:await "document.querySelector('h1').innerText === 'Welcome, Corner Films.'"
      look "welcome"
    end)

    it("shows a QR code of the scan's link, which a phone can read", function()
      chrome:type("#person", "Rachel")
      chrome:click "form[action='/people'] button"
      chrome:await "!!document.querySelector('.code svg')"
      look "verify"
      assert.matches("^The code is good for [23]%d:%d%d more$",
        chrome:run "return document.querySelector('[data-until]').textContent")
      -- What is at hand comes first.
      assert.equal(not size.desktop, chrome:run [[
        const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
        return top('#h5') < top('.code');]])
      local link = chrome:run "return document.querySelector('#h5').href"
      assert.equal(sb.url, link:match "^http://[^/]+")
      local picture = os.tmpname()
      chrome:save_picture(picture)
      local read, ok = shell.bash("zbarimg -q --raw " .. picture .. " 2> /dev/null")
      os.remove(picture)
      assert.is_true(ok, read)
      assert.equal(link .. "\n", read)
    end)

    it("learns of the scan by itself, while the phone is thanked", function()
      local page = chrome:url()
      local link = chrome:run "return document.querySelector('#h5').href"
      if size.desktop then
        chrome:run "window.here = true"
        handset:open(link)
      else
        chrome:click "#h5"
      end
      handset:await "!!document.querySelector('button[value=pass]')"
      handset:click "button[value=pass]"
      local landed = handset:await_url("^" .. app.url:gsub("%p", "%%%0") .. "/scan/%x+$")
      handset:await "document.querySelector('h1').innerText === 'Thank you. You are verified.'"
      assert.is_nil(landed:find("group", 1, true))
      if size.desktop then
        handset:picture "studio-phone-thanks"
        local said = handset:run "return document.body.innerText"
        assert.is_truthy(said:find("You can close this page", 1, true), said)
        chrome:await "document.querySelector('h1').innerText === 'Rachel is verified'"
        assert.is_true(chrome:run "return window.here")
        look "verified"
        chrome:click ".told a.primary"
      else
        look "thanks"
        chrome:click ".notice a.primary"
      end
      assert.equal(page, chrome:await_url("/people/%x+$"))
    end)

    it("uploads by a link, and shows how it went", function()
      look "gallery-empty"
      chrome:type("#url", "https://cdn.example/rachel.jpg")
      chrome:click ".upload button"
      chrome:await "document.querySelector('[data-stage=processing]') !== null"
      look "gallery-processing"
      chrome:await "document.querySelector('[data-stage=active]') !== null"
      chrome:await "document.querySelector('.portrait img')?.naturalWidth > 0"
      chrome:await "document.querySelector('#face img')?.naturalWidth > 0"
      chrome:type("#url", "https://cdn.example/no-face.jpg")
      chrome:type("#name", "<i>side</i>")
      chrome:click ".upload button"
      chrome:await "document.querySelector('[data-stage=failed]') !== null"
      local card = chrome:run "return document.querySelector('.portrait').innerText"
      assert.is_truthy(card:find("{<i>side</i>}", 1, true), card)
      assert.is_truthy(card:find("No face was found", 1, true), card)
      look "gallery"
    end)

    it("says beside the prompt what is wrong with it", function()
      chrome:open(app.url .. "/")
      chrome:type("#prompt", "The person in {rachl} waves.")
      chrome:click ".compose button.primary"
      chrome:await "!!document.querySelector('#prompt-fault .fault')"
      assert.equal('No portrait is called "rachl".',
        chrome:run "return document.querySelector('#prompt-fault .fault').innerText")
      assert.equal("The person in {rachl} waves.",
        chrome:run "return document.querySelector('#prompt').value")
      assert.equal("prompt", chrome:run "return document.activeElement.id")
      look "prompt-fault"
      assert.equal(0, sb:control("GET", "ledger").generation)
    end)

    it("films, tells each step, and plays the video", function()
      chrome:type("#prompt", "The person in ")
      chrome:click ".chip"
      assert.equal("The person in {rachel}",
        chrome:run "return document.querySelector('#prompt').value")
      chrome:type("#prompt", PROMPT)
      chrome:click ".compose button.primary"
      chrome:await "location.pathname.startsWith('/videos/')"
      chrome:await "document.querySelector('[data-stage=queued]') !== null"
      chrome:run(WATCH)
      sb:control("POST", "clock", { advance = 80 })
      chrome:await "document.querySelector('[data-stage=running]') !== null"
      look "running"
      sb:control("POST", "clock", { advance = 300 })
      chrome:await "document.querySelector('#player')?.readyState >= 2"
      local stages = table.concat(chrome:run "return window.stages", " ")
      assert.is_truthy(stages:find "queued running .*ready$", stages)
      chrome:run "document.querySelector('#player').muted = true"
      chrome:run "document.querySelector('#player').play()"
      chrome:await "document.querySelector('#player').currentTime > 0.3"
      assert.is_true(chrome:run "return document.querySelector('#player').duration > 1")
      assert.is_true(chrome:run "return document.querySelector('#player').videoWidth > 0")
      look "ready"
    end)

    it("has billed one video, of the right words", function()
      local ledger = sb:control("GET", "ledger")
      assert.equal(1, ledger.generation)
      for _, entry in ipairs(ledger.entries) do
        if entry.kind == "generation" then
          assert.equal("The person in image 1 smiles and waves at the camera.", entry.prompt)
        end
      end
    end)

    it("shows what failed, and what is there", function()
      chrome:open(app.url .. "/")
      chrome:type("#prompt", "{rachel} [fail]")
      chrome:click ".compose button.primary"
      chrome:await "location.pathname.startsWith('/videos/')"
      chrome:await "document.querySelector('[data-stage=queued]') !== null"
      sb:control("POST", "clock", { advance = 300 })
      chrome:await "document.querySelector('[data-stage=failed]') !== null"
      look "failed"
      chrome:open(app.url .. "/")
      chrome:await "document.querySelector('.video video')?.readyState >= 1"
      assert.equal(2, chrome:run "return document.querySelectorAll('.video').length")
      look "studio"
      chrome:call("POST", "/goog/cdp/execute", { cmd = "Emulation.setEmulatedMedia",
        params = { features = { { name = "prefers-color-scheme", value = "dark" } } } })
      look "studio-dark"
    end)

    it("gave neither the browser nor the log a reason to complain", function()
      -- One portrait and one video failed, as they were asked to.
      local left = app:problems():gsub("[^\n]*billed: %a+; %a+ %x+, failed: [^\n]*\n?", "")
      assert.equal("", left)
      -- A form that is sent back is a 422, which Chromium reports.
      for line in chrome:complaints():gmatch "[^\n]+" do
        local ours = line:find(app.url, 1, true) and not line:find("status of 422", 1, true)
        assert.is_falsy(ours, line)
      end
    end)
  end)
end
