--- Several clients at once: a task of one client can wait on another client. Code that polls or
--- steps the loop of the first client therefore drives the loops of the others, too.

local others = {}

local unpack = table.unpack or unpack

local NONE = {}

--- The other loops that a step of `loop` drives: those that tasks of its client wait on, those that
--- tasks of these wait on, and so on. A loop that is closed, or in a step already, is left out.
---@param loop pomex.Loop
---@return pomex.Loop[] to be read only
function others.of(loop)
  -- For a client that stands alone nothing is allocated: a finalizer could close the client.
  if not next(loop.elsewhere) then return NONE end
  local all, seen = {}, { [loop] = true }
  local function add(from)
    for _, other in pairs(from.elsewhere) do
      if not seen[other] then
        seen[other] = true
        if not other.closed and not other:in_step() then all[#all + 1] = other end
        add(other)
      end
    end
  end
  add(loop)
  return all
end

---Sleeps until a step of `loop`, or of one of `all`, has work.
---@param loop pomex.Loop
---@param all pomex.Loop[]
---@param seconds? number the longest sleep
---@return boolean|nil ready
---@return string? why "interrupted", or what failed
function others.poll(loop, all, seconds)
  if not all[1] then return loop.handle:poll(seconds) end
  local descriptors, due = {}, loop.handle:timeout() or -1
  for i, other in ipairs(all) do
    local fd, why = other.handle:pollfd()
    if not fd then return nil, why end
    local timeout = other.handle:timeout()
    if timeout and (due < 0 or timeout < due) then due = timeout end
    descriptors[i] = fd
  end
  if seconds and (due < 0 or seconds < due) then due = seconds end
  return loop.handle:poll(due, unpack(descriptors))
end

--- Advances each loop of `all`; one of them can close the next.
---@param all pomex.Loop[]
---@param budget? number seconds of work in the core, for each
---@param deaf? boolean as in `loop:advance`
function others.advance(all, budget, deaf)
  for i = 1, #all do
    local other = all[i]
    if not other.closed and not other:in_step() then other:advance(budget, deaf) end
  end
end

return others
