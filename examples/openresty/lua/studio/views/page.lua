--- The frame of every page, and the ways to answer.

local app = require "studio.app"
local html = require "studio.html"

local h = html.template
local page = {}

local MARK = html.raw [[<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path
d="M6 11V8a2 2 0 0 1 2-2h3M21 6h3a2 2 0 0 1 2 2v3
M26 21v3a2 2 0 0 1-2 2h-3M11 26H8a2 2 0 0 1-2-2v-3"/><path
class="play" d="M13 11.2v9.6l8-4.8z"/></svg>]]

local FRAME = [[<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Pomex Studio</title>
<link rel="stylesheet" href="/static/studio.css">
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<script src="/static/studio.js" defer></script>
</head>
<body{events}>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<a class="brand" href="/">{mark}<span>Pomex Studio</span></a>
{user}
</header>
<main id="main">
{body}
</main>
<footer class="foot">{foot}</footer>
<p id="say" class="unseen" role="status"></p>
<p id="offline" class="toast" role="status" hidden>Reconnecting …</p>
</body>
</html>
]]

local SANDBOX = "You are looking at the sandbox: no real service, no real faces, nothing is paid."

---@class studio.Page
---@field title string
---@field body table html
---@field user? table
---@field status? integer 200
---@field events? string path of the stream that keeps the page up to date

---@param given studio.Page
function page.show(given)
  ngx.status = given.status or 200
  ngx.header.content_type = "text/html; charset=utf-8"
  ngx.header.cache_control = "no-store"
  local user = given.user
  ngx.print(tostring(h(FRAME, {
    title = given.title, mark = MARK, body = given.body,
    events = given.events and h(' data-events="{path}"', { path = given.events }) or false,
    user = user and h('<p class="who"><span class="unseen">Studio of </span>{name}</p>', user)
      or false,
    foot = app.sandbox and SANDBOX or "Made with pomex.",
  })))
end

---Sends the browser on, by GET.
---@param path string
function page.go(path)
  ngx.status = 303
  ngx.header.location = path
  ngx.header.cache_control = "no-store"
  ngx.header.content_length = 0
end

local PROBLEMS = {
  [400] = { "That form did not arrive whole", "Go back and send it again." },
  [401] = { "This studio is by invitation", "Open the link that its owner gave you." },
  [403] = { "That did not come from your studio",
    "Open the studio in this browser and try again from there." },
  [404] = { "There is nothing here", "Perhaps it was in another browser's studio." },
  [405] = { "That is not how this address is used", "Start again from the studio." },
  [409] = { "Not just now", "It is still being made, or something else has its name by now." },
  [410] = { "A portrait in it was removed",
    "It is not asked for again. Write a prompt with another portrait." },
  [500] = { "Something broke on our side", "Nothing was sent twice. Try again in a moment." },
  [502] = { "The service did not answer", "Try again in a moment." },
}

---@param status integer
---@param request table
function page.problem(status, request)
  local problem = PROBLEMS[status]
  page.show { status = status, title = problem[1], user = request.user,
    body = h([[<section class="notice"><h1>{title}</h1><p>{text}</p>
{back}</section>]], { title = problem[1], text = problem[2],
      back = html.when(status ~= 401, '<p><a class="button" href="/">To the studio</a></p>') }) }
end

---A message at the field or form that it is about.
---@param message string|nil
---@param id string what the field's aria-describedby names
---@return table html
function page.fault(message, id)
  return html.when(message, '<p class="fault" id="{id}" role="alert">{message}</p>',
    { id = id, message = message })
end

---The hidden token of a form that must do its work once.
---@param once? string the one that the form had, where it is shown again
---@return table html
function page.once(once)
  return h('<input type="hidden" name="once" value="{once}">', { once = once or app.random_id() })
end

---A button that is pressed twice: first it says what comes of it.
---@param path string
---@param label string
---@param words string
---@param sure string the second button
---@return table html
function page.sure(path, label, words, sure)
  return h([[<details class="sure"><summary class="button quiet">{label}</summary>
<form method="post" action="{path}"><p class="hint">{words}</p>
<button>{sure}</button></form></details>]],
    { path = path, label = label, words = words, sure = sure })
end

---The button that has something go on which was set aside or has failed; nothing of anything else.
---@param path string
---@param stage string
---@return table html
function page.again(path, stage)
  local label = stage == "stuck" and "Look again" or stage == "failed" and "Try again"
  return html.when(label, '<form method="post" action="{path}"><button>{label}</button></form>',
    { path = path, label = label })
end

---"3 minutes ago" as an element that the page's script keeps right.
---@param time integer
---@return table html
function page.ago(time)
  local iso = os.date("!%Y-%m-%dT%H:%M:%SZ", time)
  return h('<time datetime="{iso}" data-ago>{text}</time>',
    { iso = iso, text = os.date("!%d %b %Y, %H:%M UTC", time) })
end

return page
