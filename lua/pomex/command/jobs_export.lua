--- `pomex jobs export`: what became of each job, as CSV.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local store = require "pomex.command.store"
local text = require "pomex.text"

local jobs_export = {}

local COLUMNS = { "key", "state", "file", "id", "seconds", "cost", "error" }

local function describe(parser)
  page.describe(parser, {
    usage = "pomex jobs export [--store FILE] > FILE.csv",
    what = "Write what became of each job as CSV: " .. table.concat(COLUMNS, ", ") .. ".",
    examples = { "pomex jobs export > spring-result.csv" },
  })
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
local function seconds_of(jobs, job)
  local first = job.attempts[1]
  if not first or not OVER[job.state] then return nil end
  local last
  for _, event in ipairs(jobs:events { key = job.key } or {}) do
    if OVER[event.name] then last = event.at end
  end
  return last and text.number("%.0f", math.max(last - first.begun, 0))
end

local function values_of(jobs, job)
  local cost = 0
  for _, attempt in ipairs(job.attempts) do cost = cost + (attempt.held or 0) end
  return { key = job.key, state = job.stuck and "stuck" or job.state, file = job.saved,
    id = job.task, seconds = seconds_of(jobs, job), error = job.error and campaign.why(job.error),
    cost = cost > 0 and text.number("%.6g", cost) or nil }
end

local function run(_, env)
  local path, code = store.find(env)
  if not path then return code end
  local jobs
  jobs, code = store.look(env, path)
  if not jobs then return code end
  env.out:result(table.concat(COLUMNS, ","))
  local listed, why = pcall(function()
    for listed in jobs:each() do
      local values, row = values_of(jobs, assert(jobs:get(listed.key))), {}
      for i, name in ipairs(COLUMNS) do row[i] = field(values[name]) end
      values.type = "job"
      env.out:change(values)
      env.out:result(table.concat(row, ","))
    end
  end)
  if not listed then return env:failed(why, ends.about(env, path, "export"), exits.STORE) end
  jobs:close()
  return exits.DONE
end

jobs_export.verbs = { { name = "export", describe = describe, run = run } }

return jobs_export
