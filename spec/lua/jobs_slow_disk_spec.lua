-- Whoever runs a queue of jobs never waits for the disk of its store.

local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"
local slow_disk = require "spec.support.slow_disk"

if not jobs_bed.built then return end

describe("a queue on a disk whose syncs take 0.3 s", function()
  local env = {}
  jobs_bed.begin(env)

  it("holds up no step of the loop", function()
    local library = slow_disk.build(env.folder)
    local said, ok = shell.bash(("LD_PRELOAD=%s POMEX_SYNC_SECONDS=%g POMEX_SYNCS_TO=%s/count "
      .. "%s spec/support/jobs_slow_child.lua %s %s %s %s 2>&1"):format(library,
      slow_disk.SECONDS, env.folder, interpreter.command, env.sb.url, shell.quote(env.sb.key),
      env.sb:add_person(), env.folder))
    assert.is_true(ok, said)
    local done, steps, long, longest = said:match "(%d+)%s+(%d+)%s+(%d+)%s+([%d.e-]+)"
    assert.equal(20, tonumber(done), said)
    local file = assert(io.open(env.folder .. "/count"))
    local syncs = file:read "*n"
    file:close()
    -- The disk was slow indeed: each of four rounds has three records.
    assert.is_true(syncs >= 12, syncs .. " syncs")
    -- One that had waited for a sync would have taken 0.3 s; a busy machine takes 5 ms at times.
    assert.is_true(tonumber(longest) < slow_disk.SECONDS / 2, said)
    assert.is_true(tonumber(long) <= tonumber(steps) / 10, said)
  end)
end)
