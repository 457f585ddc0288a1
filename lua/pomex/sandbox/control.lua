--- Driving a sandbox that runs: its clock, faults, journal and ledger. Part of `pomex.sandbox`.

local options = require "pomex.options"

local control = {}

control.CONFIG = {
  asset_seconds = "number", generation_seconds = "number", h5_seconds = "number",
  asset_link_seconds = "number", video_link_seconds = "number",
  rate_limits = "switch", rate_limit_answer = "number",
}

---Raises on a key that none of the sets has, naming the nearest, or a value of a wrong type.
---@param where string
---@param given table
---@param ... table<string, string> key to kind, as in pomex.options
---@return table copy a plain one: go on with this
function control.check(where, given, ...)
  local known = {}
  for _, kinds in ipairs { ... } do
    for key, kind in pairs(kinds) do known[key] = kind end
  end
  return options.check(where, given, known)
end

-- One control request; the client waits by itself, whatever loop the test runs in.
local function ask(sb, method, path, body, query)
  if not sb._client then error("the sandbox has been stopped", 3) end
  local reply, err = sb._client:request(method, "/_sandbox/" .. path, {
    body = body, query = query, headers = { ["X-Sandbox-Token"] = sb.token },
  })
  if reply == nil then error("pomex-sandbox: " .. tostring(err), 3) end
  return reply
end

-- jansson and cjson may hand whole numbers over as floats; ids and counts are compared.
local function whole(number)
  return math.floor(number)
end

---@class pomex.SandboxClock
local Clock = {}
Clock.__index = Clock

---Moves the sandbox's wall clock on: links expire, assets and generations make progress.
---@param seconds number 0 or more
---@return number now seconds since 1970, by that clock
function Clock:advance(seconds)
  if type(seconds) ~= "number" then
    error("seconds must be a number, not " .. type(seconds), 2)
  end
  return ask(self.sandbox, "POST", "clock", { advance = seconds }).now
end

---@return number now seconds since 1970, by the sandbox's clock
function Clock:now()
  return ask(self.sandbox, "GET", "state").now
end

---@class pomex.SandboxLedger what a real service would have charged for
local Ledger = {}
Ledger.__index = Ledger

---@param kind "generation"|"verification"
---@return integer
function Ledger:count(kind)
  if kind ~= "generation" and kind ~= "verification" then
    error('kind must be "generation" or "verification"', 2)
  end
  return whole(ask(self.sandbox, "GET", "ledger")[kind])
end

---@class pomex.SandboxEntry
---@field kind "generation"|"verification"
---@field id string
---@field prompt? string
---@field model? string
---@field account string
---@field at number seconds since 1970, by the sandbox's clock

---@return pomex.SandboxEntry[]
function Ledger:entries()
  return ask(self.sandbox, "GET", "ledger").entries
end

---@class pomex.SandboxRequest
---@field n integer 1 for the first
---@field endpoint string
---@field method string
---@field path string
---@field query string
---@field status integer what it was answered with
---@field at number seconds of the monotonic clock, in real time
---@field authorized boolean
---@field headers table<string, string> by lower-case name; the key is not shown
---@field body string its first 4 KiB

---@class pomex.SandboxJournal the requests that reached the sandbox, without these controls
local Journal = {}
Journal.__index = Journal

---@param endpoint? string only these: "assets.get", …
---@return pomex.SandboxRequest[]
function Journal:requests(endpoint)
  return ask(self.sandbox, "GET", "journal", nil, endpoint and { endpoint = endpoint })
    .requests
end

---Forgets them.
function Journal:clear()
  ask(self.sandbox, "DELETE", "journal")
end

---@class pomex.Sandbox
---@field url string http://127.0.0.1:PORT
---@field key string the API key of its first account
---@field token string what its control requests need
---@field pid integer
---@field clock pomex.SandboxClock
---@field ledger pomex.SandboxLedger
---@field journal pomex.SandboxJournal
local Sandbox = {}
Sandbox.__index = Sandbox
Sandbox.__name = "pomex.sandbox"

---Options for `pomex.new` that reach this sandbox and look at its quick tasks often.
---@param extra? table more options; they win
---@return table
function Sandbox:client_options(extra)
  local merged = {
    base_url = self.url, api_key = self.key,
    poll = {
      asset = { first = 1 / 20, factor = 3 / 2, max = 1 },
      generation = { first = 1 / 10, factor = 3 / 2, max = 1 },
    },
  }
  local more = options.check("sb:client_options", extra or {}, options.NEW)
  for key, value in pairs(more) do merged[key] = value end
  return merged
end

---A verified person of the first account, without the walk through session and phone.
---@return string group_id
function Sandbox:add_person()
  return ask(self, "POST", "people", {}).group_id
end

---Another account.
---@return string key
function Sandbox:add_account()
  return ask(self, "POST", "accounts", {}).key
end

---Many assets at once.
---@param wanted table count; group_id, name (a prefix), status, asset_type
---@return string[] ids the first few
---@return integer count
function Sandbox:add_assets(wanted)
  wanted = control.check("sb:add_assets", wanted, {
    count = "number", group_id = "string", name = "string", status = "string",
    asset_type = "string" })
  local reply = ask(self, "POST", "assets", wanted)
  return reply.ids, whole(reply.count)
end

---What the page at `h5_link` does when its button is pressed.
---@param h5_link string
---@param outcome "pass"|"fail"|"pre_record"|"expire"
---@return string|nil callback_url where the browser is sent; nil: nowhere
---@return integer status 302, or 410 where the link has expired or was used
function Sandbox:scan(h5_link, outcome)
  if type(h5_link) ~= "string" then
    error("h5_link must be a string, not " .. type(h5_link), 2)
  end
  if type(outcome) ~= "string" then
    error("outcome must be a string, not " .. type(outcome), 2)
  end
  local reply = ask(self, "POST", "scan", { h5_link = h5_link, outcome = outcome })
  local location = reply.location
  return type(location) == "string" and location or nil, whole(reply.status)
end

---Lets something go wrong. Fields: endpoint ("generations.create", …, "video", "*"), times (1;
---0: until cleared), skip, reused (true: only requests that are not the first on their
---connection), status, retry_after, headers, body, content_type, delay,
---before_accept = "drop"|"hang", after_accept = "drop"|"hang"|"truncate"|"drip"|"garbage"|
---"status". Before: nothing was carried out. After: it was, and the answer is lost or spoilt.
---@param fault table
---@return integer id
function Sandbox:fault(fault)
  fault = control.check("sb:fault", fault, {
    endpoint = "string", times = "number", skip = "number", reused = "boolean",
    status = "number", retry_after = "number", headers = "table", body = "string",
    content_type = "string", delay = "number", before_accept = "string",
    after_accept = "string" })
  return whole(ask(self, "POST", "faults", fault).id)
end

function Sandbox:clear_faults()
  ask(self, "DELETE", "faults")
end

---Changes settings while it runs: asset_seconds, generation_seconds, h5_seconds,
---asset_link_seconds, video_link_seconds, rate_limits (a boolean, or requests a second by
---name: sessions, asset_list, asset_get, asset_create, …; 0: none), rate_limit_answer (429, 502).
---@param settings table
function Sandbox:config(settings)
  settings = control.check("sb:config", settings, control.CONFIG)
  ask(self, "POST", "config", settings)
end

---@return table state now, sessions, groups, assets, generations, config
function Sandbox:state()
  return ask(self, "GET", "state")
end

---Ends it. May be called again.
---@return integer|nil code what the process exited with (0: all was well); nil: a signal ended it
function Sandbox:stop()
  if self._client then
    self._client:close()
    self._client = nil
  end
  if self._process then
    self._code = self._process:stop(5)
    self._process = nil
  end
  return self._code
end

---@param hello { url: string, key: string, token: string, pid: number }
---@param process userdata
---@param client table a client of its own for the control requests
---@return pomex.Sandbox
function control.new(hello, process, client)
  local sb = setmetatable({
    url = hello.url, key = hello.key, token = hello.token, pid = whole(hello.pid),
    _process = process, _client = client,
  }, Sandbox)
  sb.clock = setmetatable({ sandbox = sb }, Clock)
  sb.ledger = setmetatable({ sandbox = sb }, Ledger)
  sb.journal = setmetatable({ sandbox = sb }, Journal)
  return sb
end

return control
