--- Deletes what is somebody's: rows, files, and what the store of jobs holds of them. The service
--- has no way to delete: what it was given stays there.
---
--- The job goes first. Where a crash comes in between, its row is left, and can be deleted again.

local app = require "studio.app"
local live = require "studio.live"
local queue = require "studio.queue"

local deleting = {}

---@param video table
---@return boolean done false: it is still being made
function deleting.video(video)
  if not queue.forget(video) then return false end
  os.remove(("%s/videos/%s.mp4"):format(app.state, video.id))
  app.db():run("delete from videos where id = ?", video.id)
  live.touch(video.user_id)
  return true
end

---Takes a picture that was refused, or set aside, out of the gallery.
---@param portrait table
---@return boolean done false: it is at work, or prompts can name it
function deleting.portrait(portrait)
  local useless = portrait.stage == "failed" or portrait.stage == "stuck"
  if not useless or not queue.forget(portrait) then return false end
  app.db():run("delete from portraits where id = ?", portrait.id)
  live.touch(portrait.user_id)
  return true
end

-- The videos that show one of the person's portraits.
local function videos_of(person)
  return app.db():rows([[select * from videos v where user_id = ? and exists (select 1
    from portraits where person_id = ? and instr(v.content, '/' || asset_id || '"'))]],
    person.user_id, person.id)
end

---Deletes a person, with the portraits of them and the videos that show them.
---@param person table
---@return boolean done false: something of them is still being made
function deleting.person(person)
  local db = app.db()
  local videos = videos_of(person)
  local portraits = db:rows("select * from portraits where person_id = ?", person.id)
  for _, list in ipairs { videos, portraits } do
    for _, row in ipairs(list) do
      if row.stage == "new" then return false end
    end
  end
  for _, video in ipairs(videos) do
    if not deleting.video(video) then return false end
  end
  for _, portrait in ipairs(portraits) do
    if not queue.forget(portrait) then return false end
    ngx.shared.live:delete("link:" .. portrait.id)
  end
  for _, name in ipairs { "portraits", "verifications" } do
    db:run("delete from " .. name .. " where person_id = ?", person.id)
  end
  db:run("delete from people where id = ?", person.id)
  live.touch(person.user_id)
  return true
end

return deleting
