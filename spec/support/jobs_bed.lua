--- A queue of jobs for each test: a sandbox, a client, a store in a folder of its own.

local bed = require "spec.support.bed"
local busted = require "busted"
local databases = require "spec.support.databases"
local interpreter = require "spec.support.interpreter"
local pomex = require "pomex"

local made = {}

local jobs_bed = {}

---Whether pomex was built with the store.
jobs_bed.built = interpreter.optional "pomex.storecore" ~= nil

---A video whose prompt is its key, so that the ledger tells whose attempt was billed.
---@param key string
---@param more? table
---@return table entry
function jobs_bed.video(key, more)
  local video = { model = "byteplus/seedance-2.0-fast", prompt = key, duration = 5 }
  for name, value in pairs(more or {}) do video[name] = value end
  return { key = key, save = key .. ".mp4", video = video }
end

---How often each prompt was billed.
---@param sb pomex.Sandbox
---@return table<string, integer>
function jobs_bed.billed(sb)
  local counts = {}
  for _, entry in ipairs(sb.ledger:entries()) do
    if entry.kind == "generation" then counts[entry.prompt] = (counts[entry.prompt] or 0) + 1 end
  end
  return counts
end

function jobs_bed.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

function jobs_bed.write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

---To be called within `describe`. `env` has in each test: sb, client, folder, out, said (lines of
---the log), seen (states of each key, in order); env.open(opts) opens the store, env.run(jobs,
---opts) runs it, and env.new(extra) makes another client.
---@param env table
---@param options? BedOptions with `database`: the store is in a new one, behind env.way
function jobs_bed.begin(env, options)
  options = options or {}
  options.sandbox = options.sandbox or { asset_seconds = 0, generation_seconds = 0 }
  -- Before the bed's own, which looks for what is left open.
  busted.after_each(function()
    for _, jobs in ipairs(made) do jobs:close() end
    if env.way then env.way:stop() end
    os.execute("rm -rf " .. env.folder)
    env.client, made = nil, {}
  end)
  env.new = bed(options, function(sb, client) env.sb, env.client = sb, client or env.client end)

  busted.before_each(function()
    env.folder = os.tmpname()
    os.remove(env.folder)
    env.out = env.folder .. "/out"
    os.execute("mkdir -p " .. env.out)
    env.said, env.seen, made = {}, {}, {}
    if options.database then
      env.way = databases.way(databases.new())
      env.store = env.way.url
    end
  end)

  function env.open(opts, client)
    local all = { file_system = "any", by = "spec",
      log = function(line) env.said[#env.said + 1] = line end }
    for name, value in pairs(opts or {}) do all[name] = value end
    local jobs = assert(pomex.jobs.open(client or env.client, env.store or env.folder .. "/jobs.db",
      all))
    made[#made + 1] = jobs
    return jobs
  end

  function env.run(jobs, opts)
    local all = { out = env.out, on_update = function(job)
      env.seen[job.key] = (env.seen[job.key] and env.seen[job.key] .. " " or "") .. job.state
    end }
    for name, value in pairs(opts or {}) do all[name] = value end
    return jobs:run(all)
  end

  function env.has_said(words)
    for _, line in ipairs(env.said) do
      if line:find(words, 1, true) then return true end
    end
    return false
  end
end

return jobs_bed
