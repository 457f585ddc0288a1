-- The games of docs/love.md, in a window of Xvfb. #once #example: LÖVE brings a Lua of its own.

local lfs = require "lfs"
local pages = require "spec.support.pages"
local sandbox_process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"

local root = lfs.currentdir()
local luajit_build = os.getenv "POMEX_LUAJIT_BUILD_DIR" or "build/luajit"
if not luajit_build:find "^/" then luajit_build = root .. "/" .. luajit_build end

-- Stands behind a game: has `drawn` told of each text that it draws.
local WATCHED = [[
  local write, pressed = love.graphics.print, {}
  local function press_once(key)
    if not pressed[key] then love.keypressed(key) end
    pressed[key] = true
  end
  function love.graphics.print(text, ...)
    drawn(text, press_once)
    return write(text, ...)
  end
]]

-- Ends the game once a picture has been drawn with the task's last word.
local LAST_WORD = [[
  local function drawn(text, press)
    if text:find " is " then
      print("DREW " .. text)
      press "escape"
    end
  end
  local quit = love.quit
  function love.quit()
    quit()
    print("CLOSED " .. tostring(select(2, pcall(client.step, client))))
  end
]]

describe("docs/love.md #once #example", function()
  local sandbox, folder

  before_each(function()
    sandbox = sandbox_process.start { "--asset-seconds", "1", "--generation-seconds", "0" }
    folder = shell.bash("mktemp -d"):gsub("%s+$", "")
  end)

  after_each(function()
    sandbox:stop()
    shell.bash("rm -rf " .. shell.quote(folder))
  end)

  local function write(code, watch)
    local file = assert(io.open(folder .. "/main.lua", "wb"))
    file:write(pages.code(code), watch, WATCHED)
    file:close()
  end

  -- Runs a line of bash in the folder, with a window and the service.
  local function run(line)
    return shell.bash(([[
      cd %s
      export POMEX_API_KEY=%s POMEX_BASE_URL=%s XDG_DATA_HOME=%s/data
      export LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/lib/?.so;;'
      xvfb-run -a timeout -k 5 60 bash -c %s < /dev/null 2> noise
    ]]):format(folder, sandbox.key, sandbox.url, folder, root, root, luajit_build,
      shell.quote(line)))
  end

  it("has a game that draws while it waits, and quits", function()
    write("love-main", LAST_WORD)
    assert.matches("DREW asset%-[%w-]+ is active\nCLOSED [^\n]*closed", (run "love ."))
  end)

  it("has one whose videos outlive it", function()
    sandbox:control("POST", "faults", { endpoint = "generations.create", delay = 1 })
    write("love-jobs", [[
      local function drawn(text, press)
        if text:find "lighthouse is sending" then press "escape" end
        if text:find "^Waiting for what is paid for" then print "WAITED" end
      end
    ]])
    local output, ok = run "exec love ."
    assert.is_true(ok, output)
    assert.matches("WAITED", output)
    -- The next start makes none anew, and another if one says so.
    write("love-jobs", [[
      local function drawn(text, press)
        if text:find "lighthouse is done" then press "n" end
        if text:find "wave.* is done" then press "escape" end
      end
    ]])
    output, ok = run "exec love ."
    assert.is_true(ok, output)
    assert.equal(2, sandbox:control("GET", "ledger").generation)
    assert.matches("^films.jobs.db[^\n]*\n.*lighthouse.mp4\nwave%-%d+.mp4\n$",
      (shell.bash("LC_ALL=C ls " .. folder .. "/data/love/films")))
  end)

  it("packs one, which finds the modules in C beside it", function()
    if not select(2, shell.bash "command -v zip") then return end
    write("love-main", LAST_WORD)
    local script, built = pages.code "love-package":gsub("cmake %-S [^\n]*\ncmake [^\n]*\n",
      function() return ("cmake --install %s --prefix game > installed\n"):format(luajit_build) end)
    assert.equal(1, built)
    local output = run("set -e; unset LUA_PATH LUA_CPATH\n" .. script)
    assert.matches("DREW asset%-[%w-]+ is active\nCLOSED ", output)
  end)

  it("converts a video for LÖVE", function()
    local output, ok = shell.bash(([[
      cd %s && ffmpeg -loglevel error -f lavfi -i testsrc=d=1 -f lavfi -i sine=d=1 film.mp4
      %s
      head -c 4 film.ogv
    ]]):format(folder, pages.code "love-theora"))
    assert.is_true(ok, output)
    assert.equal("OggS", output)
  end)
end)
