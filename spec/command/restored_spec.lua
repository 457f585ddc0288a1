-- A store that was put back from a backup, by the steps of docs/operations.md: what it has
-- forgotten is taken in again, and nothing is billed for the second time.

local campaigns = require "spec.support.campaigns"
local jobs_bed = require "spec.support.jobs_bed"
local shell = require "spec.support.shell"

if not campaigns.possible then return end

describe("a store that was put back #command", function()
  local env = {}
  campaigns.begin(env)
  local before, ids

  -- Films 1 and 2 are in the backup, 3 and 4 were made since; 5 is yet to be made. `unknown`: the
  -- backup has not even heard of these three.
  local function restored(unknown)
    env.sb:config { generation_seconds = 0 }
    before = env.sb.ledger:count "generation"
    shell.bash("mkdir " .. env.path "camp")
    local lines = { "key,prompt,duration" }
    for i = 1, 5 do lines[#lines + 1] = ("film-%d,%s wave %d.,5"):format(i, env.folder, i) end
    env.write("camp/films.csv", table.concat(lines, "\n") .. "\n")
    assert.equal(0, (env.run "run camp/films.csv --yes --first 2"))
    -- What is yet to be made is in the store, too.
    if not unknown then
      assert.equal(5, (env.run "run camp/films.csv --yes --max-videos 2"))
    end
    env.bash "cp -a camp camp.bak"
    env.sb.clock:advance(60)
    assert.equal(5, (env.run "run camp/films.csv --yes --max-videos 4"))
    ids = {}
    for i = 3, 4 do
      ids[i] = select(2, env.run(("jobs show film-%d --store camp/films.csv"):format(i)))
        :match "task +(cgt%-%S+)"
    end
    env.bash "cp -a camp.bak/. camp/"
  end

  local function billed() return env.sb.ledger:count "generation" - before end

  it("[11] is said before any file is, and its own files are no faults", function()
    restored(true)
    local code, out, err = env.run "run camp/films.csv --yes"
    assert.equal(11, code, err)
    assert.equal("", out)
    assert.matches("next: pomex jobs continue --store camp/films.csv.jobs.db\n", err, 1, true)
    assert.is_nil(err:find("overwrite", 1, true))
    assert.is_nil(err:find("exists already", 1, true))
    code, out = env.run "doctor --store camp/films.csv"
    assert.equal(11, code)
    assert.matches("fault  store      camp/films.csv.jobs.db: it was moved, copied or put back, "
      .. "and nothing begins: pomex jobs continue\n", out, 1, true)
    -- No answer that a person has to think about stands behind "next".
    code, out, err = env.run "jobs continue --store camp/films.csv"
    assert.equal(2, code)
    assert.matches("\nnext: pomex jobs continue --store camp/films.csv\n", err, 1, true)
    assert.equal("", out)
    for i = 3, 4 do assert.matches(ids[i] .. "  succeeded\n", err, 1, true) end
    assert.matches("  one that is a job's: pomex jobs adopt KEY ID --store camp/films.csv.jobs.db"
      .. "\n", err, 1, true)
    assert.equal(4, billed())
  end)

  it("[0] takes in what it has forgotten by adopt: counted, saved, and billed once", function()
    restored(true)
    -- The lines that it has never heard of are put, and nothing begins.
    assert.equal(11, (env.run "run camp/films.csv --yes"))
    assert.equal(4, billed())
    local store = " --store camp/films.csv.jobs.db"
    os.remove(env.path "camp/film-3.mp4")
    -- The first was cancelled before anybody knew better.
    assert.equal(0, (env.run("jobs cancel film-3" .. store)))
    local _, _, adopted = env.run(("jobs adopt film-3 %s%s"):format(ids[3], store))
    assert.matches("film-3 is " .. ids[3] .. " from now on", adopted, 1, true)
    assert.matches("\nnext: pomex jobs continue" .. store .. "\n", adopted, 1, true)
    -- The other one is still shown.
    local code, _, err = env.run("jobs continue" .. store)
    assert.equal(2, code)
    assert.is_nil(err:find(ids[3], 1, true))
    assert.matches(ids[4] .. "  succeeded\n", err, 1, true)
    assert.equal(0, (env.run(("jobs adopt film-4 %s%s"):format(ids[4], store))))
    code, _, err = env.run(("jobs adopt film-5 %s%s"):format(ids[4], store))
    assert.equal(1, code)
    assert.matches("belongs to another job of this store", err, 1, true)
    assert.equal(0, (env.run("jobs continue" .. store)))
    -- The cap has four of its four.
    code, _, err = env.run "run camp/films.csv --yes --max-videos 4"
    assert.equal(5, code, err)
    assert.equal(4, billed())
    code, _, err = env.run "run camp/films.csv --yes --max-videos 5"
    assert.equal(0, code, err)
    assert.equal(5, billed())
    assert.is_true(jobs_bed.exists(env.path "camp/film-3.mp4"))
    local out = select(2, env.run("jobs export" .. store))
    for i = 3, 4 do
      assert.matches(("\nfilm%%-%d,done,[^\n]*,%s,[^\n]*,yes\n"):format(i,
        ids[i]:gsub("%-", "%%-")), out)
      assert.matches("key +film%-" .. i, (select(2, env.run("jobs show " .. ids[i] .. store))))
    end
  end)

  it("[1] asks before what was cancelled by hand is made anew, and does not offer that", function()
    restored()
    local store = " --store camp/films.csv.jobs.db"
    assert.equal(0, (env.run("jobs cancel film-3 film-4 film-5" .. store)))
    assert.equal(0, (env.run("jobs continue --yes" .. store)))
    local code, _, err = env.run "run camp/films.csv --yes"
    assert.equal(1, code)
    assert.matches("film-3 was cancelled by hand\n", err, 1, true)
    assert.is_nil(err:find("once more", 1, true))
    assert.matches("next: pomex jobs list --state cancelled" .. store .. "\n", err, 1, true)
    code, _, err = env.run("jobs retry film-3" .. store)
    assert.equal(2, code)
    assert.matches("film-3 is as the store was before it was put back, and perhaps made since\n",
      err, 1, true)
    assert.matches("  where its video is there: pomex jobs adopt film-3 ID" .. store .. "\n", err,
      1, true)
    assert.matches("1 video would be billed, perhaps for the second time, and nobody can be asked",
      err, 1, true)
    assert.matches("\nnext: pomex jobs retry film-3" .. store .. "\n", err, 1, true)
    assert.equal(4, billed())
    code = env.run("jobs retry film-5 --yes" .. store)
    assert.equal(0, code)
  end)

  it("[1] says of a file at a name that it is perhaps the video itself", function()
    restored()
    local store = " --store camp/films.csv.jobs.db"
    -- The folder of the files was not put back with the store.
    local code, _, err = env.run("jobs continue --key-file nowhere" .. store, "unset POMEX_API_KEY")
    assert.equal(2, code, err)
    assert.matches("ready, and begun by the next run:\n  film-3, whose file is there already: "
      .. "camp/film-3.mp4\n  film-4, whose file is there already: camp/film-4.mp4\n  film-5\n",
      err, 1, true)
    assert.matches("2 files of what is ready are there already, and nobody can be asked", err, 1,
      true)
    assert.equal(0, (env.run("jobs continue --yes" .. store)))
    code, _, err = env.run "run camp/films.csv --yes --max-videos 9"
    assert.equal(1, code, err)
    assert.equal(5, billed())
    assert.matches("film-3 is stuck: there is a file at its name\n  look at that file; if it is "
      .. "this video, it is not to be billed again: pomex jobs adopt film-3 ID" .. store
      .. "\n  if it is another, move it away: pomex jobs retry film-3" .. store .. "\n", err, 1,
      true)
    code, _, err = env.run("jobs retry film-3" .. store)
    assert.equal(2, code)
    assert.matches("film-3 is as the store was before it was put back", err, 1, true)
    assert.equal(0, (env.run(("jobs adopt film-3 %s%s"):format(ids[3], store))))
  end)

  it("that was deleted takes in what was made, as the page says, and bills it once", function()
    env.sb:config { generation_seconds = 3600, generation_list = true }
    env.sb.clock:advance(600) -- what other tests made is long ago
    before = env.sb.ledger:count "generation"
    env.write("films.csv", "key,prompt,duration\na,wave.,5\nb,smile.,5\n")
    local process = env.start "run films.csv --yes --max-videos 1"
    env.until_("its id", function() return env.has_said " is cgt-" end)
    process.signal "INT"
    process.wait()
    local key, id = (campaigns.read(env.path ".err")):match "(%a) is (cgt%-%S+)"
    env.bash "rm films.csv.jobs.db*"
    local code, _, err = env.run "run films.csv" -- nobody answers
    assert.equal(2, code, err)
    assert.equal(0, (env.run "jobs pause"))
    code, _, err = env.run "run films.csv --yes"
    assert.equal(7, code, err)
    assert.matches(id, select(2, env.run "video list"), 1, true)
    assert.equal(0, (env.run(("jobs adopt %s %s"):format(key, id))))
    assert.equal(0, (env.run "jobs pause --off"))
    env.sb:config { generation_seconds = 0 }
    env.sb.clock:advance(4000)
    code, _, err = env.run "run films.csv --yes"
    assert.equal(0, code, err)
    assert.equal(2, billed())
  end)
end)
