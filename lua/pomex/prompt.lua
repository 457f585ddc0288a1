--- The text of a prompt: the names in braces, and the positions of images that they stand for. Part
--- of `pomex.content`. Document section: Generate a Video From an Asset.

local errors = require "pomex.errors"
local measure = require "pomex.measure"

local quoted = errors.quoted
local prompt = {}

---@param message string
---@param hint? string
---@return nil
---@return pomex.Error
function prompt.invalid(message, hint)
  return errors.invalid("generations.create", message, hint)
end

local invalid = prompt.invalid

---The position of each name, and how many images there are.
---@param entries table[] of a builder
---@return table<string, integer>|nil positions
---@return integer|pomex.Error count
function prompt.number(entries)
  local positions, count = {}, 0
  for _, entry in ipairs(entries) do
    if entry.kind == "image" then
      count = count + 1
      local name = entry.name
      if name then
        if name == "" or name:find("[{}]") then
          return invalid("an image's name must not be empty or hold a brace",
            "name is " .. quoted(name))
        end
        if positions[name] then
          return invalid("two images have the same name", "name is " .. quoted(name))
        end
        positions[name] = count
      end
    end
  end
  return positions, count
end

---The text with each {name} replaced. Marks the names that occur in `used`.
---@param text string
---@param positions table<string, integer>
---@param used table<string, boolean>
---@return string|nil
---@return pomex.Error? err
function prompt.expand(text, positions, used)
  local out, at = {}, 1
  while true do
    local brace = text:find("{", at, true)
    if not brace then break end
    out[#out + 1] = text:sub(at, brace - 1)
    if text:sub(brace + 1, brace + 1) == "{" then
      out[#out + 1], at = "{", brace + 2
    else
      local name = text:match("^([^{}]*)}", brace + 1)
      if not name then
        return invalid("a { in the text has no }", ("text is %s; write {{ for a brace, or "
          .. "content:text(words, { raw = true })"):format(quoted(text)))
      end
      if not positions[name] then
        return invalid(("no image is called %s"):format(quoted(name)),
          "write {{ for a brace, or content:text(words, { raw = true }) for an end user's words")
      end
      at = brace + #name + 2
      if text:find("^%d", at) then
        return invalid("a digit right after a name would change the image's number",
          "text is " .. quoted(text))
      end
      used[name] = true
      out[#out + 1] = "image " .. positions[name]
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

-- "image", white space, a number; and the place after it.
local NUMBERED = "%f[0-9A-Za-z][Ii][Mm][Aa][Gg][Ee][ \t\r\n\v\f]+(%d+)()"

-- The spaces that word processors put between a number and its unit.
local SPACES = { "\194\160", "\226\128\137", "\226\128\175" }

---Refuses "image 7" where there are fewer: the service would have to guess. A number that measures
---something ("image 16:9", "image 50 mm lens look") is no position: pomex.measure has the rule.
---@param text string
---@param count integer
---@return boolean|nil
---@return pomex.Error? err
function prompt.check_positions(text, count)
  for _, space in ipairs(SPACES) do text = text:gsub(space, " ") end
  for digits, after in text:gmatch(NUMBERED) do
    local fits = tonumber(digits) >= 1 and tonumber(digits) <= count
    if not fits and not measure.ends_before(text, after) then
      return invalid(("the text speaks of image %s"):format(digits),
        ("images added: %d; where no image is meant, word it otherwise, or "
          .. "content:text(words, { raw = true })"):format(count))
    end
  end
  return true
end

return prompt
