--- What a person sees who looks at a run for hours: a line for each active job and a sum below,
--- drawn over itself. It draws on stderr, and only where that is a terminal that can move its
--- cursor (out.terminal); everything else that is written appears above it.

local cells = require "pomex.command.cells"
local core = require "pomex.core"
local errors = require "pomex.errors"
local terminal = require "pomex.terminal"
local text = require "pomex.text"

---@class pomex.CommandScreen
---@field on boolean whether anything is drawn
local Screen = {}
Screen.__index = Screen

local screen = {}

-- At most ten redraws a second.
local BETWEEN = 1 / 10
local OVER = { done = true, failed = true, cancelled = true, expired = true, unclear = true,
  ready = true }
local DOING = { sending = "sending", polling = "making", saving = "saving" }
local CHECKING = { sending = "uploading", polling = "checking" }

---Seconds in words of at most 7 columns.
---@param seconds number
---@return string
function screen.span(seconds)
  seconds = math.max(math.floor(seconds), 0)
  if seconds < 60 then return ("%d s"):format(seconds) end
  if seconds < 3600 then return ("%d:%02d"):format(math.floor(seconds / 60), seconds % 60) end
  return ("%d h %02d"):format(math.floor(seconds / 3600), math.floor(seconds / 60) % 60)
end

---An amount of money.
---@param amount number
---@return string
function screen.money(amount)
  return text.number(amount > 0 and amount < 1 and "%.4f" or "%.2f", amount)
end

-- The columns for keys: as many as the longest needs, and at most half of the window.
local function key_columns(jobs, columns)
  local most, longest = math.max(math.min(math.floor(columns / 2) - 4, 40), 8), 8
  for _, job in ipairs(jobs) do
    longest = math.max(longest, cells.width(errors.one_line(job.key)))
  end
  return math.min(longest, most)
end

-- The line of a job: its key in so many columns, how long, what happens to it.
local function job_line(job, key, columns, time)
  local words = job.kind == "portrait" and CHECKING or DOING
  local what = words[job.state] or job.state
  if job.percent and job.state == "saving" then what = ("%s %d %%"):format(what, job.percent) end
  if job.status and job.state == "polling" then
    what = ("%s (%s)"):format(what, errors.one_line(job.status))
  end
  if job.error then what = what .. ": " .. errors.one_line(job.error) end
  return cells.cut(("%s %7s  %s"):format(cells.fit(errors.one_line(job.key), key),
    screen.span(time - job.since), what), columns)
end

-- How long the rest takes if it goes on as since the start; nil: nothing tells.
local function time_left(self, counts)
  local began = self.began
  local ended = counts.done - (began.done or 0)
  local rest = self.total - counts.done - counts.failed - counts.cancelled - counts.expired
    - counts.unclear - counts.stuck
  if ended < 2 or rest <= 0 then return nil end
  return (core.now() - began.at) * rest / ended
end

-- The parts of the sum, the most needed first: their long and their short form, and a colour.
local function sum_parts(self)
  local counts = self.counts
  if not counts then return { { "starting", "starting" } } end
  local failed = counts.failed + counts.cancelled + counts.expired
  local parts = { { ("%d of %d done"):format(counts.done, self.total),
    ("%d/%d done"):format(counts.done, self.total), "32" } }
  local function add(long, short, color) parts[#parts + 1] = { long, short, color } end
  if failed > 0 then add(("%d failed"):format(failed), ("%d failed"):format(failed), "31") end
  if counts.unclear > 0 then
    add(("%d unclear"):format(counts.unclear), ("%d uncl."):format(counts.unclear), "33")
  end
  if counts.stuck > 0 then
    add(("%d stuck"):format(counts.stuck), ("%d stuck"):format(counts.stuck), "33")
  end
  if self.stopping then add("stopping", "stopping", "33") end
  if counts.paused then add("paused", "paused", "33") end
  if counts.money > 0 or counts.max_money then
    local sum = screen.money(counts.money)
    add(counts.max_money and ("%s of %s"):format(sum, screen.money(counts.max_money))
      or sum .. " so far", sum)
  end
  local left = time_left(self, counts)
  if left then add(("about %s left"):format(screen.span(left)), screen.span(left)) end
  add(("%d active"):format(#self.order), ("%d act."):format(#self.order))
  return parts
end

-- The sum, in the longest form that fits.
local function sum_line(self, columns)
  local parts = sum_parts(self)
  for _, form in ipairs { { 1, " · " }, { 2, " · " }, { 2, " " } } do
    local count = form[2] == " " and #parts - 1 or #parts
    local words = {}
    for i = 1, math.max(count, 1) do words[i] = parts[i][form[1]] end
    if cells.width(table.concat(words, form[2])) <= columns then
      local painted = {}
      for i, word in ipairs(words) do
        painted[i] = parts[i][3] and self.out:paint(parts[i][3], word) or word
      end
      return table.concat(painted, form[2])
    end
  end
  local words = {}
  for i, part in ipairs(parts) do words[i] = part[2] end
  return cells.cut(table.concat(words, " "), columns)
end

---The lines as they are to be seen now.
---@param columns integer of the window
---@param rows integer
---@return string[]
function Screen:lines(columns, rows)
  local lines, width, time = {}, columns - 1, core.now()
  local room = math.max(rows - 2, 0)
  local shown = #self.order <= room and #self.order or math.max(room - 1, 0)
  local key = key_columns(self.order, width)
  for i = 1, shown do lines[i] = job_line(self.order[i], key, width, time) end
  if shown < #self.order and room > 0 then
    lines[#lines + 1] = cells.cut(("… and %d more"):format(#self.order - shown), width)
  end
  lines[#lines + 1] = sum_line(self, width)
  return lines
end

-- How many rows below its first one the cursor stands: a window that has become narrower since has
-- broken the lines.
local function rows_above(self, columns)
  local rows = 0
  for i, line in ipairs(self.drawn) do
    local width = cells.width((line:gsub("\27%[[%d;]*m", "")))
    local of_line = math.max(math.ceil(width / columns), 1)
    rows = rows + (i == #self.drawn and of_line - 1 or of_line)
  end
  return rows
end

-- Moves the cursor to where the lines begin.
local function to_top(self, columns)
  local rows = rows_above(self, columns)
  return "\r" .. (rows > 0 and ("\27[%dA"):format(rows) or "")
end

---Draws the lines over those that are there.
function Screen:draw()
  if not self.on then return end
  local columns, rows = terminal.size(2)
  columns, rows = columns or 80, rows or 24
  local lines = self:lines(columns, rows)
  local parts = { self.drawn and to_top(self, columns) or "\r" }
  for i, line in ipairs(lines) do
    parts[#parts + 1] = line .. "\27[K" .. (i < #lines and "\n" or "")
  end
  parts[#parts + 1] = "\27[J"
  if not io.stderr:write(table.concat(parts)) then self.on = false end
  self.drawn, self.dirty, self.last = lines, false, core.now()
end

---Takes the lines away, so that something else can be written in their place.
function Screen:hide()
  if not self.drawn then return end
  local columns = terminal.size(2) or 80
  local rows, top = rows_above(self, columns), to_top(self, columns)
  -- Row by row: some terminals keep what is cleared from the first row on for scrolling back.
  io.stderr:write(top, ("\27[K\27[B"):rep(rows), "\27[K", top)
  self.drawn, self.dirty = nil, true
end

---Notes how a job is now.
---@param job pomex.JobUpdate
function Screen:update(job)
  local known = self.jobs[job.key]
  if OVER[job.state] then
    for i = #self.order, 1, -1 do
      if self.order[i] == known then table.remove(self.order, i) end
    end
    self.jobs[job.key] = nil
  elseif known then
    for name, value in pairs(job) do known[name] = value end
    known.error = job.error
  else
    local fresh = { since = core.now(), undated = job.state ~= "sending" }
    for name, value in pairs(job) do fresh[name] = value end
    self.jobs[job.key] = fresh
    self.order[#self.order + 1] = fresh
  end
  self.dirty = true
end

---Counts a job that has come to an end, until the store is asked again.
---@param job pomex.JobUpdate
function Screen:ended(job)
  if not self.counts or not OVER[job.state] or job.state == "ready" then return end
  self.counts[job.state] = self.counts[job.state] + 1
end

---The active jobs whose begin was not seen, each once.
---@return table[]
function Screen:undated()
  local list = {}
  for _, job in ipairs(self.order) do
    if job.undated then list[#list + 1] = job end
    job.undated = nil
  end
  return list
end

---Says when the newest attempt of an active job began.
---@param job table of `undated`
---@param begun number seconds since 1970
function Screen:began_at(job, begun)
  job.since = core.now() - math.max(core.wall() - begun, 0)
  self.dirty = true
end

---Notes what the store counts.
---@param counts pomex.JobsCounts
function Screen:counted(counts)
  if not self.began then self.began = { at = core.now(), done = counts.done } end
  self.total = counts.ready + counts.sending + counts.polling + counts.saving + counts.done
    + counts.failed + counts.cancelled + counts.expired + counts.unclear
  self.counts, self.dirty = counts, true
end

---Seconds until it is to be drawn again: at once when something changed, but not within a tenth of
---a second; else once a second, for the times in it.
---@return number
function Screen:due()
  return math.max(self.last + (self.dirty and BETWEEN or 1) - core.now(), 0)
end

---@param out pomex.CommandOutput
---@return pomex.CommandScreen
function screen.new(out)
  local self = setmetatable({ out = out, on = out.terminal and not out.quiet and not out.json,
    jobs = {}, order = {}, counts = nil, total = 0, began = nil, drawn = nil, dirty = true,
    last = -1 }, Screen)
  if self.on then out.hide = function() self:hide() end end
  return self
end

return screen
