--- What the command pomex writes: results to stdout, everything else to stderr.
---
--- A person reads `result` on stdout and the rest on stderr. With --json stdout has JSON Lines: one
--- object for each `change`, and one last of the type "result"; `result` writes nothing then.

local cjson = require "cjson"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local links = require "pomex.command.links"
local place = require "pomex.jobs.place"
local terminal = require "pomex.terminal"
local words_of = require "pomex.command.words"

---@class pomex.CommandOutput
---@field json boolean
---@field quiet boolean
---@field color boolean whether stderr takes colours
---@field terminal boolean whether stderr is a terminal that can move its cursor
---@field lost string|nil why stdout can no longer be written
---@field hide? fun() takes away what is drawn on the terminal, before anything else is written
local Output = {}
Output.__index = Output

local output = {}

-- Writes to a stream. A reader that is gone (`| head`) ends the printing and nothing else; any
-- other reason is kept, since a result was lost.
local function write(self, name, text)
  local stream, broken = io[name], self.broken
  if broken[name] then return end
  if self.drawn then
    self.drawn = false
    io.stderr:write("\r\27[K")
  end
  if self.hide then self.hide() end
  local ok, why = stream:write(text)
  if ok then ok, why = stream:flush() end
  if ok then return end
  broken[name] = true
  why = tostring(why)
  if name == "stdout" and not why:find("Broken pipe", 1, true) then self.lost = why end
end

local KEYS_FIRST = { type = 1, key = 2, id = 3, state = 4, status = 5, exit = 6 }

-- One object on one line, with the keys that one looks for in front.
local function encoded(fields)
  local keys, parts = {}, {}
  for key in pairs(fields) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    local first, second = KEYS_FIRST[a] or 99, KEYS_FIRST[b] or 99
    if first ~= second then return first < second end
    return a < b
  end)
  for i, key in ipairs(keys) do parts[i] = cjson.encode(key) .. ":" .. cjson.encode(fields[key]) end
  -- lua-cjson escapes each slash, which need not be.
  return "{" .. table.concat(parts, ","):gsub("\\/", "/") .. "}\n"
end

---A line of what was asked for, on stdout. The text is written as it is.
---@param text string without its line feed
function Output:result(text)
  if not self.json then write(self, "stdout", text .. "\n") end
end

---Something has changed: an object on stdout with --json, else the words on stderr.
---@param fields table what JSON can say; `type` names the change
---@param words? string for people; nil: they are told nothing
function Output:change(fields, words)
  if self.json then write(self, "stdout", encoded(fields)) end
  if words and not self.json then self:say(words) end
end

---A line for people on stderr; not with --quiet.
---@param words string
function Output:say(words)
  if not self.quiet then write(self, "stderr", words .. "\n") end
end

---A line on stderr that the next one replaces, where stderr is a terminal.
---@param words string short, since it has to fit into a window
function Output:draw(words)
  local columns = terminal.size(2) or 80
  if not self.terminal or self.quiet or self.json or #words >= columns then return end
  write(self, "stderr", words)
  self.drawn = true
end

---A line on stderr that is wanted also with --quiet.
---@param words string
function Output:tell(words)
  write(self, "stderr", words .. "\n")
end

---Text on stderr as it is, such as a question or a QR code; not with --quiet.
---@param text string
function Output:raw(text)
  if not self.quiet then write(self, "stderr", text) end
end

---The id of what was just made, on stderr as soon as it is known: with --quiet, too, since it is
---the way to what is perhaps paid for.
---@param kind string "video", "portrait"
---@param id string
function Output:made(kind, id)
  if self.json then write(self, "stdout", encoded { type = "made", kind = kind, id = id }) end
  write(self, "stderr", ("%s %s\n"):format(kind, errors.one_line(id)))
end

---Why something did not succeed: one line on stderr, also with --quiet.
---@param err pomex.Error|string
function Output:failure(err)
  local line = place.shown(words_of(err))
  write(self, "stderr", self:paint("31", "pomex: " .. line) .. "\n")
  self.message, self.error = line, errors.is(err) and err or nil
end

---What to type next, on stderr; --json has it in its last object.
---@param command string
function Output:next(command)
  self.following = command
  if links.lacks(command) then
    self:say "  (what a link has behind its ? is not shown: where … stands, give it again)"
  end
  if not self.json then self:say("next: " .. command) end
end

---`text` in a colour of ANSI, where stderr takes colours.
---@param color string "31", "1;32", …
---@param text string
---@return string
function Output:paint(color, text)
  return self.color and ("\27[%sm%s\27[0m"):format(color, text) or text
end

---The end: with --json the last object. To be called once, after everything else.
---@param code integer the exit code so far
---@param fields? table more fields of the last object
---@return integer code
function Output:finish(code, fields)
  if self.json then
    local all = { type = "result", next = self.following }
    if code ~= exits.DONE then
      all.error, all.error_type = self.message, self.error and self.error.type
    end
    for key, value in pairs(fields or {}) do all[key] = value end
    all.exit = code
    write(self, "stdout", encoded(all))
  end
  if self.lost then
    self:failure("standard output could not be written: " .. self.lost)
    code = exits.first(code == 0 and exits.FAILED or code, exits.FAILED)
  end
  return code
end

---@class pomex.CommandOutputSettings
---@field json? boolean
---@field quiet? boolean
---@field color? "auto"|"always"|"never"
---@field terminal boolean stderr is one

---@param settings pomex.CommandOutputSettings
---@return pomex.CommandOutput
function output.new(settings)
  local term = os.getenv "TERM"
  local dumb = term == nil or term == "" or term == "dumb"
  local plain = (os.getenv "NO_COLOR" or "") ~= ""
  local color = settings.terminal and not dumb and not plain
  if settings.color == "always" then color = true end
  if settings.color == "never" then color = false end
  return setmetatable({
    json = settings.json or false, quiet = settings.quiet or false, color = color,
    terminal = settings.terminal and not dumb, broken = {},
  }, Output)
end

return output
