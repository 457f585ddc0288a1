--- CSV as RFC 4180 has it: fields between commas; quotes around a field that has a comma, a line
--- break or a quote in it, which is doubled. Reads one record at a time.

local longest = require("pomex.manifest.lines").LONGEST

local csv = {}

local QUOTE, COMMA = 34, 44

-- The text of a quoted field from `from` on, and the position behind its closing quote; nil: the
-- line has no closing quote.
local function quoted(line, from)
  local at = from
  while true do
    local quote = line:find('"', at, true)
    if not quote then return nil end
    if line:byte(quote + 1) ~= QUOTE then
      return (line:sub(from, quote - 1):gsub('""', '"')), quote + 1
    end
    at = quote + 2
  end
end

-- The rest of a field whose quote was opened in the line that was read last: what it holds, the
-- line in which it ends, and where. nil, why, line number: it does not end.
local function continued(source, start, room)
  local opened, parts = source.number, { (start:gsub('""', '"')) }
  while true do
    local line, why = source:next()
    if line == nil and not why or room < 0 then
      return nil, ("a quote begins in line %d and has no end"):format(opened), opened
    end
    if not line then
      return nil, ("%s (within the quotes that begin in line %d)"):format(why, opened),
        source.number
    end
    room = room - #line - 1
    local last, behind = quoted(line, 1)
    if last then
      parts[#parts + 1] = last
      return table.concat(parts, "\n"), line, behind, room
    end
    parts[#parts + 1] = line:gsub('""', '"')
  end
end

-- The field without quotes that begins at `at`.
local function plain(line, at, number)
  local behind = line:find(",", at, true) or #line + 1
  local field = line:sub(at, behind - 1)
  if field:find('"', 1, true) then
    return nil, ("field %d has a quote in it, but none around it"):format(number)
  end
  return field, behind
end

---Reads a record.
---@param source pomex.ManifestLines
---@return string[]|nil|false fields nil: there is none, or with `why` no later one can be read;
---  false: this one cannot be read
---@return string|nil why
---@return integer|nil number of the record's first line, or of the line that is at fault
function csv.record(source)
  local line, why = source:next()
  local number = source.number
  if not line then return line, why, number end
  local fields, at, room = {}, 1, longest - #line
  while true do
    local count = #fields + 1
    local field, behind
    if line:byte(at) == QUOTE then
      field, behind = quoted(line, at + 1)
      if not field then
        local start = line:sub(at + 1)
        field, line, behind, room = continued(source, start, room)
        -- Where the next record begins is not known then.
        if not field then return nil, line, behind end
      end
      if behind <= #line and line:byte(behind) ~= COMMA then
        return false, ("field %d goes on behind its closing quote; a quote within quotes is "
          .. "doubled"):format(count), source.number
      end
    else
      field, behind = plain(line, at, count)
      if not field then return false, behind, source.number end
    end
    fields[count] = field
    if behind > #line then return fields, nil, number end
    at = behind + 1
  end
end

return csv
