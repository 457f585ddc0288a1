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

local LOWER = {}
for byte = ("A"):byte(), ("Z"):byte() do LOWER[string.char(byte)] = string.char(byte + 32) end

---A name in lower case; in a Turkish locale `string.lower` makes no "i" of an "I".
---@param name string
---@return string
function text.lower(name)
  return (name:gsub("[A-Z]", LOWER))
end

return text
