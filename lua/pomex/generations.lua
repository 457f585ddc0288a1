--- Video generations.

local calls = require "pomex.calls"
local errors = require "pomex.errors"
local fields = require "pomex.fields"
local operation = require "pomex.operation"
local options = require "pomex.options"
local get = require("pomex.plain").get
local preflight = require "pomex.preflight"
local saving = require "pomex.saving"
local spend = require "pomex.spend"
local tasks = require "pomex.tasks"
local values = require "pomex.values"

local KINDS, require_waitable = calls.KINDS, calls.require_waitable
local already_failed = operation.already_failed
local optional, sent, id_of = options.optional, options.sent, calls.id_of

local BODY = { model = "string", content = "content" }

-- Options of create_and_wait that mean nothing without `save`.
local OF_SAVE = { "on_progress", "overwrite", "save_last_frame", "save_timeout", "sync" }

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

local WHERE = "generations:create_and_wait"

local function saving_options(opts, body)
  opts = optional(WHERE, opts, options.CREATE_AND_SAVE)
  if not opts then return nil end
  for _, key in ipairs(OF_SAVE) do
    if opts[key] ~= nil and not opts.save then
      options.misuse(("%s: %s needs save"):format(WHERE, key))
    end
  end
  if opts.save_last_frame then
    if opts.save_last_frame == opts.save then
      options.misuse(WHERE .. ": save and save_last_frame are the same path")
    end
    if type(body) == "table" and body.return_last_frame ~= true then
      options.misuse(WHERE .. ": save_last_frame needs return_last_frame = true in the body")
    end
  end
  return opts
end

local function create(client, where, body, opts)
  local copy = checked_body(where, body)
  opts = optional(where, opts, options.CREATE_TASK)
  fields.check(where, copy, opts)
  local group = opts and opts.preflight and preflight.group_of(copy.content)
  local payload, err = fields.require_content(copy, opts)
  if payload then payload, err = with_content(where, payload) end
  if not payload then
    return already_failed(client, errors.wrap(err), KINDS["generations.create"])
  end
  if opts and opts.preflight then
    return calls.spawn(client, preflight.create, client, payload, group, opts)
  end
  return spend.start(client, payload, opts)
end

---As `client.generations:create`.
---@param body pomex.GenerationBody
---@param opts? pomex.CreateTaskOptions
---@return pomex.GenerationOperation|pomex.GenerationTask with `preflight`, a task
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
  return spend.settling(self.client,
    calls.start(self.client, KINDS["generations.get"], id, nil, opts))
end

---As `client.generations:wait`.
---@param task string|pomex.Generation
---@param opts? pomex.WaitOptions
---@return pomex.GenerationOperation
function AsyncGenerations:wait(task, opts)
  opts = optional("generations:wait", opts, options.WAIT)
  local id = id_of("generations:wait", "task", task)
  return spend.settling(self.client,
    calls.start_wait(self.client, KINDS["generations.get"], id, opts))
end

---As `client.generations:download`.
---@param task string|pomex.Generation
---@param path string
---@param opts? pomex.DownloadOptions
---@return pomex.FileOperation
function AsyncGenerations:download(task, path, opts)
  return saving.of_task(self.client, task, path, opts)
end

---As `client.generations:create_and_wait`, in a task.
---@param body pomex.GenerationBody
---@param opts? pomex.CreateAndSaveOptions
---@return pomex.GenerationTask
function AsyncGenerations:create_and_wait(body, opts)
  body = checked_body(WHERE, body)
  opts = saving_options(opts, body)
  fields.check(WHERE, body, opts)
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
---@param opts? pomex.CreateTaskOptions
---@return pomex.Generation|nil task with `status` "queued": `wait` waits until the video is there
---@return pomex.Error? err `billed` says whether a video is paid for; ambiguous_error: perhaps it
---  was started, and it was not sent again; `candidates` are the ids of tasks that can be it
function Generations:create(body, opts)
  return require_waitable(self.async):create(body, opts):wait()
end

---Document section: Poll for the result.
---@param task string|pomex.Generation an id, or an object with one
---@param opts? pomex.CallOptions
---@return pomex.Generation|nil task
---@return pomex.Error? err not_found_error, …
function Generations:get(task, opts)
  if self.async.client.spending then return require_waitable(self.async):get(task, opts):wait() end
  return get(self.async, KINDS["generations.get"], task, opts)
end

---Polls until the video is there. Document section: Poll for the result.
---@param task string|pomex.Generation an id, or an object with one
---@param opts? pomex.WaitOptions timeout: 1800 s in all
---@return pomex.Generation|nil task with `content.video_url`, which works for about 24 hours
---@return pomex.Error? err generation_failed (`object`: the service's answer); timeout_error
function Generations:wait(task, opts)
  return require_waitable(self.async):wait(task, opts):wait()
end

-- One file of a task that is made, by a call that saves files beside it.
local function save(self, task, path, opts, what)
  local client = self.async.client
  local file, err = calls.follow(self, client, task.id, "download", task, path, {
    timeout = opts.save_timeout, max_retries = opts.max_retries, overwrite = opts.overwrite,
    sync = opts.sync, on_progress = not what and opts.on_progress or nil, headers = opts.headers,
    what = what,
  })
  if file then return file end
  err.hint = err.hint or ("the video is made: generations:download with this id%s saves it"):format(
    what and " and what = \"" .. what .. "\"" or "")
  return nil, err
end

---`create`, then `on_created(task)`, then `wait`; with `save`, then `download`, and with
---`save_last_frame` another one. Whether the paths can be written is looked at first, before the
---video is paid for. Document sections: Generate a Video From an Asset, Poll for the result.
---@param body pomex.GenerationBody
---@param opts? pomex.CreateAndSaveOptions timeout: seconds for the create and the wait
---@return pomex.Generation|nil task with `save`, `task.file` is what was saved; with
---  `save_last_frame`, `task.last_frame_file` too
---@return pomex.Error? err a file_error with `billed` "no": nothing was asked for; with "yes": the
---  video is made, and `download(err.id, path)` saves it; `file`: the video's file, where it is
---  only the last frame that could not be saved
function Generations:create_and_wait(body, opts)
  opts = saving_options(opts, body)
  local client = require_waitable(self.async).client
  for _, path in ipairs { opts and opts.save, opts and opts.save_last_frame } do
    -- Looked at before the video is paid for.
    local fits, err = saving.may(path, opts.overwrite)
    if not fits then return nil, err end
  end
  local task, err = calls.create_and_wait(self, client, create, WHERE, body, opts)
  if not (task and opts and opts.save) then return task, err end
  task.file, err = save(self, task, opts.save, opts)
  if task.file and opts.save_last_frame then
    task.last_frame_file, err = save(self, task, opts.save_last_frame, opts, "last_frame")
    if err then err.file = task.file end
  end
  if err then return nil, err end
  return task
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
  return saving.may(path, opts and opts.overwrite)
end

---Saves the video, or with `what = "last_frame"` the picture that a task has which was made with
---`return_last_frame`. The file takes its name only when it is whole; until then it is `path.part`,
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

for name, method in pairs(tasks.async) do AsyncGenerations[name] = method end
for name, method in pairs(tasks.plain) do Generations[name] = method end
options.methods(AsyncGenerations, "client.async.generations")
options.methods(Generations, "client.generations")

return function(client, async)
  async.generations = setmetatable({ client = client }, AsyncGenerations)
  client.generations = setmetatable({ async = async.generations }, Generations)
end
