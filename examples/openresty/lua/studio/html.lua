--- HTML that is escaped by construction: a template's values are text unless they are themselves
--- the result of a template.
---
---     local name = '<b>'
---     h('<p class="{class}">{name}</p>', { class = "x", name = name })

local html = {}

local Raw = {}
Raw.__index = Raw
Raw.__tostring = function(self) return self.text end

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

---@param text any
---@return string
function html.escape(text)
  return (tostring(text):gsub("[&<>\"']", ENTITIES))
end

---Marks a string as HTML already: only for what this program made itself.
---@param text string
---@return table
function html.raw(text)
  return setmetatable({ text = text }, Raw)
end

html.NONE = html.raw ""

local function render(value)
  if getmetatable(value) == Raw then return value.text end
  if type(value) == "table" then
    local parts = {}
    for i, item in ipairs(value) do parts[i] = render(item) end
    return table.concat(parts)
  end
  if value == false then return "" end
  return html.escape(value)
end

---Fills `{name}` in a template: strings and numbers escaped, templates' results and lists of
---them as they are, false as nothing. A name without a value raises, so that none is misspelt.
---@param template string
---@param values? table
---@return table html
function html.template(template, values)
  return html.raw((template:gsub("{([%a_]+)}", function(name)
    local value = values and values[name]
    if value == nil then error("the template has no value for {" .. name .. "}", 0) end
    return render(value)
  end)))
end

---The template's result where `condition` holds, else nothing.
function html.when(condition, template, values)
  return condition and html.template(template, values) or html.NONE
end

---One template's result for each item: `values(item, index)` returns its values.
---@return table[]
function html.each(items, template, values)
  local parts = {}
  for i, item in ipairs(items) do parts[i] = html.template(template, values(item, i)) end
  return parts
end

return html
