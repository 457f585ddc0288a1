--- Manifests: files with a job in each line, as entries for `jobs:add`.
---
---     local manifest = pomex.check(require("pomex.manifest").read "spring.csv")
---     pomex.check(jobs:add(manifest.entries))
---
--- A line of JSON Lines is one of
---     {"key": "one", "prompt": "The person in {rachel} waves.", "images": {"rachel": "asset-…"},
---      "model": "fast", "duration": 5, "save": "videos/one.mp4"}
---     {"key": "front", "portrait": "https://…", "group_id": "group-…"}
--- and a CSV has the same names as its columns; `images` is "rachel=asset-…;tom=job:front" there.
--- docs/manifest.md describes each field.

local csv = require "pomex.manifest.csv"
local entries = require "pomex.manifest.entry"
local errors = require "pomex.errors"
local jobs = require "pomex.jobs"
local json = require "pomex.json"
local lines = require "pomex.manifest.lines"
local options = require "pomex.options"
local text = require "pomex.text"

---@class pomex.ManifestModule
local manifest = {}

-- A manifest with more faults than this is not read to its end.
local MOST_FAULTS = 1000
local MOST_JOBS = 100000

---@class pomex.ManifestFault
---@field line integer
---@field key? string
---@field message string

---@class pomex.Manifest
---@field path string
---@field entries pomex.JobEntry[]
---@field lines integer[] the line of each entry
---@field videos integer how many of them are videos
---@field portraits integer

---@class pomex.ManifestOptions
---@field model? string where a line names none
---@field save? string the same for its file, with {key} in it; "{key}.mp4"
---@field csv? boolean whether it is CSV; the path says so unless told otherwise
---@field has_portrait? fun(name: string): boolean whether a store has one that no line has

-- What is being read, and what was found wrong with it.
local Reading = {}
Reading.__index = Reading

---@param line integer
---@param message string
---@param key? string
function Reading:fault(line, message, key)
  local faults = self.faults
  if #faults < MOST_FAULTS then
    faults[#faults + 1] = { line = line, key = key, message = message, order = #faults }
  else
    self.over = true
  end
end

-- The error of a job in the words of a manifest, in which no text can be marked as raw.
local function said(err)
  local hint = err.hint and err.hint:gsub(",? or content:text%(words, { raw = true }%)[^)]*", "")
  local message = err.message:gsub("pomex%.VIRTUAL", '"virtual"')
  return hint and ("%s (%s)"):format(message, hint) or message
end

---Takes the fields of a line.
---@param given table
---@param line integer
function Reading:take(given, line)
  local key = type(given.key) == "string" and given.key or nil
  local function fault(message) self:fault(line, message, key) end
  local made = entries.of(given, self.defaults, fault)
  if key and key ~= "" then
    if self.keys[key] then
      fault(("the key stands in line %d, too"):format(self.keys[key]))
    else
      self.keys[key] = line
      self.kinds[key] = given.portrait ~= nil and "portrait" or "video"
    end
  end
  if not made then return end
  if made.save and self.saves[made.save] then
    fault(("line %d saves to %s, too"):format(self.saves[made.save], errors.quoted(made.save)))
  elseif made.save then
    self.saves[made.save] = line
  end
  local fine, err = jobs.check(made)
  if not fine then fault(said(err)) end
  local list = self.entries
  list[#list + 1], self.lines[#list + 1] = made, line
  if #list > MOST_JOBS then
    self:fault(line, ("there are more than %d jobs; split the manifest"):format(MOST_JOBS))
    self.over = true
  end
end

-- What is said of an answer, of a line.
local function of_line(message)
  return (message:gsub("^the answer", "the line"):gsub("JSON: .-%.lua:%d+: ", "JSON: "))
end

-- A line that names columns.
local function is_header(line)
  return ("," .. line .. ","):find("[,;\t]%s*\"?key\"?%s*[,;\t]") ~= nil
end

local function read_json(self, source)
  while not self.over do
    local line, why = source:next()
    if line == nil and not why then return end
    if not line then
      self:fault(source.number, why)
      self.over = self.over or line == nil
    elseif line:find("%S") then
      local given, err = json.object(line)
      if given then
        self:take(given, source.number)
      elseif source.number == 1 and is_header(line) then
        self:fault(1, "the line names columns; a CSV needs a name that ends in .csv")
        self.over = true
      else
        self:fault(source.number, of_line(err.message))
      end
    end
  end
end

-- The names of the columns; nil: the file cannot be read by them.
local function read_header(self, source)
  local record, why, number = csv.record(source)
  if not record then
    self.over = why ~= nil
    self:fault(math.max(number, 1), why or "there is no line; the first one names the columns")
    return nil
  end
  local columns, seen, fine = {}, {}, true
  if #record == 1 and record[1]:find("[\t;]") then
    self:fault(number, ("the columns stand between %s; save the file with commas"):format(
      record[1]:find("\t", 1, true) and "tabs" or "semicolons"))
    return nil
  end
  local known = 0
  for _, name in ipairs(record) do
    if entries.is_column(name:match("^%s*(.-)%s*$")) then known = known + 1 end
  end
  if known == 0 then
    self:fault(number, "no column is known; the first line names the columns: key,prompt,images,…")
    return nil
  end
  for i, name in ipairs(record) do
    name = name:match("^%s*(.-)%s*$")
    columns[i] = name
    local message
    if not entries.is_column(name) then
      message = name == "" and ("column %d has no name"):format(i) or entries.unknown(name, true)
    elseif seen[name] then
      message = ("the column %s stands twice"):format(name)
    end
    seen[name] = true
    if message then
      self:fault(number, message)
      fine = false
    end
  end
  return fine and columns or nil
end

-- A spreadsheet leaves rows without anything in them.
local function is_empty(record)
  for _, field in ipairs(record) do
    if field:find("%S") then return false end
  end
  return true
end

local function take_record(self, columns, record, number)
  if #record ~= #columns then
    return self:fault(number, ("it has %s, and the first line names %s"):format(
      text.count(#record, "field"), text.count(#columns, "column")))
  end
  local given = entries.of_record(columns, record, function(message)
    self:fault(number, message)
  end)
  self:take(given, number)
end

local function read_csv(self, source)
  local columns = read_header(self, source)
  while columns and not self.over do
    local record, why, number = csv.record(source)
    if record == nil and not why then return end
    if not record then
      self:fault(number, why)
      self.over = self.over or record == nil
    elseif not is_empty(record) then
      take_record(self, columns, record, number)
    end
  end
end

-- Portraits that are nowhere. Those that a store has already are known to `opts.has_portrait`.
local function check_needs(self, has_portrait)
  local known = {}
  for i, made in ipairs(self.entries) do
    for name, ref in pairs(made.video and made.video.images or {}) do
      local key = type(ref) == "string" and ref:match("^job:(.*)$")
      if key and known[key] == nil then
        local kind = self.kinds[key]
        known[key] = kind == "portrait" or not kind and has_portrait and has_portrait(key) or false
      end
      if key and not known[key] then
        self:fault(self.lines[i], ("images: %s is %s, and no line is a portrait of that key")
          :format(errors.one_line(name), errors.quoted(ref)), made.key)
      end
    end
  end
end

local function refusal(self, path)
  table.sort(self.faults, function(a, b)
    if a.line ~= b.line then return a.line < b.line end
    return a.order < b.order
  end)
  local problems = {}
  for i, fault in ipairs(self.faults) do
    problems[i] = ("%s:%d: %s%s"):format(path, fault.line, fault.key and errors.quoted(fault.key)
      .. ": " or "", fault.message)
  end
  if self.over then
    problems[#problems + 1] = ("%s: the rest was not read"):format(path)
  end
  local _, err = errors.invalid("manifest", ("%s has %d fault%s"):format(path, #self.faults,
    #self.faults == 1 and "" or "s"), problems[1])
  err.problems, err.faults = problems, self.faults
  return nil, err
end

local OPTIONS = { model = "string", save = "string", has_portrait = "callable", csv = "boolean" }

---Reads a manifest: JSON Lines, or CSV where its name ends in ".csv". Everything that can be
---checked without the service and without a store is checked. WAITS for the disk. Files are read
---up to 64 MiB, lines and records up to 1 MiB, jobs up to 100,000.
---@param path string
---@param opts? pomex.ManifestOptions
---@return pomex.Manifest|nil
---@return pomex.Error? err file_error; invalid_request_error: `problems` is a line of text for each
---  fault, and `faults` a list of pomex.ManifestFault
function manifest.read(path, opts)
  options.expect("manifest.read", "path", path, "string")
  opts = options.optional("manifest.read", opts, OPTIONS) or {}
  local source, err = lines.open(path)
  if not source then return nil, err end
  local self = setmetatable({ entries = {}, lines = {}, keys = {}, kinds = {}, saves = {},
    faults = {}, over = false, defaults = { model = opts.model, save = opts.save } }, Reading)
  local is_csv = opts.csv
  if is_csv == nil then is_csv = path:lower():find("%.csv$") ~= nil end
  local ok, why = pcall(is_csv and read_csv or read_json, self, source)
  source:close()
  if not ok then
    if errors.is(why) then return nil, why end
    error(why, 0)
  end
  check_needs(self, opts.has_portrait)
  if #self.faults > 0 then return refusal(self, path) end
  if #self.entries == 0 then return errors.invalid("manifest", path .. " has no job in it") end
  local portraits = 0
  for _, made in ipairs(self.entries) do portraits = portraits + (made.portrait and 1 or 0) end
  return { path = path, entries = self.entries, lines = self.lines, portraits = portraits,
    videos = #self.entries - portraits }
end

return manifest
