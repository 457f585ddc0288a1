--- The screen of what went wrong: what happened, and what to do, for who plays. The terminal that
--- the game was started from has the rest.

local ui = require "ui"

local trouble = {}

local SAID = {
  verification_failed = { "The person was not verified", "The scan did not recognize the face, or "
    .. "its link was used or too old. Ask for a new link, and scan with light from the front." },
  asset_failed = { "The portrait was refused" },
  generation_failed = { "The video could not be made" },
  connection_error = { "No connection", "The service could not be reached. Is the network there?" },
  timeout_error = { "That took too long", "The service did not answer in time." },
  authentication_error = { "The key is not accepted", "Start the game with a key of the service." },
  rate_limit_error = { "Too many requests", "Wait a moment." },
  unavailable_error = { "The service is not available", "Wait a moment." },
  ambiguous_error = { "Nobody knows whether that was done", "The service's answer was lost." },
  upstream_error = { "The service has trouble of its own", "Wait a moment." },
  not_found_error = { "That is not there any more", "The service does not know it." },
  file_error = { "The video cannot be saved", "Is there room on the disk?" },
}
local OTHER = { "That did not work" }

-- The document's own messages begin in lower case; a field's name stays as it is. Of what the
-- service made nothing of, its own words come after the id.
local function sentence(text)
  text = text:match '^%l+ %S+ ended as "[^"]*": (.+)$' or text
  return (text:gsub("^%l+ ", function(word) return word:sub(1, 1):upper() .. word:sub(2) end))
end

---@param err pomex.Error
---@param again function what "Try again" does
function trouble.draw(err, again, x, y, width)
  ui.disc(x + 22, y + 22, 22, "failed")
  ui.write("!", x + 18, y + 8, { size = 24, weight = "bold", colour = "ink" })
  local said = SAID[err.type] or OTHER
  ui.write(said[1], x + 62, y + 6, { size = 24, weight = "bold" })
  y = y + 68
  y = y + ui.write(said[2] or sentence(ui.clean(err.message)), x, y,
    { size = 16, width = width }) + 8
  -- Where the video is known to be made, trying again goes on with it.
  local doubtful = err.type == "ambiguous_error" and err.billed ~= "no"
  if err.type == "generation_failed" then
    y = y + ui.write("Whether it was billed the service does not say here: its console shows it.",
      x, y, { colour = "dim", width = width }) + 8
  end
  if doubtful then
    ui.box(x, y + 8, width, 72, "raised", "busy")
    ui.write("It may have been carried out, and billed. Look into the service's console before "
      .. "you ask for it once more.", x + 18, y + 20, { colour = "busy", width = width - 36 })
    y = y + 88
  end
  ui.button(doubtful and "Ask again all the same" or "Try again", x, y + 16,
    { key = "r", look = "primary" }, again)
end

return trouble
