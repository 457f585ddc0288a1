--- Base64 in the alphabet that stands for itself in a path (RFC 4648, section 5), without padding.

local floor = math.floor

local base64url = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local VALUES = {}
for i = 1, #ALPHABET do VALUES[ALPHABET:sub(i, i)] = i - 1 end

---@param bytes string
---@return string text
function base64url.encode(bytes)
  return (bytes:gsub("..?.?", function(chunk)
    local a, b, c = chunk:byte(1, 3)
    local word, out = a * 65536 + (b or 0) * 256 + (c or 0), ""
    for shift = 3, 3 - #chunk, -1 do
      local digit = floor(word / 64 ^ shift) % 64
      out = out .. ALPHABET:sub(digit + 1, digit + 1)
    end
    return out
  end))
end

---Reads what `encode` wrote.
---@param text string of the alphabet only
---@return string bytes
function base64url.decode(text)
  return (text:gsub("..?.?.?", function(chunk)
    local word = 0
    for i = 1, 4 do word = word * 64 + (VALUES[chunk:sub(i, i)] or 0) end
    local bytes = string.char(floor(word / 65536) % 256, floor(word / 256) % 256, word % 256)
    return bytes:sub(1, floor(#chunk * 3 / 4))
  end))
end

return base64url
