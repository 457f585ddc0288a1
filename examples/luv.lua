-- In a program on luv: waits yield their coroutine, and uv.run goes on with the rest.
-- Run as: lua5.4 luv.lua, with the lines exported that pomex-sandbox prints at its start;
-- with $POMEX_API_KEY alone it asks the real service.
local pomex = require "pomex"
local uv = require "luv"

local client = pomex.check(pomex.new { host = "luv" })
local ticks, busy = 0, 3

local ticker = uv.new_timer()
ticker:start(10, 10, function() ticks = ticks + 1 end)

for _, name in ipairs { "left", "front", "right" } do
  client:spawn(function()   -- luv knows no coroutines, so spawn starts one
    local asset = pomex.check(client.assets:create_and_wait { asset_type = "Image", name = name,
      url = "https://cdn.example/" .. name .. ".jpg", group_id = pomex.VIRTUAL })
    print(asset.name .. " is " .. asset.status)
    busy = busy - 1
    if busy == 0 then ticker:close() end
  end)
end

uv.run()   -- returns by itself: an idle client holds no loop
print(("ticked %d times meanwhile"):format(ticks))
client:close()
