-- docs/command.png: `pomex run` at work on a table of eight videos, on a sandbox, in a terminal.

local browser = require "spec.support.browser"
local interpreter = require "spec.support.interpreter"
local paint = require "spec.pictures.paint"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local window = require "spec.support.window"

local COLUMNS, ROWS = 92, 27

local root = shell.bash "pwd":gsub("\n$", "")
local folder = shell.bash "mktemp -d":gsub("\n$", "")
local sb = assert(sandbox.start { asset_seconds = 1, generation_seconds = 14 })

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

local lines = { "key,prompt,images,duration,portrait,group_id",
  ("rachel,,,,https://yourcdn.com/rachel.jpg,%s"):format(sb:add_person()) }
for i, words in ipairs { "{x} waves.", "{x} laughs.", "{x} turns around.", "{x} reads a book.",
  "{x} walks along the sea.", "{x} looks up.", "{x} opens a door.", "{x} dances." } do
  lines[#lines + 1] = ("film-%d,%s,x=job:rachel,5,,"):format(i, words)
end
write("films.csv", table.concat(lines, "\n") .. "\n")

-- The key is in the environment alone, which no command of the picture shows.
local win = window.open(COLUMNS, ROWS, ([[
  export LUA_PATH=%s LUA_CPATH=%s POMEX_BASE_URL=%s POMEX_API_KEY=%s HOME=%s
  cd %s
  pomex() { %s %s/bin/pomex "$@"; }
]]):format(shell.quote(package.path), shell.quote(package.cpath), sb.url, shell.quote(sb.key),
  shell.quote(folder), shell.quote(folder), shell.quote(interpreter.command), root), folder)

local function main()
  win:type "pomex check films.csv"
  win:await "\n%$\n$"
  win:type "pomex run films.csv --concurrency 3 --price 2.5 --max-videos 50"
  win:await "Go on%? %[y/N%]"
  win:type "y"
  win:await "[4-9] of 9 done"
  win:await "making %(running%)"
  local seen = win:seen(true)
  assert(not seen:find(sb.key, 1, true) and not seen:find(sb.token, 1, true), "a secret is in it")
  write("page.html", paint.window("pomex run, on the sandbox", seen))
  local chrome = browser.start(1280, 1024, true)
  local made, why = pcall(function()
    chrome:open("file://" .. folder .. "/page.html")
    local box = chrome:run [[const b = document.querySelector('main').getBoundingClientRect();
      return [Math.ceil(b.right) + 12, Math.ceil(b.bottom) + 12]; ]]
    chrome:save_picture(folder .. "/page.png")
    local output, ok = shell.bash(("ffmpeg -y -loglevel error -i %s/page.png -vf crop=%d:%d:0:0 "
      .. "docs/command.png"):format(folder, box[1], box[2]))
    assert(ok, output)
  end)
  chrome:stop()
  assert(made, why)
end

local ok, why = xpcall(main, debug.traceback)
win:close()
sb:stop()
shell.bash("rm -rf " .. shell.quote(folder))
if not ok then error(why, 0) end
print "docs/command.png is new: look at it"
