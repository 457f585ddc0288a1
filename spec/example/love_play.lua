--- Plays examples/love from within, by the events that a keyboard would cause. The game resumes
--- the script of a spec once a frame; the script says `local play = …` of this file.

local ffi = require "ffi"

local folder = os.getenv "POMEX_LOVE_PLAY"

io.stdout:setvbuf "no"

-- The game's own screen for errors would wait for a human.
love.errorhandler = function(message)
  print(debug.traceback("FAILED " .. tostring(message), 2))
  return function() return 1 end
end

-- luacheck: push ignore 122
-- No mouse pointer that happens to be over a button.
love.mouse.getX = function() return 0 end
love.mouse.getY = love.mouse.getX
-- luacheck: pop

local play = {}

local ui = require "ui"
local said, write = {}, ui.write
function ui.write(text, ...)
  said[#said + 1] = text
  return write(text, ...)
end

function play.frame()
  said = {}
  coroutine.yield()
end

---Whether the latest frame has this text, in one or in several lines.
function play.shows(text)
  return table.concat(said):find(text, 1, true) ~= nil
end

---Waits until `ready()`, for at most ten seconds of frames.
function play.till(what, ready)
  for _ = 1, 600 do
    if ready() then return end
    play.frame()
  end
  error("never came: " .. what, 2)
end

function play.press(key)
  love.event.push("keypressed", key, key, false)
  play.frame()
  play.frame()
end

---All of it within one frame.
function play.press_ctrl(key)
  love.event.push("keypressed", "lctrl", "lctrl", false)
  love.event.push("keypressed", key, key, false)
  love.event.push("keyreleased", key, key)
  love.event.push("keyreleased", "lctrl", "lctrl")
  play.frame()
  play.frame()
end

function play.paste(text)
  love.system.setClipboardText(text)
  play.press_ctrl "v"
end

function play.type(text)
  local letter = "[%z\1-\127\194-\244][\128-\191]*"
  for character in text:gmatch(letter) do love.event.push("textinput", character) end
  play.frame()
  play.frame()
end

function play.say(name, value)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(tostring(value))
  file:close()
end

---A picture of the window as NAME.png, once it has settled.
function play.shot(name)
  for _ = 1, 40 do play.frame() end
  local done = false
  love.graphics.captureScreenshot(function(pixels)
    play.say(name .. ".png", pixels:encode("png"):getString())
    done = true
  end)
  play.till("the screenshot " .. name, function() return done end)
end

ffi.cdef "int getrusage(int who, long *usage);"
local THREAD, SWITCHES = 1, 16
local usage = ffi.new "long[18]"

---What this thread has had of the processor, and how often it gave it away to wait.
---@return number seconds
---@return number waits
local function used()
  assert(ffi.C.getrusage(THREAD, usage) == 0)
  return tonumber(usage[0] + usage[2]) + tonumber(usage[1] + usage[3]) / 1e6,
    tonumber(usage[SWITCHES])
end

---Measures the client's steps from now on, by what other programs have no part in.
---@param limit number seconds of the processor
---@return { count: integer, worst: number, over: integer, waited: integer } steps worst in seconds;
--- how many took more than the limit, how many waited for anything
function play.measure_steps(client, limit)
  local steps = { count = 0, worst = 0, over = 0, waited = 0 }
  local step = client.step
  function client.step(...)
    local seconds, waits = used()
    local pending = step(...)
    local seconds_after, waits_after = used()
    local took = seconds_after - seconds
    steps.count, steps.worst = steps.count + 1, math.max(steps.worst, took)
    if took > limit then steps.over = steps.over + 1 end
    if waits_after > waits then steps.waited = steps.waited + 1 end
    return pending
  end
  return steps
end

function play.forever()
  while true do play.frame() end
end

---Ends the game as the window's button does.
function play.quit()
  love.event.quit()
  play.forever()
end

return play
