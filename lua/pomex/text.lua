--- Text that is the same under every locale: what `string.format`, `lower` and `%w` make of
--- numbers and letters follows `os.setlocale`, which GTK and Qt call.

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

---In lower case, which for a Turkish "I" would else be no "i".
---@param name string
---@return string
function text.lower(name)
  return (name:gsub("[A-Z]", LOWER))
end

return text
