--- Values that stand for what plain Lua cannot say.

local core = require "pomex.core"

local marks = {}

-- The `group_id` of an upload that shall land in the default Virtual group: Lua cannot tell a
-- nil field from one left out, so it has to be said.
marks.VIRTUAL = setmetatable({}, { __tostring = function() return "pomex.VIRTUAL" end })

-- The metatable of a table that is a JSON array even when it is empty.
marks.ARRAY = {}
core.arrays[marks.ARRAY] = true

return marks
