-- In a program on cqueues: waits sleep in its controller, and its other threads go on.
-- Run as: lua5.4 cqueues.lua, with the lines exported that pomex-sandbox prints at its start;
-- with $POMEX_API_KEY alone it asks the real service.
local cqueues = require "cqueues"
local pomex = require "pomex"

local client = pomex.check(pomex.new())   -- "auto" finds the controller that runs
local controller = cqueues.new()
local ticks, busy = 0, 3

controller:wrap(function()
  while busy > 0 do
    cqueues.sleep(0.01)
    ticks = ticks + 1
  end
end)

for _, name in ipairs { "left", "front", "right" } do
  controller:wrap(function()
    local asset = pomex.check(client.assets:create_and_wait { asset_type = "Image", name = name,
      url = "https://cdn.example/" .. name .. ".jpg", group_id = pomex.VIRTUAL })
    print(asset.name .. " is " .. asset.status)
    busy = busy - 1
  end)
end

assert(controller:loop())   -- returns by itself: an idle client holds no loop
print(("ticked %d times meanwhile"):format(ticks))
client:close()
