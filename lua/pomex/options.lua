--- Misuse of the API: a wrong Lua type or an unknown key raises, at the caller's line and with
--- the argument's name. What only the service or the core can judge is not looked at here.

local core = require "pomex.core"
local text = require "pomex.text"
local values = require "pomex.values"

local options = {}

local null, VIRTUAL, huge = core.null, values.VIRTUAL, math.huge

-- Where these files lie, so that the line named is the caller's and not one of ours.
local getinfo = type(debug) == "table" and debug.getinfo
local HOME = getinfo and getinfo(1, "S").source:match("^(@.*)options%.lua$")

local function callers_line()
  for level = 3, 200 do
    local info = HOME and getinfo(level, "Sl")
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
  object = { function() return true end, "anything" },
  content = { function(v) return type(v) == "table" end, "a table" },
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
  -- An __eq of the caller's may say anything.
  group = { function(v) return type(v) == "string" or rawequal(v, VIRTUAL) end,
    "a string or pomex.VIRTUAL" },
  factor = { function(v) return type(v) == "number" and v >= 1 and v < huge end,
    "a number, 1 or more" },
  callable = { callable, "a function" },
  limit = { function(v) return v == false or type(v) == "number" and v == v end,
    "a number or false" },
  limits = { function(v) return v == false or type(v) == "table" end, "a table or false" },
  switch = { function(v) return type(v) == "boolean" or type(v) == "table" end,
    "a boolean or a table" },
  host = { function(v) return type(v) == "string" or type(v) == "table" end,
    "a name or a table" },
  strings = {
    function(v) return type(v) == "string" or type(v) == "table" end, "a string or a list of them",
  },
}

local function shown(value)
  if type(value) == "number" then return text.number("%.14g", value) end
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

-- Objects with a life of their own, which are no data to be copied.
local OPAQUE = { object = true, content = true, callable = true, host = true, group = true }

local function fields(where, given, known, open, sent)
  if type(given) ~= "table" then
    misuse(("%s: a table is needed, not %s"):format(where, shown(given)))
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
    elseif not open then
      misuse(("%s: unknown key %q (is it %q?)"):format(where, key, options.nearest(key, known)))
    end
    if type(value) == "table" and not OPAQUE[kind] then
      copy[key] = values.deep(value, key, misfit)
    end
  end
  return copy
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

---The same of a body or a query, where `pomex.null` is of any kind.
---@param where string
---@param given any
---@param known table<string, string>
---@param open? boolean
---@return table copy
function options.sent(where, given, known, open)
  return fields(where, given, known, open, true)
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
local SAVING = { on_progress = "callable", sync = "boolean", overwrite = "boolean" }
options.DOWNLOAD = extend(options.CALL, SAVING)
options.CREATE_AND_SAVE = extend(extend(options.CREATE_AND_WAIT, SAVING), {
  save = "string", save_timeout = "seconds",
})

local NEW = {
  api_key = "string", api_key_file = "string", base_url = "string", user_agent = "string",
  proxy = "string", ca_file = "string", ca_path = "string", billed_retry = "string",
  connect_timeout = "number", request_timeout = "number", budget = "number",
  max_retries = "whole", max_in_flight = "whole", max_downloads = "whole",
  allow_http = "boolean", on_event = "callable", poll = "table",
  host = "host", rate_limits = "limits",
}
options.NEW = NEW
local SCHEDULE = { first = "span", factor = "factor", max = "seconds" }

local LIMITS = {}
for name in pairs(core.limits) do LIMITS[name] = "limit" end

---Checks the options of `pomex.new`.
---@param given? pomex.Options
---@return table settings a copy, as core.new wants it
---@return string|pomex.Host|nil host
---@return function|nil on_event
function options.settings(given)
  if given == nil then return {} end
  local settings = check("pomex.new", given, NEW)
  if settings.rate_limits then check("rate_limits", settings.rate_limits, LIMITS) end
  if settings.poll ~= nil then
    check("poll", settings.poll, { asset = "table", generation = "table" })
    for name, schedule in pairs(settings.poll) do check("poll." .. name, schedule, SCHEDULE) end
  end
  local billed = settings.billed_retry
  if billed ~= nil and billed ~= "refused" and billed ~= "unsent" then
    misuse(('pomex.new: billed_retry must be "refused" or "unsent", not %q'):format(billed))
  end
  local host, on_event = settings.host, settings.on_event
  settings.events, settings.on_event, settings.host = on_event ~= nil, nil, nil
  return settings, host, on_event
end

return options
