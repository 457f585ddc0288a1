--- `client:map`: runs a function for each item of a list, a few at a time, each in its own task.

local cancel = require "pomex.cancel"
local core = require "pomex.core"
local options = require "pomex.options"
local tasks = require "pomex.task"
local waitable = require "pomex.waitable"

local now = core.now

-- The waitable that the mapping coroutine waits for: it is over when one of the running tasks is
-- over. It looks at the tasks and does not count them, since a handler that counts could lack the
-- memory to run.
local Map = {}
Map.__index = Map
for name, method in pairs(waitable) do Map[name] = method end

function Map:__call()
  local tasks_running = self.running
  for i = 1, #tasks_running do
    if tasks_running[i].finished then return true end
  end
  return false
end

local function start(self, index)
  local task = tasks.spawn(self.client, self.fn, self.items[index], index)
  self.running[#self.running + 1], self.index[task] = task, index
  -- A task with an on_done counts as collected, so client:step() does not raise its error.
  task:on_done(self.leave)
end

-- Removes the finished tasks from the list of running ones, and returns them.
local function take_finished(self)
  local all, kept, finished = self.running, 0, {}
  for i = 1, #all do
    local task = all[i]
    all[i] = nil
    if task.finished then
      finished[#finished + 1] = task
    else
      kept = kept + 1
      all[kept] = task
    end
  end
  return finished
end

local function collect(self)
  for _, task in ipairs(take_finished(self)) do
    local index = self.index[task]
    local result = { task:outcome() }
    self.index[task], self.results[index] = nil, result
    if self.on_each and not self.broken then
      local ok, err = pcall(self.on_each, index, result[1], result[2])
      if not ok then self.broken = { err } end
    end
  end
end

-- Looks for a reason to start no more tasks.
local function look(self)
  if cancel.here() then
    self.broken = { cancel.error("client:map was cancelled", self.started > 0 and "maybe" or "no") }
  elseif self.client.loop.closed then
    self.broken = { cancel.error("the client was closed in client:map", "maybe") }
  end
end

local function run(self)
  local count = #self.items
  repeat
    repeat
      if not self.broken then look(self) end
      local room = not self.broken and self.started < count and #self.running < self.limit
      if room then
        self.started = self.started + 1
        start(self, self.started)
      end
    until not room
    if #self.running > 0 then
      while not self() do self:pause(now) end
      collect(self)
    end
  until #self.running == 0 and (self.broken or self.started == count)
  local results, broken = self.results, self.broken
  -- LuaJIT's compiled code can keep this table for ever, since `leave` has it as an upvalue.
  self.results, self.items, self.fn, self.on_each = nil, nil, nil, nil
  if not broken then return results end
  for i = self.started + 1, count do
    results[i] = { nil, cancel.error("not started: client:map was broken off", "no") }
  end
  return results, broken[1]
end

local function check_items(items)
  if type(items) ~= "table" then
    options.misuse("client:map: items must be a list, not " .. type(items))
  end
  local count = #items
  for key in next, items do
    local fits = type(key) == "number" and key >= 1 and key <= count and key % 1 == 0
    if not fits and key ~= "n" then
      options.misuse(("client:map: items must be a list (it has the key %s)"):format(tostring(key)))
    end
  end
end

local MAP = { concurrency = "whole", on_each = "callable" }

---Runs `fn(item, index)` for each item, a few at a time, each in its own task. If `fn` raises, its
---error becomes the `err` of that item, and the other items go on. The map is broken off when its
---own task is cancelled (the tasks that run are cancelled, too), when `on_each` raises, or when the
---client is closed. It then starts no more tasks, waits for those that run (they are perhaps paid
---for), and returns the results so far.
---@param client pomex.Client
---@param items any[]
---@param fn fun(item: any, index: integer): any, any
---@param opts? pomex.MapOptions
---@return { [1]: any, [2]: any }[] results `{ value, err }` of each item, in order; for an item
---  that was never started, `{ nil, cancelled_error }`
---@return any err only if the map was broken off: a cancelled_error, or what `on_each` raised
return function(client, items, fn, opts)
  check_items(items)
  options.expect("client:map", "fn", fn, "callable")
  opts = options.optional("client:map", opts, MAP) or {}
  local self = setmetatable({
    client = client, items = items, fn = fn, on_each = opts.on_each,
    limit = math.max(opts.concurrency or 16, 1),
    running = {}, index = {}, results = {}, started = 0, broken = nil, -- broken: { why }
  }, Map)
  function self.leave() self:wake() end
  client.loop.gates[self] = true
  return cancel.reaching(self.running, run, self)
end
