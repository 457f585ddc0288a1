--- QR codes: for the session's h5_link, which goes to a phone.
---
---     local qr = require "pomex.qr"
---     page:write((qr.svg(session.h5_link, { title = "Scan to verify" })))
---     print((qr.terminal(session.h5_link)))
---
--- Optional: it exists if pomex was built with libqrencode. Every function returns its value, or
--- nil and an invalid_request_error (the text is empty or too long).

local errors = require "pomex.errors"
local options = require "pomex.options"
local number = require("pomex.text").number

local found, core = pcall(require, "pomex.qrcore")
if not found then
  if core:find("pomex.qrcore' not found", 1, true) then
    core = "pomex.qr was built without libqrencode: install it (on Debian or Ubuntu: "
      .. "apt-get install libqrencode-dev) and build pomex again"
  end
  error(core, 0)
end

---@class pomex.QrOptions
---@field level? "L"|"M"|"Q"|"H" how much of the code can be covered and it is still read: 7, 15
---  ("M", the default), 25 or 30 percent

---@class pomex.QrPicture: pomex.QrOptions
---@field margin? integer modules of quiet zone on each side, at most 1000; 4, and phones want no
---  less

---@class pomex.QrSvg: pomex.QrPicture
---@field scale? number pixels for each module; default: the picture fills its container
---@field dark? string a CSS colour; "#000"
---@field light? string a CSS colour; "#fff". "none": the background shows through
---@field title? string what a screen reader says; "QR code"

---@class pomex.QrTerminal: pomex.QrPicture
---@field ansi? boolean false: no colours; the blocks are then the light modules, as a terminal
---  with light text on a dark background needs it
---@field invert? boolean true: blocks and gaps change places; with ansi = false, for a terminal
---  with dark text on a light background

---@class pomex.QrModule
local qr = {}

-- Bytes that the largest code (177 × 177 modules) holds at each level of error correction.
local CAPACITY = { L = 2953, M = 2331, Q = 1663, H = 1273 }
local QUIET_ZONE = 4
local MAX_MARGIN = 1000

local MATRIX = { level = "string" }
local SVG = { level = "string", margin = "whole", scale = "number", dark = "string",
  light = "string", title = "string" }
local TERMINAL = { level = "string", margin = "whole", ansi = "boolean", invert = "boolean" }

local function checked(where, text, given, known)
  options.expect(where, "text", text, "string")
  if given == nil then return {} end
  given = options.check(where, given, known)
  if given.level and not CAPACITY[given.level] then
    options.misuse(('%s: level must be "L", "M", "Q" or "H", not %q'):format(where, given.level))
  end
  if given.margin and given.margin > MAX_MARGIN then
    options.misuse(("%s: margin must be at most %d modules, not %s"):format(where, MAX_MARGIN,
      number("%.14g", given.margin)))
  end
  if given.scale and not (given.scale > 0 and given.scale < math.huge) then
    options.misuse(("%s: scale must be above 0 and finite, not %s"):format(where,
      number("%.14g", given.scale)))
  end
  return given
end

local function encode(text, level)
  level = level or "M"
  local modules, width = core.encode(text, level)
  if modules then return modules, width end
  if width == "empty" then return errors.invalid(nil, "there is no text for a QR code") end
  if width == "memory" then
    return nil, errors.new("memory_error", { message = "an allocation failed", client = true })
  end
  return errors.invalid(nil, "the text is too long for a QR code",
    ("it has %d bytes; at most %d fit at level %s"):format(#text, CAPACITY[level], level))
end

---The modules, for a program that draws them itself: `rows[y][x]` is true where the module is dark.
---Leave a quiet zone of four light modules on each side.
---@param text string any bytes; at most 2331 at level M
---@param opts? pomex.QrOptions
---@return boolean[][]|nil rows as many as each has columns
---@return pomex.Error? err
function qr.matrix(text, opts)
  opts = checked("qr.matrix", text, opts, MATRIX)
  local modules, width = encode(text, opts.level)
  if not modules then return nil, width end
  local rows = {}
  for y = 1, width do
    local row = {}
    for x = 1, width do row[x] = modules:byte((y - 1) * width + x) == 49 end
    rows[y] = row
  end
  return rows
end

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escaped(text)
  return (errors.one_line(text):gsub('[&<>"]', ENTITIES))
end

-- One subpath a run of dark modules in a row.
local function path_of(modules, width, margin)
  local parts = {}
  for y = 0, width - 1 do
    local row = modules:sub(y * width + 1, (y + 1) * width)
    for first, last in row:gmatch("()1+()") do
      local x = first - 1 + margin
      parts[#parts + 1] = ("M%d %dh%dv1H%dz"):format(x, y + margin, last - first, x)
    end
  end
  return table.concat(parts)
end

---A whole SVG, to be written into a page or a file.
---@param text string any bytes; at most 2331 at level M
---@param opts? pomex.QrSvg
---@return string|nil svg
---@return pomex.Error? err
function qr.svg(text, opts)
  opts = checked("qr.svg", text, opts, SVG)
  local modules, width = encode(text, opts.level)
  if not modules then return nil, width end
  local margin = opts.margin or QUIET_ZONE
  local side = width + 2 * margin
  local size = ""
  if opts.scale then
    local pixels = number("%.14g", side * opts.scale)
    size = (' width="%s" height="%s"'):format(pixels, pixels)
  end
  local title = escaped(opts.title or "QR code")
  return ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"%s role="img" '
    .. 'aria-label="%s" shape-rendering="crispEdges"><title>%s</title>'
    .. '<rect width="%d" height="%d" fill="%s"/><path fill="%s" d="%s"/></svg>\n'):format(
    side, side, size, title, title, side, side, escaped(opts.light or "#fff"),
    escaped(opts.dark or "#000"), path_of(modules, width, margin))
end

-- By whether the upper and the lower half are inked.
local BLOCKS = { [0] = " ", "\226\150\132", "\226\150\128", "\226\150\136" }
-- A terminal's theme does not change these two of the 256 colours.
local BLACK_ON_WHITE, RESET = "\27[38;5;16;48;5;231m", "\27[0m"

---Text for a terminal, of which each character shows two modules, one above the other.
---@param text string any bytes; at most 2331 at level M
---@param opts? pomex.QrTerminal
---@return string|nil lines each ends with a line feed
---@return pomex.Error? err
function qr.terminal(text, opts)
  opts = checked("qr.terminal", text, opts, TERMINAL)
  local modules, width = encode(text, opts.level)
  if not modules then return nil, width end
  local margin, ansi = opts.margin or QUIET_ZONE, opts.ansi ~= false
  local ink_dark = ansi ~= (opts.invert or false)
  local function ink(x, y, weight)
    local inside = x >= 0 and x < width and y >= 0 and y < width
    local dark = inside and modules:byte(y * width + x + 1) == 49
    return dark == ink_dark and weight or 0
  end
  local lines = {}
  for y = -margin, width + margin - 1, 2 do
    local line = {}
    for x = -margin, width + margin - 1 do
      line[#line + 1] = BLOCKS[ink(x, y, 2) + ink(x, y + 1, 1)]
    end
    lines[#lines + 1] = (ansi and BLACK_ON_WHITE or "") .. table.concat(line)
      .. (ansi and RESET or "") .. "\n"
  end
  return table.concat(lines)
end

return qr
