--- The query of `client:request`: a value that cannot be sent raises, and none is dropped silently.

local core = require "pomex.core"
local misfit = require("pomex.misuse").misfit
local text = require "pomex.text"
local values = require "pomex.values"

local SAYABLE = { string = true, boolean = true, number = true }
local WANTED = "a string, a number, a boolean or a list of them"

local function sayable(value)
  return SAYABLE[type(value)] and (type(value) ~= "number" or value - value == 0)
end

local function check_list(where, name, list)
  for position, item in next, list do
    if type(position) ~= "number" then misfit(where, name, WANTED, list) end
    if not sayable(item) then
      misfit(where, ("%s[%s]"):format(name, text.number("%.14g", position)), WANTED, item)
    end
  end
end

local function check_query(where, query)
  for key, value in next, query do
    if type(key) ~= "string" then misfit(where, "each key of query", "a string", key) end
    local name = "query." .. key
    if type(value) == "table" and not rawequal(value, values.VIRTUAL) then
      check_list(where, name, value)
    elseif value ~= core.null and not sayable(value) then
      misfit(where, name, WANTED, value)
    end
  end
end

---@class pomex.RequestParts
---@field query? table<string, string|number|boolean|(string|number|boolean)[]> a list repeats its
---  key, in its order; an empty one and `pomex.null` leave it out
---@field body? any sent as JSON
---@field headers? table<string, string> as those of the options, which win

---Raises if the query holds a value that cannot be sent.
---@param where string "client:request"
---@param parts pomex.RequestParts plain copies
return function(where, parts)
  if parts.query then check_query(where, parts.query) end
end
