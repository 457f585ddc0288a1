-- What thirty_lines.lua does, with pomex: lua pomex_lines.lua GROUP_ID OUTPUT.mp4
local pomex = require "pomex"
local check = pomex.check
local seconds = tonumber(os.getenv "REQUEST_TIMEOUT" or 30)
local client = check(pomex.new {   -- the key is in $POMEX_API_KEY, the address in $POMEX_BASE_URL
  request_timeout = seconds, budget = 3 * seconds,
  poll = { asset = { first = 0.5 }, generation = { first = 0.5 } },
})

local asset = check(client.assets:create_and_wait { url = "https://cdn.example/portrait.jpg",
  asset_type = "Image", group_id = arg[1] })
check(client.generations:create_and_wait({ model = "byteplus/seedance-2.0-fast",
  content = pomex.content():text("The person in {rachel} waves."):image(asset, "rachel") },
  { save = arg[2] }))
