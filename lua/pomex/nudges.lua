--- Nudges: what one worker of nginx is told of a task, the waits of the others learn through a
--- `lua_shared_dict`. A worker in which something waits looks there ten times a second, in one
--- timer; a worker in which nothing waits does not look.

-- luacheck: std +ngx_lua

local core = require "pomex.core"
local options = require "pomex.options"

local nudges = {}

---@class pomex.Nudges
---@field post fun(self: pomex.Nudges, id: string, client: pomex.Client) tells the others of a task
---@field attend fun(self: pomex.Nudges, client: pomex.Client) a wait of the client begins here

---@class pomex.NudgesDict: pomex.Nudges
local Dict = {}
Dict.__index = Dict

-- So many ids are there at once, for so many seconds: a wait can begin after its notice has come.
local KEPT, SECONDS = 1024, 300
-- Seconds between two looks.
local PAUSE = 0.1
-- A timer that has not looked for so long is gone: nginx ends and drops timers without a word.
local GONE = 2

local function say(text)
  ngx.log(ngx.WARN, "pomex: ", text)
end

---@param id string
---@param client pomex.Client
function Dict:post(id, client)
  local dict, prefix = self.dict, self.prefix
  local number, why = dict:incr(prefix .. "count", 1, 0)
  -- `set` would throw out what others keep there, a used state of a callback perhaps.
  local ok = number
  if ok then ok, why = dict:safe_set(prefix .. number % KEPT, number .. " " .. id, SECONDS) end
  -- It was told already.
  if ok and self.seen[client] == number - 1 then self.seen[client] = number end
  if not ok then say("a nudge reaches this worker alone: lua_shared_dict: " .. tostring(why)) end
end

-- What was posted since the last look, for the core: it remembers each for waits yet to begin.
local function catch_up(self, client)
  local dict, prefix = self.dict, self.prefix
  local last = dict:get(prefix .. "count") or 0
  local seen = self.seen[client] or 0
  if last < seen then seen = 0 end -- the dict was emptied
  for number = math.max(seen, last - KEPT) + 1, last do
    local entry = dict:get(prefix .. number % KEPT)
    local of, id = tostring(entry or ""):match "^(%d+) (.+)$"
    if of and tonumber(of) == number then client.loop.handle:nudge(id) end
  end
  self.seen[client] = last
end

local function look(premature, self, client)
  local mine = {}
  self.timers[client] = mine
  -- Waits of a worker that is told to end go on, and so does this; a sleep works there, and
  -- another timer would not.
  while not client.loop.closed and self.timers[client] == mine do
    mine.at = core.now()
    catch_up(self, client)
    if client.loop.count == 0 then break end
    ngx.sleep(PAUSE)
  end
  if self.timers[client] == mine then self.timers[client] = nil end
  return premature
end

---@param client pomex.Client
function Dict:attend(client)
  catch_up(self, client)
  local timer = self.timers[client]
  if timer and core.now() - timer.at < GONE then return end
  self.timers[client] = { at = core.now() }
  local ok, why = ngx.timer.at(0, look, self, client)
  if not ok then say("nudges of other workers are not seen: " .. tostring(why)) end
end

---See `pomex.notices.shared_dict`.
---@param dict table `ngx.shared.NAME`
---@param prefix? string of its keys
---@return pomex.Nudges
function nudges.shared_dict(dict, prefix)
  if type(dict) ~= "table" or type(dict.safe_set) ~= "function" then
    options.misuse("notices.shared_dict: dict must be an ngx.shared.NAME, not " .. type(dict)
      .. " (is there a `lua_shared_dict NAME 1m;`?)")
  end
  if prefix ~= nil then options.expect("notices.shared_dict", "prefix", prefix, "string") end
  return setmetatable({
    dict = dict, prefix = prefix or "pomex.nudge:",
    -- By client: the number of the last post that was seen, and the timer that looks.
    seen = setmetatable({}, { __mode = "k" }), timers = setmetatable({}, { __mode = "k" }),
  }, Dict)
end

---Raises unless `value` is what `shared_dict` returned, or is like it.
---@param where string
---@param value any
function nudges.check(where, value)
  local ok, post, attend = pcall(function() return value.post, value.attend end)
  if not ok or type(post) ~= "function" or type(attend) ~= "function" then
    options.misuse(where .. ": nudges must have the methods post(id) and attend(client); for a "
      .. "lua_shared_dict, pomex.notices.shared_dict(dict)")
  end
end

return nudges
