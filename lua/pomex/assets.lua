--- Portrait assets.

local calls = require "pomex.calls"
local errors = require "pomex.errors"
local options = require "pomex.options"
local pages = require "pomex.pages"
local get = require("pomex.plain").get
local saving = require "pomex.saving"
local VIRTUAL = require("pomex.values").VIRTUAL

local KINDS, require_waitable = calls.KINDS, calls.require_waitable
local optional, sent, id_of = options.optional, options.sent, calls.id_of

local BODY = { url = "string", asset_type = "string", group_id = "group", name = "string" }
local LIST = {
  group_id = "group", status = "strings", name = "string", page = "number", limit = "number",
  sort_by = "string", sort_order = "string",
}
local EACH = { max = "whole" }
for key, kind in pairs(LIST) do EACH[key] = kind end

-- Takes pomex.VIRTUAL out of `copy`: a request without a group_id is for the default Virtual group.
local function without_virtual(copy)
  if rawequal(copy.group_id, VIRTUAL) then copy.group_id = nil end
  return copy
end

local function checked_body(where, body)
  local copy = sent(where, body, BODY, "body")
  if copy.group_id == nil then
    options.misuse(where .. ": group_id must be given: a verified person's, or pomex.VIRTUAL for "
      .. "the default Virtual group")
  end
  return copy
end

-- Marks a task that asks for no video, whatever else it waits for.
local function unbilled(task)
  task.unbilled = true
  return task
end

---@class pomex.AsyncAssets
---@field client pomex.Client
local AsyncAssets = {}
AsyncAssets.__index = AsyncAssets

local function create(client, where, body, opts)
  local copy = without_virtual(checked_body(where, body))
  opts = optional(where, opts, options.CALL)
  return calls.start(client, KINDS["assets.create"], nil, copy, opts)
end

---As `client.assets:create`.
---@param body pomex.AssetBody
---@param opts? pomex.CallOptions
---@return pomex.AssetOperation
function AsyncAssets:create(body, opts)
  return create(self.client, "assets:create", body, opts)
end

---As `client.assets:get`.
---@param asset string|pomex.Asset
---@param opts? pomex.CallOptions
---@return pomex.AssetOperation
function AsyncAssets:get(asset, opts)
  opts = optional("assets:get", opts, options.CALL)
  local id = id_of("assets:get", "asset", asset)
  return calls.start(self.client, KINDS["assets.get"], id, nil, opts)
end

---As `client.assets:list`.
---@param query? pomex.AssetQuery
---@param opts? pomex.CallOptions
---@return pomex.AssetPageOperation
function AsyncAssets:list(query, opts)
  if query ~= nil then
    query = without_virtual(sent("assets:list", query, LIST, "query"))
  end
  opts = optional("assets:list", opts, options.CALL)
  return calls.start(self.client, KINDS["assets.list"], nil, query, opts)
end

-- The group that the asset says, as it can stand in a query.
local function group_of(asset)
  local group = type(asset) == "table" and asset.group_id
  return type(group) == "string" and not group:find "%c" and group or nil
end

---As `client.assets:wait`.
---@param asset string|pomex.Asset
---@param opts? pomex.WaitOptions
---@return pomex.AssetOperation
function AsyncAssets:wait(asset, opts)
  opts = optional("assets:wait", opts, options.WAIT)
  local id = id_of("assets:wait", "asset", asset)
  return calls.start_wait(self.client, KINDS["assets.get"], id, opts, group_of(asset))
end

---As `client.assets:download`.
---@param asset string|pomex.Asset
---@param path string
---@param opts? pomex.AssetDownloadOptions
---@return pomex.FileOperation
function AsyncAssets:download(asset, path, opts)
  return saving.of_asset(self.client, asset, path, opts)
end

---As `client.assets:create_and_wait`, in a task.
---@param body pomex.AssetBody
---@param opts? pomex.CreateAndWaitOptions
---@return pomex.AssetTask
function AsyncAssets:create_and_wait(body, opts)
  body = checked_body("assets:create_and_wait", body)
  opts = optional("assets:create_and_wait", opts, options.CREATE_AND_WAIT)
  local assets = self.client.assets
  return unbilled(calls.spawn(self.client, assets.create_and_wait, assets, body, opts))
end

---As `client.assets:confirm_group`, in a task.
---@param group_id string
---@param opts? pomex.CallOptions
---@return pomex.GroupTask
function AsyncAssets:confirm_group(group_id, opts)
  options.expect("assets:confirm_group", "group_id", group_id, "string")
  opts = optional("assets:confirm_group", opts, options.CALL)
  local assets = self.client.assets
  return unbilled(calls.spawn(self.client, assets.confirm_group, assets, group_id, opts))
end

---@class pomex.Assets
---@field async pomex.AsyncAssets
local Assets = {}
Assets.__index = Assets

---Uploads a portrait. Returns at once, with `status` "processing": `wait` waits until it is active.
---An upload whose answer was lost is looked up by its name, so leave the name out, or let no two
---uploads of any process share one. Document section: Upload an Asset.
---@param body pomex.AssetBody
---@param opts? pomex.CallOptions
---@return pomex.Asset|nil asset
---@return pomex.Error? err invalid_request_error; ambiguous_error: perhaps it was uploaded
---  (`candidates` are the ids of assets that can be it), and it was not sent again
function Assets:create(body, opts)
  return require_waitable(self.async):create(body, opts):wait()
end

---Document section: Get an Asset.
---@param asset string|pomex.Asset an id, or an object with one
---@param opts? pomex.CallOptions
---@return pomex.Asset|nil asset
---@return pomex.Error? err not_found_error, …
function Assets:get(asset, opts)
  return get(self.async, KINDS["assets.get"], asset, opts)
end

---One page. Document section: List Assets.
---@param query? pomex.AssetQuery without group_id (or pomex.VIRTUAL): the default Virtual group
---@param opts? pomex.CallOptions
---@return pomex.AssetPage|nil page
---@return pomex.Error? err
function Assets:list(query, opts)
  return require_waitable(self.async):list(query, opts):wait()
end

---Polls until the asset is "active". Where ten or more wait for assets of one group, a page of the
---group's list is a look for all of them. Document sections: Get an Asset, List Assets.
---@param asset string|pomex.Asset an id, or an object with one; its `group_id`, if it has one, is
---  the group of that list
---@param opts? pomex.WaitOptions timeout: 600 s in all
---@return pomex.Asset|nil asset
---@return pomex.Error? err asset_failed (`object`: the service's answer); timeout_error (`id`,
---  `last_status`)
function Assets:wait(asset, opts)
  return require_waitable(self.async):wait(asset, opts):wait()
end

---`create`, then `on_created(asset)`, then `wait`.
---@param body pomex.AssetBody
---@param opts? pomex.CreateAndWaitOptions timeout: seconds for all of it
---@return pomex.Asset|nil asset
---@return pomex.Error? err
function Assets:create_and_wait(body, opts)
  opts = optional("assets:create_and_wait", opts, options.CREATE_AND_WAIT)
  local client = require_waitable(self.async).client
  return calls.create_and_wait(self, client, create, "assets:create_and_wait", body, opts)
end

---Saves the asset's own file, as `client.generations:download` saves a video: whole or not at all,
---continued where it broke off, and over no other file without `overwrite`.
---@param asset string|pomex.Asset an id, or an object with one
---@param path string
---@param opts? pomex.AssetDownloadOptions
---@return pomex.File|nil file
---@return pomex.Error? err
function Assets:download(asset, path, opts)
  return require_waitable(self.async):download(asset, path, opts):wait()
end

---Whether a group is one of this account's: "ours" if an asset of it is listed, "foreign" if the
---service says `group id error`, "unknown" if no asset is listed, as for every new group. None of
---these says whose face it is: an app must itself turn away a group that already belongs to another
---of its users. Document section: Common 400 messages.
---@param group_id string
---@param opts? pomex.CallOptions
---@return pomex.GroupOwner|nil owner
---@return pomex.Error? err the service did not say
function Assets:confirm_group(group_id, opts)
  options.expect("assets:confirm_group", "group_id", group_id, "string")
  local page, err = self:list({ group_id = group_id, limit = 1 }, opts)
  if err and err.status == 400 and err.message == "group id error" then return "foreign" end
  if not page then return nil, err end
  if type(page.items) ~= "table" then
    return nil, errors.bill(errors.new("decode_error", {
      message = "the list has no items", endpoint = "assets.list", retryable = false }), "no")
  end
  -- The group is looked at here, too: the service might ignore a filter that it does not know.
  for _, asset in ipairs(page.items) do
    if type(asset) == "table" and asset.group_id == group_id then return "ours" end
  end
  return "unknown"
end

---Iterates over the assets of all pages, none of them twice: `for asset in client.assets:each{ …
---} do`. Raises if a page fails. PUC Lua 5.1 cannot yield in an iterator: in a coroutine task, call
---`list` there.
---@param query? pomex.EachQuery `limit` is of a page (default 100), `max` of all; the order is by
---  "create_time", "asc", unless the query says another
---@param opts? pomex.CallOptions of the call for each page
---@return fun(): pomex.Asset|nil
function Assets:each(query, opts)
  if query ~= nil then query = sent("assets:each", query, EACH, "query") end
  opts = optional("assets:each", opts, options.CALL)
  return pages.each(self, query or {}, opts)
end

options.methods(AsyncAssets, "client.async.assets")
options.methods(Assets, "client.assets")

return function(client, async)
  async.assets = setmetatable({ client = client }, AsyncAssets)
  client.assets = setmetatable({ async = async.assets }, Assets)
end
