--- A person: first the QR code of the face scan, and once they are verified, the gallery.

local app = require "studio.app"
local deleting = require "studio.deleting"
local errors_text = require "studio.errors_text"
local forms = require "studio.forms"
local home = require "studio.pages.home"
local html = require "studio.html"
local live = require "studio.live"
local log = require "studio.log"
local page = require "studio.views.page"
local people = require "studio.people"
local people_view = require "studio.views.people"
local pomex = require "pomex"
local portraits = require "studio.portraits"
local portraits_view = require "studio.views.portraits"
local queue = require "studio.queue"

local h = html.template
local pages = {}

local SYNC_EVERY = 10   -- seconds

---Who a callback must be about: the user, and this one verification.
---@param user_id string
---@param verification_id string
---@return string
function pages.subject(user_id, verification_id)
  return user_id .. "/" .. verification_id
end

local function begin_verification(user, person, once)
  local verification, fresh = people.new_verification(person.id, once)
  if not fresh then return end
  verification.user_id = user.id
  local url = pomex.check(app.callback:url(app.url .. "/verified/" .. verification.id .. "/",
    { subject = pages.subject(user.id, verification.id) }))
  local session, err = app.client.sessions:create({ callback_url = url, lang = "en" },
    { timeout = 20 })
  if not session then log.failed("code for person " .. person.id, err) end
  people.update_verification(verification, session and { h5_link = session.h5_link }
    or { note = errors_text.session(err) })
end

function pages.create(request)
  local form, user = request.form, request.user
  local once, fault = forms.once(form), forms.bad_name(form.name, "a name")
  if not once then return page.problem(400, request) end
  if fault then
    return home.studio(user, { status = 422,
      person = { name = form.name, fault = fault, once = once } })
  end
  local person = people.create(user.id, form.name, once)
  begin_verification(user, person, once)
  page.go("/people/" .. person.id)
end

function pages.verify(request)
  local person = people.get(request.user.id, request.id)
  local once = forms.once(request.form)
  if not person or not once then return page.problem(person and 400 or 404, request) end
  if not person.group_id then begin_verification(request.user, person, once) end
  page.go("/people/" .. person.id)
end

local GALLERY = [[<p class="crumb"><a href="/">Studio</a></p>
<header class="head">{face}<div><h1>{name}</h1><p class="pill good">Verified</p></div></header>
<div class="person"><section aria-label="Portraits"><ul class="gallery" id="portraits">{cards}</ul>
<p class="blank">No portraits yet. The first one gives {name} a face here.</p>
<p class="next"><a class="button" href="/">Write a prompt</a></p></section>{form}</div>{delete}]]

local function delete_form(person)
  return page.sure("/people/" .. person.id .. "/delete", "Delete " .. person.name,
    "Their portraits go, the videos that show them, and what was asked for. What the service was "
    .. "given stays there: it deletes nothing.", "Delete for good")
end

-- The regions of the gallery, and the one of the face at its head.
local function cards(person)
  local regions, face = {}, nil
  for i, portrait in ipairs(portraits.of(person.id)) do
    regions[i] = portraits_view.card(portrait)
    if portrait.stage == "active" then face = portrait.id end
  end
  return regions, { id = "face", tag = "span", body = people_view.face(person.name, face) }
end

---The gallery, with what its form said where something was wrong.
---@param user table
---@param person table
---@param given { status?: integer, form?: table }
function pages.gallery(user, person, given)
  local elements, face = cards(person)
  for i, region in ipairs(elements) do elements[i] = live.element(region) end
  local form = given.form or {}
  form.name = form.name or portraits.free_name(user.id, person.name)
  page.show { title = person.name, user = user, status = given.status,
    events = "/people/" .. person.id .. "/events",
    body = h(GALLERY, { name = person.name, cards = elements,
      face = live.element(face), form = portraits_view.form(person, form),
      delete = delete_form(person) }) }
end

function pages.show(request)
  local person = people.get(request.user.id, request.id)
  if not person then return page.problem(404, request) end
  if person.group_id then return pages.gallery(request.user, person, {}) end
  local verification = people.latest_verification(person.id)
  page.show { title = "Verify " .. person.name, user = request.user,
    events = "/people/" .. person.id .. "/events?page=verification",
    body = h([[<p class="crumb"><a href="/">Studio</a></p>{region}{delete}]],
      { region = live.element(people_view.verification(person, verification)),
        delete = delete_form(person) }) }
end

function pages.delete(request)
  local person = people.get(request.user.id, request.id)
  if not person then return page.problem(404, request) end
  if not deleting.person(person) then return page.problem(409, request) end
  page.go "/"
end

-- What was uploaded elsewhere, or became of what we lost sight of.
local function sync(person)
  if not ngx.shared.live:add("synced:" .. person.id, true, SYNC_EVERY) then return end
  local ok, err = portraits.sync(person)
  if not ok then log.failed("the list of person " .. person.id, err) end
end

function pages.events(request)
  local user = request.user
  local person = people.get(user.id, request.id)
  if not person then return page.problem(404, request) end
  if ngx.var.arg_page == "verification" then
    return live.stream(user.id, function()
      local now = people.get(user.id, person.id)
      return now and { people_view.verification(now, people.latest_verification(now.id)) }
    end)
  end
  ngx.thread.spawn(sync, person)
  live.stream(user.id, function()
    queue.catch_up(user.id)
    local regions, face = cards(person)
    regions[#regions + 1] = face
    return regions
  end)
end

return pages
