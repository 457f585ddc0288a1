--- Tells whether the number after the word "image" measures something ("image 50 mm lens look",
--- "image 24 fps", "image 16:9") or names an image by its position ("image 2 of the scene"). Part
--- of `pomex.content`.
---
--- A number measures something where one of these follows it:
---   a letter, a digit group or a sign    8K, 3D, 2nd, 1080p, 1.5, 16:9, 16/9, 50%, 360°, 2×
---   a hyphen and a letter                24-bit, 360-degree
---   a second number that makes a size    1920 x 1080, 16 by 9, 4 mal 3
---   a unit (UNITS below), with or without a space, also after a range    50 mm, 8 K, 2-3 seconds
--- Everything else is a position. Words that are as often no unit ("in", "am", "second", "minute",
--- "frame", "mal") are not in the list: a refusal costs a new wording, and a position that is let
--- through costs a video.

local lower = require("pomex.text").lower

local measure = {}

local function set(words)
  local result = {}
  for word in words:gmatch("%S+") do result[word] = true end
  return result
end

local UNITS = set [[
  mm cm dm m km ft feet foot inch inches yd yards miles millimeter millimeters millimetre
  millimetres centimeter centimeters centimetre centimetres zentimeter meter meters metre metres
  kilometer zoll fuß fuss millimètres centimètres mètres metros metri pouces pulgadas pollici
  fps ips frames bilder einzelbilder images fotogramas fotogrammi hz khz mhz bpm
  k d p x px pixel pixels mp mpx megapixel megapixels dpi ppi bit bits kb mb gb mbit kbps mbps
  s ms sec secs seconds sek sekunden secondes segundos secondi min mins minutes minuten minutos
  minuti h hr hrs hour hours std stunden heures horas days tage jours días dias giorni weeks wochen
  semaines semanas months monate mois meses mesi years yrs jahre ans años anos anni uhr pm
  deg degree degrees grad degrés grados gradi percent prozent pourcent kelvin celsius fahrenheit
  lux lumen lumens nits ev db kg lb lbs oz times fach fois veces vezes volte
]]

-- Signs and units in other scripts; a word may go on right behind one.
local SIGNS = {
  "%", "°", "º", "ª", "²", "³", "×", "‰", "′", "″", "℃", "℉", "％", "µ", "μ",
  "毫米", "厘米", "英寸", "像素", "帧", "幀", "秒", "分钟", "分鐘", "倍", "岁", "歲",
  "フレーム", "ミリ", "コマ", "프레임", "초",
}

-- What joins two numbers to a size, and what to a range.
local SIZES = { "^[.,:/]%d", "^ ?[xX*] ?%d", "^ ?× ?%d" }
local SIZE_WORDS = set "by zu mal par por per"
local RANGES = { "^%-%d+()", "^–%d+()", "^ to %d+()", "^ bis %d+()", "^ %d%d%d%f[%D]()" }

local function is_size(text, at)
  for _, pattern in ipairs(SIZES) do
    if text:find(pattern, at) then return true end
  end
  local word = text:match("^ ([A-Za-z]+) %d", at)
  return word ~= nil and SIZE_WORDS[lower(word)] or false
end

local function is_unit(text, at)
  if text:find("^[0-9A-Za-z_]", at) or text:find("^%-[A-Za-z]", at) then return true end
  at = text:match("^[ \t]*()", at)
  for _, sign in ipairs(SIGNS) do
    if text:sub(at, at + #sign - 1) == sign then return true end
  end
  local word, after = text:match("^([A-Za-z\195-\223\128-\191]*)()", at)
  -- French has "image 7 d'une femme": no unit is elided.
  local elided = text:find("^'", after) or text:find("^’", after)
  return UNITS[lower(word)] and not elided or false
end

---Whether the number that ends before `at` measures something.
---@param text string with plain spaces only
---@param at integer the place after the number's last digit
---@return boolean
function measure.ends_before(text, at)
  if is_size(text, at) or is_unit(text, at) then return true end
  for _, pattern in ipairs(RANGES) do
    local after = text:match(pattern, at)
    if after and is_unit(text, after) then return true end
  end
  return false
end

return measure
