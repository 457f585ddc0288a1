--- The store that a command is about, and how it is opened by one who only looks or decides.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local key = require "pomex.command.key"
local place = require "pomex.jobs.place"
local text = require "pomex.text"

local store = {
  -- What a verb about one job takes.
  NAMES = "The job's key, or an id that the service gave it in any attempt.",
}

---The stores in this folder.
---@return string[]
function store.here()
  local pipe, list = io.popen("ls -1 -- *.jobs.db 2> /dev/null"), {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

---What --store names (a manifest stands for its store), or the only file in this folder.
---@param env pomex.CommandEnv
---@return string|nil path
---@return integer? code where it is nil: the reason has been told
function store.find(env)
  local named = env.args.store
  if named then
    if place.is_url(named) then return named end
    if campaign.exists(named .. ".jobs.db") then return named .. ".jobs.db" end
    if campaign.exists(named) then return named end
    return nil, env:failed(("there is no store %s"):format(named),
      env:command("run", "MANIFEST", "--store", env.word(named)), exits.USAGE)
  end
  local list = store.here()
  if #list == 1 then return list[1] end
  return nil, env:failed(#list == 0 and "there is no store in this folder: no *.jobs.db"
    or ("there are %d stores in this folder; say which"):format(#list),
    env:again(nil, "--store", env.word(list[1] or "FILE")), exits.USAGE)
end

---Opens a store for looking and deciding. That sends nothing, so that no key is needed.
---@param env pomex.CommandEnv
---@param path string
---@return pomex.Jobs|nil
---@return integer? code where it is nil: the reason has been told
function store.look(env, path)
  local settings, err = env:settings()
  if not settings then return nil, env:failed(err) end
  local found, why = key.find(env.args, settings)
  env.keyless = why
  local client = env.opened
  if not client then
    client, err = env:new_client(found or { api_key = "none" }, settings)
    -- A key that cannot be read is as good as none.
    if not client and found and err.type == "authentication_error" then
      env.keyless = err
      client, err = env:new_client({ api_key = "none" }, settings)
    end
    if not client then return nil, env:failed(err) end
  end
  return campaign.open(env, client, path)
end

---The same, for one who asks what needs a person: the workers that are dead for certain are buried
---first, as a run would do by itself, so that what they were sending is seen to be unclear.
---@param env pomex.CommandEnv
---@param path string
---@return pomex.Jobs|nil
---@return integer? code where it is nil: the reason has been told
function store.tend(env, path)
  local jobs, code = store.look(env, path)
  if not jobs then return nil, code end
  local buried, err = jobs:bury()
  if not buried then return nil, env:failed(err, env:again(), exits.STORE) end
  if buried > 0 then
    local counts = jobs:counts()
    env.out:tell(("%s of it had died; %s"):format(text.count(buried, "process"),
      counts and counts.unclear == 0 and "nothing was being sent"
      or "what was being sent is unclear now"))
  end
  return jobs
end

---The job that a word of a command means: that of this key, else the one that had this id of the
---service's in any of its attempts.
---@param jobs pomex.Jobs
---@param word string
---@return pomex.Job|nil job with its attempts
---@return pomex.Error? err
function store.job(jobs, word)
  local job, err = jobs:get(word)
  if job or err.type ~= "not_found_error" then return job, err end
  local found, why = jobs:find(word)
  if found or why.type ~= "not_found_error" then return found, why end
  err.message = ("no job has the key or had the id %s"):format(errors.quoted(word))
  return nil, err
end

return store
