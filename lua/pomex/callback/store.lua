--- Stores that remember which states of callbacks were used, so that each is used once.
---
--- A store is any object with a method `claim(nonce, expires)`. It returns true the first time that
--- it is asked for a nonce, and false after that until `expires` (seconds since 1970); anything
--- else, and a text, if it cannot tell. It must be atomic for all its users: a get and then a set
--- is not, since two requests can come at once. It runs in a pcall, through which PUC Lua 5.1
--- cannot yield, so there it must not wait in a coroutine.

local core = require "pomex.core"
local options = require "pomex.options"

local floor, max = math.floor, math.max

local store = {}

---@class pomex.CallbackStore
---@field claim fun(self: pomex.CallbackStore, nonce: string, expires: number): boolean|nil, string?

-- How many worker processes nginx has; nil outside of nginx.
local function nginx_workers()
  local ngx = rawget(_G, "ngx") or package.loaded.ngx
  local count = type(ngx) == "table" and type(ngx.worker) == "table" and ngx.worker.count
  local ok, workers = pcall(count)
  return ok and tonumber(workers) or nil
end

local SEVERAL = "nginx has several workers, each with a memory of its own: use "
  .. "pomex.callback.shared_dict(ngx.shared.NAME)"

---@class pomex.CallbackMemory: pomex.CallbackStore
local Memory = {}
Memory.__index = Memory

-- Nonces are kept in slots of a minute by their expiry, so that they can be forgotten without a
-- search.
local SLOT = 60

-- A forgotten nonce cannot be told from a new one, so a nonce of a forgotten slot is never claimed
-- again, even if the clock goes back.
local function forget(self)
  local current = floor(core.wall() / SLOT)
  if current == self.looked then return end
  self.looked = current
  for slot, nonces in pairs(self.slots) do
    if slot < current then
      for i = 1, #nonces do self.seen[nonces[i]] = nil end
      self.count, self.slots[slot] = self.count - #nonces, nil
      self.forgotten = max(self.forgotten, slot)
    end
  end
end

---@param nonce string
---@param expires number seconds since 1970
---@return boolean|nil claimed
---@return string? why it cannot tell
function Memory:claim(nonce, expires)
  if (nginx_workers() or 1) > 1 then return nil, SEVERAL end
  forget(self)
  if self.seen[nonce] then return false end
  local slot = floor(expires / SLOT)
  if slot <= self.forgotten then return nil, "the clock went back to before what was forgotten" end
  if self.count >= self.most then
    return nil, ("it is full: %d states are remembered"):format(self.count)
  end
  local nonces = self.slots[slot] or {}
  self.slots[slot], self.seen[nonce] = nonces, true
  nonces[#nonces + 1] = nonce
  self.count = self.count + 1
  return true
end

---A store in this process's memory, for programs of one process. It ends with the process: a state
---that was used before a restart (or a reload of nginx, or with `lua_code_cache off`) can be used
---once more within its hour.
---@param most? integer how many unexpired states it remembers; then it takes no more; 100,000
---@return pomex.CallbackStore
function store.memory(most)
  if most ~= nil then options.expect("callback.memory", "most", most, "whole") end
  if (nginx_workers() or 1) > 1 then options.misuse("callback.memory: " .. SEVERAL) end
  return setmetatable({
    most = most or 100000, count = 0, seen = {}, slots = {}, looked = nil, forgotten = -math.huge,
  }, Memory)
end

---@class pomex.CallbackDict: pomex.CallbackStore
local Dict = {}
Dict.__index = Dict

---@param nonce string
---@param expires number seconds since 1970
---@return boolean|nil claimed
---@return string? why it cannot tell
function Dict:claim(nonce, expires)
  local dict = self.dict
  -- A nonce that is thrown out could be used again. `add` makes room by throwing out unexpired
  -- entries, `safe_add` does not.
  local add = dict.safe_add or dict.add
  -- 0 would mean for ever. A minute is added because nginx goes by a clock of its own.
  local seconds = max(expires - core.wall(), 0) + 60
  local ok, why, forcible = add(dict, self.prefix .. nonce, true, seconds)
  if ok and not forcible then return true end
  if why == "exists" then return false end
  return nil, "lua_shared_dict: " .. tostring(why or "it threw out what had not expired")
end

---A store in a `lua_shared_dict`, which all workers of nginx share; it outlives a reload, but no
---restart. Give it a dict of its own (1 MB holds some 8,000 states): other entries could push out
---states that must be remembered.
---@param dict table `ngx.shared.NAME`
---@param prefix? string of its keys; "pomex.callback:"
---@return pomex.CallbackStore
function store.shared_dict(dict, prefix)
  if type(dict) ~= "table" or type(dict.add) ~= "function" then
    options.misuse("callback.shared_dict: dict must be an ngx.shared.NAME, not " .. type(dict)
      .. " (is there a `lua_shared_dict NAME 1m;`?)")
  end
  if prefix ~= nil then options.expect("callback.shared_dict", "prefix", prefix, "string") end
  return setmetatable({ dict = dict, prefix = prefix or "pomex.callback:" }, Dict)
end

return store
