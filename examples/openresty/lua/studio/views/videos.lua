--- Videos: the prompt box, the cards, and the page of one.

local app = require "studio.app"
local html = require "studio.html"
local page = require "studio.views.page"
local people = require "studio.views.people"
local portraits = require "studio.views.portraits"

local h = html.template
local views = {}

-- What the service takes; more in docs/reference.md of what a body can say.
views.DURATIONS = { "5", "8", "10", "15" }
views.RATIOS = { "16:9", "9:16", "1:1", "4:3", "3:4", "21:9" }

local LABELS = {
  new = "Sending", sending = "Sending", queued = "In the queue", running = "Filming",
  saving = "Saving", ready = "Ready", failed = "Failed", unclear = "Not sure", stuck = "Set aside",
}
local TONES = { ready = "good", failed = "bad", unclear = "warn", stuck = "warn" }

views.MODELS = {
  { id = "byteplus/seedance-2.0-fast", name = "Fast" },
  { id = "byteplus/seedance-2.0", name = "Best" },
}

local function standing(video)
  return LABELS[video.stage], TONES[video.stage] or "busy"
end

local function words(prompt)
  local parts, at = {}, 1
  while true do
    local first, last, name = prompt:find("{([^{}]+)}", at)
    if not first then break end
    parts[#parts + 1] = h("{text}", { text = prompt:sub(at, first - 1) })
    parts[#parts + 1] = h('<b class="name">{name}</b>', { name = name })
    at = last + 1
  end
  parts[#parts + 1] = h("{text}", { text = prompt:sub(at) })
  return parts
end

---@param video table
---@return studio.Region
function views.card(video)
  local label, tone = standing(video)
  local body = h([[<a href="/videos/{id}"><div class="frame wide {tone}">{film}</div>
<p class="words">{words}</p></a>
<p class="under"><span class="pill {tone}" data-stage="{stage}">{label}</span>{ago}</p>]], {
    id = video.id, words = words(video.prompt), label = label, tone = tone, stage = video.stage,
    ago = page.ago(video.created),
    film = html.when(video.stage == "ready", [[<video src="/videos/{id}/file#t=0.1" muted
playsinline preload="metadata" tabindex="-1" aria-hidden="true"></video><svg class="go"
viewBox="0 0 48 48" aria-hidden="true"><path d="M19 15v18l15-9z"/></svg>]], video) })
  return { id = "video-" .. video.id, tag = "li", class = "video", into = "videos", body = body,
    say = "A video: " .. label .. "." }
end

---The names that a prompt can use, as buttons that write them.
---@param usable table[] portraits
---@return studio.Region
function views.names(usable)
  local body = #usable > 0 and h([[<p class="hint" id="names-hint">Names you can use</p>
<ul>{items}</ul>]], { items = html.each(usable, [[<li><button type="button" class="chip"
data-insert="{reference}">{face}{reference}</button></li>]], function(portrait)
      return { reference = portraits.reference(portrait.name),
        face = people.face(portrait.name, portrait.id) }
    end) })
    or h [[<p class="hint">No portrait is ready yet: choose a person, and add one.</p>]]
  return { id = "names", class = "names", body = body }
end

-- What a select is called, offers, and has chosen.
local function choice(name, label, list, chosen, format)
  return h([[<label class="pick"><span>{label}</span><select
name="{name}">{options}</select></label>]], { name = name, label = label, options = html.each(list,
      '<option value="{value}"{chosen}>{text}</option>', function(value)
        return { value = value, text = format:format(value),
          chosen = html.when(value == chosen, " selected") }
      end) })
end

---@param given { prompt?: string, model?: string, duration?: string, ratio?: string,
---  fault?: string, hint?: string, once?: string, usable: table[],
---  element: fun(region: studio.Region): table }
---@return table html
function views.form(given)
  local example = given.usable[1] and given.usable[1].name or "rachel"
  return h([[<form method="post" action="/videos" class="card stack compose">
{once}
<label for="prompt" class="title">What should happen?</label>
<textarea id="prompt" name="prompt" rows="4" maxlength="2000" required
placeholder="The person in {example} smiles and waves at the camera. Natural light, gentle push-in."
aria-describedby="prompt-fault names"{invalid}>{prompt}</textarea>
<div id="prompt-fault">{fault}{hint}</div>
{names}
<div class="row wrap foot-row">
<fieldset class="choice"><legend class="unseen">Model</legend>{models}
</fieldset>{duration}{ratio}<span class="hint">{price}</span>
<button class="primary">Make the video</button></div>
</form>]], {
    duration = choice("duration", "Length", views.DURATIONS, given.duration, "%s seconds"),
    ratio = choice("ratio", "Shape", views.RATIOS, given.ratio, "%s"),
    once = page.once(given.once), prompt = given.prompt or "",
    price = app.sandbox and "Nothing is billed here." or "Each video is billed once.",
    example = portraits.reference(example), names = given.element(views.names(given.usable)),
    invalid = html.when(given.fault, ' aria-invalid="true"'),
    fault = page.fault(given.fault, "prompt-said"),
    hint = html.when(given.hint, '<p class="hint">{hint}</p>', given),
    models = html.each(views.MODELS, [[<label><input type="radio" name="model" value="{id}"
{checked}> <span>{name}</span></label>]], function(model, i)
      local chosen = given.model and given.model == model.id or not given.model and i == 1
      return { id = model.id, name = model.name, checked = chosen and "checked" or "" }
    end) })
end

local STEPS = { "Sent", "Queued", "Filmed", "Saved" }
-- The step that a stage is at.
local REACHED = {
  new = 1, sending = 1, unclear = 1, queued = 2, running = 3, saving = 4, ready = 5,
}

local function steps(video)
  local reached = REACHED[video.stage] or (video.task_id and 3 or 1)
  return html.each(STEPS, '<li class="{state}"{current}>{name}</li>', function(name, i)
    local state = i < reached and "past" or i == reached and "now" or "later"
    if i == reached and video.stage == "failed" then state = "broken" end
    if i == reached and (video.stage == "unclear" or video.stage == "stuck") then state = "lost" end
    return { name = name, state = state,
      current = html.when(state == "now", ' aria-current="step"') }
  end)
end

local function screen(video)
  if video.stage == "ready" then
    return h([[<video class="screen" id="player" src="/videos/{id}/file" controls playsinline
preload="auto"></video>]], video)
  end
  local label, tone = standing(video)
  local working = tone == "busy"
  return h([[<div class="screen {tone}"><p class="big">{label}{dots}</p>{since}{bar}
{takes}</div>]], {
    takes = html.when(working, '<p class="takes">{takes} You may leave: it goes on without this '
      .. "page.</p>", video),
    label = label, tone = tone, dots = working and " …" or "",
    since = html.when(working, [[<p class="since" data-since="{created}"></p>]], video),
    bar = html.when(working, '<progress{value} aria-label="Progress">{label}</progress>', {
      label = label,
      value = html.when(video.stage == "saving" and video.percent,
        ' max="100" value="{percent}"', video) }) })
end

---@param video table
---@return studio.Region
function views.whole(video)
  local label, tone = standing(video)
  local ready = video.stage == "ready"
  return { id = "video", tag = "article", class = "whole", say = "The video: " .. label .. ".",
    body = h([[{screen}
<ol class="steps" data-stage="{stage}">{steps}</ol>
{note}
<div class="row wrap">{download}{resume}<a class="button{quiet}" href="/?again={id}">Use this prompt
again</a>{resend}{delete}</div>]], {
      id = video.id, stage = video.stage, screen = screen(video), steps = steps(video),
      quiet = ready and "" or " quiet",
      delete = tone ~= "busy" and page.sure("/videos/" .. video.id .. "/delete", "Delete it",
        "The file goes, and the prompt. What was billed stays so.", "Delete for good") or false,
      resend = video.stage == "unclear" and page.sure("/videos/" .. video.id .. "/resend",
        "Ask for it again", "If the first one was made after all, both are billed.",
        "Ask again all the same") or false,
      note = html.when(video.note ~= "", '<p class="fault {tone}" role="alert">{note}</p>',
        { note = video.note, tone = tone }),
      download = html.when(ready,
        '<a class="button primary" href="/videos/{id}/file?save" download>Save the file</a>',
        video),
      resume = page.again("/videos/" .. video.id .. "/resume", video.stage) }) }
end

---@param video table
---@return table html
function views.about(video)
  local model = video.model
  for _, known in ipairs(views.MODELS) do if known.id == model then model = known.name end end
  return h([[<aside class="about"><h1 class="unseen">Video</h1><p class="words large">{words}</p>
<dl><div><dt>Model</dt><dd>{model}</dd></div>
<div><dt>Length</dt><dd>{duration} seconds</dd></div><div><dt>Shape</dt><dd>{ratio}</dd></div>
<div><dt>Asked for</dt><dd>{ago}</dd></div></dl></aside>]],
    { words = words(video.prompt), model = model, ago = page.ago(video.created),
      duration = video.duration or "?", ratio = video.ratio or "?" })
end

return views
