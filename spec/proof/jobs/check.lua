--- Holds what the store says at the end against the ledger and the evidence: check.lua COUNT
--- Prints what is wrong, figures, and one line as the verdict; exits with 1 if anything is.

local core = require "pomex.core"
local evidence = require "spec.proof.jobs.evidence"
local queue = require "spec.proof.jobs.queue"

local count = tonumber(arg[1])
local jobs = queue.open()
local seen = evidence.read()
local figures = { twice = 0, lost = 0, unclear = 0, explained = 0, wrong = 0 }
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

local function check_ledger(all, ledger)
  local of_attempt, of_job = {}, {}
  for _, entry in ipairs(ledger) do
    local name = entry.job .. "." .. entry.attempt
    of_attempt[name] = (of_attempt[name] or 0) + 1
    of_job[entry.job] = (of_job[entry.job] or 0) + 1
    if of_attempt[name] > 1 then wrong("twice", "%s is in the ledger twice", name) end
  end
  for key, times in pairs(of_job) do
    local resends = seen.resent[key] or 0
    if times > 1 + resends then
      wrong("twice", "%s was made %d times, and sent again by a person %d times", key, times,
        resends)
    end
  end
  for key, job in pairs(all) do
    for _, attempt in ipairs(job.attempts) do
      local name = key .. "." .. attempt.number
      local made = of_attempt[name]
      local nothing = attempt.stage == "never_left" or attempt.stage == "late"
        or attempt.stage == "turned_away"
      if made and (nothing or job.state == "failed" and attempt.number == job.attempt) then
          wrong("lost", "%s is called %s, and was made", name,
          nothing and attempt.stage or job.state)
      end
      local left = attempt.stage == "never_left" or attempt.stage == "late"
      if left and seen.sent[name] then wrong("lost", "%s is called %s, and was sent", name,
        attempt.stage) end
    end
  end
end

-- No attempt that anybody saw is unknown to the store, and no begin was sent before it was on the
-- disk.
local function check_begun(all)
  for name, times in pairs(seen.sent) do
    local key, number = name:match "^(.*)%.(%d+)$"
    if not all[key] or all[key].attempt < tonumber(number) then
      wrong("lost", "%s was sent, and the store knows no such attempt", name)
    end
    for _, entry in ipairs(times) do
      if not entry.synced then
        wrong("lost", "%s was sent before its begin was on the disk", name)
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
  for _, kept in ipairs(seen.kept) do
    if not ids[kept.id] then
      wrong("lost", "%s had the id %s, which the store had said that it keeps", kept.name, kept.id)
    end
  end
  for _, entry in ipairs(ledger) do
    local name = entry.job .. "." .. entry.attempt
    local holder = ids[entry.id]
    if holder and holder ~= entry.job then
      wrong("lost", "the id %s of %s stands with %s", entry.id, name, holder)
    elseif not holder then
      local attempt = all[entry.job] and all[entry.job].attempts[entry.attempt]
      if not attempt or not evidence.reason(seen, name, attempt.worker) then
        wrong("lost", "%s was answered with the id %s, and the store does not have it", name,
          entry.id)
      end
    end
  end
end

local function check_unclear(job, reasons)
  local last = job.attempts[job.attempt]
  local why = job.task and seen.gone[job.task] and "it had an id, of which a look was told 404"
    or not job.task and last and evidence.reason(seen, job.key .. "." .. last.number, last.worker)
  figures.unclear = figures.unclear + 1
  if why then
    figures.explained = figures.explained + 1
    reasons[why] = (reasons[why] or 0) + 1
  else
    wrong("wrong", "%s is unclear, and it could be known (%s)", job.key, tostring(job.error))
  end
end

local whole, same -- one video, as the service serves it, and how much of it is in each

local function check_file(job)
  local length, sum = core.saving_sum(queue.env "FOLDER" .. "/out/" .. tostring(job.saved))
  if not job.sha256 or length ~= job.length or sum ~= job.sha256 then
    return wrong("lost", "the file of %s is not what was noted", job.key)
  end
  local file = assert(io.open(queue.env "FOLDER" .. "/out/" .. job.saved, "rb"))
  local bytes = file:read "a"
  file:close()
  -- The sandbox's videos are the same up to their last box, which has the prompt.
  if not whole then
    whole = queue.video(job.task)
    same = #whole - whole:reverse():find("voom", 1, true) - 8
    whole = whole:sub(1, same)
  end
  local named = bytes:find("[" .. job.key .. ".", same, true)
  if bytes:sub(1, same) ~= whole or not named then
    wrong("lost", "the file of %s is not its video", job.key)
  end
end

local function check_states(all, reasons)
  for key, job in pairs(all) do
    if job.state == "unclear" then
      check_unclear(job, reasons)
    elseif job.state == "done" and job.kind == "portrait" then
      if queue.asset_status(job.task) ~= "active" then
        wrong("lost", "the asset of %s is not active", key)
      end
    elseif job.state == "done" then
      check_file(job)
    elseif job.state ~= "failed" then
      wrong("wrong", "%s is %s at the end", key, job.state)
    end
  end
end

local function check_counts(states, held)
  local counts = assert(jobs:counts())
  for _, state in ipairs { "ready", "sending", "polling", "saving", "done", "failed", "unclear" } do
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
check_ledger(all, ledger)
check_begun(all)
check_ids(all, ledger)
check_states(all, reasons)
check_counts(states, held)
for _, line in ipairs(seen.strange) do wrong("wrong", "%s", line) end
for _, line in ipairs(seen.over) do print("WRONG: " .. line) end
for _, times in pairs(seen.sent) do sends = sends + #times end
for _, times in pairs(seen.resent) do again = again + times end
print(("%d jobs: %d done, %d failed, %d unclear; %d requests sent, %d made, %d asked for again")
  :format(count, states.done or 0, states.failed or 0, states.unclear or 0, sends, #ledger, again))
print_counts("attempts", stages)
print_counts("unclear", reasons)
jobs:close()
local held_cap = #seen.over == 0
print(("ledger: %d twice; lost %d; unclear %d, explained %d; cap %s"):format(figures.twice,
  figures.lost, figures.unclear, figures.explained, held_cap and "held" or "PASSED"))
os.exit(figures.twice + figures.lost + figures.wrong == 0 and held_cap, true)
