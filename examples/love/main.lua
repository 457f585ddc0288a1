-- A game tool on LÖVE 11: a person is verified (by a QR code), a portrait uploaded, a video
-- made and saved, at 60 frames a second all the while.
--
--     examples/love/run.sh            builds pomex for LuaJIT, and plays against the sandbox
--     examples/love/run.sh --live …   the real service; --help says what it needs
--
-- How it works with pomex: `client:spawn` starts flow.lua, which is written as a plain sequence
-- of calls; `client:step()` in love.update does what is ready and resumes it. Nothing blocks.
--
--     flow.lua    the calls of pomex        view.lua    the window, screens.lua one stage of it
--     saved.lua   what outlives the window  ui.lua      colours, type, shapes
--     keeper.lua  the thread that writes it controls.lua buttons, fields, keys
--     order.lua   a video, ordered once     pen.lua     draws what differs from the last frame
--     outage.lua  does the service answer?  trouble.lua what a person is told of an error
--     meter.lua   frame times

local found, pomex = pcall(require, "pomex")
if not found then
  error("start this game by examples/love/run.sh, which builds pomex and says where it is\n\n"
    .. tostring(pomex), 0)
end
local controls = require "controls"
local flow = require "flow"
local meter = require "meter"
local outage = require "outage"
local pen = require "pen"
local saved = require "saved"
local ui = require "ui"
local view = require "view"

local FRAME = 1 / 60
local STEP_BUDGET = 0.004   -- seconds of a frame after which a step leaves the rest to the next

local game = { meter = meter.new(), outage = outage.new(), log = {} }

local function read_arguments(arguments)
  local settings = {}
  local values = { ["--callback-url"] = "callback_url", ["--portrait"] = "portrait",
    ["--output"] = "folder" }
  local i = 1
  while arguments[i] do
    local name = values[arguments[i]]
    if not name and arguments[i] ~= "--live" then
      error("unknown argument: " .. arguments[i], 0)
    end
    settings[name or "live"] = name and arguments[i + 1] or true
    i = i + (name and 2 or 1)
  end
  if settings.live and not settings.callback_url then
    error("--live needs --callback-url, an https link of yours", 0)
  end
  -- Of a sandbox that runs elsewhere, and stands in for the service.
  settings.token = settings.live and os.getenv "POMEX_SANDBOX_TOKEN" or nil
  -- Nobody's addresses: good enough for the sandbox.
  settings.callback_url = settings.callback_url or "https://app.example/callback"
  settings.portrait = settings.portrait or (settings.live and ""
    or "https://cdn.example/portrait.jpg")
  if not settings.folder then
    love.filesystem.createDirectory("")
    settings.folder = love.filesystem.getSaveDirectory()
  end
  return settings
end

-- What the panel "Requests" lists.
local function on_event(event)
  game.outage:hear(event)
  if event.name ~= "response" then return end
  local log, last = game.log, game.log[#game.log]
  local status = event.status and event.status ~= 0 and event.status or "lost"
  if last and last.endpoint == event.endpoint and last.status == status then
    last.times, last.seconds = last.times + 1, event.seconds
  else
    log[#log + 1] = { endpoint = event.endpoint or "other", status = status, times = 1,
      seconds = event.seconds }
  end
end

-- A sandbox (if any) and a client. The only place that waits, before the first frame.
local function connect(settings)
  local err
  -- A wait in a task yields with the default, "auto", too. With "coroutine" one that is outside
  -- of any raises, where it would freeze the window.
  local options = { host = "coroutine", on_event = on_event }
  if not settings.live then
    settings.sandbox, err = pomex.sandbox.start {
      asset_seconds = tonumber(os.getenv "POMEX_LOVE_SECONDS") or 3,
      generation_seconds = tonumber(os.getenv "POMEX_LOVE_SECONDS") or 8 }
    if not settings.sandbox then return nil, err end
    settings.token = settings.sandbox.token
    options = settings.sandbox:client_options(options)
  end
  return pomex.new(options)
end

local function begin()
  local mine, who = saved.hold(game.settings.folder)
  game.err = not mine and { type = "held", message = ("The game runs already, as %s, and has %s. "
    .. "Go on in its window, or close that one and try again here. Nothing was ordered here.")
    :format(who, game.settings.folder) } or nil
  if game.err then return end
  game.client, game.err = connect(game.settings)
  if game.client then
    game.host = game.client:base_url():match "^%a+://([^/]+)"
    game.job = flow.new(game.client, game.settings)
    game.client:spawn(game.job.run, game.job)
  end
end

-- What the terminal says: where everything is that the window does not show.
local function say_where()
  local sandbox = game.settings.sandbox
  if game.err and game.err.type == "held" then
    print("  " .. game.err.message)
  elseif sandbox then
    print("  The sandbox plays the service: no real faces, nothing is billed.")
    print("  Its page shows every request: " .. sandbox.url .. "/")
  elseif game.settings.live then
    print(("  LIVE, at %s: every video is billed to the account of $POMEX_API_KEY."):format(
      game.host or "no service"))
  end
  print("  Videos go to " .. game.settings.folder)
  print "  Closing the window ends everything. A line follows here for each call that fails."
end

function love.load(arguments)
  io.stdout:setvbuf "line"
  game.settings = read_arguments(arguments)
  game.again = begin
  love.keyboard.setKeyRepeat(true)
  begin()
  say_where()
  ui.fit()
  ui.load()
  view.load(game)
  local script = os.getenv "POMEX_LOVE_SCRIPT"
  game.script = script and coroutine.wrap(assert(loadfile(script)))
  game.next_frame = love.timer.getTime()
end

-- Where no display paces us, we do.
local function pace()
  local now = love.timer.getTime()
  if now < game.next_frame then love.timer.sleep(game.next_frame - now) end
  game.next_frame = math.max(game.next_frame + FRAME, now - FRAME)
end

function love.update(dt)
  pace()
  if game.client then
    local begun = love.timer.getTime()
    game.client:step(STEP_BUDGET)
    game.meter:add(dt, love.timer.getTime() - begun)
  end
  view.update(dt)
  if game.script then game.script(game) end
  if game.leaving and not game.job.paying then love.event.quit() end
end

function love.draw()
  ui.begin()
  controls.begin()
  view.draw()
  controls.finish()
  ui.finish()
end

function love.focus()
  pen.forget()
  controls.let_go()
end

function love.keypressed(key, _, again)
  controls.key(key, again)
end

function love.keyreleased(key)
  controls.released(key)
end

function love.textinput(text)
  controls.typed(text)
end

function love.mousepressed(x, y, button)
  if button == 1 then controls.click(x, y) end
end

function love.quit()
  -- The answer to a request that is paid for is worth a moment. Asked twice, we go.
  if game.job and game.job.paying and not game.leaving then
    game.leaving = true
    return true
  end
  if game.job then game.job:stop() end
  if game.settings.sandbox then game.settings.sandbox:stop() end
end
