--- How many columns of a terminal a text takes. Texts are on one line (errors.one_line).

local text = require "pomex.text"

local cells = {}

-- Characters of two columns, and of none: the blocks in which nearly all of them are.
local WIDE = {
  { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF },
  { 0x20000, 0x3FFFD },
}
local NONE = { { 0x0300, 0x036F }, { 0x200B, 0x200F }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F } }

local function within(code, ranges)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function code_of(character)
  local first, a, b, c = character:byte(1, 4)
  if not a then return first end
  if not b then return (first % 0x20) * 0x40 + a % 0x40 end
  if not c then return ((first % 0x10) * 0x40 + a % 0x40) * 0x40 + b % 0x40 end
  return (((first % 0x08) * 0x40 + a % 0x40) * 0x40 + b % 0x40) * 0x40 + c % 0x40
end

-- The character at `i`, and its columns.
local function next_cell(line, i)
  local byte = line:byte(i)
  if byte < 128 then return line:sub(i, i), 1 end
  local character = text.character_at(line, i)
  if not character then return line:sub(i, i), 1 end
  local code = code_of(character)
  return character, within(code, NONE) and 0 or within(code, WIDE) and 2 or 1
end

---How many columns a text takes.
---@param line string
---@return integer
function cells.width(line)
  if not line:find("[\128-\255]") then return #line end
  local width, i = 0, 1
  while i <= #line do
    local character, columns = next_cell(line, i)
    width, i = width + columns, i + #character
  end
  return width
end

---The text, or as much of it as fits, with "…" for the rest.
---@param line string
---@param columns integer
---@return string
function cells.cut(line, columns)
  if cells.width(line) <= columns then return line end
  if columns < 1 then return "" end
  local parts, width, i = {}, 0, 1
  while true do
    local character, more = next_cell(line, i)
    if width + more > columns - 1 then break end
    parts[#parts + 1], width, i = character, width + more, i + #character
  end
  return table.concat(parts) .. "…"
end

---The text, cut or with spaces behind it, so that it takes so many columns.
---@param line string
---@param columns integer
---@return string
function cells.fit(line, columns)
  line = cells.cut(line, columns)
  return line .. (" "):rep(columns - cells.width(line))
end

return cells
