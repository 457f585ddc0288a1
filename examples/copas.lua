-- In a program on copas: waits sleep in its select(), and its other threads go on.
-- Run as: luajit copas.lua, with the lines exported that pomex-sandbox prints at its start;
-- with $POMEX_API_KEY alone it asks the real service.
local copas = require "copas"
local pomex = require "pomex"

local client = pomex.check(pomex.new { host = "copas" })   -- it has to be named
local ticks, results = 0, nil

copas.addthread(function()
  results = client:map({ "left", "front", "right" }, function(name)   -- a thread for each
    return client.assets:create_and_wait { asset_type = "Image", name = name,
      url = "https://cdn.example/" .. name .. ".jpg", group_id = pomex.VIRTUAL }
  end)
end)

repeat                   -- a server says copas.loop()
  copas.step(0.01)
  ticks = ticks + 1
until results

for _, result in ipairs(results) do
  local asset = pomex.check(result[1], result[2])
  print(asset.name .. " is " .. asset.status)
end
print(("ticked %d times meanwhile"):format(ticks))
client:close()
