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

local function as_the_fork_does(value, marked)
  if type(value) == "number" then
    return interpreter.integers and value % 1 == 0 and tonumber(("%d"):format(value)) or value
  elseif type(value) ~= "table" then
    return value
  end
  for key, field in pairs(value) do value[key] = as_the_fork_does(field, marked) end
  return marked and #value > 0 and setmetatable(value, fork.array_mt) or value
end

local function configurable(from)
  local own, marked = {}, false
  for name, value in pairs(fork) do own[name] = value end
  for name, value in pairs(from) do own[name] = value end
  own.decode = function(text) return as_the_fork_does(from.decode(text), marked) end
  own.decode_array_with_array_mt = function(on) marked = on end
  own.new = function() return configurable(from.new()) end
  return own
end

return configurable(require "cjson")
