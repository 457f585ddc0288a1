--- The options of calls and of `pomex.new`: which there are, and of what kind. A wrong Lua type or
--- an unknown key is misuse, and raises.

local core = require "pomex.core"
local misuses = require "pomex.misuse"
local values = require "pomex.values"

local options = { misuse = misuses.raise, expect = misuses.expect, meant = misuses.meant,
  methods = misuses.methods }

local misuse, expect, null = misuses.raise, misuses.expect, core.null

-- These kinds are objects with a life of their own, and no data to be copied.
local OPAQUE = { object = true, content = true, callable = true, host = true, group = true }

-- Every name that some call takes as an option.
local CALL_OPTIONS = {}

-- Options of generations:create_and_wait that are looked for in the calls which it consists of.
local OF_SAVE = { save = true, save_last_frame = true, save_timeout = true }

local function unknown(where, key, known)
  if OF_SAVE[key] and where:find "^generations:" then
    misuse(("%s: unknown key %q (create_and_wait has it; generations:download saves what is made)")
      :format(where, key))
  end
  misuse(("%s: unknown key %q%s"):format(where, key, misuses.meant(key, known)))
end

-- `sent` is "body" or "query" where the fields go to the service.
local function fields(where, given, known, open, sent)
  if type(given) ~= "table" then
    misuse(("%s: a table is needed, not %s"):format(where, misuses.shown(given)))
  end
  local function misfit(what) misuse(where .. ": " .. what) end
  local copy = values.flat(given, known, function(what) misfit("the table " .. what) end)
  for key, value in next, copy do
    local kind = known[key]
    if kind then
      if not sent or value ~= null then expect(where, key, value, kind) end
    elseif type(key) ~= "string" then
      misuse(("%s: a table of named fields is needed (it has the key %s)"):format(
        where, tostring(key)))
    elseif sent and not open and CALL_OPTIONS[key] then
      options.is_call_option(where, key, sent)
    elseif not open then
      unknown(where, key, known)
    end
    if type(value) == "table" and not OPAQUE[kind] then
      copy[key] = values.deep(value, key, misfit)
    end
    if kind == "headers" then misuses.headers(where, copy[key]) end
  end
  return copy
end

---Raises: an option stands where a body, a query or an object is expected.
---@param where string
---@param name string of the option
---@param place string after what its table stands: "body", …
function options.is_call_option(where, name, place)
  misuse(("%s: %s is a call option; pass it in the table after the %s"):format(where, name, place))
end

---Raises unless `given` is a table with keys of `known` only, each of the kind that `known` names.
---@param where string
---@param given any
---@param known table<string, string>
---@param open? boolean keys that are not known are allowed
---@return table copy a plain one, with what `given` inherits: go on with this, and not with `given`
function options.check(where, given, known, open)
  return fields(where, given, known, open)
end

---The same of options that need not be given.
---@param where string
---@param given any
---@param known table<string, string>
---@return table|nil copy
function options.optional(where, given, known)
  if given ~= nil then return fields(where, given, known) end
end

---The same of what is sent to the service, where `pomex.null` is of any kind.
---@param where string
---@param given any
---@param known table<string, string>
---@param called "body"|"query"
---@param open? boolean keys that are not known are allowed
---@return table copy
function options.sent(where, given, known, called, open)
  return fields(where, given, known, open, called)
end

local check = options.check

local function extend(base, more)
  local result = {}
  for key, kind in pairs(base) do result[key] = kind end
  for key, kind in pairs(more) do result[key] = kind end
  return result
end

options.CALL = { timeout = "seconds", max_retries = "whole", validate = "boolean",
  send_by = "span", headers = "headers" }
options.CREATE_TASK = extend(options.CALL, { adopt = "adoption", preflight = "boolean" })
options.WAIT = extend(options.CALL, {
  first = "span", factor = "factor", max = "seconds", on_update = "callable",
})
options.CREATE_AND_WAIT = extend(options.WAIT, { on_created = "callable" })
local SAVING = { on_progress = "callable", sync = "boolean", overwrite = "boolean" }
options.DOWNLOAD_ASSET = extend(options.CALL, SAVING)
options.DOWNLOAD = extend(options.DOWNLOAD_ASSET, { hold = "boolean", what = "what" })
options.CREATE_AND_SAVE = extend(extend(options.CREATE_AND_WAIT, SAVING), {
  save = "string", save_last_frame = "string", save_timeout = "seconds", adopt = "adoption",
  preflight = "boolean",
})
for name in pairs(options.CREATE_AND_SAVE) do CALL_OPTIONS[name] = true end

-- Call options whose names the service uses for no field. In a body that may have any field they
-- would be sent, and have no effect.
local NEVER_FIELDS = { "timeout", "max_retries", "validate", "send_by", "on_update", "on_created",
  "on_progress", "overwrite", "save", "save_last_frame", "save_timeout", "adopt", "preflight",
  "headers" }

---Raises where call options stand among fields that may have any name.
---@param where string
---@param given table
---@param place string after what their table stands: "body", …
function options.no_call_options(where, given, place)
  for _, name in ipairs(NEVER_FIELDS) do
    if given[name] ~= nil then options.is_call_option(where, name, place) end
  end
end

local NEW = {
  api_key = "secret", api_key_file = "string", base_url = "string", user_agent = "string",
  proxy = "string", ca_file = "string", ca_path = "string", billed_retry = "string",
  connect_timeout = "number", request_timeout = "number", budget = "number",
  max_retries = "whole", max_in_flight = "whole", max_downloads = "whole",
  allow_http = "boolean", on_event = "callable", poll = "table",
  host = "host", nudges = "object", rate_limits = "limits", rate_share = "number",
  spend = "table", headers = "headers",
  client_cert = "string", client_key = "string", client_key_password = "secret",
}
options.NEW = NEW
local SCHEDULE = { first = "span", factor = "factor", max = "seconds" }
local SCHEDULES = { asset = SCHEDULE, generation = extend(SCHEDULE, { learn = "boolean" }) }

local LIMITS = {}
for name in pairs(core.limits) do LIMITS[name] = "limit" end

-- The options of `client:with`. All others of `pomex.new` are about what its clients share.
local WITH = {}
for _, name in ipairs { "request_timeout", "budget", "max_retries", "poll", "billed_retry",
  "headers", "spend" } do
  WITH[name] = NEW[name]
end

local function check_values(where, settings, schedules)
  if settings.poll ~= nil then
    check("poll", settings.poll, { asset = "table", generation = "table" })
    for name, schedule in pairs(settings.poll) do
      check("poll." .. name, schedule, schedules[name])
    end
  end
  local billed = settings.billed_retry
  if billed ~= nil and billed ~= "refused" and billed ~= "unsent" then
    misuse(('%s: billed_retry must be "refused" or "unsent", not %q'):format(where, billed))
  end
end

---Checks the options of `client:with`.
---@param given? pomex.WithOptions
---@return table settings a copy
function options.derived(given)
  if given == nil then return {} end
  local settings = check("client:with", given, NEW)
  for name in pairs(settings) do
    if not WITH[name] then
      misuse(("client:with: %s belongs to what the clients share; pomex.new makes a client with "
        .. "another one"):format(name))
    end
  end
  check_values("client:with", settings, { asset = SCHEDULE, generation = SCHEDULE })
  return settings
end

---Checks the options of `pomex.new`.
---@param given? pomex.Options
---@return table settings a copy, as core.new wants it
---@return string|pomex.Host|nil host
---@return function|nil on_event
---@return pomex.Nudges|nil nudges
function options.settings(given)
  if given == nil then return {} end
  local settings = check("pomex.new", given, NEW)
  if settings.rate_limits then check("rate_limits", settings.rate_limits, LIMITS) end
  check_values("pomex.new", settings, SCHEDULES)
  -- A schedule that its caller chose is kept as it is, unless he asks for more.
  local chosen = settings.poll and settings.poll.generation
  if chosen and next(chosen) and chosen.learn == nil then chosen.learn = false end
  local host, on_event, nudges = settings.host, settings.on_event, settings.nudges
  if nudges ~= nil then require("pomex.nudges").check("pomex.new", nudges) end
  settings.events, settings.on_event, settings.host = on_event ~= nil, nil, nil
  settings.nudges = nil
  return settings, host, on_event, nudges
end

return options
