-- docs/studio.jpg: three pages of examples/openresty side by side, on its own sandbox: the QR code
-- of a face scan, the box for a prompt with what was made, and a finished video.

local browser = require "spec.support.browser"
local shell = require "spec.support.shell"
local studio = require "spec.support.studio"

local WIDTH, HEIGHT = 620, 820

local folder = shell.bash "mktemp -d":gsub("\n$", "")
local app, chrome, phone

-- A page with three pictures beside each other.
local FRAME = [[<!doctype html><style>
body { margin: 0; background: #fff }
main { display: flex; gap: 16px; padding: 12px; width: 1376px }
img { flex: 1; width: 0; border: 1px solid #d0d3da; border-radius: 8px }
</style>
<main><img src="scan.png" alt=""><img src="home.png" alt=""><img src="video.png" alt=""></main>]]

local function shot(name)
  chrome:run "window.scrollTo(0, 0); document.activeElement.blur()"
  chrome:save_picture(folder .. "/" .. name .. ".png")
end

local function verify_rachel()
  chrome:open(app.url .. "/")
  chrome:type("#studio", "Corner Films")
  chrome:click "form[action='/studio'] button"
  chrome:await "!!document.querySelector('#person')"
  chrome:type("#person", "Rachel")
  chrome:click "form[action='/people'] button"
  chrome:await "!!document.querySelector('.code svg')"
  shot "scan"
  phone:open(chrome:run "return document.querySelector('#h5').href")
  phone:await "!!document.querySelector('button[value=pass]')"
  phone:click "button[value=pass]"
  chrome:await "document.querySelector('h1').innerText === 'Rachel is verified'"
  chrome:click ".told a.primary"
end

local function upload(name)
  chrome:type("#url", ("https://yourcdn.com/%s.jpg"):format(name))
  chrome:click ".upload button"
  chrome:await "document.querySelector('[data-stage=active]') !== null"
  chrome:await "document.querySelector('.portrait img')?.naturalWidth > 0"
end

local function film(prompt)
  chrome:open(app.url .. "/")
  chrome:type("#prompt", prompt)
  chrome:click ".compose button.primary"
  chrome:await "location.pathname.startsWith('/videos/')"
  app:await("the video", function()
    return chrome:run "return document.querySelector('#player')?.readyState >= 2"
  end)
end

local function main()
  app = studio.start()
  chrome = browser.start(WIDTH, HEIGHT, true)
  phone = browser.start(390, 844)
  verify_rachel()
  upload "rachel"
  film "The person in {rachel} reads a letter by the window."
  film "The person in {rachel} smiles and waves at the camera."
  chrome:run "const p = document.querySelector('#player'); p.controls = false; p.currentTime = 1.5"
  chrome:await "!document.querySelector('#player').seeking"
  shot "video"
  chrome:open(app.url .. "/")
  chrome:type("#prompt", "The person in {rachel} walks along the sea.")
  chrome:await "document.querySelector('.video video')?.readyState >= 1"
  shot "home"
  local file = assert(io.open(folder .. "/frame.html", "wb"))
  file:write(FRAME)
  file:close()
  chrome:stop()
  chrome = browser.start(1400, 616, true)
  chrome:open("file://" .. folder .. "/frame.html")
  chrome:await "[...document.images].every(image => image.naturalWidth > 0)"
  chrome:save_picture(folder .. "/frame.png")
  local output, ok = shell.bash(("ffmpeg -y -loglevel error -i %s/frame.png -q:v 3 docs/studio.jpg")
    :format(folder))
  assert(ok, output)
end

local ok, why = xpcall(main, debug.traceback)
for _, window in ipairs { chrome or false, phone or false } do
  if window then window:stop() end
end
if app then app:remove() end
shell.bash("rm -rf " .. shell.quote(folder))
if not ok then error(why, 0) end
print "docs/studio.jpg is new: look at it"
