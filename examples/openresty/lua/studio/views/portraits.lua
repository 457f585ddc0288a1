--- A person's gallery and the form that adds to it.

local app = require "studio.app"
local html = require "studio.html"
local page = require "studio.views.page"
local people = require "studio.views.people"

local h = html.template
local portraits = {}

local LABELS = {
  new = "Sending", sending = "Sending", processing = "Being looked at", active = "Ready",
  failed = "Refused", unclear = "Not sure", stuck = "Set aside",
}
local TONES = { active = "good", failed = "bad", unclear = "warn", stuck = "warn" }

---The name as prompts write it.
---@param name string
---@return string
function portraits.reference(name)
  return "{" .. name .. "}"
end

-- A picture that the service has taken stays there, which is said before.
local function remove_form(portrait)
  if portrait.stage == "active" or portrait.stage == "unclear" then
    return page.sure("/portraits/" .. portrait.id .. "/delete", "Remove",
      "It goes from this studio, and no prompt can name it any more. Videos that show it stay "
      .. "until you delete them. The service keeps what it was given: it has no way to delete.",
      "Remove it")
  end
  return html.when(portrait.stage == "failed" or portrait.stage == "stuck",
    [[<form method="post" action="/portraits/{id}/delete"><button
class="quiet">Remove</button></form>]], portrait)
end

---@param portrait table
---@return studio.Region
function portraits.card(portrait)
  local label = LABELS[portrait.stage]
  local body = h([[<div class="frame">{face}</div>
<h3 class="name">{reference}</h3>
<p class="pill {tone}" data-stage="{stage}">{label}</p>{note}
<div class="row wrap">{resume}{remove}</div>]], {
    face = people.face(portrait.name, portrait.stage == "active" and portrait.id or nil),
    reference = portraits.reference(portrait.name), stage = portrait.stage, label = label,
    tone = TONES[portrait.stage] or "busy",
    note = html.when(portrait.note ~= "", "<p class=\"note\">{note}</p>", portrait),
    -- What was uploaded elsewhere has no job to begin anew.
    resume = portrait.url ~= "" and page.again("/portraits/" .. portrait.id .. "/resume",
      portrait.stage) or false,
    remove = remove_form(portrait) })
  return { id = "portrait-" .. portrait.id, tag = "li", class = "portrait", into = "portraits",
    body = body, say = ("%s: %s. %s"):format(portrait.name, label, portrait.note) }
end

---@param person table
---@param given { name: string, url?: string, faults?: table, once?: string }
---@return table html
function portraits.form(person, given)
  local faults = given.faults or {}
  local function bad(field)
    return html.when(faults[field], ' aria-invalid="true" aria-describedby="{id}-fault"',
      { id = field })
  end
  return h([[<form method="post" action="/people/{id}/portraits" class="card stack upload">
{once}
<h2>Add a portrait</h2>
<label for="url">Link of the picture</label>
<input id="url" name="url" type="url" inputmode="url" value="{url}" maxlength="2000" required
autocomplete="off" placeholder="https://cdn.example/rachel.jpg"{bad_url}>
{url_fault}
<label for="name">Name in prompts</label>
<div class="row"><input id="name" name="name" value="{name}" maxlength="40" required
autocomplete="off"{bad_name}><button class="primary">Upload</button></div>
{name_fault}
<p class="hint">{hint}</p>
</form>]], {
    hint = app.sandbox and "The sandbox takes any https link; one with no-face, several-faces or "
      .. "other-person in its file name is refused."
      or "A public https link to the picture itself: one clear face, seen from the front. The "
      .. "service checks that it is the person who was verified.",
    id = person.id, once = page.once(given.once), url = given.url or "", name = given.name,
    bad_url = bad "url", bad_name = bad "name",
    url_fault = page.fault(faults.url, "url-fault"),
    name_fault = page.fault(faults.name, "name-fault") })
end

return portraits
