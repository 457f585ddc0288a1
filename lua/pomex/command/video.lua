--- `pomex video`: one video; and a look after the account's videos.

local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local follow = require "pomex.command.follow"
local made_at = require("pomex.jobs.candidates").made_at
local make = require "pomex.command.video_make"
local page = require "pomex.command.page"

local video = {}

local one_line = errors.one_line

local function describe_one(parser, verb, what, example, more)
  page.describe(parser, {
    usage = ("pomex video %s TASK%s"):format(verb, more or ""),
    what = what, examples = { example },
  })
  parser:argument "id" :argname "TASK" :description "Its id, cgt-…"
end

---@param parser table
function video.describe(parser)
  page.describe(parser, {
    usage = "pomex video PROMPT …\n       pomex video list|show|wait|save|cancel …",
    what = "Make one video, or look after those that were made.",
    examples = {
      "pomex video \"{rachel} waves.\" --image rachel=asset-… -o wave.mp4",
      "pomex video --help                 # this page",
      "pomex video make --help            # the options of a new video",
      "pomex video wait cgt-… -o wave.mp4",
    },
  })
  parser:command_target "verb"
  make.describe(parser:command "make")
  local list, show = parser:command "list", parser:command "show"
  page.describe(list, {
    usage = "pomex video list [--status STATUS] [--max N]",
    what = "List videos: id, status, time, model.",
    examples = { "pomex video list --max 20" },
  })
  list:option "--status" :argname "STATUS" :description "Only those of this status."
  page.most(list)
  describe_one(show, "show", "Show one video.", "pomex video show cgt-…", " [--all]")
  show:flag "-a --all"
    :description "Its signed link too (whoever has it can load it)."
  local wait = parser:command "wait"
  describe_one(wait, "wait", "Wait until a video is there.", "pomex video wait cgt-… -o wave.mp4",
    " [-o FILE] [--timeout SECONDS]")
  page.file(wait)
  page.timeout(wait)
  local save = parser:command "save"
  describe_one(save, "save", "Save a video that is there.", "pomex video save cgt-… -o wave.mp4",
    " -o FILE [--force] [--last-frame]")
  save:flag "--last-frame"
    :description "Its last frame, a picture, if it was made with --set return_last_frame=true."
  page.file(save):count(1)
  describe_one(parser:command "cancel", "cancel", "Cancel a video that is still queued.",
    "pomex video cancel cgt-…")
end

local OF_ALL = { ["--color"] = true, ["--key-file"] = true, ["--profile"] = true,
  ["--base-url"] = true }

---Puts in the word "make", which can be left out.
---@param words string[] the command line
---@param at integer where the word "video" stands
---@return string[] words
function video.complete(words, at)
  local verbs, skip = { make = true }, false
  for name in pairs(video.VERBS) do verbs[name] = true end
  for i = at + 1, #words do
    local word = words[i]
    if skip then
      skip = false
    elseif word == "-h" or word == "--help" then
      return words
    elseif verbs[word] then
      return words
    elseif not OF_ALL[word] then
      if not word:find("^%-") or #words > i then
        table.insert(words, at + 1, "make")
      end
      return words
    else
      skip = true
    end
  end
  return words
end

---For completion: the options of `make` are those of `pomex video` itself.
---@param parser table
function video.offer(parser)
  for _, option in ipairs(parser._commands[1]._options) do
    if option._name ~= "--help" then table.insert(parser._options, option) end
  end
end

-- The task, and the client; or nil and the code.
local function get(env)
  local client, code = env:client()
  if not client then return nil, code end
  local task, err = env.stop:await(nil, client.async.generations:get(env.args.id))
  if task then return task, client end
  return nil, env:failed(err, err.type == "not_found_error" and env:command("video", "list") or nil)
end

local function row(env, task)
  local at = task.created_at or made_at(task)
  env.out:change { type = "video", id = task.id, status = task.status, model = task.model,
    created_at = at }
  return { one_line(task.id), one_line(task.status), page.time(at), one_line(task.model or "") }
end

-- Nothing is promised of this list: a page may be smaller than what was asked for, or come twice.
local function list(args, env)
  local client, code = env:client()
  if not client then return code end
  local rows, seen, at, known, most = {}, {}, 1, 0, args.max or math.huge
  local asked, err, before
  repeat
    before = known
    asked, err = env.stop:await(nil, client.async.generations:list { page = at,
      limit = math.min(100, most), status = args.status and { args.status } })
    if err and (err.status == 404 or err.status == 405) then
      return env:failed("this service does not list videos", env:command("video", "show", "TASK"))
    end
    if not asked then return env:failed(err) end
    for _, task in ipairs(type(asked.items) == "table" and asked.items or {}) do
      local id = type(task) == "table" and task.id
      if type(id) == "string" and not seen[id] then
        seen[id], known = true, known + 1
        if #rows < most then rows[#rows + 1] = row(env, task) end
      end
    end
    at = at + 1
  until known == before or #rows >= most or known >= (tonumber(asked.total_count) or math.huge)
  page.rows(env, rows)
  return exits.DONE
end

local SHOWN = { "id", "status", "model", "created_at", "updated_at", "duration", "resolution",
  "ratio", "seed" }

local function show(args, env)
  local task, code = get(env)
  if not task then return code end
  task.created_at = task.created_at or made_at(task)
  page.fields(env, task, SHOWN)
  local fault = task.error
  if type(fault) == "table" then page.fields(env, { error_code = fault.code,
    error_message = fault.message }, { "error_code", "error_message" }) end
  if args.all and type(task.content) == "table" then
    page.fields(env, task.content, { "video_url", "last_frame_url" })
  end
  return exits.DONE
end

local function wait(args, env)
  local client, code = env:client()
  if not client then return code end
  if args.output then
    local fits, err = client.generations:may_save(args.output, { overwrite = args.force })
    if not fits then return env:failed(err, env:again "ANOTHER-FILE") end
  end
  local task
  task, code = follow.video(env, client, args.id)
  if not task then return code end
  if args.output then return follow.save(env, client, "video", task) end
  env.fields.id = task.id
  env.out:result(task.id)
  env.out:next(env:command("video", "save", env.word(args.id), "-o", "FILE"))
  return exits.DONE
end

local function save(_, env)
  local task, client = get(env)
  if not task then return client end
  if task.status ~= "succeeded" then
    return env:failed(("video %s is not there to be saved: it is %s"):format(one_line(task.id),
      one_line(task.status)), env:command("video", "wait", env.word(env.args.id), "-o",
      env.word(env.args.output)))
  end
  return follow.save(env, client, "video", task)
end

-- Only what is queued, for which generations:cancel looks: of what has ended the upstream would
-- delete the record, and with that the way to a video that is paid for.
local function cancel(args, env)
  local client, code = env:client()
  if not client then return code end
  local show_it = env:command("video", "show", env.word(args.id))
  local task, err = env.stop:send("the cancelling of " .. one_line(args.id), show_it, function()
    return client.async.generations:cancel(args.id)
  end)
  if not task and err.type == "cancel_failed" then
    return env:failed(("video %s cannot be cancelled any more: it is %s"):format(one_line(args.id),
      one_line(err.last_status)), env:command("video", "wait", env.word(args.id), "-o", "FILE"))
  elseif not task then
    local unknown = err.type == "not_found_error"
    return env:failed(err, unknown and env:command("video", "list") or show_it)
  end
  env.fields.id = task.id
  env.out:change({ type = "change", kind = "video", id = task.id, status = "cancelled" },
    one_line(task.id) .. " cancelled")
  return exits.DONE
end

video.VERBS = { list = list, show = show, wait = wait, save = save, cancel = cancel }

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function video.run(args, env)
  return (video.VERBS[args.verb] or make.run)(args, env)
end

return video
