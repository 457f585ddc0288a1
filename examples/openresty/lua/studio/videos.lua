--- The videos of a user.

local cjson = require "cjson"
local app = require "studio.app"
local live = require "studio.live"
local queue = require "studio.queue"

local videos = {}

local PAGE = 60
local KNOWN = 15   -- the newest durations that a guess is made of

-- A row with what its body says.
local function whole(video)
  local body = video and cjson.decode(video.content)
  if body then
    video.duration, video.ratio = body.duration and tostring(body.duration), body.ratio
  end
  return queue.now(video)
end

-- How long a video of that model will take, in words.
local function takes(model)
  local known = app.db():rows([[select seconds from (select seconds from took where model = ?
    order by id desc limit ]] .. KNOWN .. ") order by seconds", model)
  if #known == 0 then return "This takes some minutes." end
  local minutes = math.ceil(known[math.ceil(#known / 2)].seconds / 60)
  return ("This takes about %d minute%s."):format(minutes, minutes == 1 and "" or "s")
end

---@param user_id string
---@param fields { prompt: string, model: string, content: string, once: string }
---@return table video the one that this form made before, where it was sent twice
function videos.create(user_id, fields)
  app.db():run([[insert into videos (id, user_id, prompt, model, content, once, created)
    values (?, ?, ?, ?, ?, ?, ?)]], app.random_id(), user_id, fields.prompt, fields.model,
    fields.content, fields.once, ngx.time())
  live.touch(user_id)
  local video = videos.of_form(user_id, fields.once)
  queue.add("video", video)
  return video
end

---@return table|nil video that this form has made
function videos.of_form(user_id, once)
  return app.db():row("select * from videos where user_id = ? and once = ?", user_id, once)
end

---@return table|nil video
function videos.get(user_id, id)
  local video = whole(app.db():row("select * from videos where user_id = ? and id = ?", user_id,
    id))
  if video then video.takes = takes(video.model) end
  return video
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
  for _, video in ipairs(list) do queue.now(video) end
  return list, more
end

---@return integer count of those that are not over
function videos.at_work(user_id)
  return app.db():row("select count(*) as n from videos where user_id = ? and stage = 'new'",
    user_id).n
end

return videos
