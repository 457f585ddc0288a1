--- What must outlive the window: whose face was verified (one verification, many portraits),
--- and the video that is being made and paid for. A small JSON file, always whole.

local cjson = require "cjson"

local saved = {}

local function read(path)
  local file = io.open(path, "rb")
  if not file then return {} end
  local ok, all = pcall(cjson.decode, file:read("*a"))
  file:close()
  if ok and type(all) == "table" then return all end
  os.rename(path, path .. ".bad")   -- what it names may be paid for: not for us to overwrite
  return {}
end

---@param path string
---@param base_url string of the service that the ids belong to
---@return table ids group_id, asset_id, task_id: those that are known
function saved.load(path, base_url)
  local ids = read(path)[base_url]
  return type(ids) == "table" and ids or {}
end

---@param path string
---@param base_url string
---@param ids table
---@return boolean|nil ok
---@return string? why
function saved.store(path, base_url, ids)
  local all, draft = read(path), path .. "~"
  all[base_url] = ids
  local file, why = io.open(draft, "wb")
  if not file then return nil, why end
  local written = file:write(cjson.encode(all))
  if not (file:close() and written) then return nil, "cannot write " .. draft end
  return os.rename(draft, path)
end

return saved
