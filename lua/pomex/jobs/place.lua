--- Where a store is: a file, or a database's URL, whose password is shown nowhere.

local errors = require "pomex.errors"

local place = {}

-- A shorter password is not looked for in the words of others: it would be found in any.
local SHORTEST = 4

---Whether the path of a store is the URL of a PostgreSQL database.
---@param path string
---@return boolean
function place.is_url(path)
  return path:find "^postgresql://" ~= nil or path:find "^postgres://" ~= nil
end

-- The password before the "@" of a URL, as libpq reads it: nothing of it is behind a "/". What
-- looks like one that should have been escaped is one, too; "host:5432/…" is none.
local function of_user(url)
  local from = url:match "^postgres[ql]*://[^:@/?#%[]*:()"
  if not from then return nil end
  local rest = url:sub(from)
  local strict = rest:match "^[^@/]*()@"
  if strict then return from, from + strict - 2 end
  if rest:find "^%d*[/?,\"')]" or rest:find "^%d*$" then return nil end
  local last = rest:match "^.*()@"
  return from, last and from + last - 2 or #url
end

-- Goes over the passwords in a text that is a URL of a database, or has some in it, and puts `by`
-- for each. In one that is such a URL (or "--store=URL") a space is the URL's.
local function replaced(text, by)
  local whole = text:find "^%-?%-?%w*=?postgres[ql]*://"
  text = text:gsub(whole and "postgres[ql]*://.+" or "postgres[ql]*://%S+", function(url)
    local from, to = of_user(url)
    if from then url = url:sub(1, from - 2) .. by(url:sub(from, to)) .. url:sub(to + 1) end
    url = url:gsub("([?&])([%w_]*[Pp][Aa][Ss][Ss][%w_]*)=([^&]*)", function(mark, name, value)
      -- The name of a file with passwords is none.
      if name == "passfile" then return nil end
      by(value)
      return mark
    end)
    return (url:gsub("([?&])&+", "%1"):gsub("[?&]$", ""))
  end)
  return text
end

---A text without the passwords of the URLs in it.
---@param text string
---@return string
function place.shown(text)
  if not text:find("postgres", 1, true) then return text end
  return replaced(text, function() return "" end)
end

---The passwords in a URL, as they stand there and as they are meant.
---@param url string
---@return string[]
local function passwords(url)
  local list = {}
  replaced(url, function(found)
    list[#list + 1] = found
    list[#list + 1] = found:gsub("%%(%x%x)", function(hex)
      return string.char(tonumber(hex, 16))
    end)
    return ""
  end)
  return list
end

---What makes a text of libpq's or of the store's fit to be shown: nothing in it is a password of
---the URL.
---@param path string of a store
---@return fun(text: string): string
function place.veil(path)
  if not place.is_url(path) then return function(text) return text end end
  local found = passwords(path)
  return function(text)
    text = place.shown(text)
    for _, password in ipairs(found) do
      if #password >= SHORTEST then
        text = text:gsub(password:gsub("%p", "%%%0"), "***")
      end
    end
    return text
  end
end

---Whether libpq will read the URL as it is meant.
---@param path string
---@return boolean|nil fine
---@return pomex.Error? err invalid_request_error
function place.check(path)
  if not place.is_url(path) then return true end
  local from, to = of_user(path)
  if path:find "[%s%c]" or from and path:sub(from, to):find "[/?#]" then
    return errors.invalid("jobs", "this URL of a database cannot be read",
      "in a password \"/\" is written %2F, \"@\" %40, \"#\" %23, \"?\" %3F, and \"%\" %25; better, "
        .. "leave it out and put it into ~/.pgpass")
  end
  return true
end

---Whether a password stands in a URL, where each process list shows it.
---@param path string
---@return boolean
function place.has_password(path)
  return place.is_url(path) and #passwords(path) > 0
end

return place
