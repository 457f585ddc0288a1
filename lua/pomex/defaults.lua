--- What a client of `client:with` adds to the options of its calls.

local lower = require("pomex.text").lower

local defaults = {}

---The headers of `more`, and those of `base` whose names `more` does not have in any letters.
---@param base table<string, string>|nil
---@param more table<string, string>|nil
---@return table<string, string>|nil
function defaults.joined(base, more)
  if not base or not more then return more or base end
  local names, all = {}, {}
  for name, value in pairs(more) do names[lower(name)], all[name] = true, value end
  for name, value in pairs(base) do
    if not names[lower(name)] then all[name] = value end
  end
  return all
end

---A table of the fields of both, of which `more` wins.
---@param base table|nil
---@param more? table
---@return table
function defaults.over(base, more)
  local all = {}
  for key, value in pairs(base or {}) do all[key] = value end
  for key, value in pairs(more or {}) do all[key] = value end
  return all
end

---The options of a call with what its client adds to them.
---@param client pomex.Client
---@param what string "call", "download"; of a wait the endpoint of its looks
---@param opts table|nil a checked copy
---@return table|nil
function defaults.beneath(client, what, opts)
  local usual = client.defaults
  if not usual then return opts end
  usual = usual[what]
  if not opts then return usual end
  local all = defaults.over(usual, opts)
  all.headers = defaults.joined(usual.headers, opts.headers)
  return all
end

return defaults
