-- Whoever runs a queue of jobs never waits for the disk of its store.

local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"
local slow_disk = require "spec.support.slow_disk"

-- A sanitizer has to be the first library that is preloaded.
if not jobs_bed.built or os.getenv "LD_PRELOAD" then return end

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
    assert.equal(20, tonumber(said), said)
    local file = assert(io.open(env.folder .. "/count"))
    local syncs, of_loop = file:read("*n", "*n")
    file:close()
    -- Each of four rounds has three records.
    assert.is_true(syncs >= 12, syncs .. " syncs")
    assert.equal(0, of_loop)
  end)
end)
