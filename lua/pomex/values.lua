--- Values on their way to the service: those that stand for what plain Lua cannot say, and plain
--- copies of the tables that a caller passes. A copy is made once, checked and sent, so that no
--- metatable can make what is checked differ from what is sent.

local core = require "pomex.core"
local text = require "pomex.text"

local values = {}

---The `group_id` of an upload to the default Virtual group. Lua cannot tell a field that is nil by
---mistake from one that was left out, so the group has a name.
values.VIRTUAL = setmetatable({}, { __tostring = function() return "pomex.VIRTUAL" end })

---The metatable of a table that is a JSON array even when it is empty.
values.ARRAY = {}
core.arrays[values.ARRAY] = true

local metatable_of, arrays, VIRTUAL = core.metatable, core.arrays, values.VIRTUAL

-- How many tables may be chained by their __index.
local MAX_LINKS = 100
-- The core refuses tables that are nested deeper than 64, and names them; this ends the copying.
local MAX_DEPTH = 66
local MAX_PATH = 160

-- "content[2].image_url", of the keys that lead to a value; only its end if it is long.
local function path_of(trail, depth)
  local path = ""
  for i = 1, depth do
    local key = trail[i]
    if type(key) == "number" then
      path = ("%s[%s]"):format(path, text.number("%.14g", key))
    else
      path = path .. (path == "" and "" or ".") .. tostring(key)
    end
  end
  if #path > MAX_PATH then path = "..." .. path:sub(-MAX_PATH) end
  return path == "" and "the table" or path
end

-- Copies the fields that a reader of `given` sees into `into`: those that its __pairs gives; or its
-- own, and the inherited ones that it does not have itself. `misfit` is called where fields cannot
-- be listed. An inherited function is a method of a class and no field, unless an option of its
-- name takes functions.
local function list(given, into, known, misfit, links)
  local meta = metatable_of(given)
  local iterate = meta and rawget(meta, "__pairs")
  local parent = meta and rawget(meta, "__index")
  local function add(key, value)
    if key ~= key then misfit "has a key that is not a number (NaN)" end
    if into[key] ~= nil then return end
    local method = type(value) == "function" and not known[key]
    if links > 0 and (method or type(key) == "string" and key:find "^__") then return end
    into[key] = value
  end
  if iterate ~= nil then
    for key, value in iterate(given) do add(key, value) end
    return
  end
  for key, value in next, given do add(key, value) end
  if parent == nil then return end
  if type(parent) ~= "table" then
    misfit(("inherits from a %s (its __index), whose fields cannot be listed and so cannot be "
      .. "sent: pass a plain table, or give it a __pairs"):format(type(parent)))
  end
  if links == MAX_LINKS then misfit "inherits from itself" end
  return list(parent, into, known, misfit, links + 1)
end

local NONE = {}

---A copy of one table; its values are not copied.
---@param given table
---@param known table<string, any> names of fields that may be inherited functions
---@param misfit fun(what: string) raises; `what` completes "the table …"
---@return table copy
function values.flat(given, known, misfit)
  local copy = {}
  if metatable_of(given) == nil then
    for key, value in next, given do copy[key] = value end
    return copy
  end
  list(given, copy, known, misfit, 0)
  if arrays[metatable_of(given)] then setmetatable(copy, values.ARRAY) end
  return copy
end

local function deep(value, trail, depth, misfit)
  if type(value) ~= "table" or rawequal(value, VIRTUAL) then return value end
  local function named(what) misfit(path_of(trail, depth) .. " " .. what) end
  if depth > MAX_DEPTH then named "is nested more than 64 levels deep, or in itself" end
  local copy = values.flat(value, NONE, named)
  for key, item in next, copy do
    if type(item) == "table" then
      trail[depth + 1] = key
      copy[key] = deep(item, trail, depth + 1, misfit)
    end
  end
  return copy
end

---A copy of a value with all that it holds.
---@param value any
---@param name string|nil what an error calls the value
---@param misfit fun(what: string) raises; `what` begins with the path of the value
---@return any copy
function values.deep(value, name, misfit)
  if type(value) ~= "table" then return value end
  return deep(value, { name }, name and 1 or 0, misfit)
end

return values
