--- Asking for a video, watching it come, and watching it.

local cjson = require "cjson"
local deleting = require "studio.deleting"
local errors_text = require "studio.errors_text"
local forms = require "studio.forms"
local home = require "studio.pages.home"
local html = require "studio.html"
local live = require "studio.live"
local page = require "studio.views.page"
local pomex = require "pomex"
local portraits = require "studio.portraits"
local queue = require "studio.queue"
local videos = require "studio.videos"
local view = require "studio.views.videos"

local h = html.template
local pages = {}

local MOST_AT_WORK = 4

local function known(list, value)
  for _, one in ipairs(list) do if (one.id or one) == value then return true end end
end

-- The builder's own hints are for programmers.
local HINT = "Use a name from below, in braces. Write {{ where you want a brace."

-- The content of the request, or what is wrong with the prompt. Only portraits that it names
-- are added: the service counts pictures by their position.
local function content_of(user_id, prompt)
  local content, named = pomex.content():text(prompt), {}
  local usable = portraits.usable(user_id)
  local by_name = {}
  for _, portrait in ipairs(usable) do by_name[portrait.name] = portrait end
  for name in prompt:gsub("{{", ""):gmatch "{([^{}]*)}" do
    local portrait = by_name[name]
    if not portrait then return nil, ('No portrait is called "%s".'):format(name), HINT end
    if not named[name] then
      named[name] = true
      content:image(portrait.asset_id, name)
    end
  end
  local parts, err = content:build()
  if not parts then return nil, errors_text.prompt(err), HINT end
  if not next(named) then return nil, "The prompt names nobody.", HINT end
  return parts
end

local function problem_of(user, form)
  if not form.prompt or form.prompt == "" then return "Write what should happen." end
  if forms.length(form.prompt) > 2000 then
    return "That is too long: at most 2000 characters."
  end
  if videos.at_work(user.id) >= MOST_AT_WORK then
    return "Four videos are being made. Wait for one to be done."
  end
end

function pages.create(request)
  local user, form = request.user, request.form
  local once = forms.once(form)
  if not once or not known(view.MODELS, form.model) or not known(view.DURATIONS, form.duration)
    or not known(view.RATIOS, form.ratio) then return page.problem(400, request) end
  -- The second press of a button, or a form sent again: what it made is all there will be.
  local video = videos.of_form(user.id, once)
  if video then return page.go("/videos/" .. video.id) end
  local fault, hint = problem_of(user, form), nil
  local parts
  if not fault then parts, fault, hint = content_of(user.id, form.prompt) end
  if fault then
    form.fault, form.hint = fault, hint
    return home.studio(user, { status = 422, compose = form })
  end
  video = videos.create(user.id, { prompt = form.prompt, model = form.model, once = once,
    content = cjson.encode { content = parts, duration = tonumber(form.duration),
      ratio = form.ratio } })
  page.go("/videos/" .. video.id)
end

function pages.show(request)
  local video = videos.get(request.user.id, request.id)
  if not video then return page.problem(404, request) end
  page.show { title = "Video", user = request.user, events = "/videos/" .. video.id .. "/events",
    body = h([[<p class="crumb"><a href="/">Studio</a></p>
<div class="viewer">{whole}{about}</div>]],
      { whole = live.element(view.whole(video)),
        about = view.about(video) }) }
end

function pages.events(request)
  local user = request.user
  if not videos.get(user.id, request.id) then return page.problem(404, request) end
  live.stream(user.id, function()
    queue.catch_up(user.id)
    local video = videos.get(user.id, request.id)
    return video and { view.whole(video) }
  end)
end

---The file, sent by nginx itself with ranges, so that players can seek.
function pages.file(request)
  local video = videos.get(request.user.id, request.id)
  if not video or video.stage ~= "ready" then return page.problem(404, request) end
  ngx.header.cache_control = "private, no-cache"
  if ngx.var.args == "save" then
    ngx.header.content_disposition = 'attachment; filename="video.mp4"'
  end
  ngx.exec("/files/" .. video.id .. ".mp4")
end

function pages.delete(request)
  local video = videos.get(request.user.id, request.id)
  if not video then return page.problem(404, request) end
  if not deleting.video(video) then return page.problem(409, request) end
  page.go "/"
end

local function resume(request, resend)
  local video = videos.get(request.user.id, request.id)
  if not video then return page.problem(404, request) end
  if deleting.is_of_removed(video) then return page.problem(410, request) end
  queue.resume("video", video, resend)
  page.go("/videos/" .. video.id)
end

---Goes on with a video that was set aside, or tries one again that failed.
function pages.resume(request) resume(request, false) end

---Asks for a video once more, where nobody knows whether the first request made it.
function pages.resend(request) resume(request, true) end

return pages
