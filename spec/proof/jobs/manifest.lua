--- Puts the manifest of N jobs into the queue, while another process does the same:
---     manifest.lua N

local queue = require "spec.proof.jobs.queue"

local jobs = queue.open()
local counts = assert(jobs:add(queue.entries(tonumber(arg[1]))))
queue.log "manifest" (("new %d same %d changed %d"):format(counts.new, counts.same, counts.changed))
jobs:close()
