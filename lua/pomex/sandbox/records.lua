--- A sandbox's clock, ledger and journal. Part of `pomex.sandbox`.

local options = require "pomex.options"

local records = {}

---Makes one control request. The sandbox's client blocks, whatever host the test itself uses.
---@private
---@param sb pomex.Sandbox
---@param method string
---@param path string below /_sandbox/
---@param body? table
---@param query? table
---@return table|nil reply
---@return pomex.Error? err
function records.request(sb, method, path, body, query)
  ---@diagnostic disable-next-line: invisible
  local client = sb._client
  if not client then options.misuse "the sandbox has been stopped" end
  return client:request(method, "/_sandbox/" .. path, {
    body = body, query = query, headers = { ["X-Sandbox-Token"] = sb.token },
  })
end

---Makes one control request, and raises at the caller's line if it fails.
---@private
---@param sb pomex.Sandbox
---@param method string
---@param path string
---@param body? table
---@param query? table
---@return table reply
function records.ask(sb, method, path, body, query)
  local reply, err = records.request(sb, method, path, body, query)
  if reply == nil then options.misuse("pomex-sandbox: " .. tostring(err)) end
  return reply
end

local ask = records.ask

---The clock by which the sandbox dates everything: the time of day, plus what it was advanced by.
---@class pomex.SandboxClock
---@field private _sandbox pomex.Sandbox
local Clock = {}
Clock.__index = Clock

---Advances the clock: links expire, assets and generations make progress. It cannot be set back.
---@param seconds number 0 or more
---@return number now seconds since 1970
function Clock:advance(seconds)
  options.expect("sb.clock:advance", "seconds", seconds, "number")
  return ask(self._sandbox, "POST", "clock", { advance = seconds }).now
end

---@return number now seconds since 1970
function Clock:now()
  return ask(self._sandbox, "GET", "state").now
end

---What the service would have charged for.
---@class pomex.SandboxLedger
---@field private _sandbox pomex.Sandbox
local Ledger = {}
Ledger.__index = Ledger

---How many entries of this kind there are, of all accounts.
---@param kind "generation"|"verification"
---@return integer
function Ledger:count(kind)
  if kind ~= "generation" and kind ~= "verification" then
    options.misuse 'sb.ledger:count: kind must be "generation" or "verification"'
  end
  return math.floor(ask(self._sandbox, "GET", "ledger")[kind])
end

---All entries, oldest first.
---@return pomex.SandboxEntry[]
function Ledger:entries()
  return ask(self._sandbox, "GET", "ledger").entries
end

---The last 10,000 requests that reached the sandbox, without those to /_sandbox/.
---@class pomex.SandboxJournal
---@field private _sandbox pomex.Sandbox
local Journal = {}
Journal.__index = Journal

---The requests, oldest first.
---@param endpoint? pomex.SandboxPlace only the requests to this one; raises where there is none
---@return pomex.SandboxRequest[]
function Journal:requests(endpoint)
  return ask(self._sandbox, "GET", "journal", nil, endpoint and { endpoint = endpoint }).requests
end

---Forgets all requests.
function Journal:clear()
  ask(self._sandbox, "DELETE", "journal")
end

---@private
---@param sb pomex.Sandbox
---@return pomex.SandboxClock
---@return pomex.SandboxLedger
---@return pomex.SandboxJournal
function records.new(sb)
  local function object(class) return setmetatable({ _sandbox = sb }, class) end
  return object(Clock), object(Ledger), object(Journal)
end

options.methods(Clock, "sb.clock")
options.methods(Ledger, "sb.ledger")
options.methods(Journal, "sb.journal")

return records
