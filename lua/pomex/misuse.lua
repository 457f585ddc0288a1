--- Misuse of the API raises: at the caller's line, and with the name of the argument. Values that
--- only the service or the core can judge are not looked at here.

local core = require "pomex.core"
local one_line = require("pomex.errors").one_line
local text = require "pomex.text"
local values = require "pomex.values"

local misuse = {}

local VIRTUAL, huge, null = values.VIRTUAL, math.huge, core.null

-- The folder of pomex's own files. An error names the first line outside of it: the caller's.
local getinfo = type(debug) == "table" and debug.getinfo
local HOME = getinfo and getinfo(1, "S").source:match("^(@.*)misuse%.lua$")

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
function misuse.raise(message)
  error(callers_line() .. message, 0)
end

local raise = misuse.raise

---Edit distance in which two neighbours swapped count as one edit.
---@param a string
---@param b string
---@return integer
function misuse.distance(a, b)
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

---The key of `known` that is nearest to `name`, where one is near: it holds the name or is held by
---it, or at most a third of its letters differ.
---@param name string
---@param known table<string, any>
---@return string|nil
function misuse.nearest(name, known)
  local best, best_distance, best_edits
  name = text.lower(name)
  for key in pairs(known) do
    local edits = misuse.distance(name, key)
    local d = edits
    -- "timeout" means "request_timeout" more than it means "budget", "after" means "after_accept"
    -- more than "retry_after", and "key" means "api_key" more than "api_key_file".
    local at = #name >= 3 and key:find(name, 1, true)
    if at then
      local ends = key:sub(-#name) == name
      d = math.min(d, at == 1 and 1.25 or ends and 1.5 or 2)
    end
    local within = #key >= 3 and name:find(key, 1, true)
    if within then d = math.min(d, 2) end
    local near = at or within or edits <= math.max(1, math.max(#name, #key) / 3)
    -- Of two that are as near, that with fewer letters more ("api_key" rather than "client_key"),
    -- or the later: "request_timeout" rather than "connect_timeout".
    if near and (not best or d < best_distance or d == best_distance
      and (edits < best_edits or edits == best_edits and key > best)) then
      best, best_distance, best_edits = key, d, edits
    end
  end
  return best
end

---The end of an error about an unknown name: " (is it …?)", where one of `known` is near.
---@param name string
---@param known table<string, any>
---@return string
function misuse.meant(name, known)
  local nearest = misuse.nearest(name, known)
  return nearest and (" (is it %q?)"):format(nearest) or ""
end

local function callable(value)
  if type(value) == "function" then return true end
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__call ~= nil
end

-- Of each kind: whether a value is of it, and what an error calls it.
local KINDS = {
  any = { function() return true end, "anything" },
  object = { function() return true end, "anything" },
  content = { function(v) return type(v) == "table" end,
    'a table, as pomex.content():text "…" or { { type = "text", text = "…" } }' },
  string = { function(v) return type(v) == "string" end, "a string" },
  secret = { function(v) return type(v) == "string" end, "a string" }, -- and is not shown
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
  adoption = { function(v) return v == "single" or v == "none" end, '"single" or "none"' },
  what = { function(v) return v == "video" or v == "last_frame" end, '"video" or "last_frame"' },
  factor = { function(v) return type(v) == "number" and v >= 1 and v < huge end,
    "a number, 1 or more" },
  callable = { callable, "a function" },
  headers = { function(v) return type(v) == "table" end, "a table of strings" },
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

---A value in an error: a number as it is, of anything else its type.
---@param value any
---@return string
function misuse.shown(value)
  if type(value) == "number" then return text.number("%.14g", value) end
  return type(value)
end

---Raises unless `value` is of the kind.
---@param where string "client.assets:get"
---@param name string the argument's name
---@param value any
---@param kind string a key of KINDS
function misuse.expect(where, name, value, kind)
  local rule = KINDS[kind]
  if not rule[1](value) then
    local shown = kind == "secret" and type(value) or misuse.shown(value)
    raise(("%s: %s must be %s, not %s"):format(where, name, rule[2], shown))
  end
end

local function named(value)
  if rawequal(value, VIRTUAL) then return "pomex.VIRTUAL" end
  if value == null then return "pomex.null" end
  if type(value) == "number" and value ~= value then return "NaN" end
  return misuse.shown(value)
end

---Raises: a value within a table is not what it must be.
---@param where string "client:request"
---@param name any the value's place: "query.a"
---@param wanted string "a string"
---@param value any
function misuse.misfit(where, name, wanted, value)
  raise(("%s: %s must be %s, not %s"):format(where, one_line(name), wanted, named(value)))
end

---Raises unless each name and each value of the headers is a string.
---@param where string
---@param headers table a plain copy
function misuse.headers(where, headers)
  for name, value in next, headers do
    if type(name) ~= "string" then
      misuse.misfit(where, "each key of headers", "a string", name)
    end
    if name:find "%z" then raise(where .. ": a name in headers must not hold a NUL byte") end
    if type(value) ~= "string" then misuse.misfit(where, "headers." .. name, "a string", value) end
  end
end

---Has the methods of a class raise where they are called with a dot, and so without their object.
---@param class table the metatable of its objects; metamethods stay as they are
---@param called string the object in the words of the caller: "client.assets"
---@param names? string[] only these methods
function misuse.methods(class, called, names)
  local public = {}
  for _, name in ipairs(names or {}) do public[name] = true end
  for name, method in pairs(class) do
    local wanted = public[name] or not names and not name:find "^__"
    if wanted and type(method) == "function" then
      class[name] = function(self, ...)
        if getmetatable(self) ~= class then
          raise(("%s:%s is called with a colon, not a dot"):format(called, name))
        end
        return method(self, ...)
      end
    end
  end
end

return misuse
