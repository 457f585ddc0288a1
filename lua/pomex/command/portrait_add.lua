--- `pomex portrait add`: uploads.

local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local follow = require "pomex.command.follow"
local links = require "pomex.command.links"
local page = require "pomex.command.page"

local portrait_add = {}

---@param parser table
function portrait_add.describe(parser)
  page.describe(parser, {
    usage = "pomex portrait add URL… --group GROUP [--name NAME] [--wait]",
    what = "Upload portraits by their public https links.",
    examples = {
      "pomex portrait add https://yourcdn.com/front.jpg --group group-… --wait",
      "asset=$(pomex portrait add https://yourcdn.com/a.jpg -g group-… --wait)",
    },
    more = [[
Prints the id of each portrait. A portrait must show one face, that of the person whose
group it is. An upload whose answer was lost is looked up by its name: leave out --name,
or let no two uploads share one.]],
  })
  parser:argument "url" :args "+" :argname "URL" :description "Public https links of images."
  page.group(parser)
  parser:option "--name" :argname "NAME" :description "A label, for one URL."
  parser:flag "-w --wait" :description "Wait until they are active."
  page.timeout(parser)
end

-- What is known of an upload whose answer was lost.
local function unclear(env, err)
  for _, id in ipairs(err.candidates or {}) do
    env.out:change({ type = "candidate", kind = "portrait", id = id },
      "perhaps it is " .. errors.one_line(id))
  end
  return env:failed(err, env:command("portrait", "list", "--group", "GROUP"))
end

-- Sends one upload; the asset, or nil and the code.
local function upload(env, client, url, group)
  local asset, err = env.stop:send("the portrait " .. errors.one_line(links.shown(url)),
    env:command("portrait", "list", "--group", "GROUP"), function()
      return client.async.assets:create { url = url, asset_type = "Image", group_id = group,
        name = env.args.name }
    end)
  if asset then
    env.out:made("portrait", asset.id)
    return asset
  end
  if err.type == "ambiguous_error" then return nil, unclear(env, err) end
  return nil, env:failed(err, err.message == "group id error" and env:command "verify" or nil)
end

-- The ids that were made, and the code so far.
local function upload_all(args, env, client, group)
  local made, code = {}, exits.DONE
  for _, url in ipairs(args.url) do
    local asset, failed
    if env.stop:came() then
      failed = env:failed(errors.one_line(links.shown(url)) .. " was not sent",
        env:command("portrait", "add", env.word(url), "--group", "GROUP"), exits.INTERRUPTED)
    else
      asset, failed = upload(env, client, url, group)
    end
    if asset then made[#made + 1] = asset.id else code = exits.first(code, failed) end
  end
  return made, code
end

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function portrait_add.run(args, env)
  if args.name and #args.url > 1 then
    return env:failed("--name is for one URL, since no two uploads may share a name", nil,
      exits.USAGE)
  end
  local group, code = page.group_of(env)
  if not group then return code end
  local client
  client, code = env:client()
  if not client then return code end
  local made, ids
  made, code = upload_all(args, env, client, group)
  ids = {}
  for _, id in ipairs(made) do
    local ready, failed = true, nil
    if args.wait then ready, failed = follow.portrait(env, client, id) end
    if ready then
      env.out:result(id)
      ids[#ids + 1] = id
    else
      code = exits.first(code, failed)
    end
  end
  env.fields.ids = ids
  if code ~= exits.DONE then return code end
  env.out:next(not args.wait and env:command("portrait", "wait", ids[1])
    or env:command("video", '"The person in {one} waves."', "--image", "one=" .. ids[1], "-o",
      "wave.mp4"))
  return code
end

return portrait_add
