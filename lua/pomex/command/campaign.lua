--- What the commands about a manifest and its store share: options, folders, opening, and what a
--- campaign costs. reading.lua reads the manifest.

local core = require "pomex.core"
local entries = require "pomex.manifest.entry"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local place = require "pomex.jobs.place"
local screen = require "pomex.command.screen"
local text = require "pomex.text"

local campaign = {}

local BEHIND = ".jobs.db"

---Whether there is something at a path that can be read.
---@param path string
---@return boolean
function campaign.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

---Whether there is a store: a file, or a database, which counts as one before it is asked.
---@param path string
---@return boolean
function campaign.is_store(path)
  return place.is_url(path) or campaign.exists(path)
end

-- "2.5", or "fast=2.5" of one model.
local function price(given)
  local model, amount = given:match("^(.-)=([^=]*)$")
  amount = tonumber(amount or given)
  if amount and amount >= 0 and amount < math.huge then
    return { model = model and (entries.MODELS[model] or model), amount = amount }
  end
  return nil, ("--price is %s, and has to be AMOUNT or MODEL=AMOUNT"):format(errors.quoted(given))
end

---Adds MANIFEST and what decides how it is read.
---@param parser table
function campaign.manifest(parser)
  parser:argument "manifest" :argname "MANIFEST"
    :description "A file of JSON Lines, or of CSV (.csv): a job in each line."
  parser:option "--out" :argname "FOLDER"
    :description ("Save to FOLDER; with {key} in it also the names of files for which "
      .. "the manifest has none: 'videos/{key}.mp4'. Default: beside the manifest.")
  parser:option "--model" :argname "MODEL" :default "fast" :show_default(false)
    :description "For lines that name none: fast (the default), standard, …"
  parser:option "--first" :argname "N"
    :convert(page.number("--first", 1, "a whole number of at least 1", true))
    :description "Only the first N videos, and the portraits that they need."
end

---Adds --price.
---@param parser table
---@return table option
function campaign.price(parser)
  return parser:option "--price" :argname "PRICE" :count "*" :convert(price)
    :description "Of a million tokens, in your currency; MODEL=PRICE of one model."
end

---Adds --store.
---@param parser table
---@param default string
function campaign.store(parser, default)
  parser:option "--store" :argname "FILE"
    :description("The file that keeps the jobs, or postgresql://… of a database. " .. default)
end

-- "videos/{key}.mp4" is the folder "videos" and the names "{key}.mp4".
local function split(out)
  local before = out:match("^(.-)[^/]*{key}")
  if not before then return out, nil end
  local folder = before:gsub("(.)/+$", "%1")
  return folder ~= "" and folder or ".", out:sub(#before + 1)
end

---The folder that a campaign saves to.
---@param args table
---@return string folder
---@return string|nil names of the files for which the manifest has none, with {key}
function campaign.folder(args)
  if args.out then return split(args.out) end
  return args.manifest:match("^(.*)/[^/]*$") or "."
end

---The file of the store.
---@param args table
---@return string
function campaign.store_of(args)
  return args.store or args.manifest .. BEHIND
end

---The command that goes on with a manifest, read as it was here.
---@param env pomex.CommandEnv
---@param verb string
---@param ... string more words
---@return string
function campaign.following(env, verb, ...)
  local args, words = env.args, { verb, env.word(env.args.manifest) }
  local function add(option, value)
    words[#words + 1] = option
    words[#words + 1] = env.word(value)
  end
  if args.out then add("--out", args.out) end
  if args.model and args.model ~= "fast" then add("--model", args.model) end
  if args.first then add("--first", ("%d"):format(args.first)) end
  if args.store then add("--store", args.store) end
  for _, word in ipairs { ... } do words[#words + 1] = word end
  for _, given in ipairs(verb == "run" and args.price or {}) do
    add("--price", (given.model and given.model .. "=" or "") .. ("%.14g"):format(given.amount))
  end
  return env:command((table.unpack or unpack)(words))
end

---The videos that are done and have no file in a folder.
---@param jobs pomex.Jobs
---@param folder string
---@return pomex.Job[] gone
---@return integer there how many have one
function campaign.elsewhere(jobs, folder)
  local gone, there = {}, 0
  -- A store that cannot be read says so to what comes next.
  pcall(function()
    for job in jobs:each { state = "done" } do
      if job.saved and not campaign.exists(folder .. "/" .. job.saved) then
        gone[#gone + 1] = job
      elseif job.saved then
        there = there + 1
      end
    end
  end)
  return gone, there
end

---The prices of each model of the manifest.
---@param args table
---@param manifest pomex.Manifest
---@return table<string, number>|nil nil: no price was given
function campaign.prices(args, manifest)
  if not args.price or #args.price == 0 then return nil end
  local prices, all = {}, nil
  for _, given in ipairs(args.price) do
    if given.model then prices[given.model] = given.amount else all = given.amount end
  end
  for _, entry in ipairs(manifest.entries) do
    local model = entry.video and entry.video.model
    if model and all and not prices[model] then prices[model] = all end
  end
  return prices
end

---"3 videos and 1 portrait".
---@param videos integer
---@param portraits integer
---@return string
function campaign.count(videos, portraits)
  local parts = {}
  if videos > 0 or portraits == 0 then
    parts[1] = text.count(videos, "video")
  end
  if portraits > 0 then
    parts[#parts + 1] = text.count(portraits, "portrait")
  end
  return table.concat(parts, " and ")
end

---What videos can cost at most.
---@param list pomex.JobEntry[]
---@param prices table<string, number>|nil
---@return number sum of those whose price is known
---@return integer unknown how many have none
function campaign.sum(list, prices)
  local jobs = require "pomex.jobs"
  local sum, unknown = 0, 0
  for _, entry in ipairs(list) do
    local cost = jobs.cost(entry, prices)
    if cost then sum = sum + cost else unknown = unknown + 1 end
  end
  return sum, unknown
end

campaign.money = screen.money

---The error of a job for people: without the facts that a report of a bug needs.
---@param line string
---@return string
function campaign.why(line)
  return (errors.one_line(line):gsub(" %[[^%[%]]*%]$", ""):gsub("^[%l_]+: ", ""))
end

---The path of a file of a campaign.
---@param folder string
---@param name string
---@return string
function campaign.file(folder, name)
  return folder == "." and name or folder .. "/" .. name
end

---Opens the store.
---@param env pomex.CommandEnv
---@param client pomex.Client
---@param path string
---@param more? pomex.JobsOptions
---@return pomex.Jobs|nil
---@return integer? code where it is nil: the reason has been told
function campaign.open(env, client, path, more)
  local opts = { log = function(line)
    local key, why = line:match("^pomex jobs: (.-) is unclear: (.*)$")
    if key then line = ("%s is unclear: %s"):format(key, campaign.why(why)) end
    env.out:tell((line:gsub("^pomex jobs: ", "")))
  end }
  for name, value in pairs(more or {}) do opts[name] = value end
  if place.has_password(path) and not env.warned then
    env.warned = true
    env.out:tell "every list of processes shows the password in --store: put it into ~/.pgpass"
  end
  local jobs, err = require("pomex.jobs").open(client, path, opts)
  if jobs then return jobs end
  return nil, env:failed(err, env:command("doctor", "--store", env.word(path)), exits.STORE)
end

---Makes a folder and those above it.
---@param path string
---@return boolean|nil made
---@return string? why
function campaign.make_folder(path)
  local child, why = core.spawn("mkdir", { "-p", "--", path })
  if not child then return nil, why end
  if child:stop(60) == 0 then return true end
  return nil, ("the folder %s cannot be made"):format(errors.quoted(path))
end

return campaign
