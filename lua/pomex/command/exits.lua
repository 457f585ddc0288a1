--- The exit codes of the command pomex. They are fixed for ever: scripts depend on them.

local exits = {
  DONE = 0,         -- all is done
  FAILED = 1,       -- some of it failed
  USAGE = 2,        -- the command line cannot be carried out as it stands; nothing was sent
  UNCLEAR = 3,      -- something was perhaps done, and perhaps billed: look before you repeat it
  REFUSED = 4,      -- the key is missing or refused, or there is no money
  CAP = 5,          -- a cap on videos or money is reached
  LATER = 6,        -- --timeout ran out; the work goes on at the service
  INTERRUPTED = 7,  -- a signal ended it, or you said no: go on with the same command
  STORE = 11,       -- the store is locked or out of reach
  KILLED = 130,     -- a second signal ended it at once
}

-- Where several hold, the first of these is the process's.
local ORDER = { 130, 11, 4, 3, 5, 7, 6, 1, 2, 0 }

local RANK = {}
for rank, code in ipairs(ORDER) do RANK[code] = rank end

-- The statuses by which the service speaks of the account and not of the request.
local ACCOUNT = { [401] = true, [402] = true, [403] = true }

local BY_TYPE = {
  authentication_error = exits.REFUSED, ambiguous_error = exits.UNCLEAR,
  store_error = exits.STORE, cancelled_error = exits.INTERRUPTED,
}

---Which of two codes is the process's where both hold.
---@param a integer
---@param b integer
---@return integer
function exits.first(a, b)
  return RANK[a] < RANK[b] and a or b
end

---The code for an error of pomex's that ended what was asked for.
---@param err pomex.Error
---@return integer
function exits.of(err)
  local code = BY_TYPE[err.type]
  if code then return code end
  if ACCOUNT[err.status] and not err.proxy then return exits.REFUSED end
  -- A wait whose time is over: the service goes on with it.
  if err.type == "timeout_error" and err.id then return exits.LATER end
  -- Refused here by the document's rules: the command line has to change.
  if err.type == "invalid_request_error" and err.client then return exits.USAGE end
  return exits.FAILED
end

return exits
