--- Which tests hold each line of the API document and each row of silences.md, on the client's
--- side and on the sandbox's. spec/document/document_spec.lua checks that none is missing.

local function tests_of(file)
  return function(name) return { file = file, name = name } end
end

local c = tests_of "spec/document/client_spec.lua"
local s = tests_of "spec/document/sandbox_spec.lua"
local cb = tests_of "spec/lua/callback_spec.lua"
local ct = tests_of "spec/lua/content_spec.lua"
local cs = tests_of "spec/lua/callback_state_spec.lua"
local cu = tests_of "spec/document/curl_spec.lua"

-- A side that no test can hold says why.
local function because(reason) return { reason = reason } end

local HEADING = because "a heading, or the frame of a table or drawing: it promises nothing"

local curl = cu "runs against the sandbox from the session to the video"

local rows = { lines = {}, silences = {} }

-- Lines `first` to `last` of the document; the first of them begins with `text`.
local function lines(first, last, text, client, sandbox)
  for number = first, last do
    rows.lines[#rows.lines + 1] = { number = number, text = number == first and text or nil,
      client = client, sandbox = sandbox }
  end
end

local function line(number, text, client, sandbox)
  lines(number, number, text, client, sandbox)
end

local function heading(first, last, text)
  lines(first, last, text, HEADING, HEADING)
end

local base_url = c "the base URL is https://api.pomex.ai unless told otherwise"
local headers = c "each request carries Authorization: Bearer and each POST application/json"
local no_key = c "401 is an authentication_error with the service's words"
local unauthorized =
  s "401 authentication_error without a key or with a wrong one, on every endpoint"
local envelope = s "errors are JSON with message and type in an envelope"
local message = c "the envelope's message is the error's"
local words = c "refuses what the document refuses, in its words, before anything is sent"
local session = c "sends callback_url and lang, returns the document's fields"
local pending = s "a pending session with an h5_link in the language asked for"
local redirect = s "success is a 302 to callback_url with the document's five parameters"
local example = cb "reads the document's example redirect"
local upload = c "send url, asset_type, group_id and name; return id, object and processing"
local uploaded = s "answer 200 with id, object and status processing, and nothing else"
local faces = s "no face, several faces and another person fail, with a message"
local failed_asset = c "a failed asset is asset_failed, with what came"
local wait = c "wait until active, by looking again"
local asset = c "an asset has the fields of the document, as values"
local active = s "is processing, then active, with the fields of the document"
local filters = c "send every filter of the document"
local page = c "return the page of the document, as values"
local paged = s "have the envelope and the item fields of the document"
local generate = c "send the document's example as it is written there"
local generated = s "answer 200 with id, object, model and queued; then running; then succeeded"
local progress = c "go from queued by running to succeeded, and give the video's link"
local models = c "refuse an asset with a model other than the two, and pass other models on"
local seedance = s "both Seedance 2.0 models take real people; no other model takes an asset"
local statuses = c("404 is not_found_error, 502 upstream_error, 503 unavailable_error, "
  .. "429 rate_limit_error")
local on_demand = s "502 and 503 can be had on demand, as the document writes them"
local thirty = s "the link lives 30 minutes; an expired one leads nowhere, a new one works"
local again = c "a new session after one that expired is an ordinary call"
local portraits = s "many portraits of one person need no second scan"
local https = c "refuse a url that is missing, not https, local or asset://"
local https_too = s "url is required and https"
local lang = c "sends zh, en and zh-Hant, and no lang where none is given"
local langs = s "zh is the default; zh, en and zh-Hant are taken, the page says which it is"
local group_error = c "pass on the service's group id error"
local group_errors = s "group id error for a group that is not ours"

heading(1, 1, "Real-Human Asset API")
line(2, "The Real-Human Asset API lets you onboard", curl, portraits)
heading(3, 5, "Basics")
line(6, "| Base URL |", base_url,
  because "it stands in for that address on loopback; the client's base_url is what is replaced")
line(7, "| Authentication |", headers, unauthorized)
line(8, "| Content type |", headers,
  s "a body that is no JSON is a 400; JSON is read under any content type")
line(9, "| Errors |", message, envelope)
line(10, "All endpoints require a valid API key", no_key, unauthorized)

heading(11, 11, "Integration Flow")
lines(12, 15, "┌────────────┐ ① create session", session, pending)
lines(16, 21, "│ ② send h5_link", c "gives the h5_link byte for byte", langs)
lines(22, 23, "│ ③ on success, browser is 302", example, redirect)
line(24, "┌────────────┐ ④ upload portrait", upload, uploaded)
lines(25, 26, "│ Your │", wait, active)
line(27, "└────────────┘ ⑥ generate video", generate, generated)
line(28, "h5_link. - The end user opens", session, pending)
line(29, "h5_linkon a phone and completes", curl, redirect)
line(30, "callback_url, appendinggroup_id.", example, redirect)
line(31, "group_idand a public image URL.", upload, uploaded)
line(32, "active. - (Optional) Generate", wait, active)
line(33, "asset://<asset_id>.", generate, generated)

heading(34, 37, "API Reference")
lines(38, 39, "| callback_url | string", words, s "callback_url is required, https and well formed")
lines(40, 41, "| lang | string", lang, langs)
heading(42, 42, "Request")
lines(43, 46, "curl -X POST", session, curl)
lines(47, 50, "{", session, pending)
line(51, "}Deliver h5_link to the end user", again, thirty)

heading(52, 52, "Verification Callback")
line(53, "After the user finishes the scan", example, redirect)
heading(54, 55, "| Parameter |")
line(56, "| resultCode |", cb "takes 10000 for success by its bytes and nothing else",
  s "failure has another resultCode, the other parameters and no group_id")
line(57, "| group_id |", cb "refuses a success without a usable group", redirect)
line(58, "| verify_type |", cb "accepts a verify_type that is absent or new", redirect)
line(59, "| algorithmBaseRespCode |",
  cb "gives the sub-code and the bill of a failure, but never a group", redirect)
line(60, "| reqMeasureInfoValue |",
  cb "says whether it was billed, and nothing where the service did not",
  s "a verification is billed as its reqMeasureInfoValue says")
heading(61, 61, "Example redirect")
line(62, "https://yourapp.com/realhuman/callback?resultCode=10000", example,
  s "each scan is a new group, and a link works once")
line(63, "Tip: Use real-time liveness", cb "refuses pre_record and says why, whatever the code",
  s "pre_record says so and gives no usable group")

heading(64, 66, "Upload an Asset")
lines(67, 68, "| url | string", https, https_too)
lines(69, 70, "| asset_type | string",
  c "refuse an asset_type that is none of the three, or in another case",
  s "asset_type is Image, Video or Audio, case-sensitive")
lines(71, 72, "| group_id | string", c "leave group_id out for pomex.VIRTUAL, and only then",
  s "go to the default Virtual group without a group_id")
lines(73, 74, "| name | string", upload, s "the name is optional, and is given back")
line(75, "The uploaded portrait must be", failed_asset, faces)
heading(76, 76, "Request")
lines(77, 85, "curl -X POST", upload, uploaded)
lines(86, 89, "{", upload, uploaded)
line(90, "}Upload is asynchronous", wait, active)

heading(91, 91, "Get an Asset")
line(92, "Poll this endpoint until", wait, active)
heading(93, 93, "Response 200")
lines(94, 103, "{", asset, active)
line(104, "}The signed url is valid",
  because "the client hands the url over and hard-codes no lifetime",
  s "its url is signed for 12 hours")

heading(105, 107, "List Assets")
line(108, "| group_id |", c "send nothing that was not given",
  s "are the default Virtual group's without a group_id")
line(109, "| status |", filters, s "filter by one status or several")
line(110, "| name |", filters, s "search names by a case-insensitive part")
line(111, "| page, limit |", c "refuse a status, limit, page or order that the document has not",
  s "page 1 and limit 10 are the defaults, 100 the most; past the end, none")
lines(112, 113, "| sort_by |", c "refuse a status, limit, page or order that the document has not",
  s "are sorted as asked, by create_time and desc unless told otherwise")
heading(114, 114, "Response 200")
lines(115, 131, "{", page, paged)
heading(132, 132, "}Generate a Video From an Asset")
line(133, "Reference the asset with the asset://", models, seedance)
heading(134, 135, "| Field |")
lines(136, 137, "| model | string", models, seedance)
lines(138, 139, "| content | array",
  c "refuse a missing model, missing content, and content without text",
  s "model and content are required, and a text part")
line(140, "In the prompt, refer to assets positionally",
  ct "puts the position of the image where its name stands",
  because "what a prompt means is the model's affair; the sandbox keeps it in its ledger")
heading(141, 141, "Request")
lines(142, 151, "curl -X POST", generate, generated)
lines(152, 156, "{", generate, generated)
lines(157, 162, "}Poll for the result", progress, generated)
line(163, "}status progresses queued",
  c "the video is saved from its link, without the key; a link that expired is asked for anew",
  s "the video link is signed for 24 hours, needs no key, and plays")

heading(164, 166, "Status Values")
line(167, "| Session | pending |", session, pending)
line(168, "| Asset | processing", failed_asset, faces)
line(169, "| Generation task | queued", c "a failed one is generation_failed, with what came",
  s "a prompt with the mark fails, with a message")

heading(170, 170, "Error Handling")
line(171, "Errors return a standard envelope", message, envelope)
line(172, '{ "error": { "message": "callback_url must be', words, envelope)
heading(173, 174, "When |")
lines(175, 176, "| 400 |", message, envelope)
lines(177, 178, "| 401 |", no_key, unauthorized)
line(179, "| 404 |", statuses,
  s "404 with a message and no type where there is none, or it is another's")
lines(180, 181, "| 502 |", statuses, on_demand)
line(182, "| 503 |", c "503 is tried again, and so is 502 for a GET", on_demand)
heading(183, 185, "Common 400 messages")
lines(186, 187, "| callback_url is required |", words,
  s "callback_url is required, https and well formed")
line(188, "| lang must be", words, s "an unsupported lang is a 400")
line(189, "| group id error |", group_error, group_errors)
line(190, "| status must be", c "refuse a status, limit, page or order that the document has not",
  s "filter by one status or several")
line(191, "| body must be valid JSON |", message,
  s "a body that is no JSON is a 400; JSON is read under any content type")

heading(192, 192, "Notes & Limits")
line(193, "- One person per group.", upload, s "each scan is a new group, and a link works once")
line(194, "group_idmaps to a single verified person", https, portraits)
line(195, "asset://is Seedance 2.0 only", models, seedance)
line(196, "- Upstream rate limits",
  c "no more than 3 sessions, 10 lists and 100 gets a second; the rest waits",
  s "3 sessions, 10 lists and 100 gets a second; over that 429 with Retry-After")
line(197, "- Billing.", c "billed ones are sent once, whatever becomes of the answer",
  s "are in the ledger, one each; sessions, uploads, lists and gets are not")
line(198, "reqMeasureInfoValuein the callback",
  cb "says whether it was billed, and nothing where the service did not",
  s "a verification is billed as its reqMeasureInfoValue says")

local BY_CURL = because "the curl tool is the client here"
lines(199, 222, "End-to-End Quickstart (cURL)", BY_CURL, curl)

-- --------------------------------------------------------------------------- silences.md

local function silence(question, client, sandbox)
  rows.silences[#rows.silences + 1] = { question = question, client = client, sandbox = sandbox }
end

silence("Error `type` for 404 and 503", statuses,
  s "404 with a message and no type where there is none, or it is another's")
silence("Status when an account goes over a rate limit", statuses,
  s "can be answered as the upstream's: 502 upstream_error")
silence("Rate limits for upload, generate",
  c "none for uploads, generations and their gets unless set",
  s "uploads, generations and their gets have none by default, and take one")
silence("Error bodies that are no envelope",
  c "a body that is no envelope is still one error with status, type and the body",
  because "the sandbox sends envelopes; its faults make such bodies, as the client's test shows")
silence("An `error.code`, and other words in `error.type`",
  c "keep the service's own code and type",
  because "the sandbox sends the documented types only; its faults make others")
silence("Body of a `failed` asset", failed_asset, faces)
silence("Body of a `failed` generation", c "a failed one is generation_failed, with what came",
  s "a prompt with the mark fails, with a message")
silence("Terminal statuses outside the document",
  c "other ends are final, in any case; an unknown status is polled on and named",
  because "the sandbox sends the documented statuses only; its faults make others")
silence("More generation fields",
  c "pass fields and parts that the document does not know on untouched",
  s "an https image, a missing role and fields it does not know are taken")
silence("More content parts", ct "always adds the documented role, unless told another",
  because "what the document does not promise, the sandbox does not look at")
silence("Is an `asset://` URI ever valid", https, https_too)
silence("`name` filter, ", filters, s "search names by a case-insensitive part")
silence("Default order of a list", c "send nothing that was not given",
  s "are sorted as asked, by create_time and desc unless told otherwise")
silence("`page` past the end",
  c "each walks over all pages, 100 at a time, and past the end finds nothing",
  s "page 1 and limit 10 are the defaults, 100 the most; past the end, none")
silence("`limit` over 100", c "refuse a status, limit, page or order that the document has not",
  s "a limit or page out of range, or no number, is a 400")
silence("Missing or wrong-cased `asset_type`",
  c "refuse an asset_type that is none of the three, or in another case",
  s "asset_type is Image, Video or Audio, case-sensitive")
silence("Non-https or missing asset `url`", https, https_too)
silence("Generation that names an asset not `active`",
  c "pass the service's refusal of an asset on, with its id",
  s "an asset that is missing, not active or another's is a 400 with its id")
silence("Real-human asset with a model", models, seedance)
silence("Callback on failure",
  cb "gives the sub-code and the bill of a failure, but never a group",
  s "failure has another resultCode, the other parameters and no group_id")
silence("A `callback_url` that already has", cb "keeps the caller's own parameters out of it",
  s "own parameters of callback_url stay, before the new ones and the fragment")
silence("How long links live", because "the client hard-codes none",
  s "the video link is signed for 24 hours, needs no key, and plays")
silence("The same person verified again", again,
  s "each scan is a new group, and a link works once")
silence('"Result lookup" in the 3 QPS limit',
  because "no such endpoint is documented, so none is called",
  because "no such endpoint is documented, so none is there")
silence('What "image N" counts', ct "counts image_url parts only",
  because "what a prompt means is the model's affair")
silence("An `https` link as a content image", ct "takes an asset, an id, asset:// and https",
  s "an https image, a missing role and fields it does not know are taken")
silence("Content without a text part",
  c "refuse a missing model, missing content, and content without text",
  s "model and content are required, and a text part")
silence("Does a later GET sign the video link anew",
  c "a link that stays refused is an error that says so",
  s "the video link is signed for 24 hours, needs no key, and plays")
silence("Are uploads billed", because "the client keeps no ledger",
  s "are in the ledger, one each; sessions, uploads, lists and gets are not")
silence("A `verify_type` that is absent or new",
  cb "accepts a verify_type that is absent or new",
  because "the sandbox sends real_time or pre_record, as the document has them")
silence("Face check of Video and Audio", because "the service looks for faces, not the client",
  s "no face is looked for in Video, Audio and the Virtual group")
silence("A model other than the two", models, seedance)
silence("A POST without `Content-Type", headers,
  s "a body that is no JSON is a 400; JSON is read under any content type")
silence("Does the H5 page, a signed link",
  c "the video is saved from its link, without the key; a link that expired is asked for anew",
  s "the page, the video link and the callback need no key")
silence("Can a client trust the callback",
  cs "comes back from the sandbox, once",
  because "the sandbox redirects as the document says, with no signature")

return rows
