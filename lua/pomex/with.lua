--- `client:with{ … }`: a client with other options, on the connections, limits and key of another.
---
--- It has the loop, the host and the core's client of the one that it was made of (`root`), so that
--- hosts know that one alone. What its options say goes to the core with each call.

local async = require "pomex.async"
local core = require "pomex.core"
local defaults = require "pomex.defaults"
local errors = require "pomex.errors"
local options = require "pomex.options"
local spend = require "pomex.spend"

local with = {}

local joined, over = defaults.joined, defaults.over

-- What a client's calls, waits and downloads take from its options where theirs do not say.
local function defaults_of(settings)
  local poll = settings.poll or {}
  local function among(more)
    more.headers, more.request_timeout = settings.headers, settings.request_timeout
    return more
  end
  return {
    call = among { timeout = settings.budget, max_retries = settings.max_retries,
      billed_retry = settings.billed_retry },
    ["assets.get"] = among(over(poll.asset)),
    ["generations.get"] = among(over(poll.generation)),
    download = among { max_retries = settings.max_retries },
  }
end

---@param parent pomex.Client
---@param given? pomex.WithOptions
---@param class table the metatable of clients
---@return pomex.Client|nil
---@return pomex.Error? err invalid_request_error: an option has a value that cannot be used
function with.new(parent, given, class)
  local more = options.derived(given)
  local spending = spend.new(more.spend)
  more.spend = nil
  local fine, err = core.new(more, true)
  if not fine then return nil, errors.wrap(err) end
  local before = parent.settings or {}
  local settings = over(before, more)
  settings.headers = joined(before.headers, more.headers)
  if more.poll then
    settings.poll = over(before.poll)
    for name, schedule in pairs(more.poll) do
      settings.poll[name] = over(settings.poll[name], schedule)
    end
  end
  if spending then spending.beneath = parent.spending end
  local self = setmetatable({
    root = parent.root, loop = parent.loop, host = parent.host, url = parent.url,
    nudges = parent.nudges, budget = more.budget or parent.budget,
    spending = spending or parent.spending, settings = settings, defaults = defaults_of(settings),
    shut = false, begun = setmetatable({}, { __mode = "k" }),
    children = setmetatable({}, { __mode = "k" }),
  }, class)
  async.install(self)
  parent.children[self] = true
  return self
end

---Ends what was begun by this client, and by those that were made of it, and nothing else.
---@param self pomex.Client
function with.close(self)
  if self.shut then return end
  self.shut = true
  for child in pairs(self.children) do with.close(child) end
  local ops = {}
  for op in pairs(self.begun) do ops[#ops + 1] = op end
  for _, op in ipairs(ops) do op:cancel() end
end

return with
