--- An error of the library in the words of the command.

local errors = require "pomex.errors"

local one_line = errors.one_line

-- Hints that name a method or an option of Lua say nothing to one who types commands.
local function is_of_lua(hint)
  return hint:find("%a:%a") or hint:find("%w = %w")
end

-- What a report of a bug needs beside the message.
local function facts(err)
  local list = {}
  local function add(format, value)
    if not value or value == "" or value == 0 then return end
    list[#list + 1] = format:format(one_line(value))
  end
  add("%s", err.endpoint)
  add("HTTP %s", err.status)
  add("code %s", err.service_code)
  add("request_id %s", err.request_id)
  return #list > 0 and " [" .. table.concat(list, ", ") .. "]" or ""
end

---One line that says what went wrong.
---@param err pomex.Error|string
---@return string line
return function(err)
  if not errors.is(err) then return one_line(err) end
  local line = one_line(err.message or err.type):gsub("overwrite = true", "--force")
    :gsub(" %(allow_http = true if you must%)", "")
  local hint = err.hint and tostring(err.hint)
  if hint and hint ~= "" and not is_of_lua(hint) then
    line = ("%s (%s)"):format(line, one_line(hint))
  end
  return line .. errors.candidates_of(err) .. facts(err)
end
