--- One line for each attempt, for a log: `pomex.new { on_event = pomex.log.to(io.stderr) }`. No
--- line holds the key, a signed link or a group_id.

local errors = require "pomex.errors"
local misuse = require "pomex.misuse"
local number = require("pomex.text").number

---@class pomex.LogModule
local log = {}

-- One word of a line: in quotes if it could be read as more.
local function word(value)
  local shown = errors.one_line(value)
  if shown:find('[%s"=,]') then return '"' .. shown:gsub('"', "'") .. '"' end
  return shown
end

local function seconds(value)
  return number("%.3f", value)
end

-- What follows the attempt.
local function sequel(event)
  if event.next then
    if event.next == 0 then return "goes on at once" end
    -- After a create that may be billed it can be the look for what became of it, and no retry.
    local what = not event.type and "next look" or event.endpoint == "generations.create"
      and "next request" or "retry"
    return ("%s in %s s"):format(what, seconds(event.next))
  end
  if not event.ends then return "done" end
  return event.ends == event.type and "gives up" or "ends as " .. event.ends
end

---The line of an event, without its end. Requests, retries and looks have none: the line of the
---attempt tells of them.
---@param event pomex.Event
---@return string|nil
function log.line(event)
  local attempt = event.name == "response"
  if event.name == "dropped" then
    return ("%s pomex: %s events were lost"):format(os.date "!%Y-%m-%dT%H:%M:%SZ", event.detail)
  elseif not attempt and not (event.name == "done" and event.between) then
    return nil
  end
  local parts = { os.date "!%Y-%m-%dT%H:%M:%SZ", "pomex:", event.endpoint }
  local function add(name, value)
    if value ~= nil then parts[#parts + 1] = name .. "=" .. word(value) end
  end
  if event.path then
    parts[#parts + 1] = event.method
    parts[#parts + 1] = word(event.path)
  end
  add("attempt", event.attempt)
  add("status", event.status)
  add("seconds", seconds(event.seconds))
  add("type", event.type)
  add("saw", event.detail)
  add("id", event.id)
  add("request_id", event.request_id)
  add("operation", event.operation)
  return table.concat(parts, " ") .. ", "
    .. (attempt and sequel(event) or event.type and "ends between attempts" or "done")
end

-- Whether `file` took the text; else why not.
local function put(file, text)
  if type(file) == "function" then
    file(text)
    return true
  end
  local done, why = file:write(text)
  if done or why == nil then
    if not file.flush then return true end
    done, why = file:flush()
  end
  return done or why == nil, why
end

---A function for the option `on_event` that writes one line for each attempt: when, what, its HTTP
---status, how many seconds it took, why it failed, about which object, which request, and what
---follows. A write that fails does no harm to the calls; the first is told on standard error.
---@param file table|userdata|fun(line: string) io.stderr, a file that is open for
---  writing, or a function. Must not wait
---@return fun(event: pomex.Event)
function log.to(file)
  local kind = type(file)
  if kind ~= "function" and not ((kind == "table" or kind == "userdata") and file.write) then
    misuse.raise("pomex.log.to: file must be an open file or a function, not " .. kind)
  end
  local told = false
  return function(event)
    local line = log.line(event)
    if not line then return end
    local ok, done, why = pcall(put, file, line .. "\n")
    if ok and done or told then return end
    told = true
    pcall(io.stderr.write, io.stderr, ("pomex.log: the log cannot be written: %s\n"):format(
      errors.one_line(ok and why or done)))
  end
end

return log
