--- Text that is the same in every locale. `string.format`, `string.lower` and `%w` follow
--- `os.setlocale`, which GTK and Qt call.

local text = {}

---A number with a decimal point, not a comma.
---@param format string "%.14g"
---@param value number
---@return string
function text.number(format, value)
  return (format:format(value):gsub("[^0-9a-z+-]+", "."))
end

---So many of something: "1 job", "2 jobs".
---@param count integer
---@param one string
---@return string
function text.count(count, one)
  return ("%d %s%s"):format(count, one, count == 1 and "" or "s")
end

local LOWER = {}
for byte = ("A"):byte(), ("Z"):byte() do LOWER[string.char(byte)] = string.char(byte + 32) end

---A name in lower case; in a Turkish locale `string.lower` makes no "i" of an "I".
---@param name string
---@return string
function text.lower(name)
  return (name:gsub("[A-Z]", LOWER))
end

-- The characters of UTF-8: the range of the first byte, of the second, and how many follow the
-- first. C1 controls (C2 80-9F) are left out.
local FORMS = {
  { 0xC2, 0xC2, 0xA0, 0xBF, 1 }, { 0xC3, 0xDF, 0x80, 0xBF, 1 },
  { 0xE0, 0xE0, 0xA0, 0xBF, 2 }, { 0xE1, 0xEC, 0x80, 0xBF, 2 },
  { 0xED, 0xED, 0x80, 0x9F, 2 }, { 0xEE, 0xEF, 0x80, 0xBF, 2 },
  { 0xF0, 0xF0, 0x90, 0xBF, 3 }, { 0xF1, 0xF3, 0x80, 0xBF, 3 }, { 0xF4, 0xF4, 0x80, 0x8F, 3 },
}

---The character that begins at byte `i` of `run`, whose first byte is above 127; nil: none does.
---@param run string
---@param i integer
---@return string|nil
function text.character_at(run, i)
  local lead, second = run:byte(i, i + 1)
  for _, form in ipairs(FORMS) do
    if lead >= form[1] and lead <= form[2] then
      local character = run:sub(i, i + form[5])
      local whole = #character == form[5] + 1 and second >= form[3] and second <= form[4]
      return whole and character:find("^.[\128-\191]+$") and character or nil
    end
  end
end

---Where `bytes` stop being UTF-8 (C1 controls count as none); nil: all of them are.
---@param bytes string
---@return integer|nil position
function text.not_utf8(bytes)
  local i = bytes:find("[\128-\255]")
  while i do
    local character = text.character_at(bytes, i)
    if not character then return i end
    i = bytes:find("[\128-\255]", i + #character)
  end
end

---Whether a name could act on a terminal that shows it, or look like another one: controls, ends of
---lines, overrides of the direction of writing, bytes that are no UTF-8.
---@param name string
---@return boolean
function text.is_treacherous(name)
  return name:find("[%z\1-\31\127]") ~= nil or text.not_utf8(name) ~= nil
    or name:find("\226\128[\168-\174]") ~= nil or name:find("\226\129[\166-\169]") ~= nil
end

return text
