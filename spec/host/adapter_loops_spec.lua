-- The same scenarios in every host that has a loop of its own and loads in this Lua.

require("spec.support.adapter")(true)
