--- What the verbs by which a person decides about jobs share: a store that is opened for it, and
--- what to type afterwards.

local campaign = require "pomex.command.campaign"
local ends = require "pomex.command.ends"
local exits = require "pomex.command.exits"
local place = require "pomex.jobs.place"
local store = require "pomex.command.store"

local deciding = {}

---The command that has a decision carried out. A store does not know the folder of a run: where the
---files are not beside the manifest, it was another. Nor does it know whether its jobs are of a
---manifest at all.
---@param env pomex.CommandEnv
---@param path string of the store
---@param jobs pomex.Jobs
---@return string
function deciding.run_of(env, path, jobs)
  local manifest = not place.is_url(path) and path:match("^(.*)%.jobs%.db$")
  if manifest and campaign.exists(manifest) then
    local words = { "run", env.word(manifest) }
    if #campaign.elsewhere(jobs, campaign.folder { manifest = manifest }) > 0 then
      words[3], words[4] = "--out", "FOLDER"
    end
    return env:command((table.unpack or unpack)(words))
  end
  return env:command("run", "MANIFEST", "--store", env.word(path))
    .. "   # or start the program that added these jobs"
end

-- What comes before the run where nothing begins yet, else the run.
local function following(env, path, jobs)
  local counts = jobs:counts() or {}
  if counts.must_continue then return ends.about(env, path, "continue") end
  if counts.paused then return ends.about(env, path, "pause", "--off") end
  return deciding.run_of(env, path, jobs)
end

---Opens the store and decides. `decide` returns what to say, and the command to type next where
---that is not the run; or nil and an error, or nil and the exit code where the reason was told.
---@param env pomex.CommandEnv
---@param decide fun(jobs: pomex.Jobs, path: string): string|nil, pomex.Error|integer|string|nil
---@param with_key? boolean whether the service is asked
---@return integer code
function deciding.decided(env, decide, with_key)
  local path, code = store.find(env)
  if not path then return code end
  if with_key then
    local client
    client, code = env:client()
    if not client then return code end
  end
  local jobs
  jobs, code = store.tend(env, path)
  if not jobs then return code end
  local said, err = decide(jobs, path)
  if not said and type(err) == "number" then return err end
  if not said then
    local key = env.args.key or env.args.keys and #env.args.keys == 1 and env.args.keys[1]
    local shown = key and (err.endpoint or err.type ~= "not_found_error")
    local next_one = shown and ends.about(env, path, "show", key) or ends.about(env, path, "list")
    return env:failed(err, next_one, ends.code_of(err))
  end
  -- Who works on the store sees what was decided by itself. Whether one of a database lives is not
  -- known at once.
  local alive = not err and not jobs.remote and jobs:workers() or 0
  env.out:say(alive > 0 and said .. "; the process at work goes on with it" or said)
  if err or alive == 0 then env.out:next(err or following(env, path, jobs)) end
  jobs:close()
  return exits.DONE
end

return deciding
