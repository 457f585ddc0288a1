--- Hosts: a host decides how a program waits while the service works. Only hosts block or yield;
--- docs/hosts.md has a host to copy.
---
--- A host is a table of two functions:
---   wait(client, ready, timeout)  returns when ready() is true or after `timeout` seconds. Without
---                                 a timeout it can also return early. ready:subscribe(fn) has fn
---                                 called once when it is worth while to call ready() again
---   spawn(task, f, …)             starts task:run(f, …), which never raises, in a coroutine task
---                                 of the host's kind. On PUC 5.1 a wait in it runs in a
---                                 coroutine within the one that the host started. There
---                                 coroutine.yield reaches the code that resumed the outer
---                                 coroutine, and pomex.host.coroutine.current() returns that one
--- and two optional functions:
---   may(client, what)             whether the running code may "wait", or may "start" an
---                                 operation: true, or nil and a text that says why not. A host
---                                 allows a start only if its loop will report the end. Without
---                                 this function both are always allowed
---   watch(client, stop)           for a host with a loop of its own: something is pending, so the
---                                 loop watches client:pollfd() for reading and calls
---                                 client:step() when it is readable. Returns a function that ends
---                                 the watch; the next call gets it as `stop`, and nil means that
---                                 nothing watches yet. stop() is called after a step that left
---                                 nothing pending, and before the descriptor is closed; it
---                                 returns true if the host goes on watching for a while

local older = require "pomex.host.older"
local options = require "pomex.options"

local hosts = {}

local NAMES = {
  auto = true, blocking = true, coroutine = true, cqueues = true, luv = true, copas = true,
  openresty = true,
}

--- Returns the host for `wanted`, which is a name or a table of functions.
---@param wanted? string|pomex.Host
---@return pomex.Host
function hosts.resolve(wanted)
  if type(wanted) == "table" then
    if older.is(wanted) then return older.adapt(wanted) end
    for _, name in ipairs { "wait", "spawn" } do
      options.expect("host", name, wanted[name], "callable")
    end
    for _, name in ipairs { "may", "watch" } do
      if wanted[name] ~= nil then options.expect("host", name, wanted[name], "callable") end
    end
    return wanted
  end
  wanted = wanted or "auto"
  if not NAMES[wanted] then
    options.misuse(('pomex.new: unknown host %q%s'):format(wanted, options.meant(wanted, NAMES)))
  end
  local found, host = pcall(require, "pomex.host." .. wanted)
  if not found then
    options.misuse(("pomex.new: the host %q cannot be used: %s"):format(wanted, tostring(host)))
  end
  return host
end

return hosts
