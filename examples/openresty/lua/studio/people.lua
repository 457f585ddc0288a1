--- The people of a user, and their verifications.

local app = require "studio.app"
local live = require "studio.live"

local people = { CODE_SECONDS = 1800 }

---@param user_id string
---@param name string
---@param once string the form's token
---@return table person the one that this form made before, where it was sent twice
function people.create(user_id, name, once)
  app.db():run("insert into people (id, user_id, name, once, created) values (?, ?, ?, ?, ?)",
    app.random_id(), user_id, name, once, ngx.time())
  live.touch(user_id)
  return app.db():row("select * from people where user_id = ? and once = ?", user_id, once)
end

---@return table|nil person
function people.get(user_id, id)
  return app.db():row("select * from people where user_id = ? and id = ?", user_id, id)
end

---@return table[] people with the id of an active portrait (`face`) and how many there are
function people.list(user_id)
  return app.db():rows([[
    select p.*,
      (select count(*) from portraits where person_id = p.id and stage = 'active') as portraits,
      (select id from portraits where person_id = p.id and stage = 'active'
       order by created, rowid limit 1) as face,
      (select stage from verifications where person_id = p.id
       order by created desc, rowid desc limit 1) as scan,
      (select created from verifications where person_id = p.id
       order by created desc, rowid desc limit 1) as scan_created
    from people p where user_id = ? order by created desc, rowid desc]], user_id)
end

---A verification that is yet to get its link.
---@return table verification
---@return boolean fresh whether it was made by this call
function people.new_verification(person_id, once)
  local fresh = app.db():run([[insert into verifications (id, person_id, once, created)
    values (?, ?, ?, ?)]], app.random_id(), person_id, once, ngx.time()) == 1
  return app.db():row("select * from verifications where person_id = ? and once = ?",
    person_id, once), fresh
end

---@return table verification the newest. Where a crash came between a person and their first one,
---  one without a link, in whose place a new one can be asked for
function people.latest_verification(person_id)
  return app.db():row([[select * from verifications where person_id = ?
    order by created desc, rowid desc limit 1]], person_id)
    or { id = person_id, person_id = person_id, stage = "pending", h5_link = "", note = "" }
end

---Whether a code is older than the service lets it live ("about 30 minutes").
---@param created integer seconds since 1970
---@return boolean
function people.is_old(created)
  return ngx.time() >= created + people.CODE_SECONDS
end

---For the callback, which comes without our cookie: whose it is says the verification itself.
---@return table|nil verification with user_id, person (a name) and app_user (a name)
function people.verification(id)
  return app.db():row([[
    select v.*, p.user_id, p.name as person, u.name as app_user
    from verifications v join people p on p.id = v.person_id join users u on u.id = p.user_id
    where v.id = ?]], id)
end

---@param verification table
---@param fields table
function people.update_verification(verification, fields)
  app.db():update("verifications", verification.id, fields)
  if verification.user_id then live.touch(verification.user_id) end
end

---Binds a group to a person, for ever. One statement decides, whichever workers ask at once.
---@return boolean bound false: the group is another person's, or the person has another group
function people.bind(person_id, group_id)
  app.db():run("update people set group_id = ? where id = ? and group_id is null",
    group_id, person_id)
  local owner = app.db():row("select id from people where group_id = ?", group_id)
  return owner ~= nil and owner.id == person_id
end

return people
