-- The same scenarios in every host that has no loop of its own; adapter_loops_spec.lua has the
-- others, so that the two run side by side.

require("spec.support.adapter")(false)
