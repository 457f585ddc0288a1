--- Uploads, and the pictures of what was uploaded.

local app = require "studio.app"
local deleting = require "studio.deleting"
local forms = require "studio.forms"
local log = require "studio.log"
local page = require "studio.views.page"
local people = require "studio.people"
local pages_people = require "studio.pages.people"
local portraits = require "studio.portraits"
local queue = require "studio.queue"

local pages = {}

local LINK_SECONDS = 600   -- the service's links live for hours

function pages.create(request)
  local user, form = request.user, request.form
  local person = people.get(user.id, request.id)
  if not person then return page.problem(404, request) end
  local once = forms.once(form)
  if not once or not person.group_id then return page.problem(400, request) end
  local faults = { url = forms.bad_link(form.url), name = forms.bad_reference(form.name) }
  local created = not next(faults)
    and portraits.create(person, { name = form.name, url = form.url, once = once })
  if not next(faults) and not created then
    -- The same form again, or a name that is taken.
    local holder = portraits.named(user.id, form.name)
    if holder and holder.once ~= once then
      faults.name = "Another portrait has that name: a prompt could not tell them apart."
    end
  end
  if next(faults) then
    return pages_people.gallery(user, person, { status = 422, form = { name = form.name,
      url = form.url, faults = faults, once = once } })
  end
  page.go("/people/" .. person.id)
end

-- A signed link of the service. It is the way to a face: only memory holds it, and no log.
local function link_of(portrait)
  local key = "link:" .. portrait.id
  local link = ngx.shared.live:get(key)
  if link then return link end
  local asset, err = app.client.assets:get(portrait.asset_id, { timeout = 10 })
  if not asset then log.failed("picture of portrait " .. portrait.id, err) end
  link = asset and type(asset.url) == "string" and asset.url or nil
  if link then ngx.shared.live:set(key, link, LINK_SECONDS) end
  return link
end

---Sends the browser to the picture: the service's link, which only the owner is told.
function pages.picture(request)
  local portrait = portraits.get(request.user.id, request.id)
  if not portrait or portrait.stage ~= "active" then return page.problem(404, request) end
  local link = link_of(portrait)
  if not link then return page.problem(502, request) end
  ngx.status = 302
  ngx.header.location = link
  ngx.header.cache_control = "private, max-age=" .. LINK_SECONDS
  ngx.header.content_length = 0
end

---Goes on with an upload that was set aside, or tries one again that was refused.
function pages.resume(request)
  local portrait = portraits.get(request.user.id, request.id)
  if not portrait then return page.problem(404, request) end
  -- One that was refused gave its name up.
  local holder = portraits.named(request.user.id, portrait.name)
  if holder and holder.id ~= portrait.id then return page.problem(409, request) end
  queue.resume("portrait", portrait)
  page.go("/people/" .. portrait.person_id)
end

function pages.delete(request)
  local portrait = portraits.get(request.user.id, request.id)
  if not portrait then return page.problem(404, request) end
  if not deleting.portrait(portrait) then return page.problem(409, request) end
  page.go("/people/" .. portrait.person_id)
end

return pages
