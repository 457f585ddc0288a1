--- `pomex verify`: from a session to the group id of the person who was verified.

local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local tty = require "pomex.command.tty"

local verify = {}

-- A host that can exist nowhere: the browser shows that the page cannot be opened, and the address
-- with the group id in it is sent to nobody.
local CALLBACK = "https://verified.invalid/"

-- The smallest code: nothing covers a part of a screen.
local LEVEL = { level = "L" }

local OUTCOMES = { "pass", "fail", "pre_record", "expire" }

---@param parser table
function verify.describe(parser)
  page.describe(parser, {
    usage = "pomex verify [--callback-url URL] [--lang en|zh|zh-Hant]",
    what = "Verify a person by a face scan, and print the group id.",
    examples = {
      "pomex verify",
      "group=$(pomex verify --lang en)",
      "pomex verify --scan pass     # the sandbox plays the phone",
    },
    more = [[
Shows a link and its QR code for the person's phone. After the scan the browser is sent
to the callback URL; paste the address that it then shows, or pipe it in. Without
--callback-url (or callback_url of the configuration) that page does not exist: the
browser says so, and its address is right all the same. Keep the group id: with it you
upload as many portraits of the person as you like. The address is not signed: a web
app needs pomex.callback of the library.]],
  })
  parser:option "--callback-url" :argname "URL"
    :description "Where the browser is sent, https://…"
  parser:option "--lang" :choices { "en", "zh", "zh-Hant" } :default "en" :show_default(false)
    :description "The language of the page: en, zh or zh-Hant."
  parser:option "--scan" :choices(OUTCOMES)
    :description "On the sandbox: what becomes of the scan."
end

-- The code of the link, if it fits into the window: one that is cut cannot be read.
local function draw(env, link)
  local found, qr = pcall(require, "pomex.qr")
  local modules = found and qr.matrix(link, LEVEL)
  if not modules then return end
  -- With the quiet zone; a line of the terminal has two rows, and the question needs a line, too.
  local wide, high = #modules + 8, math.ceil((#modules + 8) / 2) + 1
  local columns, rows = tty.size()
  if columns >= wide and rows >= high then
    return env.out:raw((qr.terminal(link, { ansi = env.out.color, level = LEVEL.level })))
  end
  env.out:say(("(In a window of %d by %d this shows its QR code.)"):format(wide, high))
end

local function show(env, link)
  if env.out.json then return env.out:change { type = "session", h5_link = link } end
  env.out:say "Open this link on the person's phone within about 30 minutes:"
  env.out:tell(link)
  if env.out.terminal and not env.args.scan then draw(env, link) end
end

-- On the sandbox: the address that the browser is sent to; or nil and the code.
local function scanned(env, client, link, outcome)
  local token = os.getenv "POMEX_SANDBOX_TOKEN"
  if not token or token == "" then
    return nil, env:failed("--scan plays the phone of a sandbox, and needs its "
      .. "$POMEX_SANDBOX_TOKEN", "pomex sandbox", exits.USAGE)
  end
  local answer, err = client:request("POST", "/_sandbox/scan", {
    body = { h5_link = link, outcome = outcome }, headers = { ["X-Sandbox-Token"] = token } })
  if not answer then return nil, env:failed(err) end
  if type(answer.location) == "string" then return answer.location end
  return nil, env:failed("the browser was sent nowhere, since the link has expired",
    env:command "verify")
end

-- The verified person that an address tells of; nil and an error.
local function person_of(address)
  return require("pomex").callback.parse_unverified((address:match("^%s*(.-)%s*$")))
end

-- Reads lines until one of them tells what became of the scan; at a keyboard a slip is asked again.
local function read_person(env)
  local asked, person, err = tty.is(0), nil, nil
  repeat
    local line = env.stop:released(function()
      return asked and tty.ask "Paste the address that the browser was sent to: " or io.read "*l"
    end)
    if not line then
      return nil, env:failed(err or "no address was read", env:command "verify",
        (asked or env.stop.name) and exits.INTERRUPTED or nil)
    end
    if line:find("%S") then
      person, err = person_of(line)
      if not person and (not asked or err.type == "verification_failed") then
        return nil, env:failed(err, env:command "verify", exits.FAILED)
      end
      if not person then env.out:failure(err) end
    end
  until person
  return person
end

local function find_person(env, client, link)
  if not env.args.scan then return read_person(env) end
  local address, code = scanned(env, client, link, env.args.scan)
  if not address then return nil, code end
  local person, err = person_of(address)
  if person then return person end
  return nil, env:failed(err, env:command "verify", exits.FAILED)
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function verify.run(args, env)
  local settings = env:settings() or {}
  local client, code = env:client()
  if not client then return code end
  local session, err = env.stop:await(nil, client.async.sessions:create {
    callback_url = args.callback_url or settings.callback_url or CALLBACK, lang = args.lang })
  if not session then return env:failed(err) end
  show(env, session.h5_link)
  local person
  person, code = find_person(env, client, session.h5_link)
  if not person then return code end
  -- An address that somebody made up names a group of another account, or of none.
  local owner = env.stop:await(nil, client.async.assets:confirm_group(person.group_id))
  if owner == "foreign" then
    return env:failed("the group id in that address is none of this account's",
      env:command "verify")
  end
  env.fields.group_id, env.fields.billed = person.group_id, person.billed
  env.out:say(not person.billed and "verified"
    or args.scan and "verified; the service would bill the verification"
    or "verified; the verification was billed")
  env.out:result(person.group_id)
  env.out:next(env:command("portrait", "add", "URL", "--group", "GROUP", "--wait"))
  return exits.DONE
end

return verify
