--- `pomex run`: a whole manifest, from a table of prompts to a folder of videos.

local bill = require "pomex.command.bill"
local campaign = require "pomex.command.campaign"
local check = require "pomex.command.check"
local conflicts = require "pomex.command.conflicts"
local ends = require "pomex.command.ends"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local looks = require "pomex.command.looks"
local page = require "pomex.command.page"
local progress = require "pomex.command.progress"
local reading = require "pomex.command.reading"

local run = {}

-- So many files that are gone are named.
local MOST_GONE = 20

---@param parser table
function run.describe(parser)
  page.describe(parser, {
    usage = "pomex run MANIFEST [OPTIONS]",
    what = "Make all videos of a manifest. The same command again goes on where it stopped.",
    examples = {
      "pomex run spring.csv --first 3                     # a sample; then the rest:",
      "pomex run spring.csv --max-videos 200",
      "pomex run spring.csv --price 2.5 --max-cost 300 --out 'videos/{key}.mp4'",
      "pomex run spring.csv --yes --json | tee -a spring.log",
    },
    more = [[
A manifest, as CSV (UTF-8, commas; the first line names the columns, in any order):
  key,prompt,images,duration,save,portrait,group_id
  rachel,,,,,https://yourcdn.com/rachel.jpg,group-…
  one,"{a} waves, ""hello"".",a=job:rachel,5,one.mp4,,
  two,{a} and {b} dance.,a=job:rachel;b=asset-…,5,,,
or as JSON Lines:
  {"key": "rachel", "portrait": "https://…", "group_id": "group-…"}
  {"key": "one", "prompt": "{a} waves.", "images": {"a": "job:rachel"}}
Videos can have model, ratio, resolution, seed and price, too; portraits name and
asset_type. Other fields of the service's are columns called set.FIELD. All is
checked before anything is billed.
A store keeps the names of files without the folder: give the same --out each time.
Ctrl-C: nothing new is sent, and the videos go on at the service; again: at once.
Several of this command can work on one manifest. A cap is for all runs together.]],
  })
  campaign.manifest(parser)
  campaign.store(parser, "Default: MANIFEST.jobs.db.")
  parser:option "--max-videos" :argname "N"
    :convert(page.number("--max-videos", 0, "a whole number", true))
    :description "The cap on videos, for the whole life of the store."
  parser:option "--max-cost" :argname "AMOUNT"
    :convert(page.number("--max-cost", 0, "an amount of 0 or more"))
    :description "The cap on money; it needs --price, or a price in each line."
  campaign.price(parser)
  parser:option "--concurrency" :argname "N"
    :convert(page.number("--concurrency", 1, "a whole number of at least 1", true))
    :description "Work on N jobs at once (64)."
  parser:flag "--dry-run" :description "Say what would be made and what it costs; send nothing."
end

local function dry_run(env, manifest, prices)
  local faults, code = check.places(env, manifest)
  if not faults then return code end
  if #faults > 0 then return reading.tell_faults(env, env.args.manifest, faults) end
  local folder = campaign.folder(env.args)
  for _, entry in ipairs(manifest.entries) do
    env.out:change { type = "job", key = entry.key, kind = entry.video and "video" or "portrait",
      file = entry.save and campaign.file(folder, entry.save) }
    env.out:result(entry.save and entry.key .. "\t" .. campaign.file(folder, entry.save)
      or entry.key)
  end
  env.out:say(("would make %s; nothing was sent"):format(
    bill.words(manifest.videos, manifest.portraits, manifest.entries, prices)))
  return exits.DONE
end

-- Makes a folder that is not there, as it may be gone in the middle of a run.
local function make_folder(path)
  if campaign.exists(path) then return true end
  return campaign.make_folder(path)
end

-- The folders of the files.
local function make_folders(env, manifest, folder)
  local seen = {}
  for _, entry in ipairs(manifest.entries) do
    local of_file = entry.save and (folder .. "/" .. entry.save):match("^(.*)/[^/]*$")
    if of_file and not seen[of_file] then
      seen[of_file] = true
      local made, why = make_folder(of_file)
      if not made then return env:failed(why, nil, exits.USAGE) end
    end
  end
end

local function set_caps(jobs, args)
  local counts, err = jobs:counts()
  if not counts then return nil, err end
  local videos, money = args.max_videos or counts.max_videos, args.max_cost or counts.max_money
  if videos == counts.max_videos and money == counts.max_money then return true end
  return jobs:cap { videos = videos, money = money }
end

-- Files of an earlier run that are not there. Where all are gone, the folder is perhaps another:
-- the rest would go elsewhere without the --out of then. Where some are, they were deleted.
local function tell_elsewhere(env, jobs, manifest, folder)
  local counts = jobs:counts()
  local gone, there = campaign.elsewhere(jobs, folder)
  if not counts or #gone == 0 then return end
  if there == 0 and (#gone > 1 or counts.done < #manifest.entries) then
    return env.out:say(("%d finished video%s not in %s: was --out another folder?"):format(#gone,
      #gone == 1 and " is" or "s are", errors.quoted(folder)))
  end
  for i = 1, math.min(#gone, MOST_GONE) do
    env.out:tell(("%s is done, and its file is not there: %s"):format(errors.one_line(gone[i].key),
      env:command("video", "save", env.word(gone[i].task or "ID"), "-o",
        env.word(campaign.file(folder, gone[i].saved)))))
  end
  if #gone > MOST_GONE then env.out:tell(("  and %d more"):format(#gone - MOST_GONE)) end
end

-- What the store says before any line is looked at. nil, and the code: it cannot be asked.
local function asked_first(env, jobs, path)
  local counts, err = jobs:counts()
  if not counts then return nil, ends.of_store(env, err) end
  if counts.paused then
    env.out:tell(("the queue is paused%s: nothing new begins until %s"):format(
      counts.why and " (" .. errors.one_line(counts.why) .. ")" or "",
      ends.about(env, path, "pause", "--off")))
  end
  return counts
end

-- A store that was put back begins nothing: what has an id is saved, and the run ends with what to
-- type. Its lines are put without a question, so that what it has forgotten can be adopted; the run
-- after `continue` asks about them all. Its own files seem to be strangers'.
local function put_back(env, jobs, manifest, folder)
  jobs.out = nil
  local counts, err = jobs:add(manifest.entries)
  if not counts and not err.counts then
    local faults = err.faults and reading.at_lines(manifest, err.faults)
    return faults and reading.tell_faults(env, manifest.path, faults) or ends.of_store(env, err)
  end
  return make_folders(env, manifest, folder)
end

-- Asks whether the manifest may be billed, and puts it into the store. nil: go on; else the code.
local function prepare(env, jobs, path, manifest, prices)
  local folder = campaign.folder(env.args)
  local counts, why = asked_first(env, jobs, path)
  if not counts then return why end
  if counts.must_continue then return put_back(env, jobs, manifest, folder) end
  local faults
  faults, why = check.faults(manifest, folder, jobs)
  if not faults then return ends.of_store(env, why) end
  if #faults > 0 then return reading.tell_faults(env, manifest.path, faults) end
  tell_elsewhere(env, jobs, manifest, folder)
  local code = bill.ask(env, jobs, path, manifest, prices) or make_folders(env, manifest, folder)
  if code then return code end
  local err
  counts, err = jobs:add(manifest.entries)
  faults = err and err.faults and reading.at_lines(manifest, err.faults)
  if faults and not err.counts then return reading.tell_faults(env, manifest.path, faults) end
  if faults then
    conflicts.tell(env, jobs, path, manifest.path, faults)
    counts = err.counts
  end
  local capped
  if counts then capped, err = set_caps(jobs, env.args) end
  if not capped then return ends.of_store(env, err) end
end

local function work(env, jobs, shown, folder)
  local args = env.args
  jobs.make_folder = make_folder
  shown:watch(jobs, folder)
  shown:start()
  if env.stop:came() then return nil, nil end
  local counts, err = jobs:run { out = folder, concurrency = args.concurrency,
    on_update = function(job) shown:update(job) end,
    on_progress = function(job) shown:seen(job) end }
  shown:finish()
  return counts, err
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function run.run(args, env)
  local manifest, code = reading.read(env)
  if not manifest then return code end
  local prices = campaign.prices(args, manifest)
  if args.max_cost and select(2, campaign.sum(manifest.entries, prices)) > 0 then
    return env:failed("--max-cost needs a price of each video", env:again(nil, "--price", "PRICE"),
      exits.USAGE)
  end
  if args.dry_run then return dry_run(env, manifest, prices) end
  local shown = progress.new(env)
  local client, jobs
  local looking = looks.new(env)
  shown.tick = function() looking:tick() end
  client, code = env:client { on_event = function(event) looking:saw(event) end }
  if not client then return code end
  local folder, path = campaign.folder(args), campaign.store_of(args)
  jobs, code = campaign.open(env, client, path, { out = folder, prices = prices })
  if not jobs then return code end
  env.stop.killed = function() ends.at_once(env, shown:out(), path) end
  code = prepare(env, jobs, path, manifest, prices)
  if not code then
    local counts, err = work(env, jobs, shown, folder)
    code = ends.tell(env, jobs, path, counts, err, manifest)
  end
  shown:finish()
  jobs:close()
  return code
end

return run
