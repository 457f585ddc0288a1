--- The canonical line of a value: JSON with sorted keys and numbers by value, so that two jobs are
--- the same if their lines are.

local core = require "pomex.core"
local text = require "pomex.text"

local canonical = {}

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escaped(c)
  return ESCAPES[c] or ("\\u%04x"):format(c:byte())
end

local function quoted(value)
  return '"' .. value:gsub('[%z\1-\31"\\\127]', escaped) .. '"'
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then
    error("a number in it is not finite", 0)
  end
  if value % 1 == 0 and value > -1e15 and value < 1e15 then
    return ("%d"):format(value)
  end
  return text.number("%.17g", value)
end

local write

local function list(value, out)
  out[#out + 1] = "["
  for i = 1, #value do
    if i > 1 then out[#out + 1] = "," end
    write(value[i], out)
  end
  out[#out + 1] = "]"
end

local function object(value, out)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" then error("a table in it is neither a list nor an object", 0) end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    out[#out + 1] = quoted(key) .. ":"
    write(value[key], out)
  end
  out[#out + 1] = "}"
end

write = function(value, out)
  local kind = type(value)
  if kind == "table" then
    local marked = core.arrays[getmetatable(value)]
    if marked or value[1] ~= nil then list(value, out) else object(value, out) end
  elseif kind == "string" then
    out[#out + 1] = quoted(value)
  elseif kind == "number" then
    out[#out + 1] = number(value)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif value == core.null then
    out[#out + 1] = "null"
  else
    error("a " .. kind .. " in it cannot be kept", 0)
  end
end

---The line of a value.
---@param value any a plain copy: tables, strings, finite numbers, booleans, pomex.null
---@return string line raises a string where the value cannot be kept
function canonical.line(value)
  local out = {}
  write(value, out)
  return table.concat(out)
end

return canonical
