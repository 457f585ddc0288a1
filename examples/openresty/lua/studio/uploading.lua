--- The job of one portrait: send it, once, and wait until the service has looked at it.

local app = require "studio.app"
local errors_text = require "studio.errors_text"
local portraits = require "studio.portraits"

local uploading = {}

---@param row table
---@param note string
function uploading.stop(row, note)
  portraits.update(row, { stuck = 1, note = note })
end

-- Returns whether there is something to wait for.
local function send(row)
  if not portraits.claim(row) then return false end
  local person = app.db():row("select * from people where id = ?", row.person_id)
  local asset, err = app.client.assets:create { url = row.url, asset_type = "Image",
    group_id = person.group_id, name = row.name }
  if asset then
    row.asset_id = asset.id
    portraits.update(row, { stage = "processing", asset_id = asset.id })
    return true
  end
  local unclear = err.type == "ambiguous_error"
  portraits.update(row, { stage = unclear and "unclear" or "failed",
    note = errors_text.upload(err) })
  -- The service's list may show it.
  if unclear then portraits.sync(person) end
  return false
end

---@param row table
---@param job { leaving?: boolean, operation?: pomex.Operation }
function uploading.run(row, job)
  if row.stage == "sending" then
    portraits.update(row, { stage = "unclear", note = errors_text.LOST_UPLOAD })
    portraits.sync(app.db():row("select * from people where id = ?", row.person_id))
    return
  end
  if row.stage == "new" and not send(row) or job.leaving then return end
  job.operation = app.client.async.assets:wait(row.asset_id)
  local asset, err = job.operation:wait()
  if asset then return portraits.update(row, { stage = "active", note = "" }) end
  if err.type == "asset_failed" then
    return portraits.update(row, { stage = "failed", note = errors_text.reason(err) })
  end
  -- What ran out of time is looked at again by the next round.
  if job.leaving or err.type == "timeout_error" then return end
  uploading.stop(row, errors_text.waiting(err))
end

return uploading
