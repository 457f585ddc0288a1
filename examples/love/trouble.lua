--- What went wrong, and what to do, for who plays: a call that failed, an order that perhaps
--- arrived, a service that does not answer. The terminal that the game was started from has the
--- rest.

local controls = require "controls"
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
  held = { "Another window has this folder" },
  file_error = { "The video cannot be saved", "Is there room on the disk?" },
}
local OTHER = { "That did not work" }
-- 422: it understood what was asked for, and does not want to make it.
local REVIEWED = { "The service's review refused it" }

-- The document's own messages begin in lower case; a field's name stays as it is. Of what the
-- service made nothing of, its own words come after the id.
local function sentence(text)
  text = text:match '^%l+ %S+ ended as "[^"]*": (.+)$' or text
  return (text:gsub("^%l+ ", function(word) return word:sub(1, 1):upper() .. word:sub(2) end))
end

local function heading(text, mark, colour, x, y)
  ui.disc(x + 22, y + 22, 22, colour)
  ui.write(mark, x + 22 - ui.font(24, "bold"):getWidth(mark) / 2, y + 8,
    { size = 24, weight = "bold", colour = "ink" })
  ui.write(text, x + 62, y + 6, { size = 24, weight = "bold" })
  return y + 68
end

---@param err pomex.Error
---@param again function what "Try again" does
function trouble.draw(err, again, x, y, width)
  local said = err.status == 422 and REVIEWED or SAID[err.type] or OTHER
  y = heading(said[1], "!", "failed", x, y)
  y = y + ui.write(said[2] or sentence(ui.clean(err.message)), x, y,
    { size = 16, width = width, most = 8 }) + 8
  if err.status == 422 then
    y = y + ui.write("Try other words, or another photo. Nothing was billed.", x, y,
      { colour = "dim", width = width }) + 8
  elseif err.type == "generation_failed" then
    y = y + ui.write("Whether it was billed the service does not say here: its console shows it.",
      x, y, { colour = "dim", width = width }) + 8
  elseif err.billed == "yes" then
    y = y + ui.write("Your video is ordered: trying again goes on with it, and orders no other.",
      x, y, { colour = "dim", width = width }) + 8
  elseif err.type == "file_error" then
    y = y + ui.write("Nothing was ordered.", x, y, { colour = "dim", width = width }) + 8
  end
  controls.button("Try again", x, y + 16, { key = "r", look = "primary" }, again)
end

-- -------------------------------------------------------------- an order that perhaps arrived

-- What the list of the account's videos says about it.
local function finding(of)
  if of.err and of.err.type == "not_found_error" then
    return "This service does not list what it made: look into its console."
  elseif of.err and of.err.type == "authentication_error" then
    return "The key is not accepted, so nobody can ask what was made: start the game with a key "
      .. "of the account that ordered it."
  elseif of.err then
    return "The service cannot be asked just now what it made. Look again, or into its console."
  elseif not of.found then
    return "Looking what was made since …"
  elseif of.found.cut then
    return "Only the first thousand that the service lists were looked at"
      .. (of.found[1] and "; one of these can be it:" or ": look into its console, too.")
  elseif not of.found[1] then
    return "The service lists none that was made since. A new one can be missing there for a "
      .. "moment: look again before you order anew."
  end
  return of.found[2] and "These were made since; one of them can be it:"
    or "This one was made since, and is probably it:"
end

local function described(task)
  local when = ""
  if task.after then
    when = task.after < 0 and (", %d s before"):format(-task.after)
      or (", %d s after"):format(task.after)
  end
  return ui.clean(("%s   %s%s"):format(task.id, task.status, when))
end

---@param of table what order.lua keeps of it: order; found or err, once the service was asked
---@param waiting boolean it is the person's turn
---@param tell fun(answer: table): function
function trouble.doubt(of, waiting, tell, x, y, width)
  y = heading("A video may have been ordered", "?", "busy", x, y)
  y = y + ui.write(("It was asked for on %s, and no answer came. It may be in the making, and "
    .. "billed. Nothing is ordered again until you say so."):format(
    os.date("%d %B at %H:%M:%S", of.order.at)), x, y, { width = width }) + 8
  y = y + ui.write(ui.clean(of.order.prompt), x, y, { colour = "dim", width = width, most = 2 })
  y = y + 12
  y = y + ui.write(finding(of), x, y, { width = width, colour = "busy" }) + 8
  for i, task in ipairs(of.found or {}) do
    local used = controls.button("Take this one", x, y, { key = tostring(i),
      look = i == 1 and not of.found[2] and "primary" or "plain" }, tell { task = task.id })
    ui.write(ui.fitting(described(task), width - used - 16, 13), x + used + 16, y + 13,
      { size = 13 })
    y = y + 48
  end
  if not waiting then return end
  local used = controls.button("Look again", x, y + 8, { key = "l" }, tell { look = true })
  used = used + 10 + controls.button("Order it anew", x + used + 10, y + 8,
    { key = "n", ctrl = true, shown = "Ctrl N" }, tell { anew = true })
  controls.button("Forget it", x + used + 10, y + 8,
    { key = "f", ctrl = true, shown = "Ctrl F" }, tell { forget = true })
end

-- ------------------------------------------------------------- a service that does not answer

local function title(status)
  if status == 429 then return "The service asks for patience" end
  return status >= 500 and "The service has trouble of its own" or "The service does not answer"
end

-- What has become of what the person did in this stage: the job has what is left of earlier ones.
local function kept(job)
  if job.paying then
    return "An order that may have arrived is not sent a second time: you do not pay twice."
  elseif job.stage == "portrait" and job.ids.asset_id then
    return "Your portrait has arrived: it is being looked at all the same."
  elseif job.stage == "video" and job.task then
    return job.task.status == "succeeded" and "Your video is made. What is loaded of it is kept."
      or "Your video is ordered: it is being made all the same."
  end
  return "Nothing is lost."
end

local function since(seconds)
  return os.date("%H:%M:%S", os.time() - math.floor(seconds)), seconds < 100
    and ("%d s"):format(seconds) or ("%d min"):format(seconds / 60)
end

trouble.OUTAGE_HEIGHT = 116

---@param state table of outage:now()
function trouble.outage(state, job, x, y, width)
  ui.box(x, y, width, trouble.OUTAGE_HEIGHT, "raised", "line")
  ui.disc(x + 24, y + 25, 5, "busy")
  ui.write(title(state.status), x + 42, y + 15, { size = 16, weight = "bold" })
  local clock, long = since(state.seconds)
  ui.write(("since %s, %s"):format(clock, long), x + width - 20, y + 17,
    { size = 13, colour = "dim", right = true })
  local used = ui.write(kept(job), x + 20, y + 44, { width = width - 40, most = 2 })
  ui.write(state.again and ("The game goes on by itself; it asks again in %d s."):format(
      math.ceil(state.again)) or "The game goes on by itself as soon as an answer comes.",
    x + 20, y + 46 + used, { colour = "dim" })
end

return trouble
