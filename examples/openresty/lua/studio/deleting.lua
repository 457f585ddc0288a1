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

-- The videos of that user which show the picture of an asset. NULL shows nobody.
local SHOWS = "select * from videos where user_id = ? and instr(content, '/' || ? || '\"')"

---Takes a portrait out of the gallery, whose picture is shown here no more, nor put into a video.
---@param portrait table
---@return boolean done false: it is at work, or a video that shows it is
function deleting.portrait(portrait)
  local db = app.db()
  if portrait.stage == "new" or portrait.stage == "processing" then return false end
  for _, video in ipairs(portrait.asset_id and db:rows(SHOWS, portrait.user_id,
    portrait.asset_id) or {}) do
    if video.stage == "new" then return false end
  end
  if not queue.forget(portrait) then return false end
  if portrait.asset_id then
    db:run("insert into removed (asset_id, person_id) values (?, ?)", portrait.asset_id,
      portrait.person_id)
  end
  db:run("delete from portraits where id = ?", portrait.id)
  ngx.shared.live:delete("link:" .. portrait.id)
  live.touch(portrait.user_id)
  return true
end

---Whether a video shows somebody's portrait that was removed since: it is not asked for again.
---@param video table
---@return boolean
function deleting.is_of_removed(video)
  return app.db():row([[select 1 from removed where instr(?, '/' || asset_id || '"')]],
    video.content) ~= nil
end

-- The videos that show one of the person's portraits, also of one that was removed.
local function videos_of(person)
  return app.db():rows([[select * from videos v where user_id = ?1 and exists (select 1
    from (select asset_id from portraits where person_id = ?2
      union all select asset_id from removed where person_id = ?2)
    where instr(v.content, '/' || asset_id || '"'))]],
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
  for _, name in ipairs { "portraits", "removed", "verifications" } do
    db:run("delete from " .. name .. " where person_id = ?", person.id)
  end
  db:run("delete from people where id = ?", person.id)
  live.touch(person.user_id)
  return true
end

return deleting
