-- Whoever runs a queue of jobs never waits for the disk of its store.

local core = require "pomex.core"
local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local pomex = require "pomex"
local shell = require "spec.support.shell"
local slow_disk = require "spec.support.slow_disk"

-- A sanitizer has to be the first library that is preloaded.
if not jobs_bed.built or os.getenv "LD_PRELOAD" then return end

describe("a queue on a disk whose syncs take 0.3 s", function()
  local env = {}
  jobs_bed.begin(env)

  it("holds up no step of the loop #native", function()
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

  it("takes the next job while the end of the one before it is kept", function()
    local jobs, person = env.open(), env.sb:add_person()
    for i = 1, 2 do
      pomex.check(jobs:add { key = "next-" .. i, portrait = { group_id = person,
        url = "https://cdn.example/a.png", asset_type = "Image" } })
    end
    local ask, claims, late = jobs.asks.ask, 0, false
    -- The first end comes to the store only when the second job was asked for.
    function jobs.asks:ask(verb, fields)
      if verb == "claim" then claims = claims + 1 end
      if verb == "fact" and fields.kind == "ended" and not late then
        late = true
        local before, deadline = claims, core.now() + 20
        while claims == before do
          assert(core.now() < deadline, "nothing was claimed meanwhile")
          env.client.async.assets:list({ group_id = person }):wait()
        end
      end
      return ask(self, verb, fields)
    end
    local counts = env.run(jobs, { concurrency = 1 })
    assert.is_true(late)
    assert.equal(2, counts.done)
  end)
end)
