--- What each end of a run says: what became of the jobs, and what to type next.

local account = require "pomex.command.account"
local blocked = require "pomex.command.blocked"
local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local foreign = require "pomex.command.foreign"
local json = require "pomex.json"
local left = require "pomex.command.left"
local screen = require "pomex.command.screen"
local text = require "pomex.text"
local unclear = require "pomex.command.unclear"

local ends = {}

local one_line = errors.one_line

ends.about, ends.unclear, ends.is_cancelled_by_hand = left.about, unclear.tell,
  left.is_cancelled_by_hand

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

local CODES = {
  store = exits.STORE, account = exits.REFUSED, continue = exits.STORE, unclear = exits.UNCLEAR,
  unpriced = exits.USAGE, cap = exits.CAP, paused = exits.INTERRUPTED,
  stopped = exits.INTERRUPTED, blocked = exits.FAILED, failed = exits.FAILED, stuck = exits.FAILED,
  foreign = exits.USAGE, done = exits.DONE,
}

---What became of all, in one line.
---@param counts pomex.JobsCounts
---@param refused? integer lines that the store did not take
---@return string
function ends.sum(counts, refused)
  local failed = counts.failed + counts.expired
  local total = failed + counts.cancelled + counts.ready + counts.sending + counts.polling
    + counts.saving + counts.done + counts.unclear + (refused or 0)
  local parts = { ("%d of %d done"):format(counts.done, total) }
  local function add(count, word)
    if count > 0 then parts[#parts + 1] = ("%d %s"):format(count, word) end
  end
  add(failed, "failed")
  add(counts.cancelled, "cancelled")
  add(counts.unclear, "unclear")
  add(counts.stuck, "stuck")
  add(refused or 0, "not taken")
  add(counts.polling + counts.saving + counts.sending, "under way")
  add(counts.blocked, "waiting for a portrait")
  if counts.money > 0 then parts[#parts + 1] = screen.money(counts.money) .. " so far" end
  return table.concat(parts, ", ")
end

-- Which cap it is, how many wait for it, and what lets them all begin, where that is known.
local function of_cap(env, jobs, counts, manifest, option)
  local list = {}
  -- A store that cannot be read says so to what comes next.
  pcall(function()
    for job in jobs:each { state = "ready" } do
      local entry = job.kind == "video" and not job.stuck and json.object(job.body)
      if entry then list[#list + 1] = entry end
    end
  end)
  local cap, enough
  if option == "--max-videos" then
    cap, enough = text.count(counts.max_videos, "video"), ("%d"):format(counts.videos + #list)
  else
    local sum, unknown = campaign.sum(list, campaign.prices(env.args, manifest))
    cap = screen.money(counts.max_money)
    -- Rounded up: what is short of it by less than it shows keeps the last one waiting.
    enough = unknown == 0 and ("%.2f"):format(math.ceil((counts.money + sum) * 100) / 100)
  end
  local waits = #list == 1 and "1 video waits" or text.count(#list, "video") .. " wait"
  return ("the cap of %s is reached (%s, of all runs of this store): %s%s"):format(cap, option,
    waits, enough and ("; %s %s lets %s begin"):format(option, enough,
      #list == 1 and "it" or "them") or "")
end

-- Why it ended, and the command to type next. `by_hand`: a person cancelled all that did not
-- succeed.
local function reason(env, jobs, path, counts, err, by_hand, manifest)
  local word = counts.ended
  if word == "done" then return nil end
  if word == "failed" and by_hand then
    return "some were cancelled by hand; under another key" .. foreign.SAVE
      .. " their lines make them anew", about(env, path, "list", "--state", "cancelled")
  end
  if word == "blocked" then return blocked(env, jobs) end
  if word == "account" then
    return account.tell(env, err, about, path)
  end
  if word == "continue" then return err, about(env, path, "continue") end
  if word == "store" or word == "error" then return err, again(env) end
  if word == "unclear" then
    local words = ("%d unclear: perhaps made and billed. Look, then type what stands above")
      :format(counts.unclear)
    -- Whoever stopped it wants to go on first, with what is not unclear.
    if env.stop.name and counts.ready + counts.sending + counts.polling + counts.saving > 0 then
      return "stopped; " .. words, again(env)
    end
    return words, about(env, path, "list", "--state", "unclear")
  end
  if word == "unpriced" then
    return "money is capped, and a video has no price", env:again(nil, "--price", "PRICE")
  end
  if word == "cap" then
    local videos = counts.max_videos
      and (counts.videos >= counts.max_videos or not counts.max_money)
    if not videos and not counts.max_money then return "a cap was reached", again(env) end
    local option = videos and "--max-videos" or "--max-cost"
    return of_cap(env, jobs, counts, manifest, option), with(env, option, "MORE")
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
    local why, url, command = foreign.tell(env, jobs, counts.foreign, function(...)
      return about(env, path, "cancel", ...)
    end)
    return why, command or with(env, "--base-url", url)
  end
  return word == "stuck" and "some are stuck" or "some failed", about(env, path, "list")
end

-- Why it ended, apart from jobs that a person cancelled and that no line names any more.
local function without_dropped(counts)
  if counts.stuck > 0 then return "stuck" end
  if counts.foreign > 0 then return "foreign" end
  local under_way = counts.ready + counts.sending + counts.polling + counts.saving
  if counts.ready > 0 and counts.blocked == under_way then return "blocked" end
  return under_way > 0 and "stopped" or "done"
end

---Tells how a run ended.
---@param env pomex.CommandEnv
---@param jobs pomex.Jobs
---@param path string of the store
---@param counts pomex.JobsCounts|nil
---@param err pomex.Error|nil
---@param manifest pomex.Manifest
---@return integer code
function ends.tell(env, jobs, path, counts, err, manifest)
  if not counts and not err and env.stop.name then
    return env:failed("stopped; nothing was sent", again(env), exits.INTERRUPTED)
  end
  if not counts then return ends.of_store(env, err) end
  for name, value in pairs(counts) do env.fields[name] = value end
  local by_hand, wanted = false, {}
  for _, entry in ipairs(manifest.entries) do wanted[entry.key] = true end
  if counts.unclear > 0 then unclear.tell_all(env, jobs, path) end
  if counts.failed + counts.cancelled + counts.expired > 0 then
    by_hand = left.failed(env, jobs, path, wanted, manifest)
  end
  -- (Not all of them were looked at for by_hand.)
  if counts.ended == "failed" and by_hand and counts.failed + counts.expired == 0
    and not foreign.any(jobs, wanted, { state = "cancelled" }) then
    counts.ended = without_dropped(counts)
    env.fields.ended = counts.ended
  end
  if counts.ended == "foreign" and not foreign.any(jobs, wanted, {}, true) then
    env.out:tell(foreign.others(counts.foreign))
    counts.ended, env.fields.ended = "done", "done"
  end
  if counts.stuck > 0 then left.stuck(env, jobs, path) end
  local given_up = foreign.given_up(jobs, manifest)
  if given_up then env.out:tell(given_up) end
  env.out:say(ends.sum(counts, env.refused))
  local why, following = reason(env, jobs, path, counts, err, by_hand, manifest)
  if not why and given_up then
    why, following = "some lines have no video", about(env, path, "list")
  end
  if env.refused then
    local words = ("%s of %s not taken, and not made: give each another save"):format(
      text.count(env.refused, "line"), one_line(manifest.path))
    if why then
      env.out:tell(words)
    else
      why, following = words, campaign.following(env, "check")
    end
  end
  if not why then return exits.DONE end
  local code = CODES[counts.ended] or (err and exits.of(err)) or exits.FAILED
  if counts.ended == "done" then code = exits.FAILED end
  return env:failed(why, following, code)
end

return ends
