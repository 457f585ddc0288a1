--- `pomex video PROMPT`: one video, from the words to the file.

local campaign = require "pomex.command.campaign"
local entries = require "pomex.manifest.entry"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local fields = require "pomex.fields"
local follow = require "pomex.command.follow"
local page = require "pomex.command.page"
local reading = require "pomex.command.reading"

local video_make = {}

-- NAME=ASSET, or an asset that no {name} stands for.
local function image(text)
  local name, ref = text:match("^([^=:/?]+)=(.+)$")
  if name then return { name = name, ref = ref } end
  if not text:find("=", 1, true) or text:find("^https://") then return { ref = text } end
  return nil, ("--image is %s, and has to be NAME=ASSET"):format(errors.quoted(text))
end

local WORDS = { ["true"] = true, ["false"] = false }

-- FIELD=VALUE: a number, true, false, or words.
local function field(text)
  local name, value = text:match("^([%w_]+)=(.*)$")
  if not name then
    return nil, ("--set is %s, and has to be FIELD=VALUE"):format(errors.quoted(text))
  end
  if name == "model" or name == "content" then
    return nil, ("--set %s: there is an option for that"):format(name)
  end
  local known = WORDS[value]
  if known == nil then known = tonumber(value) or value end
  return { name = name, value = known }
end

---@param parser table
function video_make.describe(parser)
  page.describe(parser, {
    usage = "pomex video PROMPT [--image NAME=ASSET]… -o FILE",
    what = "Make one video. It is billed.",
    examples = {
      "pomex video \"{rachel} waves.\" --image rachel=asset-… -o wave.mp4",
      "pomex video \"{rachel} and {tom} dance.\" --image rachel=asset-… \\",
      "   --image tom=asset-… --duration 5 --set resolution=720p -o dance.mp4",
      "id=$(pomex video \"A wave.\" --no-wait --yes)",
      "pomex video wait $id -o wave.mp4",
    },
    more = [[
A {name} in the prompt stands for the image of that name; {{ is a brace. All is checked
before anything is billed: the names, the portraits, and whether FILE can be written.
The id goes to stderr as soon as it is known, the file's name to stdout at the end.
What --set sends is the service's to judge: resolution, ratio, seed, … What it perhaps
refuses is a warning. A prompt that is the name of a command: pomex video make PROMPT.]],
  })
  parser:argument "prompt" :argname "PROMPT" :description "What is to be seen."
  parser:option "-i --image" :argname "NAME=ASSET" :count "*" :convert(image)
    :description "A portrait's id, or a public https link, and its {name}."
  parser:option "-m --model" :argname "MODEL" :default "fast" :show_default(false)
    :description "fast (the default), standard, or the service's name of one."
  parser:option "-d --duration" :argname "SECONDS"
    :convert(page.number("--duration", 1, "a number of seconds from 1 on"))
    :description "How long it is to be."
  parser:option "--set" :argname "FIELD=VALUE" :count "*" :convert(field)
    :description "Another field of the request."
  campaign.price(parser)
  page.file(parser)
  parser:flag "--no-wait" :description "Print the id, and do not wait for the video."
  page.timeout(parser)
end

-- An image as the library wants it. A portrait is asked for first: one that is missing or not
-- active would be found out when the video is paid for.
local function looked_up(env, client, given)
  if given.ref:find("^https?://") then return given.ref end
  local id = given.ref:gsub("^asset://", "")
  local asset, err = env.stop:await(nil, client.async.assets:get(id))
  if not asset then
    return nil, env:failed(err, err.type == "not_found_error"
      and env:command("portrait", "list", "--group", "GROUP") or nil)
  end
  if asset.status ~= "active" then
    return nil, env:failed(("portrait %s is not active: it is %s"):format(errors.one_line(id),
      errors.one_line(asset.status)), env:command("portrait", "wait", env.word(id)))
  end
  return asset
end

-- The body of the request, checked; or nil and the code.
local function body_of(args, env, client)
  local pomex = require "pomex"
  local content = pomex.content():text(args.prompt)
  -- The words and names first, since no request is needed for them.
  for _, given in ipairs(args.image) do content:image(given.ref, given.name) end
  local parts, err = content:build()
  if not parts then return nil, env:failed(err, nil, exits.USAGE) end
  local body = { model = entries.MODELS[args.model] or args.model, content = parts,
    duration = args.duration }
  for _, given in ipairs(args.set) do body[given.name] = given.value end
  local wrong = entries.wrong_model(args.model) or fields.wrong(body)
  if wrong then return nil, env:failed(wrong, nil, exits.USAGE) end
  for _, given in ipairs(args.image) do
    local found, code = looked_up(env, client, given)
    if not found then return nil, code end
  end
  for _, doubt in ipairs(fields.doubts(body)) do
    env.out:tell("warning: " .. doubt .. reading.MAY_BE_REFUSED)
  end
  return body
end

-- The id of the task, or nil and the code.
local function created(env, client, body)
  local task, err = env.stop:send("the video", env:command("video", "list"), function()
    return client.async.generations:create(body)
  end)
  if task then
    env.out:made("video", task.id)
    env.fields.id = task.id
    return task.id
  end
  if err.billed == "yes" then
    env.out:made("video", err.id)
    return nil, env:failed(err, env:command("video", "wait", env.word(err.id)))
  end
  if err.billed ~= "maybe" then return nil, env:failed(err) end
  env.out:say "It is unclear whether the video was made, and is billed. It was not sent again."
  env.out:say "Look into the service's console before you repeat the command."
  return nil, env:failed(err, env:command("video", "list"), exits.UNCLEAR)
end

local function may_begin(args, env, client)
  if not args.output then return true end
  local fits, err = client.generations:may_save(args.output, { overwrite = args.force })
  if fits then return true end
  return nil, env:failed(err, env:again "ANOTHER-FILE")
end

-- "1 video (byteplus/seedance-2.0-fast) for at most 0.60".
local function bill(args, body)
  local what = ("1 video (%s)"):format(errors.one_line(body.model))
  local list = { { video = body } }
  local prices = campaign.prices(args, { entries = list })
  if not prices then return what end
  local sum, unknown = campaign.sum(list, prices)
  return unknown > 0 and what or ("%s for at most %s"):format(what, campaign.money(sum))
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function video_make.run(args, env)
  if not args.output and not args.no_wait then
    return env:failed("say where to save the video, -o FILE, or --no-wait",
      env:again(nil, "-o", "FILE"), exits.USAGE)
  end
  local client, code = env:client()
  if not client then return code end
  local body, id, fits, yes
  body, code = body_of(args, env, client)
  if not body then return code end
  fits, code = may_begin(args, env, client)
  if not fits then return code end
  yes, code = env:confirm(bill(args, body))
  if not yes then return code end
  if env.stop:came() then
    return env:failed("nothing was sent", env:again(), exits.INTERRUPTED)
  end
  id, code = created(env, client, body)
  if not id then return code end
  if args.no_wait then
    env.out:result(id)
    env.out:next(env:command("video", "wait", id, "-o", env.word(args.output or "FILE")))
    return exits.DONE
  end
  local task
  task, code = follow.video(env, client, id)
  if not task then return code end
  return follow.save(env, client, "video", task)
end

return video_make
