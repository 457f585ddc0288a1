-- LÖVE reads this before it opens the window.
function love.conf(t)
  t.identity = "pomex-love"
  t.version = "11.4"
  t.window.title = "pomex: from a face to a video"
  t.window.width, t.window.height = 1120, 720
  t.window.minwidth, t.window.minheight = 720, 600   -- smaller, its type could not be read
  t.window.resizable, t.window.highdpi = true, true
  for _, name in ipairs { "audio", "joystick", "physics", "sound", "touch", "video" } do
    t.modules[name] = false
  end
end
