--- What each end of a run says: what became of the jobs, and what to type next.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local foreign = require "pomex.command.foreign"
local json = require "pomex.json"
local screen = require "pomex.command.screen"
local text = require "pomex.text"

local ends = {}

local one_line = errors.one_line

-- So many jobs of a kind are named; `pomex jobs list` has them all.
local MOST = 20

---A command about the store, or a job in it.
---@param env pomex.CommandEnv
---@param path string of the store
---@param verb string
---@param ... string words; those of people are quoted for a shell
---@return string
function ends.about(env, path, verb, ...)
  local words = { "jobs", verb }
  for _, word in ipairs { ... } do words[#words + 1] = env.word(word) end
  words[#words + 1] = "--store"
  words[#words + 1] = env.word(path)
  return env:command((table.unpack or unpack)(words))
end

local about = ends.about

-- This command with another value of an option.
local function with(env, option, value)
  local words, skip = { "pomex" }, false
  for _, word in ipairs(env.argv) do
    if skip then
      skip = false
    elseif word == option then
      skip = true
    elseif word:sub(1, #option + 1) ~= option .. "=" then
      words[#words + 1] = env.word(word)
    end
  end
  return one_line(("%s %s %s"):format(table.concat(words, " "), option, value))
end

-- The command that goes on with a run.
local function again(env)
  return env:again()
end

---The second signal: what was out is unclear.
---@param env pomex.CommandEnv
---@param out integer requests that were out
---@param path string of the store
function ends.at_once(env, out, path)
  if out > 0 then
    env.out:failure(out == 1
      and "stopped at once. One request was out: whether it was carried out is unclear"
      or ("stopped at once. %d requests were out: whether they were carried out is unclear")
        :format(out))
    env.out:tell("look later: " .. about(env, path, "list", "--state", "unclear"))
  else
    env.out:failure "stopped at once; nothing was being sent"
  end
  env.out:next(again(env))
end

---An error of the store.
---@param env pomex.CommandEnv
---@param err pomex.Error
---@return integer code
function ends.of_store(env, err)
  return env:failed(err, again(env), errors.is(err) and err.type == "store_error" and exits.STORE
    or nil)
end

---The code for an error that a store answered a person with.
---@param err pomex.Error
---@return integer
function ends.code_of(err)
  if err.type == "not_found_error" then
    return err.endpoint and exits.FAILED or exits.USAGE
  end
  -- It answered: what was asked for does not fit the job.
  if err.type == "store_error" and err.cause == "refused" then return exits.FAILED end
  return exits.of(err)
end

-- Up to MOST jobs of some states, told by `tell`.
local function each(env, jobs, path, query, tell)
  local count = 0
  for job in jobs:each(query) do
    count = count + 1
    if count <= MOST then tell(job) end
  end
  if count > MOST then
    env.out:tell(("  and %d more: %s"):format(count - MOST, about(env, path, "list")))
  end
  return count
end

-- The words of a video, cut, by which a person finds it in the service's console.
local function prompt_of(job)
  local entry = json.object(job.body)
  local prompt = entry and entry.video and entry.video.prompt
  if type(prompt) ~= "string" then return "" end
  return (" Its prompt: %s."):format(errors.quoted(#prompt > 60
    and prompt:sub(1, 60):gsub("[\192-\255][\128-\191]*$", "") .. "…" or prompt))
end

-- What an unclear job can be. A service that has no list of tasks names no videos.
local function candidates_of(env, jobs, job)
  if env.stop.name or env.keyless then return {} end
  return jobs:candidates(job.key) or {}
end

---What is known of an unclear job, and the commands that settle it.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param job pomex.Job with its attempts
function ends.unclear(env, jobs, path, job)
  local out, last = env.out, job.attempts and job.attempts[#job.attempts]
  local sent = last and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(last.begun)) or "?"
  out:tell(("%s is unclear: attempt %d, sent %s.%s%s"):format(one_line(job.key), job.attempt, sent,
    prompt_of(job), job.error and " " .. campaign.why(job.error):gsub(" %b()$", "")
      or " Its process ended before the answer was kept."))
  local candidates = candidates_of(env, jobs, job)
  for _, id in ipairs(candidates) do
    out:tell("  it may be this one:     " .. about(env, path, "adopt", job.key, id))
  end
  if #candidates == 0 then
    out:tell "  no candidate is known; if the service's console has it:"
    out:tell("    " .. about(env, path, "adopt", job.key, "ID"))
  end
  out:tell("  if it is not there 15 minutes after that:")
  out:tell("    " .. about(env, path, "resend", job.key))
end

local function unclear_of(env, jobs, path)
  local keys = {}
  each(env, jobs, path, { state = "unclear" }, function(job) keys[#keys + 1] = job.key end)
  for _, key in ipairs(keys) do
    local job = jobs:get(key)
    if job then ends.unclear(env, jobs, path, job) end
  end
end

local function failed_of(env, jobs, path)
  local first
  each(env, jobs, path, { state = { "failed", "cancelled", "expired" } }, function(job)
    first = first or job.key
    env.out:tell(("%s %s%s"):format(one_line(job.key), job.state,
      job.error and ": " .. campaign.why(job.error) or ""))
  end)
  if not first then return end
  -- Where its line says something else by now, that is meant.
  local from = env.reworded and env.reworded[first]
  env.out:tell("  once more: " .. about(env, path, "retry", first, from and "--from", from))
end

local function stuck_of(env, jobs, path)
  each(env, jobs, path, { stuck = true }, function(job)
    env.out:tell(("%s is stuck: %s"):format(one_line(job.key), campaign.why(job.error
      or "three processes died over it")))
    env.out:tell("  once that is mended: " .. about(env, path, "retry", job.key))
  end)
end

local CODES = {
  store = exits.STORE, account = exits.REFUSED, continue = exits.STORE, unclear = exits.UNCLEAR,
  unpriced = exits.USAGE, cap = exits.CAP, paused = exits.INTERRUPTED,
  stopped = exits.INTERRUPTED, failed = exits.FAILED, stuck = exits.FAILED,
  foreign = exits.USAGE, done = exits.DONE,
}

---What became of all, in one line.
---@param counts pomex.JobsCounts
---@return string
function ends.sum(counts)
  local failed = counts.failed + counts.cancelled + counts.expired
  local total = failed + counts.ready + counts.sending + counts.polling + counts.saving
    + counts.done + counts.unclear
  local parts = { ("%d of %d done"):format(counts.done, total) }
  local function add(count, word)
    if count > 0 then parts[#parts + 1] = ("%d %s"):format(count, word) end
  end
  add(failed, "failed")
  add(counts.unclear, "unclear")
  add(counts.stuck, "stuck")
  add(counts.polling + counts.saving + counts.sending, "under way")
  add(counts.blocked, "waiting for a portrait")
  if counts.money > 0 then parts[#parts + 1] = screen.money(counts.money) .. " so far" end
  return table.concat(parts, ", ")
end

-- Why it ended, and the command to type next.
local function reason(env, jobs, path, counts, err)
  local word = counts.ended
  if word == "done" then return nil end
  if word == "account" then return err, env:command "doctor" end
  if word == "continue" then return err, about(env, path, "continue") end
  if word == "store" or word == "error" then return err, again(env) end
  if word == "unclear" then
    return ("%d unclear: perhaps made and billed. Look, then type what stands above")
      :format(counts.unclear), about(env, path, "list", "--state", "unclear")
  end
  if word == "unpriced" then
    return "money is capped, and a video has no price", env:again(nil, "--price", "PRICE")
  end
  if word == "cap" then
    local videos = counts.max_videos
      and (counts.videos >= counts.max_videos or not counts.max_money)
    if not videos and not counts.max_money then return "a cap was reached", again(env) end
    return videos and ("the cap of %s is reached"):format(text.count(counts.max_videos, "video"))
      or ("the cap of %s is reached"):format(screen.money(counts.max_money)),
      with(env, videos and "--max-videos" or "--max-cost", "MORE")
  end
  if word == "paused" then
    return "the queue is paused" .. (counts.why and ": " .. one_line(counts.why) or ""),
      about(env, path, "pause", "--off")
  end
  if word == "stopped" then
    return counts.polling > 0 and "stopped; the service goes on with what it has" or "stopped",
      again(env)
  end
  if word == "foreign" then
    local why, url, command = foreign(env, jobs, counts.foreign, function(...)
      return about(env, path, "cancel", ...)
    end)
    return why, command or with(env, "--base-url", url)
  end
  return word == "stuck" and "some are stuck" or "some failed", about(env, path, "list")
end

---Tells how a run ended.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param counts pomex.JobsCounts|nil
---@param err pomex.Error|nil
---@return integer code
function ends.tell(env, jobs, path, counts, err)
  if not counts and not err and env.stop.name then
    return env:failed("stopped; nothing was sent", again(env), exits.INTERRUPTED)
  end
  if not counts then return ends.of_store(env, err) end
  for name, value in pairs(counts) do env.fields[name] = value end
  if counts.unclear > 0 then unclear_of(env, jobs, path) end
  if counts.failed + counts.cancelled + counts.expired > 0 then failed_of(env, jobs, path) end
  if counts.stuck > 0 then stuck_of(env, jobs, path) end
  env.out:say(ends.sum(counts))
  local why, following = reason(env, jobs, path, counts, err)
  if not why then return exits.DONE end
  local code = CODES[counts.ended] or (err and exits.of(err)) or exits.FAILED
  -- Whoever stopped it wants to know that first; what is unclear stands above.
  return env:failed(why, following, code)
end

return ends
