--- The lines of a file, read in blocks: neither a long line nor a long file fills the memory.

local errors = require "pomex.errors"
local text = require "pomex.text"

---@class pomex.ManifestLines
---@field number integer of the line that was read last; the first is 1
local Lines = {}
Lines.__index = Lines

local lines = {}

local BLOCK = 65536
---The most bytes of a line, and of a record of several lines.
lines.LONGEST = 1048576
---The most bytes of a file.
lines.MOST = 67108864

---@param path string
---@return pomex.ManifestLines|nil
---@return pomex.Error? err file_error
function lines.open(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, errors.new("file_error", { message = why, retryable = false }) end
  return setmetatable({ file = file, path = path, held = "", at = 1, bytes = 0, number = 0 }, Lines)
end

function Lines:close()
  self.file:close()
end

-- More of the file behind what is held; false at its end.
local function more(self)
  local block, why = self.file:read(BLOCK)
  if not block then
    if why then error(errors.new("file_error", { message = self.path .. ": " .. why }), 0) end
    return false
  end
  self.held, self.at = self.held:sub(self.at) .. block, 1
  self.bytes = self.bytes + #block
  return true
end

-- Passes the rest of a line that is too long.
local function pass(self)
  repeat
    local found = self.held:find("\n", self.at, true)
    if found then
      self.at = found + 1
      return
    end
    self.at = #self.held + 1
  until not more(self)
end

-- The next line with its line feed; nil: there is none; false: it is too long.
local function take(self)
  local from = self.at
  local found = self.held:find("\n", from, true)
  while not found do
    local searched = #self.held - from + 1
    if searched > lines.LONGEST then
      pass(self)
      return false
    end
    if not more(self) then break end
    from, found = 1, self.held:find("\n", searched + 1, true)
  end
  found = found or #self.held
  if found < from then return nil end
  if found - from > lines.LONGEST then
    self.at = found + 1
    return false
  end
  self.at = found + 1
  return self.held:sub(from, found)
end

-- What no text has.
local function wrong_with(line)
  local at = line:find("%z")
  if at then return ("there is a NUL in column %d"):format(at) end
  at = text.not_utf8(line)
  if at then
    return ("column %d is no UTF-8; save the file as UTF-8"):format(at)
  end
end

---The next line, without its end (LF or CRLF) and, for the first, without a byte order mark.
---@return string|nil|false line nil: there is none; false: it cannot be used
---@return string? why what is wrong with it
function Lines:next()
  if self.bytes > lines.MOST then return nil, "the file is longer than 64 MiB; split it" end
  local line = take(self)
  if line == nil then return nil end
  self.number = self.number + 1
  if not line then return false, "the line is longer than 1 MiB" end
  if self.number == 1 then
    if line:find("^\255\254") or line:find("^\254\255") then
      return nil, "the file is UTF-16; save it as UTF-8"
    end
    if line:find("^PK\3\4") then
      return nil, "the file is a spreadsheet; export it as CSV, in UTF-8"
    end
    line = line:gsub("^\239\187\191", "")
  end
  local why = wrong_with(line)
  if why then return false, why end
  return (line:gsub("\r?\n$", ""))
end

return lines
