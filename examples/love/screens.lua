--- One screen a stage: what it says, shows, and asks.

local controls = require "controls"
local pen = require "pen"
local pictures = require "pictures"
local trouble = require "trouble"
local ui = require "ui"

local screens = {}

local LINK_SECONDS = 1800   -- "≈30 minutes", says the document

local game
local away   -- of outage:now(), while the service does not answer
local portrait = { text = "", placeholder = "https://yourcdn.com/portrait.jpg" }
local prompt = { placeholder = "The person in {person} …",
  text = "The person in {person} smiles and waves at the camera. Indoor, natural light, gentle "
    .. "push-in." }

function screens.load(its_game)
  game = its_game
  portrait.text = game.settings.portrait
end

local function tell(answer)
  return function() game.job:tell(answer) end
end

local function escaped(path)
  return (path:gsub("[^%w/._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function open(link)
  return function()
    game.job.note = not love.system.openURL(link)
      and "No program here opens it (is there an xdg-open?): copy it instead." or nil
  end
end

local function copy(text)
  return function() love.system.setClipboardText(text) end
end

local function heading(text, below, x, y, width, most)
  local used = ui.write(text, x, y, { size = 24, weight = "bold", width = width })
  return y + used + 8 + ui.write(below, x, y + used + 4, { colour = "dim", width = width,
    leading = 1.45, most = most })
end

-- What moves while the service works stands still while it does not answer.
local function bar(x, y, width, part, colour)
  ui.bar(x, y, width, part or away and 0, colour)
end

-- The statuses as a way: those before `status` are over.
local function draw_statuses(list, status, x, y, width)
  local at = 0
  for i, name in ipairs(list) do
    if name == status then at = i end
  end
  local step = width / #list
  for i, name in ipairs(list) do
    local over = i < at
    local colour = over and "done" or i == at and "busy" or "faint"
    ui.disc(x + 6, y + 9, 6, colour)
    if i < #list then
      ui.set(i < at and "done" or "line")
      pen.rectangle("fill", x + 28 + ui.font(15, "bold"):getWidth(name), y + 8,
        step - 44 - ui.font(15, "bold"):getWidth(name), 2)
    end
    ui.write(name, x + 20, y, { weight = "bold", colour = i <= at and "text" or "faint" })
    x = x + step
  end
end

-- ------------------------------------------------------------------------------- the stages

local draw = {}

function draw.session(x, y, width)
  y = heading("Asking for a link", "A verification begins with a link for the person's phone.",
    x, y, width)
  bar(x, y + 16, width)
end

function draw.scan(x, y, width, height)
  local job = game.job
  local link, room = job.session.h5_link, math.min(340, height - 60)
  pictures.code(link, x, y, room)
  local left = math.max(LINK_SECONDS - (love.timer.getTime() - job.session_began), 0)
  ui.write(left > 0 and ("The link lives for about %d more minutes."):format(math.ceil(left / 60))
    or "The link has probably expired.", x, y + room + 16, { size = 13, colour = "dim" })
  local right, wide = x + room + 32, width - room - 32
  local at = heading("Scan with a phone", "The person looks into its camera. At the end their "
    .. "browser is sent to your callback address; there is no server in a game, so paste that "
    .. "address here.", right, y, wide) + 12
  controls.button("Paste the address", right, at, { key = "v", ctrl = true, shown = "Ctrl V",
    look = "primary" }, function()
      job:tell { address = love.system.getClipboardText() }
    end)
  if left > 0 then
    local used = controls.button("Open here", right, at + 54, { key = "o" }, open(link))
    controls.button("Copy", right + used + 10, at + 54, { key = "c" }, copy(link))
  else
    controls.button("Ask for a new link", right, at + 54, { key = "n" }, tell { back = "session" })
  end
  if job.note then
    ui.write(ui.clean(job.note), right, at + 108, { size = 13, colour = "failed", width = wide })
  end
  if game.settings.token and not away then
    local base = y + height - 84
    ui.write("Or let the sandbox play the person", right, base, { size = 13, colour = "busy" })
    local used = controls.button("Pass", right, base + 28, { key = "s" }, tell { outcome = "pass" })
    controls.button("Fail", right + used + 10, base + 28, { key = "f" }, tell { outcome = "fail" })
  end
end

local function draw_people(x, bottom, other_portrait)
  local used = controls.button("Another person", x, bottom - 42, { key = "f2" },
    tell { back = "session" })
  if other_portrait then
    controls.button("Another portrait", x + used + 10, bottom - 42, { key = "f3" },
      tell { back = "portrait" })
  end
end

local function waited()
  return ("%d s"):format(love.timer.getTime() - game.job.began)
end

function draw.portrait(x, y, width, height)
  local job, bottom, room = game.job, y + height, 240
  pictures.portrait(x, y, room, room * 1.2, not job.waiting and not away)
  local left, wide = x + room + 32, width - room - 32
  if job.waiting then
    y = heading("A portrait of the same person", "A public https link of the picture itself: one "
      .. "clear, frontal face.", left, y, wide) + 12
    controls.field(portrait, left, y, wide, 108)
    controls.button("Upload", left, y + 128, { key = "return", shown = "Enter", look = "primary" },
      function() job:tell { text = portrait.text } end)
    draw_people(x, bottom, false)
    return
  end
  y = heading("Looking at the portrait", "The service compares it with the face that was "
    .. "verified. How long that takes it does not promise.", left, y, wide) + 20
  draw_statuses({ "processing", "active" }, job.asset and job.asset.status, left, y, wide)
  bar(left, y + 40, wide, nil, "busy")
  ui.write(job.asset and job.asset.id or "sending …", left, y + 64, { size = 13, colour = "dim" })
  ui.write(waited(), left + wide, y + 64, { size = 13, colour = "dim", right = true })
end

function draw.video(x, y, width, height)
  local job, bottom = game.job, y + height
  if job.doubt then return trouble.doubt(job.doubt, job.waiting, tell, x, y, width) end
  if job.waiting then
    if job.wished then prompt.text, prompt.caret, job.wished = job.wished, nil, nil end
    y = heading("What should happen?", "{person} stands for the portrait."
      .. (game.settings.live and " This is billed." or ""), x, y, width) + 12
    controls.field(prompt, x, y, width, 132)
    -- Where it costs, Enter is not enough: pressed twice on the screen before, it would do.
    local live = game.settings.live or false
    controls.button("Make the video", x, y + 152, { key = "return", ctrl = live,
      shown = live and "Ctrl Enter" or "Enter", look = "primary" },
      function() job:tell { text = prompt.text } end)
    draw_people(x, bottom, true)
    return
  end
  y = heading("Making the video", job.prompt and ui.clean(job.prompt)
    or "It was asked for before this window was opened.", x, y, width, 3) + 20
  local status = job.task and job.task.status
  if status == "succeeded" then status = "saving" end
  draw_statuses({ "queued", "running", "saving" }, status, x, y, width)
  bar(x, y + 40, width, job.total and job.done / job.total, job.done and "done" or "busy")
  ui.write(job.task and job.task.id or "asking …", x, y + 64, { size = 13, colour = "dim" })
  if job.total then pen.moves() end   -- differs in each frame
  ui.write(job.total and ("%.1f of %.1f MB"):format(job.done / 1e6, job.total / 1e6) or waited(),
    x + width, y + 64, { size = 13, colour = "dim", right = true })
  pen.rests()
  local tall = math.min(bottom - y - 104, 220)
  if not away then pictures.film(x + (width - tall * 16 / 9) / 2, y + 104, tall, true) end
end

function draw.saved(x, y, width, height)
  local job, bottom = game.job, y + height
  y = heading("The video is saved", "Its link at the service lives for about a day; this copy is "
    .. "yours.", x, y, width) + 12
  local tall = math.min(height - 240, 190)
  local wide = tall * 16 / 9
  pictures.film(x, y, tall, false)
  local facts = { { "length", job.seconds and ("%.1f s"):format(job.seconds) or "?" },
    { "size", ("%.1f MB"):format(job.file.size / 1e6) }, { "task", job.file.id } }
  for i, fact in ipairs(facts) do
    local at = y + (i - 1) * 54 + 8
    ui.write(fact[1], x + wide + 28, at, { size = 12, colour = "dim" })
    ui.write(ui.fitting(fact[2], width - wide - 28, 16, "bold"), x + wide + 28, at + 18,
      { size = 16, weight = "bold" })
  end
  ui.write(ui.fitting(job.file.path, width, 13), x, y + tall + 16, { size = 13, colour = "dim" })
  local used = controls.button("Play", x, y + tall + 46, { key = "o", look = "primary" },
    open("file://" .. escaped(job.file.path)))
  used = used + 10 + controls.button("Copy the path", x + used + 10, y + tall + 46,
    { key = "c" }, copy(job.file.path))
  controls.button("Another video", x + used + 10, y + tall + 46,
    { key = "return", shown = "Enter" }, tell { back = "video" })
  draw_people(x, bottom, true)
end

function screens.draw(x, y, width, height)
  local job = game.job
  if game.err then
    trouble.draw(game.err, game.again, x, y, width)
  elseif job.err then
    trouble.draw(job.err, tell(true), x, y, width)
  else
    away = not job.waiting and game.outage:now(job.done) or nil
    draw[job.stage](x, y, width, height)
    if away then
      trouble.outage(away, job, x, y + height - trouble.OUTAGE_HEIGHT, width)
    end
    if job.note and job.stage ~= "scan" then
      ui.write(ui.clean(job.note), x, y + height + 6, { size = 13, colour = "failed" })
    end
  end
end

return screens
