--- Walking through the pages of a list.

local null = require("pomex.core").null
local raised = require("pomex.host.uncaught").raised

local pages = {}

-- What is asked of a list that the document describes, where the query does not say.
local DOCUMENTED = { limit = 100, sort_by = "create_time", sort_order = "asc" }

-- And of one that it does not: its service may have another `limit`, and not say so.
pages.UNSURE = { limit = 100 }

-- Whether no page follows this one; `news` items of it were not on a page before, and of all pages
-- there were `known`.
local function is_last(page, number, limit, news, known, usual)
  local items = page.items
  -- Nothing new: the list has become shorter, or the service ignores `page`.
  if #items == 0 or news == 0 then return true end
  local total = tonumber(page.total_count)
  if usual == pages.UNSURE then return total ~= nil and known >= total end
  local size = tonumber(page.page_size) or limit
  if total then return number * size >= total end
  return #items < size
end

---An iterator over the items of all pages, none of them twice.
---@param resource table with list(query, opts)
---@param given table the query; `limit` is of a page, `max` of all
---@param opts? pomex.CallOptions
---@param usual? table what is asked where the query does not say; pages.UNSURE: of such a list
---@return fun(): table|nil
function pages.each(resource, given, opts, usual)
  usual = usual or DOCUMENTED
  local query = {}
  for key, value in pairs(usual) do query[key] = value end
  for key, value in pairs(given) do
    if value ~= null then query[key] = value end
  end
  local remaining = query.max or math.huge
  query.max, query.page = nil, query.page or 1
  local seen, known, fresh, at, last = {}, 0, {}, 0, false

  local function fetch()
    local page, err = resource:list(query, opts)
    if not page then error(raised(err), 0) end
    if type(page.items) ~= "table" then
      error(("pomex: page %d of the list has no items"):format(query.page), 0)
    end
    fresh, at = {}, 0
    for _, item in ipairs(page.items) do
      local id = item.id
      if id == nil or not seen[id] then
        if id ~= nil then seen[id] = true end
        fresh[#fresh + 1] = item
      end
    end
    known = known + #fresh
    last = is_last(page, query.page, query.limit, #fresh, known, usual)
    query.page = query.page + 1
  end

  return function()
    if remaining <= 0 then return nil end
    while at >= #fresh do
      if last then return nil end
      fetch()
    end
    at, remaining = at + 1, remaining - 1
    return fresh[at]
  end
end

return pages
