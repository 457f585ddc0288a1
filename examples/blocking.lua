-- A script: plain calls that block, and several portraits at once all the same.
-- Run as: lua5.4 blocking.lua, with the lines exported that pomex-sandbox prints at its start;
-- with $POMEX_API_KEY alone it asks the real service.
local pomex = require "pomex"

local client = pomex.check(pomex.new())   -- with no loop around it, "auto" blocks

-- Each in a task of its own: they are uploaded and waited for side by side.
local ticks = 0
local results = client:map({ "left", "front", "right" }, function(name)
  return client.assets:create_and_wait({ url = "https://cdn.example/" .. name .. ".jpg",
    asset_type = "Image", group_id = pomex.VIRTUAL, name = name },
    { on_update = function() ticks = ticks + 1 end })
end)

for _, result in ipairs(results) do
  local asset = pomex.check(result[1], result[2])
  print(asset.name .. " is " .. asset.status)
end
print(("looked %d times meanwhile"):format(ticks))
client:close()
