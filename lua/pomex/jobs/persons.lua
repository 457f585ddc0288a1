--- What a person decides about jobs: each is an event with a name in the store.

local asks = require "pomex.jobs.asks"
local candidates = require "pomex.jobs.candidates"
local canonical = require "pomex.jobs.canonical"
local bodies = require "pomex.jobs.body"
local errors = require "pomex.errors"
local json = require "pomex.json"
local money = require "pomex.jobs.money"
local options = require "pomex.options"
local portraits = require "pomex.jobs.portrait"

---@class pomex.Jobs
local persons = {}

local function decide(self, verb, key, fields)
  options.expect("jobs:" .. verb, "key", key, "string")
  local opened, err = self:ready()
  if not opened then return nil, err end
  fields = fields or {}
  fields.queue, fields.key, fields.by = self.queue, key, self:name()
  local reply
  reply, err = self.asks:must(verb, fields)
  return reply and true, err
end

---Has a job begun anew that failed, was cancelled or expired, or lets one go on that is stuck. One
---that was cancelled while it was unclear is unclear again, and one that was cancelled while its
---video was being saved is saved, and not made once more, unless another body is given.
---@param key string
---@param entry? table with `video` or `portrait`: another body
---@return boolean|nil done
---@return pomex.Error? err
function persons:retry(key, entry)
  local fields = {}
  if entry ~= nil then
    entry = options.check("jobs:retry", entry,
      { video = "table", portrait = "table", price = "number" })
    local kind = entry.video and "video" or "portrait"
    if not entry[kind] then options.misuse("jobs:retry: a video or a portrait is needed") end
    local wanted = bodies.plain(entry[kind],
      function(what) options.misuse("jobs:retry: " .. what) end)
    local fine, err = bodies.check(kind, wanted)
    if not fine then return nil, err end
    for _, needed in ipairs(kind == "video" and bodies.needs(wanted) or {}) do
      local portrait = self:get(needed)
      if not portrait or portrait.kind ~= "portrait" then
        return errors.invalid("jobs",
          ("%s is no portrait of this queue"):format(errors.quoted("job:" .. needed)))
      end
    end
    fields.line = canonical.line { [kind] = wanted }
    fields.body = canonical.line { [kind] = wanted, price = entry.price }
  end
  return decide(self, "retry", key, fields)
end

---Sends an unclear job again, as a new attempt with money of its own: perhaps it is billed twice.
---Refused while the worker of its attempt lives, and until 15 minutes after that began; and where
---it has an id of the service's, which a look with another account's key does not find: `adopt` it.
---@param key string
---@param opts? { now: boolean, gone: boolean } now: without waiting for the 15 minutes; gone: a
---  person has seen that the service does not have that id any more
---@return boolean|nil done
---@return pomex.Error? err
function persons:resend(key, opts)
  opts = options.optional("jobs:resend", opts, { now = "boolean", gone = "boolean" }) or {}
  local job = not opts.gone and self:get(key)
  local last = job and job.attempts[#job.attempts]
  if last and last.task and job.state == "unclear" then
    return nil, asks.error(("%s has the id %s: adopt that, with the key that it was made with; "
      .. "sent again (gone) it is billed again"):format(errors.quoted(key), last.task), "refused")
  end
  return decide(self, "resend", key, { now = opts.now or false })
end

-- The list without those whose id any attempt of a job of the store has, in whatever queue: `adopt`
-- would refuse them. nil: the store could not be asked.
local function unheld(self, list, id_of)
  local free = {}
  for _, entry in ipairs(list) do
    local held, err = self.asks:must("get", { task = id_of(entry) })
    if not held and err.type ~= "not_found_error" then return nil, err end
    if not held then free[#free + 1] = entry end
  end
  return free
end

---The ids that an unclear job can have, for `adopt`: of a portrait those of its name; of a video,
---where the service lists tasks, those made within its attempts' time that say nothing else than
---what was sent, that nobody in this process holds, and that no attempt of a job of this store has;
---first the one that was made next to the begin of an attempt. Nothing tells them from what other
---programs made on the account.
---@param key string
---@return string[]|nil ids
---@return pomex.Error? err not_found_error: the service lists no tasks; look into its console
function persons:candidates(key)
  local job, err = self:get(key)
  if not job then return nil, err end
  if job.kind ~= "video" then return portraits.candidates(self.client, job.attempts) end
  if job.base_url and job.base_url ~= self.client:base_url() then
    return errors.invalid("jobs:candidates", "the job was begun with another base URL")
  end
  local events, ids
  events, err = self:events { key = key }
  if not events then return nil, err end
  ids, err = candidates.of_video(self.client, job.attempts, events)
  if not ids then return nil, err end
  return unheld(self, ids, function(id) return id end)
end

---The tasks that the account made since the newest event of the store, newest first, which no job
---of this store and nobody in this process holds: what a store that was put back may have
---forgotten, and what other programs made. To be looked at before `continue`.
---@return pomex.MadeTask[]|nil tasks
---@return pomex.Error? err not_found_error: the service lists no tasks; look into its console
function persons:made_since()
  local counts, err = self:counts()
  if not counts then return nil, err end
  local tasks
  tasks, err = candidates.since(self.client, counts.newest_event or 0)
  if not tasks then return nil, err end
  return unheld(self, tasks, function(task) return task.id end)
end

-- What a job can have cost at most that was made in a past which the store has forgotten.
local function cost_of(self, job)
  local entry = json.object(job.body)
  if not entry or not entry.video then return job.kind == "portrait" and 0 or -1 end
  return money.reserved(self.prices, entry.video, entry.price)
end

---Says which task or asset a job is that is unclear, or that a store which was put back from a copy
---has as ready or cancelled, because it has forgotten that it was made: such a one counts against
---the cap from then on, and is not made once more. The service is asked for it first.
---@param key string
---@param id string
---@return boolean|nil done
---@return pomex.Error? err
function persons:adopt(key, id)
  options.expect("jobs:adopt", "id", id, "string")
  local job, err = self:get(key)
  if not job then return nil, err end
  local async = self.client.async
  local kind = job.kind == "portrait" and async.assets or async.generations
  local found
  found, err = kind:get(id):wait()
  if not found then return nil, err end
  local account = self:account_name()
  return decide(self, "adopt", key, { task = id, base_url = self.client:base_url(),
    account = account, key_hash = self.client.loop.handle:key_mark(account),
    cost = cost_of(self, job), made = candidates.made_at(found) or 0 })
end

---Says whether an attempt was billed, so that what it holds of the cap is given back or stays.
---@param key string
---@param opts { not_billed: boolean, attempt?: integer } attempt: the newest unless told otherwise
---@return boolean|nil done
---@return pomex.Error? err
function persons:resolve(key, opts)
  opts = options.check("jobs:resolve", opts, { not_billed = "boolean", attempt = "whole" })
  return decide(self, "resolve", key,
    { not_billed = opts.not_billed or false, attempt = opts.attempt or 0 })
end

---Cancels a job that is ready, unclear, being made or being saved. The service is not told: it goes
---on with what it has, which stays paid. What an attempt holds stays held.
---@param key string
---@return boolean|nil done
---@return pomex.Error? err
function persons:cancel(key)
  return decide(self, "cancel", key)
end

---Forgets what a job that is over was about: its bodies, errors, key and the name of its file. Its
---state, its money and the service's id stay. The file itself is the caller's.
---@param key string
---@return boolean|nil done
---@return pomex.Error? err store_error: it is not over, or a job that is not over needs it
function persons:forget(key)
  return decide(self, "forget", key)
end

---Changes the caps of the queue, which are for its whole life.
---@param caps { videos?: integer, money?: number } nil: no cap
---@return boolean|nil done
---@return pomex.Error? err
function persons:cap(caps)
  caps = options.check("jobs:cap", caps, { videos = "whole", money = "number" })
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("cap", { queue = self.queue, by = self:name(),
    videos_cap = caps.videos or -1, money_cap = caps.money and money.millionths(caps.money) or -1 })
  return reply and true, err
end

---Pauses the queue: nothing begins in it, in any process. `false` ends that.
---@param paused? boolean|string true, or why; false: not any more
---@return boolean|nil done
---@return pomex.Error? err
function persons:pause(paused)
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("pause", { queue = self.queue, by = self:name(),
    paused = paused ~= false, text = type(paused) == "string" and paused or nil })
  return reply and true, err
end

---Writes a copy of the store, which must not be there yet.
---@param path string
---@return boolean|nil done
---@return pomex.Error? err
function persons:backup(path)
  options.expect("jobs:backup", "path", path, "string")
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("backup", { path = path })
  return reply and true, err
end

---Says that a person looked at what the account made since the newest event of a store that was
---moved, copied or put back. Until then it begins nothing.
---@return boolean|nil done
---@return pomex.Error? err
persons["continue"] = function(self)
  local opened, err = self:ready()
  if not opened then return nil, err end
  local reply
  reply, err = self.asks:must("continue", { by = self:name() })
  return reply and true, err
end

return persons
