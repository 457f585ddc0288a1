--- Where a video is saved, and how: its length and sum are in the store before it has its name.

local account = require "pomex.jobs.account"
local core = require "pomex.core"
local errors = require "pomex.errors"
local text = require "pomex.text"

local saving = {}

-- Seconds until a disk or a link that failed is tried again, and a file that another still writes.
local AGAIN, OTHERS = 60, 5

-- Seconds after which a video that is not saved yet is an error line in each run: nobody says how
-- long the service keeps it, and a link lives a day.
local OLD = 12 * 3600

---What is noted with a job of its video.
---@param at number when it was made, seconds since 1970
---@return string
function saving.note(at)
  return ("made %d"):format(math.floor(at))
end

local function say_old(work, job)
  local made = tonumber((job.note or ""):match("^made (%d+)$"))
  local age = made and work:wall() - made
  if age and age > OLD then
    work:say(("ERROR: made %d hours ago and not saved yet; the service does not keep it for ever")
      :format(math.floor(age / 3600)))
  end
end

---Whether `save` stays below the folder that a run saves to. Asked when a job is added, and of each
---name that comes out of a store.
---@param save any
---@return boolean|nil fine
---@return pomex.Error? err
function saving.check_name(save)
  if type(save) ~= "string" or save == "" or #save > 1000 then
    return errors.invalid("jobs", "a video needs save, the name of its file")
  end
  local bad = text.is_treacherous(save)
  -- "." and "//" would be a second way to write one name, and two jobs could have one file.
  for part in (save .. "/"):gmatch("([^/]*)/") do
    bad = bad or part == ".." or part == "." or part == ""
  end
  if bad then
    return errors.invalid("jobs",
      "save must be a relative name without \".\", \"..\", \"//\" and controls",
      "save is " .. errors.quoted(save))
  end
  return true
end

---@param out string the folder of the run
---@param name string
---@return string path
function saving.path(out, name)
  return (out:gsub("(.)/+$", "%1")) .. "/" .. name
end

---Has whoever runs the jobs make the folder of a video's file, if he wants it made.
---@param work pomex.JobWork
---@param job table
function saving.make_folder(work, job)
  local make = work.run.jobs.make_folder
  if make then make(saving.path(work.run.out, job.save):match "^(.*)/[^/]*$") end
end

-- The name beside one that is taken: "a.mp4" of the job "x 1" is "a~x_1.mp4".
local function beside(save, key)
  local stem, extension = save:match("^(.*[^/])(%.[A-Za-z0-9]+)$")
  return (stem or save) .. "~" .. key:gsub("[^A-Za-z0-9._-]", "_") .. (extension or "")
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

---Whether a refusal of core.may_save passes by itself: another process holds the unfinished file,
---perhaps because it adds the same job, and looks as well.
---@param why table
---@return boolean
function saving.passes(why)
  return why.message:find("is being downloaded already", 1, true) ~= nil
end

---Whether a video could be saved at `path`, asked before it is billed: a folder that is missing or
---cannot be written to. A file that has the name is not asked about here: `begin` does that.
---@param path string
---@return boolean|nil fits
---@return pomex.Error? err file_error
function saving.fits(path)
  local fits, why = core.may_save(path, false)
  if fits or saving.passes(why) or exists(path) then return true end
  why.hint = "make the folder, or give `run` another `out`; nothing was begun"
  return nil, errors.wrap(why)
end

-- The file of an earlier run that was killed between the name and the note that it is done.
local function is_there(work, job)
  if not job.sha256 or not job.saved or not saving.check_name(job.saved) then return false end
  local length, sum = core.saving_sum(saving.path(work.run.out, job.saved))
  -- To be taken for another's, and saved once more beside itself, it must have been read.
  if not length and sum.type == "memory_error" then error(errors.wrap(sum)) end
  return length == job.length and sum == job.sha256
end

local function move(work, fields)
  fields.from, fields.to = "saving", fields.to or "saving"
  return work:move(fields)
end

-- The names that may be given, in order; the first that is free is used.
local function candidates(job)
  local list = { job.save, beside(job.save, job.key) }
  if job.saved == list[2] then table.remove(list, 1) end
  return list
end

-- A part that nobody knows is left alone like a file: it is perhaps ours, and a power loss took its
-- note.
local function is_foreign(err)
  return type(err.message) == "string" and err.message:find("without a note of ours", 1, true)
end

-- Downloads to the first name that is free. nil, err: no name is; or the download failed.
local function fetch(work, job)
  local err
  for _, name in ipairs(candidates(job)) do
    local path = saving.path(work.run.out, name)
    if exists(path) then
      work:say(("%s is there already, and is left alone"):format(errors.quoted(path)))
      err = errors.new("file_error", { message = path .. " exists already", taken = true })
    else
      local file
      file, err = work:await(work.client.async.generations:download(job.task, path, {
        hold = true, on_progress = function(done, total)
          if total and total > 0 then work:seen("percent", math.floor(done * 100 / total)) end
        end }))
      if file then return file, name end
      if not exists(path) and not is_foreign(err) then return nil, err end
      work:say(tostring(err))
      err.taken = true
    end
  end
  return nil, err
end

-- The order of these is the promise: the sum is durable, the file takes its name durably, and only
-- then is the job done.
local function keep(work, job, file, name)
  if not move(work, { saved = name, sha256 = file.sum, length = file.size }) then return end
  local named, err = core.saving_finish(file.path, job.task, file.size)
  if named then
    return move(work, { to = "done" })
  end
  job.saved = nil
  return nil, errors.wrap(err)
end

---Saves the video of a job that is `saving`.
---@param work pomex.JobWork
---@param job table
function saving.work(work, job)
  local fine, err = saving.check_name(job.save)
  if not fine then return move(work, { stuck = true, error = tostring(err) }) end
  if is_there(work, job) then return move(work, { to = "done" }) end
  say_old(work, job)
  while not work:stopping() do
    saving.make_folder(work, job)
    local file, name = fetch(work, job)
    if file then
      local done
      done, err = keep(work, job, file, name)
      if done or not err then return end
    else
      err = name
    end
    if work:stopping() then return end
    if err.taken then return move(work, { stuck = true, error = tostring(err) }) end
    if work:ends_run(err) then return end
    if err.type == "not_found_error" and account.judge(work) == "another" then return end
    local pause = saving.passes(err) and OTHERS or AGAIN
    work:say(("cannot be saved: %s; tried again in %d s"):format(tostring(err), pause))
    if not move(work, { due = work:wall() + pause, error = tostring(err) }) then return end
    work:rest(pause)
    -- Whoever stopped it has perhaps mended it: the next run is to look at once.
    if work:stopping() then move(work, { due = 0, error = tostring(err) }) end
  end
end

return saving
