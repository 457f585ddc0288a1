--- The studio: prompt box, videos, people. And its door, for who has none yet.

local app = require "studio.app"
local forms = require "studio.forms"
local html = require "studio.html"
local live = require "studio.live"
local page = require "studio.views.page"
local people = require "studio.people"
local people_view = require "studio.views.people"
local portraits = require "studio.portraits"
local queue = require "studio.queue"
local session = require "studio.session"
local videos = require "studio.videos"
local videos_view = require "studio.views.videos"

local h = html.template
local home = {}

local DOOR = [[<section class="door">
<h1>Film someone you know.</h1>
<p class="lead">They verify once, with a face scan. You add portraits of them. From then on, a
sentence becomes a video.</p>
<form method="post" action="/studio" class="card stack">
<label for="studio">Name your studio</label>
<div class="row"><input id="studio" name="name" value="{name}" maxlength="40" required
autocomplete="organization" placeholder="Corner Films"{bad}>
<button class="primary">Open it</button></div>
{fault}
</form>
<ol class="how"><li><b>Verify</b>A person scans a code with their phone and shows their face. Only
they can.</li><li><b>Portrait</b>You add pictures of that same person. The service checks
them.</li><li><b>Film</b>You write what happens, naming who is in it. The video is
yours.</li></ol></section>]]

local FIRST = [[<section class="door"><h1>Welcome, {studio}.</h1>
<p class="lead">Every film begins with a face. Verify one, and the rest of the studio
opens.</p><div class="card">{form}</div></section>]]

local STUDIO = [[<h1 class="unseen">Studio of {studio}</h1>
<div class="studio"><section class="make">{form}</section>
<section class="films" aria-labelledby="films"><h2 id="films">Videos</h2>
<ul class="grid" id="videos">{cards}</ul>
<p class="blank">Nothing filmed yet. Write a sentence above.</p>{older}</section>
<aside class="cast" aria-labelledby="cast"><h2 id="cast">People</h2><div class="card">{people}
{add}</div></aside></div>]]

local function elements(regions)
  local list = {}
  for i, region in ipairs(regions) do list[i] = live.element(region) end
  return list
end

local function cards(list)
  local regions = {}
  for i, video in ipairs(list) do regions[i] = videos_view.card(video) end
  return regions
end

---The studio, with what a form said where one was wrong.
---@param user table
---@param given { status?: integer, compose?: table, person?: table, before?: string }
function home.studio(user, given)
  local cast = people.list(user.id)
  local person = given.person or {}
  if #cast == 0 then
    person.first = true
    return page.show { title = "Welcome", user = user, status = given.status,
      body = h(FIRST, { studio = user.name, form = people_view.form(person) }) }
  end
  local compose = given.compose or {}
  compose.usable, compose.element = portraits.usable(user.id), live.element
  local list, more = videos.list(user.id, given.before)
  -- Only the newest change by themselves.
  page.show { title = "Studio", user = user, events = not given.before and "/events" or nil,
    status = given.status,
    body = h(STUDIO, { studio = user.name, form = videos_view.form(compose),
      cards = elements(cards(list)), older = html.when(more,
        '<p class="older"><a class="button" href="/?before={id}#films">Older videos</a></p>',
        list[#list]),
      people = live.element(people_view.list(cast)), add = people_view.form(person) }) }
end

-- Whoever has a studio spends the account's money.
local function invited(code)
  return app.invite == "" or code == app.invite
end

local function door(status, name, fault)
  page.show { title = "Welcome", status = status, body = h(DOOR, { name = name,
    fault = page.fault(fault, "studio-fault"),
    bad = html.when(fault, ' aria-invalid="true" aria-describedby="studio-fault"') }) }
end

function home.show(request)
  local code = ngx.var.arg_invite
  if code and code == app.invite then
    session.invite(code)
    -- Else it would be in the Referer of the form, which nginx puts into messages of its own.
    return page.go "/"
  end
  if not request.user then
    if not invited(session.invitation()) then return page.problem(401, request) end
    return door(200, "", nil)
  end
  local compose
  local again = ngx.var.arg_again
  local video = again and videos.get(request.user.id, again)
  -- Without its token: this is to be a video of its own.
  if video then
    compose = { prompt = video.prompt, model = video.model, duration = video.duration,
      ratio = video.ratio }
  end
  home.studio(request.user, { compose = compose, before = ngx.var.arg_before })
end

function home.open(request)
  -- Sent twice, it must not lock the browser out of the first.
  if request.user then return page.go "/" end
  if not invited(session.invitation()) then return page.problem(401, request) end
  local fault = forms.bad_name(request.form.name, "it a name")
  if fault then return door(422, request.form.name or "", fault) end
  session.open(request.form.name)
  page.go "/"
end

function home.events(request)
  local user = request.user
  live.stream(user.id, function()
    queue.catch_up(user.id)
    local regions = cards(videos.list(user.id))
    regions[#regions + 1] = people_view.list(people.list(user.id))
    regions[#regions + 1] = videos_view.names(portraits.usable(user.id))
    return regions
  end)
end

return home
