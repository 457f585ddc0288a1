--- `pomex jobs export`: what became of each job, as CSV.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local store = require "pomex.command.store"
local text = require "pomex.text"

local jobs_export = {}

local COLUMNS = { "key", "state", "file", "id", "seconds", "cost", "error", "attempt", "begun",
  "billed" }

local function describe(parser)
  page.describe(parser, {
    usage = "pomex jobs export [--attempts] [--store FILE] > FILE.csv",
    what = "Write what became of each job as CSV: " .. table.concat(COLUMNS, ", ") .. ".",
    examples = { "pomex jobs export > spring-result.csv",
      "pomex jobs export --attempts > bill.csv" },
    more = "\"seconds\" are those from the first begin to the job's end, "
      .. "\"attempt\" is how many attempts there were, \"begun\" when the first began (UTC), and "
      .. "\"billed\" says of all of them: no, maybe or yes, as far as is known here; "
      .. "it is empty for a portrait, whose price no document names. "
      .. "\"id\" is that of the last attempt: "
      .. "the ids of earlier ones, perhaps billed too, are left out. "
      .. "With --attempts each attempt has a row of its own, with its number, id, time, cost and "
      .. "error.",
  })
  parser:flag "--attempts" :description "A row for each attempt, to be compared with a bill."
end

-- A field of CSV. One that a spreadsheet would take for a formula is marked as text.
local function field(value)
  value = value == nil and "" or tostring(value)
  if value:find("^[=+@\t\r-]") and not tonumber(value) then value = "'" .. value end
  -- (Where the comma is the decimal one, a spreadsheet splits at ";".)
  if value:find('[",;\r\n]') then return '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local OVER = { done = true, failed = true, cancelled = true, expired = true }

-- Seconds from the first begin to the end; nil: it has none.
local function seconds_of(job, events)
  local first = job.attempts[1]
  if not first or not OVER[job.state] then return nil end
  local last
  for _, event in ipairs(events) do
    if OVER[event.name] then last = event.at end
  end
  return last and text.number("%.0f", math.max(last - first.begun, 0))
end

-- Whether an attempt of a video was billed, as `billed` of an error says it: a task is paid for
-- unless it is known to have ended otherwise than with a video.
local function billed_of(job, attempt)
  if job.kind == "portrait" then return nil end
  if not attempt.counted then return "no" end
  local stage = attempt.stage
  local done = stage == "ended" and job.state == "done" and job.task == attempt.task
  return (stage == "task" or stage == "made" or done) and "yes" or "maybe"
end

local RANK = { no = 1, maybe = 2, yes = 3 }

local function money_of(amount)
  return amount and amount > 0 and text.number("%.6g", amount) or nil
end

local function time_of(at)
  return at and os.date("!%Y-%m-%d %H:%M:%S", math.floor(at)) or nil
end

local function why_of(line)
  return line and campaign.why(line)
end

local function values_of(job, events)
  local cost, billed = 0, job.kind == "video" and "no" or nil
  for _, attempt in ipairs(job.attempts) do
    cost = cost + (attempt.held or 0)
    local its = billed_of(job, attempt)
    if its and RANK[its] > RANK[billed] then billed = its end
  end
  return { key = job.key, state = job.stuck and "stuck" or job.state, file = job.saved,
    id = job.task, seconds = seconds_of(job, events), error = why_of(job.error),
    cost = money_of(cost), attempt = #job.attempts,
    begun = time_of(job.attempts[1] and job.attempts[1].begun), billed = billed }
end

-- The same of one attempt. The file is of the attempt that the job is now.
local function values_of_attempt(whole, job, attempt)
  local is_its = attempt.task ~= nil and attempt.task == job.task
  local newest = attempt.number == job.attempt
  return { key = job.key, state = whole.state, file = is_its and job.saved or nil,
    id = attempt.task, seconds = newest and whole.seconds or nil,
    error = why_of(attempt.error or newest and job.error or nil), cost = money_of(attempt.held),
    attempt = attempt.number, begun = time_of(attempt.begun), billed = billed_of(job, attempt) }
end

-- The rows of a job; one that was never begun has one, too.
local function rows_of(jobs, job, by_attempt)
  local events = jobs:events { key = job.key } or {}
  local whole = values_of(job, events)
  if not by_attempt or #job.attempts == 0 then return { whole } end
  local rows = {}
  for i, attempt in ipairs(job.attempts) do rows[i] = values_of_attempt(whole, job, attempt) end
  for _, event in ipairs(events) do
    if event.name == "second id" and event.text then
      rows[#rows + 1] = { key = job.key, state = whole.state, id = event.text,
        error = "an id beside the job's: perhaps both are billed", begun = time_of(event.at),
        billed = "maybe" }
    end
  end
  return rows
end

local function write(env, values)
  local row = {}
  for i, name in ipairs(COLUMNS) do row[i] = field(values[name]) end
  values.type = "job"
  env.out:change(values)
  env.out:result(table.concat(row, ","))
end

local function run(args, env)
  local path, code = store.find(env)
  if not path then return code end
  local jobs
  jobs, code = store.tend(env, path)
  if not jobs then return code end
  env.out:result(table.concat(COLUMNS, ","))
  local listed, why = pcall(function()
    for listed in jobs:each() do
      local job = assert(jobs:get(listed.key))
      for _, values in ipairs(rows_of(jobs, job, args.attempts)) do write(env, values) end
    end
  end)
  if not listed then return env:failed(why, ends.about(env, path, "export"), exits.STORE) end
  jobs:close()
  return exits.DONE
end

jobs_export.verbs = { { name = "export", describe = describe, run = run } }

return jobs_export
