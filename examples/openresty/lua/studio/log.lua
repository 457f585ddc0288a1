--- The error log. nginx adds the line of the request that is being answered to each message, and
--- that of a callback holds a state and a group id: so messages wait for a timer that no request
--- began. (A timer inherits the log of the request that makes it, and a callback's has none.)

local pomex = require "pomex"

local log = {}

local EVERY = 1   -- seconds

local waiting = {}

-- A link's host alone, with what a sentence puts behind the link. A link can have brackets in it.
local function bare(scheme, link)
  local host = link:match "^[^/?#]*"
  if #host == #link then return scheme .. host:gsub("^.*@", "") end
  return scheme .. host:gsub("^.*@", "") .. "/..." .. link:match "[%])\"',.;]*$"
end

-- The library's errors can quote the service, and the service a group or a signed link.
local function scrubbed(text)
  return (text:gsub("group%-[%w_-]+", "group-*"):gsub("([Hh][Tt][Tt][Pp][Ss]?://)(%S+)", bare))
end

---@param level integer ngx.ERR, …
---@param text string
function log.write(level, text)
  text = scrubbed(text)
  -- Before there are workers, and once one has been told to end, no timer comes.
  if ngx.get_phase() == "init" or ngx.worker.exiting() then return ngx.log(level, text) end
  waiting[#waiting + 1] = { level, text }
end

---A call that failed: what it may have cost comes first.
---@param what string "portrait 3f…"
---@param err pomex.Error|string the error, or the line that was kept of it
function log.failed(what, err)
  local line = tostring(err)
  local facts = line:match "%[([^%[%]]*)%]$" or ""
  local billed = type(err) == "table" and err.billed
    or facts:find("maybe billed", 1, true) and "maybe" or facts:find("billed", 1, true) and "yes"
  log.write(billed and billed ~= "no" and ngx.ERR or ngx.WARN,
    ("billed: %s; %s: %s"):format(billed or "no", what, line))
end

-- What is paid for when an attempt of such a call fails. A create goes out again only if it was
-- refused, or if it never left; after any other loss the service is asked what became of it.
local function billed_of(event)
  if event.endpoint == "generations.create" then return event.status and "no" or "maybe" end
  return (event.endpoint == "generations.get" or event.endpoint == "download") and "yes" or "no"
end

---For `on_event`: an attempt that failed and is followed by another. Of the last one, who made the
---call tells.
---@param event pomex.Event
function log.attempt(event)
  if event.name ~= "response" or not (event.type and event.next) then return end
  local line = pomex.log.line(event):gsub("^%S+ pomex: ", "")
  log.write(ngx.NOTICE, ("billed: %s; %s"):format(billed_of(event), line))
end

local function flush()
  local lines = waiting
  waiting = {}
  for _, line in ipairs(lines) do ngx.log(line[1], line[2]) end
end

---For init_worker_by_lua. A worker that is told to end writes what it has.
function log.start()
  ngx.timer.every(EVERY, flush)
end

return log
