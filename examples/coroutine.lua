-- A loop of your own, as a game has it: step() once a frame, and nothing ever blocks a frame.
-- Run as: lua5.4 coroutine.lua, with the lines exported that pomex-sandbox prints at its start;
-- with $POMEX_API_KEY alone it asks the real service.
local pomex = require "pomex"
local socket = require "socket"   -- for a clock that sleeps; a game has its own

local client = pomex.check(pomex.new { host = "coroutine" })

for _, name in ipairs { "left", "front", "right" } do
  client:spawn(function()
    local asset = pomex.check(client.assets:create_and_wait { asset_type = "Image", name = name,
      url = "https://cdn.example/" .. name .. ".jpg", group_id = pomex.VIRTUAL })
    print(asset.name .. " is " .. asset.status)
  end)
end

local frames = 0
repeat
  local left = client:step(0.004)   -- 4 ms of this frame at most; raises what a task raised
  frames = frames + 1               -- … update, draw …
  socket.sleep(0.016)
until left == 0
print(("drew %d frames meanwhile"):format(frames))
client:close()
