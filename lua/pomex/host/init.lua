--- Hosts: the only place that blocks or yields.
---
--- A host is a table of three functions:
---   running()                     the running task, or nil where nothing can yield
---   wait(client, ready, timeout)  returns when ready() or after `timeout` seconds; without a
---                                 timeout it may return early. ready:subscribe(fn) has fn
---                                 called when it may be ready
---   spawn(f)                      starts f(), which never raises, as a task of the host's kind
--- and more that a host may have:
---   guard()                       raises where nothing can be waited for, before anything is
---                                 started that nobody could then be told of
---   start(task, f, …)             in place of spawn, where a task is a coroutine that we resume
---   attach(client)                something became pending: a host that has a loop of its own
---                                 begins to watch client:pollfd() for reading there, and calls
---                                 client:step() until it returns 0. While it watches,
---                                 client.loop.detach is the function that ends that; close
---                                 calls it before the descriptor goes

local options = require "pomex.options"

local hosts = {}

local NAMES = {
  auto = true, blocking = true, coroutine = true, cqueues = true, luv = true, copas = true,
  openresty = true,
}
local FUNCTIONS = { running = "callable", wait = "callable", spawn = "callable" }

---The host that `wanted` (a name, or a table of the three functions) stands for.
---@param wanted? string|pomex.Host
---@return pomex.Host
function hosts.resolve(wanted)
  if type(wanted) == "table" then
    options.check("host", wanted, FUNCTIONS, true)
    for name, kind in pairs(FUNCTIONS) do options.expect("host", name, wanted[name], kind) end
    return wanted
  end
  wanted = wanted or "auto"
  if not NAMES[wanted] then
    options.misuse(('pomex.new: unknown host %q (is it %q?)'):format(
      wanted, options.nearest(wanted, NAMES)))
  end
  -- "auto" asks at each wait, and so far it knows one question: is this a task of ours? The
  -- host "blocking" asks it too.
  local found, host = pcall(require, "pomex.host." .. (wanted == "auto" and "blocking" or wanted))
  if not found then
    options.misuse(("pomex.new: the host %q cannot be used: %s"):format(wanted, tostring(host)))
  end
  return host
end

return hosts
