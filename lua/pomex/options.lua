--- Misuse of the API: a wrong Lua type or an unknown key raises, at the caller's line and with
--- the argument's name. What only the service or the core can judge is not looked at here.

local core = require "pomex.core"
local VIRTUAL = require("pomex.marks").VIRTUAL

local options = {}

local null, huge = core.null, math.huge

-- Where these files lie, so that the line named is the caller's and not one of ours.
local HOME = debug and debug.getinfo(1, "S").source:match("^(@.*)options%.lua$")

local function callers_line()
  for level = 3, 20 do
    local info = HOME and debug.getinfo(level, "Sl")
    if not info then return "" end
    if info.what ~= "C" and info.what ~= "tail" and info.source:sub(1, #HOME) ~= HOME then
      return info.currentline > 0 and ("%s:%d: "):format(info.short_src, info.currentline) or ""
    end
  end
  return ""
end

---Raises `message` as the caller's mistake.
---@param message string
function options.misuse(message)
  error(callers_line() .. message, 0)
end

local misuse = options.misuse

-- Edit distance in which two neighbours swapped count as one edit.
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + same)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

---The key of `known` that is nearest to `name`.
---@param name string
---@param known table<string, any>
---@return string|nil
function options.nearest(name, known)
  local best, best_distance
  for key in pairs(known) do
    local d = distance(name, key)
    -- "timeout" means "request_timeout" more than it means "budget".
    if #name > 3 and key:find(name, 1, true) then d = math.min(d, 2) end
    -- Of two as near, the later: "request_timeout" rather than "connect_timeout".
    if not best or d < best_distance or (d == best_distance and key > best) then
      best, best_distance = key, d
    end
  end
  return best
end

local function callable(value)
  if type(value) == "function" then return true end
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__call ~= nil
end

-- Each kind: whether a value is of it, and what to call it.
local KINDS = {
  any = { function() return true end, "anything" },
  string = { function(v) return type(v) == "string" end, "a string" },
  boolean = { function(v) return type(v) == "boolean" end, "a boolean" },
  table = { function(v) return type(v) == "table" end, "a table" },
  number = { function(v) return type(v) == "number" and v == v end, "a number" },
  whole = {
    function(v) return type(v) == "number" and v >= 0 and v < huge and v % 1 == 0 end,
    "a whole number, 0 or more",
  },
  seconds = {
    function(v) return type(v) == "number" and v > 0 end, "a number of seconds above 0",
  },
  span = { function(v) return type(v) == "number" and v >= 0 end, "a number of seconds" },
  group = { function(v) return type(v) == "string" or v == VIRTUAL end,
    "a string or pomex.VIRTUAL" },
  factor = { function(v) return type(v) == "number" and v >= 1 and v < huge end,
    "a number, 1 or more" },
  callable = { callable, "a function" },
  limit = { function(v) return v == false or type(v) == "number" and v == v end,
    "a number or false" },
  limits = { function(v) return v == false or type(v) == "table" end, "a table or false" },
  host = { function(v) return type(v) == "string" or type(v) == "table" end,
    "a name or a table" },
  strings = {
    function(v) return type(v) == "string" or type(v) == "table" end, "a string or a list of them",
  },
}

local function shown(value)
  if type(value) == "number" then return ("%.14g"):format(value) end
  return type(value)
end

---Raises unless `value` is of the kind.
---@param where string "client.assets:get"
---@param name string the argument's name
---@param value any
---@param kind string a key of KINDS
function options.expect(where, name, value, kind)
  local rule = KINDS[kind]
  if not rule[1](value) then
    misuse(("%s: %s must be %s, not %s"):format(where, name, rule[2], shown(value)))
  end
end

local expect = options.expect

local function fields(where, given, known, open, sent)
  if type(given) ~= "table" then
    misuse(("%s: a table is needed, not %s"):format(where, shown(given)))
  end
  for key, value in pairs(given) do
    local kind = known[key]
    if kind then
      if not sent or value ~= null then expect(where, key, value, kind) end
    elseif type(key) ~= "string" then
      misuse(("%s: a table of named fields is needed (it has the key %s)"):format(
        where, tostring(key)))
    elseif not open then
      misuse(("%s: unknown key %q (is it %q?)"):format(where, key, options.nearest(key, known)))
    end
  end
end

---Raises unless `given` is a table with keys of `known` only, each of the kind that `known` names.
---@param where string
---@param given any
---@param known table<string, string>
---@param open? boolean keys that are not known are allowed
function options.check(where, given, known, open)
  fields(where, given, known, open)
end

---The same of a body or a query, where `pomex.null` is of any kind.
---@param where string
---@param given any
---@param known table<string, string>
---@param open? boolean
function options.sent(where, given, known, open)
  fields(where, given, known, open, true)
end

local check = options.check

local function extend(base, more)
  local result = {}
  for key, kind in pairs(base) do result[key] = kind end
  for key, kind in pairs(more) do result[key] = kind end
  return result
end

options.CALL = { timeout = "seconds", max_retries = "whole", validate = "boolean" }
options.WAIT = extend(options.CALL, {
  first = "span", factor = "factor", max = "seconds", on_update = "callable",
})
options.CREATE_AND_WAIT = extend(options.WAIT, { on_created = "callable" })
options.DOWNLOAD = extend(options.CALL, { on_progress = "callable", sync = "boolean" })

local NEW = {
  api_key = "string", api_key_file = "string", base_url = "string", user_agent = "string",
  proxy = "string", ca_file = "string", ca_path = "string", billed_retry = "string",
  connect_timeout = "number", request_timeout = "number", budget = "number",
  max_retries = "whole", max_in_flight = "whole", max_downloads = "whole",
  allow_http = "boolean", on_event = "callable", poll = "table",
  host = "host", rate_limits = "limits",
}
local SCHEDULE = { first = "span", factor = "factor", max = "seconds" }

local LIMITS = {}
for name in pairs(core.limits) do LIMITS[name] = "limit" end

---Checks the options of `pomex.new`.
---@param given? pomex.Options
---@return table settings a copy, as core.new wants it
function options.settings(given)
  if given == nil then return {} end
  check("pomex.new", given, NEW)
  local settings = extend(given, {})
  if given.rate_limits then check("rate_limits", given.rate_limits, LIMITS) end
  if given.poll ~= nil then
    check("poll", given.poll, { asset = "table", generation = "table" })
    for name, schedule in pairs(given.poll) do check("poll." .. name, schedule, SCHEDULE) end
  end
  local billed = given.billed_retry
  if billed ~= nil and billed ~= "refused" and billed ~= "unsent" then
    misuse(('pomex.new: billed_retry must be "refused" or "unsent", not %q'):format(billed))
  end
  settings.events, settings.on_event, settings.host = given.on_event ~= nil, nil, nil
  return settings
end

return options
