--- What was seen of each attempt from outside: by the network, by the preloaded disk, by whoever
--- killed the workers, and by the workers themselves. An attempt is named "job-KEY.NUMBER", and its
--- request has the nonce "job-KEY.NUMBER.iINSTANCE", which is that of its worker, too.

local queue = require "spec.proof.jobs.queue"

local evidence = {}

local NONCE = "^job%-%d+%.%d+%.i%d+$"

local function each_line(file, use)
  local lines = io.open(queue.env "LOGS" .. "/" .. file)
  for line in lines and lines:lines() or function() end do use(line) end
  if lines then lines:close() end
end

local function list(of, name)
  of[name] = of[name] or {}
  return of[name]
end

-- came, went, broken of each request, and the ids that were told to be gone.
local function read_network(seen)
  each_line("network", function(line)
    local what, nonce, how, rest = line:match "^(%S+)\t([^\t]*)\t?([^\t]*)\t?(.*)$"
    local entry = { what = what, how = how, at = tonumber(rest) }
    if what == "went" then
      entry.status, entry.at = rest:match "^(%d+)\t(.*)$"
      entry.status, entry.at = tonumber(entry.status), tonumber(entry.at)
    end
    if what == "gone" then
      seen.gone[nonce] = true
    elseif nonce:find(NONCE) then
      table.insert(list(seen.network, nonce), entry)
    else
      table.insert(seen.strange, "the network: " .. line)
    end
  end)
end

local function read_sent(seen)
  each_line("clock", function(line) seen.clock = tonumber(line:match "^clock (%S+)$") end)
  each_line("sent", function(line)
    local nonce, how, at = line:match "^%d+ %[(%S+)%] (%S+) (%S+)$"
    if nonce and nonce:find(NONCE) then
      table.insert(list(seen.sent, nonce), { synced = how == "synced", at = at + seen.clock })
    else
      table.insert(seen.strange, "sent: " .. line)
    end
  end)
end

-- When instances of workers died, and when the database forgot what.
local function read_course(seen)
  each_line("course", function(line)
    local what, instance, at = line:match "^(%S+) (%d+) ([%d.]+)"
    if what == "died" then seen.died[tonumber(instance)] = tonumber(at) end
    local from, to = line:match "^forgets ([%d.]+) ([%d.]+)$"
    if from then table.insert(seen.forgets, { from = tonumber(from), to = tonumber(to) }) end
    if instance then seen.instances = math.max(seen.instances, tonumber(instance)) end
  end)
end

local function read_workers(seen)
  for instance = 1, seen.instances do
    each_line("worker-" .. instance, function(line)
      local joined = line:match "^joined (%d+)$"
      local name, kind, id, at = line:match "^fact (%S+) (%S+) (%S+) (%S+)$"
      if joined then seen.instance_of[tonumber(joined)] = instance end
      if name then
        local fact = { name = name, nonce = ("%s.i%d"):format(name, instance), kind = kind,
          at = at + seen.clock }
        if id ~= "-" then
          fact.id = id
          table.insert(list(seen.facts_of_id, id), fact)
        end
        table.insert(list(seen.facts, fact.nonce), fact)
      end
      if line:find "traceback" or line:find "^lua" then table.insert(seen.strange, line) end
    end)
  end
end

-- A resend that was refused is none; one whose answer was lost is perhaps one.
local function count_resend(seen, key, line)
  local refused = line:find "^not resent" and not line:find("look whether it was done", 1, true)
  if not refused then seen.resent[key] = (seen.resent[key] or 0) + 1 end
end

local function read_person(seen)
  local resend
  each_line("person", function(line)
    if resend then count_resend(seen, resend, line) end
    resend = line:match "^resend (%S+)$"
    local cancelled = line:match "^cancelled (%S+)$"
    if cancelled then seen.cancelled[cancelled] = true end
    if line:find "^OVER" then table.insert(seen.over, line) end
    if line:find "^MUST" then table.insert(seen.strange, line) end
  end)
  if resend then seen.resent[resend] = (seen.resent[resend] or 0) + 1 end
end

---@return table seen
function evidence.read()
  local seen = { network = {}, gone = {}, sent = {}, died = {}, instances = 0, clock = 0,
    instance_of = {}, facts = {}, facts_of_id = {}, resent = {}, over = {}, strange = {},
    forgets = {}, cancelled = {} }
  read_network(seen)
  read_sent(seen)
  read_course(seen)
  read_workers(seen)
  read_person(seen)
  return seen
end

---The nonce of an attempt as the store has it; nil: it was of a portrait, or forgotten.
---@param attempt table
---@return string|nil
function evidence.nonce_of(attempt)
  return (attempt.body or ""):match("%[(" .. NONCE:sub(2, -2) .. ")%]")
end

-- Seconds within which a request leaves after its begin was acknowledged, by send_by; and a worker
-- that was perhaps stopped in between notes an answer.
local LEAVES, NOTES = queue.STILL, 2 * queue.STILL + 2

-- Whether something that is noted `at`, and was acknowledged at most `later` seconds before, was in
-- the time that a database forgot which was put back, or failed over.
local function is_within(seen, at, later)
  for _, lost in ipairs(seen.forgets) do
    if at >= lost.from and at < lost.to + later then return true end
  end
  return false
end

---Whether a database may have forgotten that a request was begun.
---@param seen table
---@param nonce string
---@return boolean
function evidence.is_begin_forgotten(seen, nonce)
  for _, sent in ipairs(seen.sent[nonce] or {}) do
    if is_within(seen, sent.at, LEAVES) then return true end
  end
  return false
end

---Whether a database may have forgotten one of these facts.
---@param seen table
---@param facts? table[]
---@return boolean
function evidence.is_fact_forgotten(seen, facts)
  for _, fact in ipairs(facts or {}) do
    if is_within(seen, fact.at, NOTES) then return true end
  end
  return false
end

-- Refusals by which nothing was made, and nobody doubts it.
local PLAIN = { [400] = true, [401] = true, [404] = true, [417] = true, [429] = true, [503] = true }
-- An answer is read so soon, if its worker is alive.
local SOON = 15

---Why nobody can know what became of an attempt; nil: it could be known.
---@param seen table
---@param attempt { worker: integer, body?: string } of the store
---@return string|nil
function evidence.reason(seen, attempt)
  local nonce = evidence.nonce_of(attempt) or "?"
  if evidence.is_fact_forgotten(seen, seen.facts[nonce]) then
    return "what became of it was acknowledged, and forgotten by the database"
  end
  local instance = seen.instance_of[attempt.worker]
  local died = instance and seen.died[instance]
  local came, went
  for _, entry in ipairs(seen.network[nonce] or {}) do
    if entry.what == "broken" then return "its connection was cut" end
    if entry.what == "came" then came = entry end
    if entry.what == "went" then went = entry end
  end
  if not seen.sent[nonce] then return died and "its worker died before it was sent" end
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
