--- What the phone's browser brings back from the face scan. The page was opened on a desktop, so
--- no cookie of ours is here: the path names the verification, the database says whose it is,
--- and the signed one-time state in the path proves that this URL was made for just that.
---
--- The state does not prove the group_id beside it, which the person could change. A group that
--- is another person's is refused, here and for ever.

local app = require "studio.app"
local errors_text = require "studio.errors_text"
local html = require "studio.html"
local log = require "studio.log"
local page = require "studio.views.page"
local pages_people = require "studio.pages.people"
local people = require "studio.people"

local h = html.template
local pages = {}

-- For the person with the phone; err.message is for programmers.
local SAID = {
  expired = "This link is too old.",
  used = "This link was used before.",
  store = "We could not check this link just now.",
  other = "This link was not made by this studio, or was changed on the way.",
}
local TAKEN = "This verification belongs to somebody else. It was not used here."

local function settle(verification, stage, note)
  people.update_verification(verification, { stage = stage, note = note,
    h5_link = stage == "verified" and "" or verification.h5_link })
  -- A redirect, so that the group id is in no address bar, no history and no Referer.
  page.go("/scan/" .. verification.id)
end

local function refuse(request, message)
  page.show { status = 403, title = "Not accepted", user = request.user,
    body = h([[<section class="notice bad"><svg class="sign"
viewBox="0 0 48 48" aria-hidden="true"><path d="M15 15l18 18M33 15L15 33"/></svg>
<h1>This link is not accepted</h1><p>{message}</p>
<p>Ask for a new code at the studio, and scan again.</p></section>]], { message = message }) }
end

function pages.receive(request)
  local verification = people.verification(request.id)
  if not verification then return page.problem(404, request) end
  local person, err = app.callback:verify(ngx.var.request_uri, { origin = app.url,
    subject = pages_people.subject(verification.user_id, verification.id) })
  if not person and err.type == "verification_failed" then
    -- The state stays good: the same page may let the person scan again. What is over stays so.
    local over = verification.stage == "verified" or verification.stage == "refused"
    if over then return page.go("/scan/" .. verification.id) end
    -- The code came from a browser. It tells people nothing, and perhaps the service something.
    log.write(ngx.NOTICE, ("scan of verification %s failed, result code %s"):format(
      verification.id, (err.object.result_code or "none"):sub(1, 20):gsub("[^%w-]", "?")))
    return settle(verification, "failed", errors_text.scan(err))
  end
  -- The person's own browser once more (back, reload, a restored tab): the signature was right.
  -- nginx's memory of used states ends with nginx, this row does not.
  if (person or err.reason == "used") and verification.stage == "verified" then
    return page.go("/scan/" .. verification.id)
  end
  if not person then return refuse(request, SAID[err.reason] or SAID.other) end
  if verification.stage == "refused" then return refuse(request, SAID.used) end
  -- An answer that does not come proves nothing either way; uploads to a foreign group fail.
  local whose, why = app.client.assets:confirm_group(person.group_id, { timeout = 10 })
  if not whose then log.failed("group of verification " .. verification.id, why) end
  if whose == "foreign" or not people.bind(verification.person_id, person.group_id) then
    return settle(verification, "refused", TAKEN)
  end
  settle(verification, "verified", "")
end

local DONE = [[<section class="notice good"><svg class="sign" viewBox="0 0 48 48"
aria-hidden="true"><path d="M12 25l8 8 16-18"/></svg><h1>Thank you. You are verified.</h1>
<p>{person} can now be filmed by the studio <b>{app_user}</b>.</p>{on}</section>]]
local ELSEWHERE = "<p>You can close this page: the other screen knows.</p>"
local HERE = '<p><a class="button primary" href="/people/{id}">Add portraits</a></p>'

local NOT_DONE = [[<section class="notice bad"><svg class="sign" viewBox="0 0 48 48"
aria-hidden="true"><path d="M15 15l18 18M33 15L15 33"/></svg><h1>That did not work</h1><p>{note}</p>
<p>Ask for a new code at the studio <b>{app_user}</b>, and scan again.</p></section>]]

---Where the phone ends up. Whoever has this address learns two names and how it went.
function pages.show(request)
  local verification = people.verification(request.id)
  if not verification or verification.stage == "pending" then return page.problem(404, request) end
  local here = request.user and request.user.id == verification.user_id
  local done = verification.stage == "verified"
  verification.on = here and h(HERE, { id = verification.person_id }) or html.raw(ELSEWHERE)
  page.show { title = done and "Verified" or "Not verified", user = request.user,
    status = verification.stage == "refused" and 403 or 200,
    body = h(done and DONE or NOT_DONE, verification) }
end

return pages
