--- The API document as it is committed, for the specs that hold the project to its words.

local document = {}

local folder = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

local function read(name)
  local file = assert(io.open(folder .. "/" .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---The whole document.
---@return string
function document.text()
  return read "real-human-asset-api.txt"
end

---The lines of the document that say something.
---@return string[]
function document.lines()
  local lines = {}
  for line in document.text():gmatch("[^\n]+") do
    if line:find("%S") then lines[#lines + 1] = line end
  end
  return lines
end

---What stands between the two, without them; `last` nil: to the end.
---@return string
function document.between(first, last)
  local text = document.text()
  local _, from = text:find(first, 1, true)
  assert(from, "the document lacks: " .. first)
  if not last then return text:sub(from + 1) end
  local to = text:find(last, from + 1, true)
  assert(to, "the document lacks: " .. last)
  return text:sub(from + 1, to - 1)
end

-- The rows of a page that have a number.
local function numbered(name)
  local rows = {}
  for line in read(name):gmatch("[^\n]+") do
    local number, question, answer = line:match("^| (%d+) | (.-) | (.*) |%s*$")
    if number then
      rows[#rows + 1] = { number = tonumber(number), question = question, answer = answer }
    end
  end
  return rows
end

---The rows of silences.md.
---@return { number: integer, question: string, answer: string }[]
function document.silences()
  return numbered "silences.md"
end

---The rows of beyond-the-document.md that are implemented.
---@return { number: integer, question: string, answer: string }[]
function document.beyond()
  return numbered "beyond-the-document.md"
end

return document
