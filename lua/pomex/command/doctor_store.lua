--- What `pomex doctor --store` says: who works on the store, what stands against a begin in it, and
--- how much is free on its disk and where a run saves.

local about = require("pomex.command.left").about
local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local place = require "pomex.jobs.place"
local finding = require "pomex.command.store"
local signals = require "pomex.jobs.signal"
local text = require "pomex.text"
local words_of = require "pomex.command.words"

local stores = {}

---The path of the store that --store means, else of the only one in this folder.
---@param env pomex.CommandEnv
---@return string|nil
function stores.path(env)
  local path = env.args.store
  local list = path and {} or finding.here()
  if #list == 1 then return list[1] end
  if path and campaign.exists(path .. ".jobs.db") then return path .. ".jobs.db" end
  return path
end

-- The beat of each worker of a database moves every 5 s: who is silent for so long is perhaps dead.
local SILENT = 12

-- How many of the workers of a database moved their beats; of a file the locks say who lives.
local function alive(jobs, client)
  if not jobs.remote then return jobs:workers() end
  local before, err = jobs:beats()
  if not before then return nil, err end
  local count, moved, seen, pause = 0, 0, {}, signals.new(client)
  for _ in pairs(before) do count = count + 1 end
  for _ = 1, SILENT do
    if moved == count then break end
    pause:wait(1)
    local now = jobs:beats() or {}
    for id, beat in pairs(before) do
      if not seen[id] and now[id] ~= beat then seen[id], moved = true, moved + 1 end
    end
  end
  return moved, count - moved
end

local function workers_of(jobs, client)
  local count, dead = alive(jobs, client)
  if not count then return nil, dead end
  if dead == 0 then return ("%d at work"):format(count) end
  local left = 0
  for _ in jobs:each { state = { "sending", "polling", "saving" } } do left = left + 1 end
  return ("%d at work, %d %s; %s under way: pomex run takes over what is a dead one's"):format(
    count, dead, jobs.remote and ("without a sign of life for %d s"):format(SILENT) or "dead",
    text.count(left, "job")), nil, count == 0
end

-- So many keys are named.
local MOST = 5

-- Notes the keys of jobs of which a person is needed; `failing`: only of those that have an error.
local function note(env, jobs, name, query, failing)
  local keys, count = {}, 0
  for job in jobs:each(query) do
    if not failing or job.error and not job.stuck then
      count = count + 1
      if count <= MOST then keys[count] = errors.one_line(job.key) end
    end
  end
  if count == 0 then return end
  local more = count > MOST and (" and %d more"):format(count - MOST) or ""
  env.needy = env.needy or {}
  table.insert(env.needy, { name = name, count = count, keys = table.concat(keys, ", ") .. more })
end

-- Asks a store, and says what it says; nil, why; and whether that needs a person.
local function ask_store(env, path)
  if not campaign.is_store(path) then return nil, "is not there" end
  local client, err = require("pomex").new { api_key = "none" }
  if not client then return nil, words_of(err) end
  local jobs, said, needy
  jobs, err = require("pomex.jobs").open(client, path)
  if jobs then
    local counts
    counts, err = jobs:counts()
    if counts then
      note(env, jobs, "unclear", { state = "unclear" })
      note(env, jobs, "stuck", { stuck = true })
      note(env, jobs, "saving", { state = "saving" }, true)
    end
    if counts and counts.must_continue then
      err = "it was moved, copied or put back, and nothing begins: pomex jobs continue"
    elseif counts then
      said, err, needy = workers_of(jobs, client)
      if said and counts.paused then said = said .. "; paused: pomex jobs pause --off" end
    end
    jobs:close()
  end
  client:close()
  return said, err and words_of(err), needy
end

local function store(env, line)
  local path = stores.path(env)
  if not path then return end
  local said, why, needy = ask_store(env, path)
  line(env, not said and "fault" or needy and "look" or "ok", "store",
    ("%s: %s"):format(place.shown(path), said or why), not said and exits.STORE or nil)
  for _, found in ipairs(env.needy or {}) do
    local option = found.name == "stuck" and { "--stuck" } or { "--state", found.name }
    found.command = about(env, path, "list", (table.unpack or unpack)(option))
    line(env, "look", found.name, ("%d %s: %s: %s"):format(found.count, found.name == "saving"
      and "made and cannot be saved" or "for a person", found.keys, found.command))
  end
end

-- How many MiB are free where a folder or a file is; nil: `df` does not say.
local function free_mib(env, path)
  local pipe = io.popen("LC_ALL=C df -P -k -- " .. env.word(path) .. " 2> /dev/null")
  local said = pipe and pipe:read "*a" or ""
  if pipe then pipe:close() end
  local kib = said:match "\n.-%s%d+%s+%d+%s+(%-?%d+)%s+%-?%d*%%?"
  return kib and math.floor(tonumber(kib) / 1024)
end

-- What a begin demands: MiB where it saves, and beside the store.
local ROOM, ROOM_STORE = 256, 64

local function disk(env, line)
  local path, out = stores.path(env), env.args.out or "."
  local function say(what, folder, needed)
    local free = free_mib(env, folder)
    if not free then return end
    local little = free < needed
    line(env, little and "fault" or "ok", "disk", ("%s: %d MiB free%s"):format(what, free,
      little and (", and %d are needed before anything begins"):format(needed) or ""),
      little and exits.FAILED or nil)
  end
  if path and not place.is_url(path) then
    say("beside " .. path, path:match "^(.*/)[^/]*$" or ".", ROOM_STORE)
  end
  if path or env.args.out then say("--out " .. out, out, ROOM) end
end

---@param env pomex.CommandEnv
---@param line fun(env: pomex.CommandEnv, state: string, name: string, text: string, code?: integer)
function stores.tell(env, line)
  store(env, line)
  disk(env, line)
end

return stores
