--- How long a video plays: duration over timescale, of the mvhd box that every mp4 has.

local mp4 = {}

-- The box stands at the file's beginning or its end. A whole file is not read within a frame.
local NEAR = 128 * 1024

local function whole(data, at, bytes)
  local value = 0
  for i = at, at + bytes - 1 do value = value * 256 + (data:byte(i) or 0) end
  return value
end

---@param path string
---@return number|nil seconds
function mp4.seconds(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local data = file:read(NEAR) or ""
  local at = data:find("mvhd", 1, true)
  if not at and file:seek("end", -NEAR) then
    data = file:read(NEAR)
    at = data:find("mvhd", 1, true)
  end
  file:close()
  if not at then return nil end
  local long = data:byte(at + 4) == 1
  local scale = whole(data, at + (long and 24 or 16), 4)
  return scale > 0 and whole(data, at + (long and 28 or 20), long and 8 or 4) / scale or nil
end

return mp4
