--- Holds what the store says at the end against the ledger and the evidence: check.lua COUNT
--- Prints what is wrong, figures, and one line as the verdict; exits with 1 if anything is.

local evidence = require "spec.proof.jobs.evidence"
local files = require "spec.proof.jobs.files"
local queue = require "spec.proof.jobs.queue"

local count = tonumber(arg[1])
local jobs = queue.open()
local seen = evidence.read()
local figures = { twice = 0, lost = 0, unclear = 0, explained = 0, wrong = 0, forgotten = 0,
  cancelled = 0 }
local SHOWN = 20

local function wrong(what, text, ...)
  figures[what] = figures[what] + 1
  if figures[what] <= SHOWN then print("WRONG: " .. text:format(...)) end
end

-- All jobs with their attempts, by key; how many are in each state, and how many attempts came to
-- each stage; and what these hold.
local function read_store()
  local all, states, stages, held = {}, {}, {}, 0
  for job in jobs:each() do all[job.key] = assert(jobs:get(job.key)) end
  for i = 1, count do
    local job = all["job-" .. i]
    if not job then
      wrong("lost", "job-%d is not in the store", i)
    else
      states[job.state] = (states[job.state] or 0) + 1
      for _, attempt in ipairs(job.attempts) do
        held = held + (attempt.held or 0)
        stages[attempt.stage] = (stages[attempt.stage] or 0) + 1
      end
    end
  end
  return all, states, stages, held
end

-- An attempt is made once, and a job once more for each time that a person had it sent again. A
-- number that a database forgot is given again only if nothing was made with it: else a person has
-- cancelled its job.
local function check_times(ledger)
  local of_attempt, of_job = {}, {}
  for _, entry in ipairs(ledger) do
    local name = entry.job .. "." .. entry.attempt
    of_attempt[name] = (of_attempt[name] or 0) + 1
    of_job[entry.job] = (of_job[entry.job] or 0) + 1
  end
  for name, times in pairs(of_attempt) do
    if times > 1 then wrong("twice", "%s is in the ledger %d times", name, times) end
  end
  for key, times in pairs(of_job) do
    local resends = seen.resent[key] or 0
    if times > 1 + resends then
      wrong("twice", "%s was made %d times, and sent again by a person %d times", key, times,
        resends)
    end
  end
end

local LEFT = { never_left = true, late = true }

-- Of what the store calls not made nothing was made, and of what never left no byte.
local function check_not_made(all, ledger)
  local made = {}
  for _, entry in ipairs(ledger) do made[entry.nonce] = true end
  for key, job in pairs(all) do
    for _, attempt in ipairs(job.attempts) do
      local nonce = evidence.nonce_of(attempt) or "?"
      local nothing = LEFT[attempt.stage] or attempt.stage == "turned_away"
      if made[nonce] and (nothing or job.state == "failed" and attempt.number == job.attempt) then
        wrong("lost", "%s.%d is called %s, and was made", key, attempt.number,
          nothing and attempt.stage or job.state)
      end
      if LEFT[attempt.stage] and seen.sent[nonce] then
        wrong("lost", "%s.%d is called %s, and was sent", key, attempt.number, attempt.stage)
      end
    end
  end
end

-- The attempt of a nonce, as the store has it; nil: it knows another one of that number, or none.
local function attempt_of(all, nonce)
  local key, number = nonce:match "^(.*)%.(%d+)%.i%d+$"
  local attempt = all[key] and all[key].attempts[tonumber(number)]
  return attempt and evidence.nonce_of(attempt) == nonce and attempt or nil
end

-- No attempt that anybody saw is unknown to the store, and no begin was sent before it was on the
-- disk.
local function check_begun(all)
  for nonce, times in pairs(seen.sent) do
    if not attempt_of(all, nonce) then
      if evidence.is_begin_forgotten(seen, nonce) then
        figures.forgotten = figures.forgotten + 1
      else
        wrong("lost", "%s was sent, and the store knows no such attempt", nonce)
      end
    end
    for _, entry in ipairs(times) do
      if not entry.synced then
        wrong("lost", "%s was sent before its begin was on the disk", nonce)
      end
    end
  end
end

-- Ids that the store has.
local function ids_of(all)
  local ids = {}
  for key, job in pairs(all) do
    if job.task then ids[job.task] = key end
    for _, attempt in ipairs(job.attempts) do
      if attempt.task then ids[attempt.task] = key end
    end
  end
  return ids
end

local function check_ids(all, ledger)
  local ids = ids_of(all)
  for id, facts in pairs(seen.facts_of_id) do
    if not ids[id] and not evidence.is_fact_forgotten(seen, facts) then
      wrong("lost", "%s had the id %s, which the store had said that it keeps", facts[1].name, id)
    end
  end
  for _, entry in ipairs(ledger) do
    local holder = ids[entry.id]
    if holder and holder ~= entry.job then
      wrong("lost", "the id %s of %s stands with %s", entry.id, entry.nonce, holder)
    elseif not holder then
      local attempt = attempt_of(all, entry.nonce)
      if not (attempt and evidence.reason(seen, attempt))
        and not evidence.is_begin_forgotten(seen, entry.nonce) then
        wrong("lost", "%s was answered with the id %s, and the store does not have it", entry.nonce,
          entry.id)
      end
    end
  end
end

local function check_unclear(job, reasons)
  local last = job.attempts[job.attempt]
  local why = job.task and seen.gone[job.task] and "it had an id, of which a look was told 404"
    or not job.task and last and evidence.reason(seen, last)
  figures.unclear = figures.unclear + 1
  if why then
    figures.explained = figures.explained + 1
    reasons[why] = (reasons[why] or 0) + 1
  else
    wrong("wrong", "%s is unclear, and it could be known (%s)", job.key, tostring(job.error))
  end
end

-- Whether the database forgot an attempt of the job that was made, or what it had been told of it;
-- and a person cancelled it then, so that it is not made once more.
local function is_made_and_forgotten(all, ledger, key)
  for _, entry in ipairs(seen.cancelled[key] and ledger or {}) do
    local forgotten = evidence.is_fact_forgotten(seen, seen.facts[entry.nonce])
      or not attempt_of(all, entry.nonce) and evidence.is_begin_forgotten(seen, entry.nonce)
    if entry.job == key and forgotten then return true end
  end
  return false
end

local function check_states(all, reasons, ledger)
  for key, job in pairs(all) do
    if job.state == "unclear" then
      check_unclear(job, reasons)
    elseif job.state == "done" and job.kind == "portrait" then
      if queue.asset_status(job.task) ~= "active" then
        wrong("lost", "the asset of %s is not active", key)
      end
    elseif job.state == "done" then
      local what = files.wrong(job)
      if what then wrong("lost", "the file of %s is not %s", key, what) end
    elseif job.state == "cancelled" and is_made_and_forgotten(all, ledger, key) then
      figures.cancelled = figures.cancelled + 1
    elseif job.state ~= "failed" then
      wrong("wrong", "%s is %s at the end", key, job.state)
    end
  end
end

local function check_counts(states, held)
  local counts = assert(jobs:counts())
  for _, state in ipairs { "ready", "sending", "polling", "saving", "done", "failed",
    "cancelled", "unclear" } do
    if counts[state] ~= (states[state] or 0) then
      wrong("wrong", "%d are counted as %s, and %d are", counts[state], state, states[state] or 0)
    end
  end
  if counts.tasks ~= 0 then wrong("wrong", "%d tasks are in flight", counts.tasks) end
  if counts.money ~= held then
    wrong("wrong", "%s is counted, and the attempts hold %s", counts.money, held)
  end
end

local function print_counts(what, counts)
  local lines = {}
  for name, times in pairs(counts) do
    lines[#lines + 1] = ("  %4d %s: %s"):format(times, what, name)
  end
  table.sort(lines)
  if #lines > 0 then print(table.concat(lines, "\n")) end
end

local all, states, stages, held = read_store()
local ledger = queue.ledger()
local reasons, sends, again = {}, 0, 0
check_times(ledger)
check_not_made(all, ledger)
check_begun(all)
check_ids(all, ledger)
check_states(all, reasons, ledger)
check_counts(states, held)
for _, line in ipairs(seen.strange) do wrong("wrong", "%s", line) end
for _, line in ipairs(seen.over) do print("WRONG: " .. line) end
for _, times in pairs(seen.sent) do sends = sends + #times end
for _, times in pairs(seen.resent) do again = again + times end
if #seen.forgets > 0 then
  print(("the database forgot %d times, and %d requests with it; a person cancelled %d jobs")
    :format(#seen.forgets, figures.forgotten, figures.cancelled))
end
print(("%d jobs: %d done, %d failed, %d unclear; %d requests sent, %d made, %d asked for again")
  :format(count, states.done or 0, states.failed or 0, states.unclear or 0, sends, #ledger, again))
print_counts("attempts", stages)
print_counts("unclear", reasons)
jobs:close()
local held_cap = #seen.over == 0
print(("ledger: %d twice; lost %d; unclear %d, explained %d; cap %s"):format(figures.twice,
  figures.lost, figures.unclear, figures.explained, held_cap and "held" or "PASSED"))
os.exit(figures.twice + figures.lost + figures.wrong == 0 and held_cap, true)
