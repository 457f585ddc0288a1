--- People: their faces, the list of them, and the page of a verification.

local app = require "studio.app"
local html = require "studio.html"
local page = require "studio.views.page"
local people_data = require "studio.people"
local qr = require "pomex.qr"

local h = html.template
local people = {}

---A face, or the first letter of a name where there is none yet.
---@param name string
---@param portrait_id string|nil
---@return table html
function people.face(name, portrait_id)
  return h([[<span class="face" aria-hidden="true"><i>{letter}</i>{picture}</span>]], {
    letter = name:match "^[%z\1-\127\194-\244][\128-\191]*" or "?",
    picture = portrait_id and h('<img src="/portraits/{id}/picture" alt="" loading="lazy">',
      { id = portrait_id }) or false })
end

local function standing(person)
  if not person.group_id then
    if person.scan == "failed" or person.scan == "refused" then
      return "the scan failed: get a new code"
    end
    if people_data.is_old(person.scan_created or 0) then return "the code is old: get a new one" end
    return "waits for the face scan"
  end
  if person.portraits == 0 then return "verified, no portraits yet" end
  return ("verified, %d portrait%s"):format(person.portraits, person.portraits == 1 and "" or "s")
end

---@param list table[]
---@return studio.Region
function people.list(list)
  return { id = "people", tag = "ul", class = "people", body = h("{items}", {
    items = html.each(list, [[<li><a href="/people/{id}">{face}<span class="two">
<b>{name}</b><small>{standing}</small></span></a></li>]], function(person)
      return { id = person.id, name = person.name, standing = standing(person),
        face = people.face(person.name, person.face) }
    end) }) }
end

---The form that adds a person.
---@param given { name?: string, fault?: string, once?: string, first?: boolean }
---@return table html
function people.form(given)
  return h([[<form method="post" action="/people" class="stack">
{once}
<label for="person">{label}</label>
<div class="row"><input id="person" name="name" value="{name}" maxlength="40" required
autocomplete="off" placeholder="Rachel"{described}><button class="{class}">Verify</button></div>
{fault}
<p class="hint">They scan their face once, on their own phone. It is theirs to do, or not.</p>
</form>]], {
    label = given.first and "Who is the first?" or "Add a person", name = given.name or "",
    once = page.once(given.once), class = given.first and "primary" or "",
    described = html.when(given.fault, ' aria-invalid="true" aria-describedby="person-fault"'),
    fault = page.fault(given.fault, "person-fault") })
end

local VERIFIED = [[<div class="code done"><svg viewBox="0 0 48 48" aria-hidden="true"><path
d="M12 25l8 8 16-18"/></svg></div>
<div class="told"><h1>{name} is verified</h1>
<p>One scan is enough. Now add portraits: pictures of the same person, one clear face each.</p>
<p><a class="button primary" href="/people/{id}">Add portraits</a></p></div>]]

-- On a phone the style sheet puts the link before the code.
local CODE = [[<div class="code">{qr}</div>
<div class="told"><h1>Scan this with {name}'s phone</h1>
<p class="row wrap here"><a class="button" id="h5" href="{link}">This is the phone: scan here</a>
<button type="button" data-copy="{link}" hidden>Copy the link</button></p>
<ol class="plain"><li>Point the phone's camera at the code.</li>
<li>Do the face scan that opens.</li><li>Watch this page: it knows by itself.</li></ol>
{fault}
<p class="waiting"><span class="pulse"></span>Waiting for the scan …</p>
<p class="hint"><span data-until="{ends}">The code is good for about 30 minutes</span>, and for one
scan. {hint}</p>{again}</div>]]

local NO_CODE = [[<div class="code none"><svg viewBox="0 0 48 48" aria-hidden="true"><path
d="M15 15l18 18M33 15L15 33"/></svg></div>
<div class="told"><h1>{title}</h1>{fault}<p>{text}</p>{again}</div>]]

-- The token is the verification that the new one replaces: asked for twice, there is one.
local AGAIN = [[<form method="post" action="/people/{person_id}/verification" class="again"><input
type="hidden" name="once" value="{id}"><button class="{class}">Get a new code</button></form>]]

local function again(verification, class)
  return h(AGAIN, { person_id = verification.person_id, id = verification.id, class = class })
end

local function picture_of(person, verification)
  if person.group_id then return h(VERIFIED, person), person.name .. " is verified." end
  local fault = verification.note ~= "" and page.fault(verification.note, "scan-fault") or false
  if verification.h5_link == "" then
    return h(NO_CODE, { title = "There is no code yet", fault = fault,
      text = "The service gave none. Ask for a new one.", again = again(verification, "primary") })
  end
  if verification.stage == "pending" and people_data.is_old(verification.created) then
    return h(NO_CODE, { title = "That code is too old", fault = false,
      text = "A code is good for about 30 minutes. Ask for a new one, and scan that.",
      again = again(verification, "primary") }), "The code is too old."
  end
  if verification.stage ~= "pending" then
    return h(NO_CODE, { title = "Not verified yet", fault = fault,
      text = "Nothing is lost: ask for a new code, and scan again.",
      again = again(verification, "primary") }), verification.note
  end
  -- Light in a dark page too: phones want dark modules on white.
  local code = qr.svg(verification.h5_link, { title = "QR code with the link of the face scan" })
  return h(CODE, { name = person.name, link = verification.h5_link, fault = fault,
    again = again(verification, "quiet"),
    ends = verification.created + people_data.CODE_SECONDS,
    hint = app.sandbox and "This is the sandbox, which no phone can reach: open the link here, and "
      .. "play the person." or "",
    qr = code and html.raw(code) or "The link is too long for a code." })
end

---@param person table
---@param verification table
---@return studio.Region
function people.verification(person, verification)
  local body, say = picture_of(person, verification)
  return { id = "verification", tag = "section", class = "verify", body = body, say = say }
end

return people
