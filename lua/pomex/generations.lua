--- Video generations.

local calls = require "pomex.calls"
local core = require "pomex.core"
local errors = require "pomex.errors"
local operation = require "pomex.operation"
local options = require "pomex.options"
local values = require "pomex.values"

local KINDS, require_waitable = calls.KINDS, calls.require_waitable
local already_failed = operation.already_failed
local optional, sent, id_of = options.optional, options.sent, calls.id_of

local BODY = { model = "string", content = "content" }

-- Options of create_and_wait that mean nothing without `save`.
local OF_SAVE = { "on_progress", "overwrite", "save_timeout", "sync" }

-- For an empty `content`: a table without this mark would be sent as an empty object.
local EMPTY = setmetatable({}, values.ARRAY)

---@class pomex.AsyncGenerations
---@field client pomex.Client
local AsyncGenerations = {}
AsyncGenerations.__index = AsyncGenerations

local function checked_body(name, body)
  local copy = sent(name, body, BODY, "body", true)
  options.no_call_options(name, copy, "body")
  return copy
end

-- The copy of a body with its builder built; nil and an error where that fails.
local function with_content(name, copy)
  local content = copy.content
  if type(content) ~= "table" then return copy end
  if type(content.build) == "function" then
    local parts, err = content:build()
    if not parts then return nil, err end
    content = parts
  end
  content = values.deep(content, "content", function(what) options.misuse(name .. ": " .. what) end)
  if type(content) == "table" and next(content) == nil then content = EMPTY end
  copy.content = content
  return copy
end

-- Why no file can have that path; nil: one can, as far as the path itself tells.
local function path_fault(path)
  if path == "" or path:find("%z") then
    local _, err = errors.invalid("download", "the path must be that of a file",
      "path is " .. errors.quoted(path))
    return err
  end
end

local function saving_options(opts)
  opts = optional("generations:create_and_wait", opts, options.CREATE_AND_SAVE)
  for _, key in ipairs(OF_SAVE) do
    if opts and opts[key] ~= nil and not opts.save then
      options.misuse(("generations:create_and_wait: %s needs save"):format(key))
    end
  end
  return opts
end

-- Looks before the video is paid for whether it can be saved: nil and an error if not.
local function may_save(path, overwrite)
  local err = path_fault(path)
  if err then return nil, err end
  local fits, why = core.may_save(path, overwrite)
  if fits then return true end
  return nil, errors.wrap(why)
end

local function create(client, where, body, opts)
  local copy = checked_body(where, body)
  opts = optional(where, opts, options.CALL)
  local payload, err = with_content(where, copy)
  if not payload then
    return already_failed(client, errors.wrap(err), KINDS["generations.create"])
  end
  return calls.start(client, KINDS["generations.create"], nil, payload, opts)
end

---As `client.generations:create`.
---@param body pomex.GenerationBody
---@param opts? pomex.CallOptions
---@return pomex.GenerationOperation
function AsyncGenerations:create(body, opts)
  return create(self.client, "generations:create", body, opts)
end

---As `client.generations:get`.
---@param task string|pomex.Generation
---@param opts? pomex.CallOptions
---@return pomex.GenerationOperation
function AsyncGenerations:get(task, opts)
  opts = optional("generations:get", opts, options.CALL)
  local id = id_of("generations:get", "task", task)
  return calls.start(self.client, KINDS["generations.get"], id, nil, opts)
end

---As `client.generations:wait`.
---@param task string|pomex.Generation
---@param opts? pomex.WaitOptions
---@return pomex.GenerationOperation
function AsyncGenerations:wait(task, opts)
  opts = optional("generations:wait", opts, options.WAIT)
  local id = id_of("generations:wait", "task", task)
  return calls.start_wait(self.client, KINDS["generations.get"], id, opts)
end

---As `client.generations:download`.
---@param task string|pomex.Generation
---@param path string
---@param opts? pomex.DownloadOptions
---@return pomex.FileOperation
function AsyncGenerations:download(task, path, opts)
  opts = optional("generations:download", opts, options.DOWNLOAD)
  local id = id_of("generations:download", "task", task)
  options.expect("generations:download", "path", path, "string")
  local err = path_fault(path)
  if err then return already_failed(self.client, err, KINDS.download, id) end
  local content = type(task) == "table" and task.content
  local link = type(content) == "table" and content.video_url
  if type(link) ~= "string" or link == "" or link:find("%z") then link = nil end
  return calls.start_download(self.client, id, link, path, opts)
end

---As `client.generations:create_and_wait`, in a task.
---@param body pomex.GenerationBody
---@param opts? pomex.CreateAndSaveOptions
---@return pomex.GenerationTask
function AsyncGenerations:create_and_wait(body, opts)
  body = checked_body("generations:create_and_wait", body)
  opts = saving_options(opts)
  local generations = self.client.generations
  return calls.spawn(self.client, generations.create_and_wait, generations, body, opts)
end

---@class pomex.Generations
---@field async pomex.AsyncGenerations
local Generations = { bills = true }
Generations.__index = Generations

---Starts a video, which is billed. Fields that the document does not name are sent as they are.
---Document section: Generate a Video From an Asset.
---@param body pomex.GenerationBody
---@param opts? pomex.CallOptions
---@return pomex.Generation|nil task with `status` "queued": `wait` waits until the video is there
---@return pomex.Error? err `billed` says whether a video is paid for; ambiguous_error: perhaps it
---  was started, and it was not sent again
function Generations:create(body, opts)
  return require_waitable(self.async):create(body, opts):wait()
end

---Document section: Poll for the result.
---@param task string|pomex.Generation an id, or an object with one
---@param opts? pomex.CallOptions
---@return pomex.Generation|nil task
---@return pomex.Error? err not_found_error, …
function Generations:get(task, opts)
  return require_waitable(self.async):get(task, opts):wait()
end

---Polls until the video is there. Document section: Poll for the result.
---@param task string|pomex.Generation an id, or an object with one
---@param opts? pomex.WaitOptions timeout: 1800 s in all
---@return pomex.Generation|nil task with `content.video_url`, which works for about 24 hours
---@return pomex.Error? err generation_failed (`object`: the service's answer); timeout_error
function Generations:wait(task, opts)
  return require_waitable(self.async):wait(task, opts):wait()
end

local WHERE = "generations:create_and_wait"

---`create`, then `on_created(task)`, then `wait`; with `save`, then `download`. Whether the path
---can be written is looked at first, before the video is paid for.
---@param body pomex.GenerationBody
---@param opts? pomex.CreateAndSaveOptions timeout: seconds for the create and the wait
---@return pomex.Generation|nil task with `save`, `task.file` is what was saved
---@return pomex.Error? err a file_error with `billed` "no": nothing was asked for; with "yes": the
---  video is made, and `download(err.id, path)` saves it
function Generations:create_and_wait(body, opts)
  opts = saving_options(opts)
  local client = require_waitable(self.async).client
  local path = opts and opts.save
  if not path then return calls.create_and_wait(self, client, create, WHERE, body, opts) end
  local fits, err = may_save(path, opts.overwrite)
  if not fits then return nil, err end
  local task
  task, err = calls.create_and_wait(self, client, create, WHERE, body, opts)
  if not task then return nil, err end
  task.file, err = calls.follow(self, client, task.id, "download", task, path, {
    timeout = opts.save_timeout, max_retries = opts.max_retries, overwrite = opts.overwrite,
    sync = opts.sync, on_progress = opts.on_progress,
  })
  if task.file then return task end
  err.hint = err.hint or "the video is made: generations:download with this id saves it"
  return nil, err
end

---Looks whether `download` could save to `path` now, and asks the service nothing. The look leaves
---nothing behind and reserves nothing.
---@param path string
---@param opts? { overwrite?: boolean } as of `download`
---@return boolean|nil fits
---@return pomex.Error? err file_error: a folder is missing or cannot be written, the name is taken
---  or too long, a part of somebody else's is there
function Generations:may_save(path, opts)
  options.expect("generations:may_save", "path", path, "string")
  require_waitable(self.async)
  opts = optional("generations:may_save", opts, { overwrite = "boolean" })
  return may_save(path, opts and opts.overwrite)
end

---Saves the video. The file takes its name only when it is whole; until then it is `path.part`,
---and a later call continues it. A file that has that name already is a file_error, unless
---`overwrite` is given.
---@param task string|pomex.Generation an id, or an object with one
---@param path string
---@param opts? pomex.DownloadOptions
---@return pomex.File|nil file
---@return pomex.Error? err
function Generations:download(task, path, opts)
  return require_waitable(self.async):download(task, path, opts):wait()
end

options.methods(AsyncGenerations, "client.async.generations")
options.methods(Generations, "client.generations")

return function(client, async)
  async.generations = setmetatable({ client = client }, AsyncGenerations)
  client.generations = setmetatable({ async = async.generations }, Generations)
end
