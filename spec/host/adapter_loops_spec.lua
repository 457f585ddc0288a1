-- The same scenarios in every host that has a loop of its own and loads in this Lua.

require "spec.support.adapter" (true, {
  describe = describe, it = it, setup = setup, teardown = teardown,
  before_each = before_each, after_each = after_each,
})
