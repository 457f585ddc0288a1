--- What was seen of each attempt from outside: by the network, by the preloaded disk, by whoever
--- killed the workers, and by the workers themselves. An attempt is named "job-KEY.NUMBER".

local queue = require "spec.proof.jobs.queue"

local evidence = {}

local function each_line(file, use)
  local lines = io.open(queue.env "LOGS" .. "/" .. file)
  for line in lines and lines:lines() or function() end do use(line) end
  if lines then lines:close() end
end

local function list(of, name)
  of[name] = of[name] or {}
  return of[name]
end

-- "job-12.3", 7
local function attempt_of(nonce)
  local name, instance = nonce:match "^%[?(job%-%d+%.%d+)%.i(%d+)%]?$"
  return name, tonumber(instance)
end

-- came, went, broken of each attempt, and the ids that were told to be gone.
local function read_network(seen)
  each_line("network", function(line)
    local what, nonce, how, rest = line:match "^(%S+)\t([^\t]*)\t?([^\t]*)\t?(.*)$"
    local name, instance = attempt_of(nonce)
    local entry = { what = what, how = how, instance = instance, at = tonumber(rest) }
    if what == "went" then
      entry.status, entry.at = rest:match "^(%d+)\t(.*)$"
      entry.status, entry.at = tonumber(entry.status), tonumber(entry.at)
    end
    if what == "gone" then
      seen.gone[nonce] = true
    elseif name then
      table.insert(list(seen.network, name), entry)
    else
      table.insert(seen.strange, "the network: " .. line)
    end
  end)
end

local function read_sent(seen)
  each_line("sent", function(line)
    local instance, nonce, how = line:match "^(%S+) (%S+) (%S+)$"
    local name = attempt_of(nonce or "")
    if name then
      table.insert(list(seen.sent, name),
        { instance = tonumber(instance), synced = how == "synced" })
    else
      table.insert(seen.strange, "sent: " .. line)
    end
  end)
end

-- When instances of workers died, and when they were stopped.
local function read_course(seen)
  each_line("course", function(line)
    local what, instance, at = line:match "^(%S+) (%d+) ([%d.]+)"
    if what == "died" then seen.died[tonumber(instance)] = tonumber(at) end
    if what == "stop" then seen.stopped[tonumber(instance)] = true end
    if instance then seen.instances = math.max(seen.instances, tonumber(instance)) end
  end)
end

local function read_workers(seen)
  for instance = 1, seen.instances do
    each_line("worker-" .. instance, function(line)
      local joined = line:match "^joined (%d+)$"
      local kept, id = line:match "^kept (%S+) (%S+)$"
      if joined then seen.instance_of[tonumber(joined)] = instance end
      if kept then table.insert(seen.kept, { name = kept, id = id, instance = instance }) end
      if line:find "traceback" or line:find "^lua" then table.insert(seen.strange, line) end
    end)
  end
end

local function read_person(seen)
  each_line("person", function(line)
    local resend = line:match "^resend (%S+)$"
    if resend then seen.resent[resend] = (seen.resent[resend] or 0) + 1 end
    if line:find "^OVER" then table.insert(seen.over, line) end
    if line:find "^MUST" then table.insert(seen.strange, line) end
  end)
end

---@return table seen
function evidence.read()
  local seen = { network = {}, gone = {}, sent = {}, died = {}, stopped = {}, instances = 0,
    instance_of = {}, kept = {}, resent = {}, over = {}, strange = {} }
  read_network(seen)
  read_sent(seen)
  read_course(seen)
  read_workers(seen)
  read_person(seen)
  return seen
end

-- Refusals by which nothing was made, and nobody doubts it.
local PLAIN = { [400] = true, [401] = true, [404] = true, [417] = true, [429] = true, [503] = true }
-- An answer is read so soon, if its worker is alive.
local SOON = 15

---Why nobody can know what became of an attempt; nil: it could be known.
---@param seen table
---@param name string
---@param worker integer of the store
---@return string|nil
function evidence.reason(seen, name, worker)
  local instance, sent = seen.instance_of[worker], seen.sent[name]
  local died = instance and seen.died[instance]
  local came, went
  for _, entry in ipairs(seen.network[name] or {}) do
    if entry.what == "broken" then return "its connection was cut" end
    if entry.what == "came" then came = entry end
    if entry.what == "went" then went = entry end
  end
  if not sent then return died and "its worker died before it was sent" end
  if not came then return "it lay in a connection that was cut" end
  if not went then return died and "its worker died while it was out" end
  if went.how == "lost" then return "its answer was lost (" .. came.how .. ")" end
  if went.how == "answered" and went.status == 200 or PLAIN[went.status] then
    if died and died - went.at < SOON then return "its worker died with the answer" end
    if went.at - came.at > queue.TIMEOUT - 1 then return "its answer was late" end
    return nil
  end
  return "its answer said nothing clear"
end

return evidence
