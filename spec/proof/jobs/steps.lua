--- The named steps of a worker, at which it may die or stop; and what it notes of them. A step is
--- "before VERB" or "after VERB" of the store's verbs, where a fact has its kind and a move its aim
--- ("fact task", "move sum", "move done"); "started": a create may leave from here on;
--- "before name", "after name": a file takes its name.

local calls = require "pomex.calls"
local core = require "pomex.core"

local steps = { keys = {} }

-- Pauses and shut gates are so much shorter.
steps.HASTE = 20

local armed, left, signal

---Takes a step: the last that this process takes, if it is the one that was asked for.
---@param name string
function steps.step(name)
  if name ~= armed then return end
  left = left - 1
  if left == 0 then os.execute("kill -" .. signal .. " $PPID") end
end

local function name_of(verb, fields)
  if verb == "fact" then return "fact " .. fields.kind end
  if verb == "move" then return "move " .. (fields.sha256 and "sum" or fields.to) end
  return verb
end

local function sooner(at)
  local now = core.wall()
  return at and at > now and now + (at - now) / steps.HASTE or at
end

-- What the store said is the worker's to keep to from here on; and when, by a clock that is never
-- stepped: a database may forget it.
local function told(note, verb, fields, reply)
  local well = reply.answer == "yes" or reply.answer == "known" or reply.answer == "second"
  if not well then return end
  if verb == "join" then
    note("joined " .. reply.worker)
  elseif verb == "fact" then
    note(("fact %s.%d %s %s %.3f"):format(steps.keys[fields.job] or "?", fields.attempt,
      fields.kind, fields.task or "-", core.now()))
  end
end

---@param jobs pomex.Jobs
---@param note fun(line: string)
---@param how? string the signal; nil: none
---@param count? integer
---@param name? string of the step
function steps.arm(jobs, note, how, count, name)
  armed, left, signal = name, count, how
  local asks = jobs.asks
  local ask = asks.ask
  function asks:ask(verb, fields)
    local step = name_of(verb, fields)
    fields.due, fields.gate_until = sooner(fields.due), sooner(fields.gate_until)
    steps.step("before " .. step)
    local reply, err = ask(self, verb, fields)
    for _, job in ipairs(verb == "claim" and reply and reply.jobs or {}) do
      steps.keys[job.id] = job.key
    end
    if reply then told(note, verb, fields, reply) end
    steps.step("after " .. step)
    return reply, err
  end
  local start = calls.start
  function calls.start(...)
    local op, err = start(...)
    if op then
      rawset(op, "proceed", function(self, send_by)
        getmetatable(self).__index.proceed(self, send_by)
        steps.step "started"
      end)
    end
    return op, err
  end
  local finish = core.saving_finish
  function core.saving_finish(...)
    steps.step "before name"
    local named, err = finish(...)
    steps.step "after name"
    return named, err
  end
end

return steps
