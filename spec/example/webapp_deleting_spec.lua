-- The web app of examples/openresty forgets what is deleted.
--
-- #once #example

local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"
local studio_bed = require "spec.support.studio_bed"

describe("the web app that deletes #once #example", function()
  local bed = studio_bed()
  local sb, app, owner, person, group

  setup(function()
    sb, app, owner, person, group = bed.sb, bed.app, bed.owner, bed.person, bed.group
  end)

  it("what is still being made is not deleted", function()
    sb:control("POST", "config", { generation_seconds = 300 })
    local video = owner:film "{rachel} waits."
    owner:await(video, 'data%-stage="queued"')
    assert.is_nil(owner:get(video).body:find("Delete for good", 1, true))
    for _, place in ipairs { video, person } do
      assert.equal(409, owner:post(place .. "/delete", {}).status)
      assert.equal(200, owner:get(place).status)
    end
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(video, "Delete for good")
    assert.equal(303, owner:post(video .. "/delete", {}).status)
    assert.equal(404, owner:get(video).status)
    assert.equal(200, owner:get(person).status)
  end)

  it("a picture that was refused is tried again, or removed for good", function()
    local once = owner:once(person, person .. "/portraits")
    owner:post(person .. "/portraits", { name = "nobody", once = once,
      url = "https://cdn.example/no-face.jpg" })
    local page = owner:await(person, 'data%-stage="failed"')
    local portrait = assert(page:match 'action="(/portraits/%x+)/resume"')
    local function uploads()
      return #sb:control("GET", "journal?endpoint=assets.create").requests
    end
    local before = uploads()
    assert.equal(303, owner:post(portrait .. "/resume", {}).status)
    app:await("the second upload", function() return uploads() == before + 1 end)
    owner:await(person, 'data%-stage="failed"')
    assert.equal(303, owner:post(portrait .. "/delete", {}).status)
    assert.is_nil(owner:get(person).body:find("{nobody}", 1, true))
    -- The service lists it for ever.
    app:await("a look at the service's list", function()
      owner:ask(person .. "/events", { "--max-time", "1" })
      return #sb:control("GET", "journal?endpoint=assets.list").requests > 0
    end)
    owner:ask(person .. "/events", { "--max-time", "1" })
    assert.is_nil(owner:get(person).body:find('data-stage="failed"', 1, true))
    bed.complained("billed: no; portrait %x+, failed: asset_failed", 2)
  end)

  it("a face is removed at a wish, and the service's list does not bring it back", function()
    owner:upload(person, "leaving")
    local newest = owner:await(person, "{leaving}"):match 'id="portrait%-(%x+)"'
    local place = "/portraits/" .. newest
    local page = owner:await(person, 'action="' .. place .. '/delete"')
    assert.is_truthy(page:find("The service keeps what it was given", 1, true))
    -- Not under a video that is being made.
    sb:control("POST", "config", { generation_seconds = 300 })
    local video = owner:film "{leaving} waits [fail]."
    owner:await(video, 'data%-stage="queued"')
    assert.equal(409, owner:post(place .. "/delete", {}).status)
    sb:control("POST", "config", { generation_seconds = 2 })
    sb:control("POST", "clock", { advance = 300 })
    owner:await(video, 'data%-stage="failed"')
    assert.equal(302, owner:get(place .. "/picture").status)
    assert.equal(303, owner:post(place .. "/delete", {}).status)
    assert.equal(404, owner:get(place .. "/picture").status)
    -- The service lists it for ever.
    sb:control("DELETE", "journal")
    app:await("a look at the service's list", function()
      owner:ask(person .. "/events", { "--max-time", "1" })
      return #sb:control("GET", "journal?endpoint=assets.list").requests > 0
    end)
    owner:ask(person .. "/events", { "--max-time", "1" })
    assert.is_nil(owner:get(person).body:find("{leaving", 1, true))
    -- Nor is it asked for in a video any more.
    assert.equal(410, owner:post(video .. "/resume", {}).status)
    assert.equal(422, owner:post("/videos", owner:video_form "{leaving} waves.").status)
    bed.complained("billed: maybe; video %x+, failed: generation_failed", 1)
  end)

  it("who deletes a person is rid of portraits, videos, and what was asked for", function()
    local link = "https://cdn.example/rachel.jpg"
    local video = owner:film "{rachel} waves a flag."
    owner:await(video, "id=\"player\"")
    -- What a folder holds, with the logs of the databases written back into them.
    local function held()
      return shell.bash(([[cd %s && luajit -e 'package.path = "%s/examples/openresty/lua/?.lua"
        require("studio.db").open("studio.db"):exec "pragma wal_checkpoint(truncate)"' &&
        ls videos && cat studio.db]]):format(app.folder, nginx.root))
    end
    local file = video:match "%x+$" .. ".mp4"
    for _, words in ipairs { group, "waves a flag", link, file } do
      assert.is_truthy(held():find(words, 1, true), words)
    end
    local other = owner:film "{rachel} waits."
    owner:await(other, "id=\"player\"")
    assert.equal(303, owner:post(video .. "/delete", {}).status)
    assert.equal(404, owner:get(video).status)
    assert.is_nil(held():find(file, 1, true))
    assert.equal(303, owner:post(person .. "/delete", {}).status)
    for _, place in ipairs { person, other, other .. "/file" } do
      assert.equal(404, owner:get(place).status, place)
    end
    assert.is_truthy(owner:get("/").body:find("Welcome", 1, true))
    for _, words in ipairs { group, "waves a flag", link, other:match "%x+$" } do
      assert.is_nil(held():find(words, 1, true), words)
    end
    -- Nor does a backup of the store of jobs hold it.
    local jobs = shell.bash(([[cd %s && luajit -e 'package.path = "%s/lua/?.lua;%s/lua/?/init.lua"
      package.cpath = "%s/lib/?.so;" .. package.cpath
      local pomex = require "pomex"
      local jobs = pomex.check(pomex.jobs.open(pomex.new { api_key = "sk-none" }, "jobs.db"))
      pomex.check(jobs:backup "copy.db")
      jobs:close()' && cat copy.db && rm copy.db]]):format(app.folder, nginx.root, nginx.root,
      nginx.build))
    assert.is_truthy(jobs:find("(forgotten ", 1, true), jobs:sub(1, 200))
    for _, words in ipairs { group, "waves a flag", link } do
      assert.is_nil(jobs:find(words, 1, true), words)
    end
  end)
end)
