--- Property tests: a body run with many seeds, and the seed named when one fails.
--- POMEX_SEED=n begins with that seed; POMEX_ROUNDS=n runs more of them, or fewer.

local errors = require "pomex.errors"

local property = {}

---@class Random
local Random = {}
Random.__index = Random

-- A generator of our own: math.random differs from one Lua to the next.
local function generator(seed)
  local state = seed % 2147483647
  if state == 0 then state = 1 end
  local self = setmetatable({}, Random)
  function self.next()
    -- Schrage's way round products that doubles cannot hold exactly is not needed: < 2^53.
    state = (state * 48271) % 2147483647
    return state
  end
  for _ = 1, 8 do self.next() end
  return self
end

---A whole number from `low` to `high`.
function Random:int(low, high)
  return low + self.next() % (high - low + 1)
end

function Random:pick(list)
  return list[self:int(1, #list)]
end

function Random:chance(percent)
  return self:int(1, 100) <= percent
end

---A string of `low` to `high` characters of `alphabet` (a list; nil: any byte).
function Random:text(low, high, alphabet)
  local out = {}
  for i = 1, self:int(low, high) do
    out[i] = alphabet and self:pick(alphabet) or string.char(self:int(0, 255))
  end
  return table.concat(out)
end

---Runs `body(random)` `rounds` times, each with a seed of its own.
---@param rounds integer
---@param body fun(random: Random)
function property.holds(rounds, body)
  rounds = tonumber(os.getenv("POMEX_ROUNDS") or "") or rounds
  local first = tonumber(os.getenv("POMEX_SEED") or "") or os.time() % 1000000 * 1000
  for seed = first, first + rounds - 1 do
    local ok, why = xpcall(function() body(generator(seed)) end, function(failure)
      if type(failure) == "table" and not errors.is(failure) and failure.message then
        failure = failure.message
      end
      return tostring(failure)
    end)
    if not ok then
      error(("with POMEX_SEED=%d: %s"):format(seed, why), 2)
    end
  end
end

return property
