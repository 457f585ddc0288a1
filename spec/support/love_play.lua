--- Plays examples/love from within, by the events that a keyboard would cause. The game resumes
--- the script of a spec once a frame; the script says `local play = …` of this file.

local folder = os.getenv "POMEX_LOVE_PLAY"

io.stdout:setvbuf "no"

-- The game's own screen for errors would wait for a human.
love.errorhandler = function(message)
  print(debug.traceback("FAILED " .. tostring(message), 2))
  return function() return 1 end
end

local ctrl = false
-- luacheck: push ignore 122
love.keyboard.isDown = function(name) return ctrl and name == "lctrl" end
-- No mouse pointer that happens to be over a button.
love.mouse.getX = function() return 0 end
love.mouse.getY = love.mouse.getX
-- luacheck: pop

local play = {}

function play.frame()
  coroutine.yield()
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

function play.paste(text)
  love.system.setClipboardText(text)
  ctrl = true
  play.press "v"
  ctrl = false
end

function play.type(text)
  for character in text:gmatch "." do love.event.push("textinput", character) end
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

function play.forever()
  while true do play.frame() end
end

---Ends the game as the window's button does.
function play.quit()
  love.event.quit()
  play.forever()
end

return play
