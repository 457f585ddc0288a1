--- Puts the manifest of N jobs into the queue, while another process does the same:
---     manifest.lua N

local core = require "pomex.core"
local queue = require "spec.proof.jobs.queue"

-- What the clock of what is noted elsewhere is behind the time of day, which no process steps here.
queue.log "clock" (("clock %.3f"):format(core.wall() - core.now()))
local jobs = queue.open()
local counts = assert(jobs:add(queue.entries(tonumber(arg[1]))))
queue.log "manifest" (("new %d same %d changed %d"):format(counts.new, counts.same, counts.changed))
jobs:close()
