--- `pomex portrait`: the pictures of verified people.

local add = require "pomex.command.portrait_add"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local follow = require "pomex.command.follow"
local page = require "pomex.command.page"

local portrait = {}

local one_line = errors.one_line

local function describe_list(parser)
  page.describe(parser, {
    usage = "pomex portrait list --group GROUP [--status STATUS] [--max N]",
    what = "List portraits: id, status, time, name.",
    examples = { "pomex portrait list --group group-…",
      "pomex portrait list --group group-… --status failed --json" },
  })
  page.group(parser)
  parser:option "--status" :choices { "active", "processing", "failed" }
    :description "Only those of this status: active, processing or failed."
  parser:option "--name" :argname "NAME" :description "Only those with a similar name."
  page.most(parser)
end

local function describe_show(parser)
  page.describe(parser, {
    usage = "pomex portrait show ASSET [--all]",
    what = "Show one portrait.",
    examples = { "pomex portrait show asset-…" },
  })
  parser:argument "id" :argname "ASSET" :description "Its id."
  parser:flag "-a --all"
    :description "Its group and its signed link too (whoever has it can load it)."
end

local function describe_wait(parser)
  page.describe(parser, {
    usage = "pomex portrait wait ASSET [--timeout SECONDS]",
    what = "Wait until a portrait is active.",
    examples = { "pomex portrait wait asset-…" },
  })
  parser:argument "id" :argname "ASSET" :description "Its id."
  page.timeout(parser)
end

local function describe_save(parser)
  page.describe(parser, {
    usage = "pomex portrait save ASSET -o FILE [--force]",
    what = "Save the file of a portrait.",
    examples = { "pomex portrait save asset-… -o front.jpg" },
  })
  parser:argument "id" :argname "ASSET" :description "Its id."
  page.file(parser):count(1)
end

---@param parser table
function portrait.describe(parser)
  page.describe(parser, {
    usage = "pomex portrait add|list|show|wait|save …",
    what = "Upload portraits of verified people, and look after them.",
    examples = { "pomex portrait add https://yourcdn.com/front.jpg --group group-… --wait",
      "pomex portrait list --group group-…" },
  })
  parser:command_target "verb"
  add.describe(parser:command "add")
  describe_list(parser:command "list")
  describe_show(parser:command "show")
  describe_wait(parser:command "wait")
  describe_save(parser:command "save")
end

local function row(env, asset)
  env.out:change { type = "portrait", id = asset.id, status = asset.status, name = asset.name,
    created_at = asset.created_at, asset_type = asset.asset_type }
  return { one_line(asset.id), one_line(asset.status), page.time(asset.created_at),
    one_line(asset.name or "") }
end

local function list(args, env)
  local group, code = page.group_of(env)
  if not group then return code end
  local client
  client, code = env:client()
  if not client then return code end
  local rows, at, most = {}, 1, args.max or math.huge
  repeat
    local asked, err = env.stop:await(nil, client.async.assets:list { group_id = group,
      status = args.status, name = args.name, page = at, limit = math.min(100, most),
      sort_by = "create_time", sort_order = "asc" })
    if not asked then return env:failed(err) end
    local items = type(asked.items) == "table" and asked.items or {}
    for _, asset in ipairs(items) do
      if #rows < most then rows[#rows + 1] = row(env, asset) end
    end
    at = at + 1
  until #items < 100 or #rows >= most
  page.rows(env, rows)
  return exits.DONE
end

-- The asset, and the client; or nil and the code.
local function get(env)
  local client, code = env:client()
  if not client then return nil, code end
  local asset, err = env.stop:await(nil, client.async.assets:get(env.args.id))
  if not asset then
    return nil, env:failed(err, err.type == "not_found_error"
      and env:command("portrait", "list", "--group", "GROUP") or nil)
  end
  return asset, client
end

local SHOWN = { "id", "status", "name", "asset_type", "created_at", "updated_at" }
local ALL = { "group_id", "url" }

local function show(args, env)
  local asset, code = get(env)
  if not asset then return code end
  page.fields(env, asset, SHOWN)
  if args.all then page.fields(env, asset, ALL) end
  return exits.DONE
end

local function wait(args, env)
  local client, code = env:client()
  if not client then return code end
  local asset
  asset, code = follow.portrait(env, client, args.id)
  if not asset then return code end
  env.out:result(asset.id)
  env.fields.id = asset.id
  return exits.DONE
end

local function save(args, env)
  local client, code = env:client()
  if not client then return code end
  return follow.save(env, client, "portrait", args.id)
end

local VERBS = { add = add.run, list = list, show = show, wait = wait, save = save }

---@param args table
---@param env pomex.CommandEnv
---@return integer code
function portrait.run(args, env)
  return VERBS[args.verb](args, env)
end

return portrait
