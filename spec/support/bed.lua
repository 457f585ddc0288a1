--- What most specs begin with: a sandbox for the tests of a `describe`, a client of it for each
--- test, and a look after each test whether it left a descriptor open.

local assert = require "luassert"
local busted = require "busted"
local leaks = require "spec.support.leaks"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

local function without_limits(...)
  local all = { rate_limits = false }
  for _, options in ipairs { ... } do
    for key, value in pairs(options) do all[key] = value end
  end
  return all
end

-- Neither side limits rates unless its options say so.
---@class BedOptions
---@field sandbox? pomex.SandboxOptions of the sandbox that all tests share
---@field client? table|false options of each test's client; false: only `new` makes clients

---To be called within `describe`, before any other set-up.
---@param options BedOptions
---@param take fun(sb: pomex.Sandbox, client: pomex.Client?) is told of the sandbox when it runs,
--- of each client when it is made, and of nil after the test
---@return fun(extra?: table): pomex.Client new makes another client, which is closed after the test
return function(options, take)
  local sb, files
  local clients = setmetatable({}, { __mode = "k" }) -- weak: tests let go of theirs, too

  local function new(extra)
    local client = assert(pomex.new(sb:client_options(without_limits(options.client or {}, extra))))
    clients[client] = true
    take(sb, client)
    return client
  end

  busted.setup(function()
    sb = assert(sandbox.start(without_limits(options.sandbox or {})))
    take(sb, nil)
  end)
  busted.teardown(function() sb:stop() end)

  busted.before_each(function()
    sb:clear_faults()
    sb.journal:clear()
    sb:state() -- opens the connection of the sandbox's own client, which is no leak
    files = leaks.open_files()
    if options.client ~= false then new() end
  end)
  busted.after_each(function()
    leaks.collect()
    for client in pairs(clients) do client:close() end
    take(sb, nil)
    assert.equal(files, leaks.open_files(), "open descriptors")
  end)
  return new
end
