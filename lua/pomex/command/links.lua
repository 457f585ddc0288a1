--- Links of the person's own, as the command shows them: what stands behind the "?" is often a
--- signature, which is as good as the picture.

local links = {}

-- Stands for what is left out.
local LEFT_OUT = "?…"

---A word without the query of the link that it is, or that stands behind NAME=.
---@param word string
---@return string
function links.shown(word)
  return (word:gsub("^([%w_%-]*=?[Hh][Tt][Tt][Pp][Ss]?://[^%s?#]*)[?#]%S+$", "%1" .. LEFT_OUT))
end

---Whether something is left out in a command.
---@param command string
---@return boolean
function links.lacks(command)
  return command:find("://[^%s']*" .. LEFT_OUT:gsub("%?", "%%?")) ~= nil
end

return links
