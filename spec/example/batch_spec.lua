-- examples/batch.lua, as a user runs it: killed twice, stopped by Ctrl-C, and run again.

local interpreter = require "spec.support.interpreter"
local jobs_bed = require "spec.support.jobs_bed"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

if not jobs_bed.built then return end

describe("the example batch.lua", function()
  local sb, folder

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0.3, generation_seconds = 0.5 })
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder .. "/videos")
  end)
  teardown(function()
    sb:stop()
    os.execute("rm -rf " .. folder)
  end)

  local function run(prefix)
    return shell.bash(("POMEX_BASE_URL=%s POMEX_API_KEY=%s %s timeout 120 %s examples/batch.lua "
      .. "%s/films.csv %s/videos 2>&1"):format(sb.url, sb.key, prefix or "", shell.lua(), folder,
      folder))
  end

  local function names()
    local list = {}
    local pipe = io.popen("ls " .. folder .. "/videos")
    for name in pipe:lines() do list[name] = true end
    pipe:close()
    return list
  end

  it("ends with a file for each row, though it is killed twice", function()
    local VIDEOS, PORTRAITS = 50, 5
    local rows, person = { "key,prompt,images,model,duration,portrait,group_id" }, sb:add_person()
    for i = 1, PORTRAITS do
      rows[#rows + 1] = ("face-%d,,,,,https://cdn.example/%d.png,%s"):format(i, i, person)
    end
    for i = 1, VIDEOS do
      rows[#rows + 1] = ("film-%02d,The person in {who} waves number %d.,who=job:face-%d,fast,5,,")
        :format(i, i, i % PORTRAITS + 1)
    end
    jobs_bed.write(folder .. "/films.csv", table.concat(rows, "\n") .. "\n")
    local function count(kind)
      local n = 0
      for _, entry in ipairs(sb.ledger:entries()) do n = n + (entry.kind == kind and 1 or 0) end
      return n
    end
    for kill = 1, 2 do
      local pid = folder .. "/pid"
      local pipe = io.popen(("echo $$ > %s; POMEX_BASE_URL=%s POMEX_API_KEY=%s exec %s "
        .. "examples/batch.lua %s/films.csv %s/videos 2>&1"):format(pid, sb.url, sb.key,
        shell.lua(), folder, folder))
      repeat until count "generation" >= 12 * kill
      os.execute("kill -KILL $(cat " .. pid .. ")")
      pipe:close()
    end
    local output, ok = run()
    local done, failed, unclear = output:match "(%d+) done, (%d+) failed, (%d+) unclear"
    assert.is_truthy(done, output)
    assert.equal(0, tonumber(failed), output)
    assert.equal(VIDEOS + PORTRAITS, done + unclear, output)
    assert.equal(ok, tonumber(unclear) == 0, output)
    -- What is unclear was being sent when it was killed, and is named.
    local files, named = names(), 0
    for i = 1, VIDEOS do
      local key = ("film-%02d"):format(i)
      local said = output:find(key .. " is unclear", 1, true) ~= nil
      assert.equal(not said, files[key .. ".mp4"] or false, key .. "\n" .. output)
      named = named + (said and 1 or 0)
    end
    assert.equal(tonumber(unclear), named, output)
    local prompts = jobs_bed.billed(sb)
    for prompt, times in pairs(prompts) do assert.equal(1, times, prompt) end
    -- Once more: there is nothing left to do.
    local before = count "generation"
    output = run()
    assert.is_truthy(output:find("0 of them are new", 1, true), output)
    assert.equal(before, count "generation")
  end)

  it("ends at Ctrl-C with what was sent answered, and goes on", function()
    local at, rows = folder .. "/stopped", { "key,prompt,model,duration" }
    os.execute("mkdir -p " .. at .. "/videos")
    for i = 1, 20 do rows[#rows + 1] = ("film-%02d,Wave number %d.,fast,5"):format(i, i) end
    jobs_bed.write(at .. "/films.csv", table.concat(rows, "\n") .. "\n")
    local before = sb.ledger:count "generation"
    local function start(words)
      return ("%s env POMEX_BASE_URL=%s POMEX_API_KEY=%s %s examples/batch.lua %s/films.csv "
        .. "%s/videos 2>&1"):format(words, sb.url, sb.key, shell.lua(), at, at)
    end
    sb.journal:clear()
    local slow = sb:fault { endpoint = "generations.create", delay = 2, times = 0 }
    local pipe = io.popen(("echo $$ > %s/pid; %s"):format(at,
      start "exec env --default-signal=INT"))
    repeat until sb:struck(slow) > 0
    os.execute("kill -INT $(cat " .. at .. "/pid)")
    local output = pipe:read "*a"
    pipe:close()
    sb:clear_faults()
    local done = output:match "\nstopped: (%d+) done, 0 failed, 0 unclear%s*$"
    assert.is_truthy(done, output)
    assert.is_nil(output:find("traceback", 1, true), output)
    local sent = sb.ledger:count "generation" - before
    assert.is_true(sent > 0 and sent < 20, sent .. output)
    output = shell.bash(start "timeout 120")
    assert.matches("\ndone: 20 done, 0 failed, 0 unclear%s*$", output)
    assert.equal(before + 20, sb.ledger:count "generation")
  end)

  it("says what is wrong with the table before anything is sent", function()
    jobs_bed.write(folder .. "/films.csv", "key,prompt,model\na,The person in {x} waves.,fast\n")
    local before = #sb.ledger:entries()
    local output, ok = run()
    assert.is_false(ok)
    assert.is_truthy(output:find("no image is called", 1, true), output)
    assert.equal(before, #sb.ledger:entries())
  end)

  it("is about thirty lines", function()
    local lines = 0
    for _ in io.lines "examples/batch.lua" do lines = lines + 1 end
    assert.is_true(lines <= 33, lines .. " lines")
    assert.is_truthy(interpreter.command)
  end)
end)
