--- A sandbox that runs, and what a test does to it. Part of `pomex.sandbox`.

local options = require "pomex.options"
local records = require "pomex.sandbox.records"

local control = {}

---@private
control.CONFIG = {
  asset_seconds = "number", generation_seconds = "number", h5_seconds = "number",
  asset_link_seconds = "number", video_link_seconds = "number",
  rate_limits = "switch", rate_limit_answer = "number",
  generation_list = "boolean", list_as_data = "boolean", list_totals = "boolean",
  notices = "boolean", notice_delay_seconds = "number", notices_twice = "boolean",
  notices_reversed = "boolean", notices_first = "boolean", notices_forged = "boolean",
  list_lag_seconds = "number", asset_list_lag_seconds = "number", task_fields = "boolean",
  task_kept_seconds = "number", generation_cancel = "boolean",
}

---@private
control.FAULT = {
  endpoint = "string", times = "number", skip = "number", reused = "boolean",
  status = "number", retry_after = "any", headers = "table", body = "string",
  content_type = "string", delay = "number", before_accept = "string", after_accept = "string",
}

---@private
control.ASSETS = {
  count = "number", group_id = "string", name = "string", status = "string",
  asset_type = "string",
}

---Raises if `given` has a key that no set has, and names the nearest; or a value of a wrong type.
---@private
---@param where string
---@param given table
---@param ... table<string, string> key to kind, as in pomex.options
---@return table copy a plain table, to be used in place of `given`
function control.check(where, given, ...)
  local known = {}
  for _, kinds in ipairs { ... } do
    for key, kind in pairs(kinds) do known[key] = kind end
  end
  return options.check(where, given, known)
end

-- cjson may read a whole number as a float, and a test compares ids and counts.
local whole = math.floor

local ask = records.ask

---A sandbox that runs. Its methods raise when they fail: in a test, a nil that nobody looks at
---would hide the cause.
---@class pomex.Sandbox
---@field url string "http://127.0.0.1:PORT"
---@field key string the API key of the first account
---@field token string for requests to /_sandbox/: the header X-Sandbox-Token
---@field pid integer the process that runs it
---@field clock pomex.SandboxClock
---@field ledger pomex.SandboxLedger
---@field journal pomex.SandboxJournal
---@field private _client pomex.Client|nil
---@field private _process userdata|nil
---@field private _code integer|nil
local Sandbox = {}
Sandbox.__index = Sandbox
Sandbox.__name = "pomex.sandbox"

---Options for `pomex.new`, with which a client reaches this sandbox and sees its quick tasks soon.
---@param extra? pomex.Options more options, which replace these
---@return pomex.Options
function Sandbox:client_options(extra)
  local merged = {
    base_url = self.url, api_key = self.key,
    -- Needed for a `host` that is no loopback address.
    allow_http = control.needs_http(self.url) or nil,
    poll = {
      asset = { first = 1 / 20, factor = 3 / 2, max = 1 },
      generation = { first = 1 / 10, factor = 3 / 2, max = 1 },
    },
  }
  local more = options.check("sb:client_options", extra or {}, options.NEW)
  for key, value in pairs(more) do merged[key] = value end
  return merged
end

---Adds a verified person to the first account, without session and scan. It is not billed.
---@return string group_id
function Sandbox:add_person()
  return ask(self, "POST", "people", {}).group_id
end

---Adds another account.
---@return string key
function Sandbox:add_account()
  return ask(self, "POST", "accounts", {}).key
end

---Adds assets to the first account.
---@param wanted pomex.SandboxAssets
---@return string[] ids the first 100
---@return integer count
function Sandbox:add_assets(wanted)
  wanted = control.check("sb:add_assets", wanted, control.ASSETS)
  local reply = ask(self, "POST", "assets", wanted)
  return reply.ids, whole(reply.count)
end

---Does what a button on the page at `h5_link` does.
---@param h5_link string
---@param outcome "pass"|"fail"|"pre_record"|"expire"
---@return string|nil callback_url where the browser is sent; nil: nowhere
---@return integer status 302; 410 if the link has expired or was used
function Sandbox:scan(h5_link, outcome)
  options.expect("sb:scan", "h5_link", h5_link, "string")
  options.expect("sb:scan", "outcome", outcome, "string")
  local reply = ask(self, "POST", "scan", { h5_link = h5_link, outcome = outcome })
  local location = reply.location
  return type(location) == "string" and location or nil, whole(reply.status)
end

---Lets something go wrong.
---@param fault pomex.SandboxFault
---@return integer id
function Sandbox:fault(fault)
  fault = control.check("sb:fault", fault, control.FAULT)
  return whole(ask(self, "POST", "faults", fault).id)
end

---How many requests a fault has struck: a test whose fault struck none has tested nothing.
---@param id integer of `sb:fault`; also of a fault that is removed
---@return integer
function Sandbox:struck(id)
  options.expect("sb:struck", "id", id, "whole")
  local struck = ask(self, "GET", "faults").struck[("%d"):format(id)]
  if not struck then options.misuse(("sb:struck: there was no fault %d"):format(id)) end
  return whole(struck)
end

---Removes all faults.
function Sandbox:clear_faults()
  ask(self, "DELETE", "faults")
end

---Changes settings: all that are named or, if it raises, none.
---@param settings pomex.SandboxConfig
function Sandbox:config(settings)
  settings = control.check("sb:config", settings, control.CONFIG)
  ask(self, "POST", "config", settings)
end

---@return pomex.SandboxState
function Sandbox:state()
  return ask(self, "GET", "state")
end

---Waits until the sandbox ends by itself, as by a `kill` of its pid. Ctrl-C reaches this process
---alone, and ends the wait, unless `pomex.terminal` holds it.
---@param seconds? number default: for ever
---@return boolean|nil ended false: time is over; nil: a signal came
---@return string? why "interrupted"
function Sandbox:wait(seconds)
  if seconds ~= nil then options.expect("sb:wait", "seconds", seconds, "span") end
  if not self._process then return true end
  local line, why
  -- Each second Lua can raise on a signal that came just before this began to wait.
  repeat line, why = self._process:read_line(seconds or 1) until not line
  if why == "interrupted" then return nil, why end
  if why == "timeout" and not seconds then return self:wait() end
  return why ~= "timeout"
end

---Ends the sandbox. It can be called again.
---@return integer|nil code the exit code of the process (0: all was well); nil: a signal ended it
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

---Whether a client needs `allow_http` for this URL.
---@private
---@param url string
---@return boolean
function control.needs_http(url)
  return not (url:find("^http://127%.") or url:find("^http://%[::1%]"))
end

options.methods(Sandbox, "sb")

---@private
---@param hello { url: string, key: string, token: string, pid: number }
---@param process userdata
---@param client pomex.Client one that only makes control requests
---@return pomex.Sandbox
function control.new(hello, process, client)
  local sb = setmetatable({
    url = hello.url, key = hello.key, token = hello.token, pid = whole(hello.pid),
    _process = process, _client = client,
  }, Sandbox)
  sb.clock, sb.ledger, sb.journal = records.new(sb)
  return sb
end

return control
