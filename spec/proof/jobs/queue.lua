--- The queue of the jobs proof: how each of its processes opens it, and what is in it.

local core = require "pomex.core"
local pomex = require "pomex"
local signals = require "pomex.jobs.signal"

local queue = {}
local direct -- a client of the service itself

-- A worker is buried after so long; the proportions are those of 5 and 60 seconds.
queue.STILL = 3
-- Seconds for the answer to a request; one that is billed may take its whole budget.
queue.TIMEOUT = 6

---@param name string of an environment variable that spec/proof/jobs.sh sets
function queue.env(name)
  return assert(os.getenv("POMEX_PROOF_" .. name), name .. " is not set")
end

---@param file string
---@return fun(line: string) write adds a line at once
function queue.log(file)
  local out = assert(io.open(queue.env "LOGS" .. "/" .. file, "a"))
  out:setvbuf "no"
  return function(line) out:write(line, "\n") end
end

---Opens it, for a service behind the network of faults.
---@param log? fun(line: string)
---@return pomex.Jobs
---@return pomex.Client
function queue.open(log)
  local client = assert(pomex.new { base_url = queue.env "URL", rate_limits = false,
    request_timeout = queue.TIMEOUT, budget = queue.TIMEOUT,
    poll = { asset = { first = 1 / 10, max = 1 }, generation = { first = 1 / 2, max = 1 } } })
  local jobs, err
  -- A database is perhaps away in this moment.
  for _ = 1, queue.env "STORE":find "^postgres" and 50 or 1 do
    jobs, err = pomex.jobs.open(client, queue.env "STORE",
      { beat_seconds = queue.STILL / 12, still_seconds = queue.STILL, by = "a person",
        log = log or function() end })
    if jobs then break end
    queue.pause(client, 1 / 4)
  end
  return assert(jobs, err), client
end

-- Every twentieth is a portrait, which the next two videos need.
local function entry_of(i)
  local key, last = "job-" .. i, i - i % 20
  if i == last then
    return { key = key, portrait = { url = "https://cdn.example/" .. key .. ".jpg",
      asset_type = "Image", group_id = pomex.VIRTUAL } }
  end
  local video = { model = "byteplus/seedance-2.0-fast", prompt = "[nonce] waves.", duration = 5 }
  if last > 0 and i - last <= 2 then
    video.prompt, video.images = "[nonce] {front} waves.", { front = "job:job-" .. last }
  end
  return { key = key, save = key .. ".mp4", price = 1, video = video }
end

---@param count integer
---@return table[] entries
function queue.entries(count)
  local list = {}
  for i = 1, count do list[i] = entry_of(i) end
  return list
end

---@param id string
---@return string status of the asset, by the service itself
function queue.asset_status(id)
  return assert(direct.assets:get(id)).status
end

---What is in the ledger: a list of `job` (its key), `attempt`, `instance`, `id`, `nonce`.
---@return table[]
function queue.ledger()
  direct = direct or assert(pomex.new { base_url = queue.env "SANDBOX" })
  local reply, err = direct:request("GET", "/_sandbox/ledger",
    { headers = { ["X-Sandbox-Token"] = queue.env "TOKEN" } })
  local list = {}
  for _, entry in ipairs(assert(reply, err).entries) do
    local job, attempt, instance = tostring(entry.prompt):match "%[(job%-%d+)%.(%d+)%.i(%d+)%]"
    if entry.kind == "generation" then
      list[#list + 1] = { job = assert(job, "whose is this?"), attempt = tonumber(attempt),
        instance = tonumber(instance), id = entry.id,
        nonce = ("%s.%s.i%s"):format(job, attempt, instance) }
    end
  end
  return list
end

---A video as the service serves it.
---@param id string of a task that has succeeded
---@return string bytes
function queue.video(id)
  local path = os.tmpname()
  assert(direct.generations:download(id, path, { overwrite = true }))
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  os.remove(path)
  return bytes
end

---@param client pomex.Client
---@param seconds number
function queue.pause(client, seconds)
  signals.new(client):wait(seconds)
end

queue.now = core.now

return queue
