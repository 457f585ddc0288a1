--- A loop of its own that runs a queue of uploads, and prints how many are done:
---     lua5.4 spec/support/jobs_slow_child.lua URL KEY GROUP FOLDER

local pomex = require "pomex"

local client = assert(pomex.new { base_url = arg[1], api_key = arg[2], host = "coroutine",
  rate_limits = false, poll = { asset = { first = 1 / 50, max = 1 / 20 } } })
local jobs = assert(pomex.jobs.open(client, arg[4] .. "/jobs.db",
  { file_system = "any", log = function() end }))

local counts
client:spawn(function()
  local list = {}
  for i = 1, 20 do
    list[i] = { key = "p" .. i, portrait = { url = "https://cdn.example/a.png",
      asset_type = "Image", group_id = arg[3] } }
  end
  assert(jobs:add(list))
  counts = assert(jobs:run { concurrency = 5 })
end)

while not counts do
  client.loop.handle:poll(1)
  client:step()
end
print(counts.done)
jobs:close()
