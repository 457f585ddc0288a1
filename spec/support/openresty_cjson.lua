--- A stand-in for OpenResty's fork of lua-cjson, which Debian does not package: the installed
--- one, and what the fork has beyond it. Whole numbers are integers, and there are marks for
--- arrays; lists come with one of them where the application has asked for that.

local interpreter = require "spec.support.interpreter"

local fork = {}
for name, value in pairs(require "cjson") do fork[name] = value end

fork.array_mt, fork.empty_array_mt = {}, {}
if debug.upvalueid then
  -- Any light userdata that is not NULL.
  fork.empty_array = debug.upvalueid(function() return fork end, 1)
end

-- The installed one makes the same of [] and {}: this stands in an empty list meanwhile.
local NOTHING = "nothing is in this list"

local function fill_empty_lists(text)
  local filled, at = "", 1
  while true do
    local quote = text:find('"', at, true) or #text + 1
    filled = filled .. text:sub(at, quote - 1):gsub("%[%s*%]", '["' .. NOTHING .. '"]')
    if quote > #text then return filled end
    -- To the end of the string: over what is escaped in it.
    local past = quote + 1
    while text:sub(past, past) ~= '"' and past <= #text do
      past = past + (text:sub(past, past) == "\\" and 2 or 1)
    end
    filled, at = filled .. text:sub(quote, past), past + 1
  end
end

local function as_the_fork_does(value, marked)
  if type(value) == "number" then
    return interpreter.integers and value % 1 == 0 and tonumber(("%d"):format(value)) or value
  elseif type(value) ~= "table" then
    return value
  end
  for key, field in pairs(value) do value[key] = as_the_fork_does(field, marked) end
  if not marked or #value == 0 then return value end
  if value[1] == NOTHING then value[1] = nil end
  return setmetatable(value, fork.array_mt)
end

local function configurable(from)
  local own, marked = {}, false
  for name, value in pairs(fork) do own[name] = value end
  for name, value in pairs(from) do own[name] = value end
  own.decode = function(text)
    return as_the_fork_does(from.decode(marked and fill_empty_lists(text) or text), marked)
  end
  own.decode_array_with_array_mt = function(on) marked = on end
  own.new = function() return configurable(from.new()) end
  return own
end

return configurable(require "cjson")
