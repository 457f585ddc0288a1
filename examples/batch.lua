-- From a table to a folder of videos, whatever happens to this program meanwhile: run it again, and
-- it goes on where it was. Nothing that is paid for is paid for twice. See docs/jobs.md.
-- Run as: lua5.4 batch.lua films.csv videos, with the lines exported that pomex-sandbox prints
-- at its start; with $POMEX_API_KEY alone it asks the real service, and the videos are billed.
local pomex = require "pomex"
local check = pomex.check

local path, folder = arg[1] or "films.csv", arg[2] or "videos"
local films = check(require("pomex.manifest").read(path))
local signals = check(require("pomex.terminal").signals { "INT", "TERM", "HUP" }) -- Ctrl-C, kill, …
local client = check(pomex.new { max_in_flight = 8 }) -- a kill -9 leaves so many in doubt at most
local jobs = check(pomex.jobs.open(client, path .. ".jobs.db", { out = folder }))
check(signals:watch(client, function() jobs:stop() end)) -- what was sent is answered first

local added = check(jobs:add(films.entries)) -- all of it is checked before anything is sent
print(("%d videos and %d portraits; %d of them are new"):format(
  films.videos, films.portraits, added.new))

local counts, err = jobs:run { max_videos = 100, on_update = function(job)
  if job.state == "done" or job.error then print(job.key, job.state, job.saved or job.error) end
end }

for job in jobs:each { state = { "unclear", "failed", "expired" } } do
  print(("%s is %s: %s"):format(job.key, job.state, job.error or "its process was killed"))
end
print(("%s: %d done, %d failed, %d unclear"):format(check(counts, err).ended, counts.done,
  counts.failed, counts.unclear), err or "")
jobs:close()
client:close()
os.exit(counts.ended == "done" and 0 or 1)
