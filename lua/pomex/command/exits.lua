--- The exit codes of the command pomex. They are fixed for ever: scripts depend on them.

local exits = {
  DONE = 0, FAILED = 1, USAGE = 2, UNCLEAR = 3, REFUSED = 4, CAP = 5, LATER = 6, INTERRUPTED = 7,
  STORE = 11, KILLED = 130,
}

---What each says, for the man page.
exits.MEANINGS = {
  { 0, "All is done." },
  { 1, "Some of it failed." },
  { 2, "The command line cannot be carried out as it stands; nothing was sent." },
  { 3, "Unclear: something was perhaps done, and perhaps billed. Look before you repeat it." },
  { 4, "The key is missing or refused, or there is no money." },
  { 5, "A cap on videos or money is reached." },
  { 6, "--timeout ran out; the work goes on at the service." },
  { 7, "Interrupted by a signal or by your no: go on with the same command. Or paused." },
  { 11, "The store is locked, out of reach, or restored: see jobs continue." },
  { 130, "A second signal ended it at once." },
}

---Where several hold, the first of these is the process's.
exits.ORDER = { 130, 11, 4, 3, 5, 7, 6, 1, 2, 0 }

local RANK = {}
for rank, code in ipairs(exits.ORDER) do RANK[code] = rank end

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
  -- (A signed link that is refused has nothing to do with the account.)
  if ACCOUNT[err.status] and not err.proxy and err.endpoint ~= "download" then
    return exits.REFUSED
  end
  -- A wait whose time is over: the service goes on with it.
  if err.type == "timeout_error" and err.id then return exits.LATER end
  -- Refused here by the document's rules: the command line has to change.
  if err.type == "invalid_request_error" and err.client then return exits.USAGE end
  return exits.FAILED
end

return exits
