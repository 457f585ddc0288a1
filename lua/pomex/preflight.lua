--- Looks at the assets of a generation before it is sent: whether each is there and active. Nothing
--- of that costs money.

local calls = require "pomex.calls"
local content = require "pomex.content"
local errors = require "pomex.errors"
local spend = require "pomex.spend"
local lower = require("pomex.text").lower

local preflight = {}

-- With fewer ids that are of no group known, one look at each is as few requests as a list.
local FEW = 3
local PAGE = 100

local MEDIA = { "image_url", "video_url", "audio_url" }

-- The ids of the assets that the parts name, each once, in their order.
local function ids_of(parts)
  local ids, seen = {}, {}
  for _, part in ipairs(type(parts) == "table" and parts or {}) do
    for _, name in ipairs(type(part) == "table" and MEDIA or {}) do
      local media = part[name]
      local url = type(media) == "table" and type(media.url) == "string" and media.url or ""
      local id = url:match("^[Aa][Ss][Ss][Ee][Tt]://(.+)$")
      if id and not seen[id] then
        seen[id] = true
        ids[#ids + 1] = id
      end
    end
  end
  return ids
end

---The group of the assets that a builder was given, of the first that has one.
---@param given any the content as the caller gave it
---@return string|nil
function preflight.group_of(given)
  for _, entry in ipairs(content.is(given) and given.entries or {}) do
    local group = type(entry.ref) == "table" and entry.ref.group_id
    if type(group) == "string" then return group end
  end
end

-- What the newest page of the group says of the assets. One that fails says nothing.
local function list(client, group, opts, found)
  local page = client.async.assets:list({ group_id = group, limit = PAGE }, opts):wait()
  for _, asset in ipairs(page and type(page.items) == "table" and page.items or {}) do
    if type(asset) == "table" and type(asset.id) == "string" then found[asset.id] = asset end
  end
end

-- To begin a call of a closed client raises, and nobody here could catch it.
local function closed()
  return nil, errors.bill(errors.new("cancelled_error", { attempts = 0, retryable = false,
    message = "the client was closed before the generation was sent" }), "no")
end

-- Looks at those that are not found yet, all at once. nil, err: one could not be looked at.
local function look(client, ids, opts, found)
  if calls.is_closed(client) then return closed() end
  local ops, failed = {}, nil
  for _, id in ipairs(ids) do
    if not found[id] then ops[#ops + 1] = client.async.assets:get(id, opts) end
  end
  for _, op in ipairs(ops) do
    local asset, err = op:wait()
    if asset then found[asset.id] = asset else failed = failed or err end
  end
  if failed then return nil, failed end
  return true
end

local function inactive(id, status)
  local _, err = errors.invalid("generations.create",
    ("asset %s is not active"):format(errors.quoted(id)),
    ("status is %s; assets:wait returns it when it is active"):format(errors.quoted(status)))
  err.id, err.last_status = id, type(status) == "string" and status or nil
  return nil, err
end

-- Whether every asset that the content names is active; else nil, and what stands against it.
local function all_active(client, parts, group, opts)
  local ids, found = ids_of(parts), {}
  if not group and #ids >= FEW then
    local seen, err = look(client, { ids[1] }, opts, found)
    if not seen then return nil, err end
    local first = found[ids[1]]
    group = first and type(first.group_id) == "string" and first.group_id or nil
  end
  if group and #ids >= 2 then list(client, group, opts, found) end
  local seen, err = look(client, ids, opts, found)
  if not seen then return nil, err end
  for _, id in ipairs(ids) do
    local status = found[id] and found[id].status
    if type(status) ~= "string" or lower(status) ~= "active" then return inactive(id, status) end
  end
  return true
end

---Looks at the assets, then creates; in a task.
---@param client pomex.Client
---@param payload table a checked copy
---@param group string|nil the group of its assets, as far as it is known
---@param opts table a checked copy; `timeout` and `max_retries` are of each look, too
---@return pomex.Generation|nil task
---@return pomex.Error? err
function preflight.create(client, payload, group, opts)
  local fine, err = all_active(client, payload.content, group,
    { timeout = opts.timeout, max_retries = opts.max_retries, headers = opts.headers })
  if fine and calls.is_closed(client) then fine, err = closed() end
  if not fine then return nil, err end
  opts.preflight = nil
  return spend.start(client, payload, opts):wait()
end

return preflight
