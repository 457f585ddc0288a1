--- Hosts: the only place that blocks or yields.
---
--- A host is a table of three functions:
---   running()                     the running task, or nil where nothing can yield: for programs
---                                 that ask, nothing here does
---   wait(client, ready, timeout)  returns when ready() or after `timeout` seconds; without a
---                                 timeout it may return early. ready:subscribe(fn) has fn
---                                 called when it may be ready
---   spawn(f)                      starts f(), which never raises, as a task of the host's kind.
---                                 On PUC 5.1 a wait in there runs in a coroutine within the
---                                 one that runs f: coroutine.yield reaches whoever resumed
---                                 that, and pomex.host.coroutine.current() returns it
--- and more that a host may have:
---   start(task, f, …)             in place of spawn, where a task is a coroutine that we resume
---   refuse(client)                why wait would raise here, or nil: a plain call asks first,
---                                 and then sends nothing
---   guard(client)                 raises where not even an operation may be started, for
---                                 nobody could be told of its end
---   attach(client)                something may be pending: a host that has a loop of its own
---                                 watches client:pollfd() for reading there, if it does not
---                                 already, and calls client:step() when it is readable. Then
---                                 client.loop.detach is the function that ends that; close
---                                 calls it before the descriptor goes. A step that leaves
---                                 nothing pending calls client.loop.idle

local options = require "pomex.options"

local hosts = {}

local NAMES = {
  auto = true, blocking = true, coroutine = true, cqueues = true, luv = true, copas = true,
  openresty = true,
}
local NEEDED = { "running", "wait", "spawn" }
local FUNCTIONS = {
  running = "callable", wait = "callable", spawn = "callable", start = "callable",
  refuse = "callable", guard = "callable", attach = "callable",
}

---The host that `wanted` (a name, or a table of at least the three functions) stands for.
---@param wanted? string|pomex.Host
---@return pomex.Host
function hosts.resolve(wanted)
  if type(wanted) == "table" then
    for name, kind in pairs(FUNCTIONS) do
      if wanted[name] ~= nil then options.expect("host", name, wanted[name], kind) end
    end
    for _, name in ipairs(NEEDED) do options.expect("host", name, wanted[name], "callable") end
    return wanted
  end
  wanted = wanted or "auto"
  if not NAMES[wanted] then
    options.misuse(('pomex.new: unknown host %q (is it %q?)'):format(
      wanted, options.nearest(wanted, NAMES)))
  end
  local found, host = pcall(require, "pomex.host." .. wanted)
  if not found then
    options.misuse(("pomex.new: the host %q cannot be used: %s"):format(wanted, tostring(host)))
  end
  return host
end

return hosts
