--- The videos of a user.

local app = require "studio.app"
local live = require "studio.live"

local videos = {}

local PAGE = 60

local AT_WORK = "('new', 'sending', 'queued', 'running', 'saving')"

---@param user_id string
---@param fields { prompt: string, model: string, content: string, once: string }
---@return table video the one that this form made before, where it was sent twice
function videos.create(user_id, fields)
  app.db():run([[insert into videos (id, user_id, prompt, model, content, once, created)
    values (?, ?, ?, ?, ?, ?, ?)]], app.random_id(), user_id, fields.prompt, fields.model,
    fields.content, fields.once, ngx.time())
  live.touch(user_id)
  return videos.of_form(user_id, fields.once)
end

---@return table|nil video that this form has made
function videos.of_form(user_id, once)
  return app.db():row("select * from videos where user_id = ? and once = ?", user_id, once)
end

---@return table|nil video
function videos.get(user_id, id)
  return app.db():row("select * from videos where user_id = ? and id = ?", user_id, id)
end

---@param user_id string
---@param before? string id of a video: those that are older
---@return table[] videos the newest first, PAGE at most
---@return boolean more whether there are older ones
function videos.list(user_id, before)
  local list = app.db():rows([[select * from videos where user_id = ? and rowid <
    coalesce((select rowid from videos where id = ?), 9e18) order by rowid desc limit ]]
    .. PAGE + 1, user_id, before)
  local more = #list > PAGE
  list[PAGE + 1] = nil
  return list, more
end

---@return integer count of those that are not over
function videos.at_work(user_id)
  return app.db():row("select count(*) as n from videos where user_id = ? and stuck = 0 "
    .. "and stage in " .. AT_WORK, user_id).n
end

---Whether this call may send it: true once, whoever asks, and on disk when it returns.
---@return boolean
function videos.claim(video)
  local claimed = app.db():run("update videos set stage = 'sending' where id = ? and "
    .. "stage = 'new'", video.id) == 1
  live.touch(video.user_id)
  return claimed
end

---@param video table
---@param fields table
function videos.update(video, fields)
  app.db():update("videos", video.id, fields)
  live.touch(video.user_id)
end

---@return string path of its file, which is there when the stage is "ready"
function videos.path(video)
  return app.state .. "/videos/" .. video.id .. ".mp4"
end

---How far its download is, for whoever looks: not worth a write to the disk.
---@param done number bytes
---@param total number|nil
function videos.progress(video, done, total)
  if not total or total == 0 then return end
  local percent = math.floor(done * 100 / total)
  if ngx.shared.live:get("saved:" .. video.id) == percent then return end
  ngx.shared.live:set("saved:" .. video.id, percent, 3600)
  live.touch(video.user_id)
end

---@return integer|nil percent
function videos.saved(video)
  return ngx.shared.live:get("saved:" .. video.id)
end

return videos
