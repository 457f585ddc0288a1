-- The whole flow, on a sandbox of its own: no person, no phone, no key, and nothing is billed.
-- Run as: lua5.4 examples/flow.lua, after the three exports of "After the quickstart" in README.md.
local pomex = require "pomex"
local check = pomex.check            -- raises where a call returned nil and an error
local sb = assert(require("pomex.sandbox").start { asset_seconds = 1, generation_seconds = 2 })
local client = check(pomex.new(sb:client_options()))   -- for the real service: pomex.new()

-- 1. A session. Its h5_link is for the person's phone, which comes back to your callback_url.
local session = check(client.sessions:create {
  callback_url = "https://app.example/callback", lang = "en" })

-- 2. The scan. Here sb:scan stands for the person, and returns where the phone is sent.
local address = assert(sb:scan(session.h5_link, "pass"))

-- 3. The person's group: keep its id. (A web app lets in signed addresses only: docs/callback.md)
local person = check(pomex.callback.parse_unverified(address))
print("verified", person.group_id)

-- 4. A portrait of that person, as soon as it is active.
local asset = check(client.assets:create_and_wait {
  url = "https://yourcdn.com/portrait.jpg", asset_type = "Image", group_id = person.group_id })
print(asset.status, asset.id)

-- 5. A video of that portrait, saved under a name of its own: one that is there is not replaced.
local task = check(client.generations:create_and_wait({
  model = "byteplus/seedance-2.0-fast",
  content = pomex.content():text "The person in {rachel} waves.":image(asset, "rachel"),
}, { save = os.date "flow-%Y%m%d-%H%M%S.mp4",
  on_created = function(task) print("made", task.id) end }))   -- billed from here on
print("saved", task.file.path, task.file.size)

print("would have been billed:", sb.ledger:count "verification", sb.ledger:count "generation")
client:close()
sb:stop()
