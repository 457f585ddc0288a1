--- The portraits of a user's people: what was uploaded from here, and what the service lists.

local app = require "studio.app"
local live = require "studio.live"
local queue = require "studio.queue"

local portraits = {}

---@param person table
---@param fields { name: string, url: string, once: string }
---@return boolean created false: this form made one before, or the name is taken
function portraits.create(person, fields)
  local id = app.random_id()
  local created = app.db():run([[insert into portraits
    (id, user_id, person_id, name, url, once, created) values (?, ?, ?, ?, ?, ?, ?)]],
    id, person.user_id, person.id, fields.name, fields.url, fields.once, ngx.time()) == 1
  live.touch(person.user_id)
  if created then queue.add("portrait", portraits.get(person.user_id, id)) end
  return created
end

---@return table[] portraits the newest first
function portraits.of(person_id)
  local list = app.db():rows([[select * from portraits where person_id = ?
    order by created desc, rowid desc]], person_id)
  for _, portrait in ipairs(list) do queue.now(portrait) end
  return list
end

---@return table|nil portrait
function portraits.get(user_id, id)
  return app.db():row("select * from portraits where user_id = ? and id = ?", user_id, id)
end

---@return table|nil portrait of that name, whosever it is of the user's people
function portraits.named(user_id, name)
  return app.db():row([[select * from portraits where user_id = ? and name = ?
    and stage <> 'failed']], user_id, name)
end

---@return table[] portraits that a prompt can name
function portraits.usable(user_id)
  return app.db():rows([[select * from portraits where user_id = ? and stage = 'active'
    order by created, rowid]], user_id)
end

---A name that none of the user's portraits has: "rachel", "rachel-2", …
---@param user_id string
---@param wish string
---@return string
function portraits.free_name(user_id, wish)
  local plain = wish:lower():gsub("[{}%c]", ""):gsub("%s+", "-")
  local characters = {}
  for character in plain:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    if #characters < 30 then characters[#characters + 1] = character end
  end
  local base = #characters > 0 and table.concat(characters) or "portrait"
  local name, number = base, 1
  while portraits.named(user_id, name) do
    number = number + 1
    name = base .. "-" .. number
  end
  return name
end

-- pomex.jobs ends the name of each upload in 32 digits of its own.
local UPLOAD = "^(.*)%-" .. ("%x"):rep(32) .. "$"

local function text_or_nil(value)
  return type(value) == "string" and value or nil
end

-- One asset of the service's list.
local function adopt(person, asset)
  local db = app.db()
  local known = db:row("select * from portraits where asset_id = ?", asset.id)
  local note = type(asset.error) == "table" and text_or_nil(asset.error.message) or ""
  if known then
    return known.stage ~= asset.status
      and db:update("portraits", known.id, { stage = asset.status, note = note }) > 0
  end
  -- The service lists for ever what it refused, and what was removed here.
  if asset.status == "failed" or db:row("select 1 from removed where asset_id = ?", asset.id) then
    return false
  end
  local name = text_or_nil(asset.name)
  local uploaded = name and name:match(UPLOAD)
  -- Which asset an upload of ours is, its job will say.
  if uploaded and db:row([[select 1 from portraits where person_id = ? and name = ?
    and asset_id is null]], person.id, uploaded) then return false end
  return db:run([[insert into portraits
    (id, user_id, person_id, name, url, asset_id, stage, note, once, created)
    values (?, ?, ?, ?, '', ?, ?, ?, ?, ?)]], app.random_id(), person.user_id, person.id,
    portraits.free_name(person.user_id, uploaded or name or person.name), asset.id,
    asset.status, note, app.random_id(), ngx.time()) > 0
end

local STAGES = { active = true, processing = true, failed = true }

-- Whether the gallery can show it. The service's answers are its own: any field can be anything.
local function is_portrait(asset)
  return type(asset) == "table" and type(asset.id) == "string" and asset.asset_type == "Image"
    and STAGES[asset.status]
end

---Takes over what the service lists for a person's group; the service is right.
---@param person table
---@return boolean|nil
---@return pomex.Error? err
function portraits.sync(person)
  -- Without a group the service lists its Virtual group: the operator's, and no person's.
  if not person.group_id then return true end
  local page, changed = 1, false
  repeat
    local listed, err = app.client.assets:list { group_id = person.group_id, page = page,
      limit = 100, sort_by = "create_time", sort_order = "asc" }
    if not listed then return nil, err end
    local items = type(listed.items) == "table" and listed.items or {}
    for _, asset in ipairs(items) do
      if is_portrait(asset) then changed = adopt(person, asset) or changed end
    end
    page = page + 1
  until #items < 100 or page > 20
  if changed then live.touch(person.user_id) end
  return true
end

return portraits
