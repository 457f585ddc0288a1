--- The client: its resources, and the loop that drives them.

local async = require "pomex.async"
local calls = require "pomex.calls"
local cancel = require "pomex.cancel"
local core = require "pomex.core"
local errors = require "pomex.errors"
local hosts = require "pomex.host"
local loop = require "pomex.loop"
local map = require "pomex.map"
local options = require "pomex.options"
local others = require "pomex.others"
local spend = require "pomex.spend"
local tasks = require "pomex.task"
local with = require "pomex.with"

local require_waitable = calls.require_waitable

---A client of the service, for one thread at a time. It opens nothing before its first use, so that
---one made before a fork works in each child. `close`, `<close>` (Lua 5.4) or the collector end it.
---@class pomex.Client
---@field sessions pomex.Sessions
---@field assets pomex.Assets
---@field generations pomex.Generations
---@field async pomex.Async the same calls, each of which returns an operation at once
---@field loop pomex.Loop
---@field host pomex.Host
---@field package budget number
---@field package url string
---@field package nudges? pomex.Nudges
---@field spending pomex.Spending|nil
---@field root pomex.Client the one of pomex.new, whose connections these are; most often itself
---@field package children table<pomex.Client, true> those of client:with, weakly
---@field package shut? boolean of a client of client:with: it was closed
local Client = {}
Client.__index = Client

local client = {}

local function still_open(self)
  if calls.is_closed(self) then options.misuse("pomex client is closed") end
end

---@param given? pomex.Options
---@return pomex.Client|nil
---@return pomex.Error? err invalid_request_error: there is no key, or an option has a value that
---  cannot be used
function client.new(given)
  local settings, named, on_event, nudges = options.settings(given)
  local spending = spend.new(settings.spend)
  settings.spend = nil
  local host = hosts.resolve(named)
  local handle, err = core.new(settings)
  if not handle then return nil, errors.wrap(err) end
  local self = setmetatable({
    loop = loop.new(handle, on_event), host = host,
    budget = settings.budget or 120, url = handle:base_url(), nudges = nudges,
    spending = spending, children = setmetatable({}, { __mode = "k" }),
  }, Client)
  self.root = self
  if host.watch then
    function self.loop.begin_watch(stop) return host.watch(self, stop) end
  end
  async.install(self)
  return self
end

---A client with other options, which shares the connections, limits and key of this one. What is
---not given is as it is here; headers are merged. An option of what is shared raises.
---@param given? pomex.WithOptions
---@return pomex.Client|nil client its `close` ends what it began, and nothing else; that of the
---  client which it was made of ends it, too
---@return pomex.Error? err invalid_request_error: an option has a value that cannot be used
function Client:with(given)
  still_open(self)
  return with.new(self, given, Client)
end

---Any other request below the base URL, for calls that this version does not know. A request other
---than GET and HEAD is sent once.
---@param method string "GET", "POST", …
---@param path string begins with "/"
---@param parts? pomex.RequestParts
---@param opts? pomex.CallOptions
---@return table|nil reply the JSON object or array; an empty table for an empty body
---@return pomex.Error? err
function Client:request(method, path, parts, opts)
  return require_waitable(self.async):request(method, path, parts, opts):wait()
end

---Starts `f(…)` in a coroutine task of the host's kind; never blocks. It runs at once, up to its
---first wait; under cqueues it begins when its controller looks next.
---@param f function
---@param ... any its arguments
---@return pomex.Task
function Client:spawn(f, ...)
  still_open(self)
  options.expect("client:spawn", "f", f, "callable")
  return tasks.spawn(self.root, f, ...)
end

---`spawn` and `wait`: returns what `f(…)` returns, raises what it raises. In a cancelled task it
---starts nothing: nil, cancelled_error.
---@param f function
---@param ... any its arguments
---@return any ...
function Client:run(f, ...)
  still_open(self)
  options.expect("client:run", "f", f, "callable")
  require_waitable(self.async)
  if cancel.here() then return nil, cancel.error("client:run in a cancelled task", "no") end
  local task = tasks.spawn(self.root, f, ...)
  task.collected = true
  return task:wait()
end

---Runs `fn(item, index)` for each item, `concurrency` (16) at a time. Raises where `items` is not
---a list. Broken off (its task cancelled, an error in `on_each`, the client closed) it starts no
---more, waits for those that run, and returns what there is, and why.
---@param items any[]
---@param fn fun(item: any, index: integer): any, any
---@param opts? pomex.MapOptions
---@return { [1]: any, [2]: any }[] results `{ value, err }` of each, in their order; `{ nil,
---  cancelled_error }` for an item that was never started
---@return any err only if it was broken off: a cancelled_error, or what `on_each` raised
function Client:map(items, fn, opts)
  still_open(self)
  require_waitable(self.async)
  return map(self.root, items, fn, opts)
end

---Does the work that is ready, resumes what can go on, and returns without waiting. A game needs no
---more than one step a frame. Raises an error of a task, an on_done or an on_event that nobody has
---collected.
---@param budget? number seconds of work after which to stop early; the next step does the rest
---@return integer pending how much is unfinished; 0: no need to step
function Client:step(budget)
  local own = self.loop
  if own.closed then options.misuse("pomex client is closed") end
  if budget ~= nil then options.expect("client:step", "budget", budget, "span") end
  local failure = own:take_failure()
  if failure then error(failure, 0) end
  local all = others.of(own)
  if not own.closed then own:advance(budget) end
  others.advance(all, budget)
  return own:unfinished()
end

---Sleeps until `step` has work, `seconds` have passed or a signal has come.
---@param seconds? number default: for ever
---@return boolean|nil ready `step` has work
---@return string? why "interrupted"
function Client:poll(seconds)
  if seconds ~= nil then options.expect("client:poll", "seconds", seconds, "span") end
  local due = self:timeout()
  if due == 0 then return true end
  if due and (not seconds or due < seconds) then seconds = due end
  return others.poll(self.loop, others.of(self.loop), seconds)
end

---The one descriptor to watch for reading: it is readable whenever `step` has work. It tells
---nothing of another client that a task of this one waits on: watch that client's, too.
---@return integer|nil fd
---@return string? message
function Client:pollfd()
  return self.loop.handle:pollfd()
end

---What to watch the descriptor for.
---@return string events "r"
function Client:events()
  return self.loop.handle:events()
end

---Seconds until `step` has work even if the descriptor stays silent; nil: there is no such time.
---@return number|nil seconds
function Client:timeout()
  if self.loop:unheard() > 0 then return 0 end
  local least
  local function sooner(seconds)
    if seconds and (not least or seconds < least) then least = seconds end
  end
  local function look(each)
    sooner(each:timeout())
    sooner(each.handle:timeout())
  end
  look(self.loop)
  for _, other in ipairs(others.of(self.loop)) do look(other) end
  return least
end

---@return string url where the requests go; it has no key in it
function Client:base_url()
  return self.url
end

---What this client has spent on videos: those that were made or perhaps made, those that are being
---asked for, and (where `spend` has a price) what they cost, at most as long as the service has not
---counted. Raises for a client without the option `spend`.
---@return { videos: integer, cost: number? } spent
function Client:spent()
  if not self.spending then options.misuse("client:spent: pomex.new had no option spend") end
  return self.spending:told()
end

---Ends every operation (each says what became of it, `on_event` too) and every connection; may be
---called again. An error that nobody has collected is raised after that. Of a client of `with`:
---ends what was begun by it, and no connection.
function Client:close()
  if self.root ~= self then return with.close(self) end
  local failure = self.loop:take_failure()
  local late = self.loop:close()
  failure = failure or late
  if failure then error(failure, 0) end
end

function Client:__close(err)
  if err == nil or self.root ~= self then self:close() else self.loop:close() end
end

function Client:__tostring()
  local state = calls.is_closed(self) and "closed" or ("%d pending"):format(self.loop.count)
  return ("pomex client (%s, %s)"):format(self.url, state)
end

options.methods(Client, "client")

return client
