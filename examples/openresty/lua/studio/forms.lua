--- What browsers post: read, and checked.

local forms = {}

local MOST_FIELDS = 20

---The fields of the form, as strings without blanks at the ends.
---@return table<string, string>|nil
function forms.read()
  ngx.req.read_body()
  local args, err = ngx.req.get_post_args(MOST_FIELDS)
  if not args or err then return nil end
  local fields = {}
  for name, value in pairs(args) do
    if type(value) ~= "string" then return nil end
    fields[name] = value:gsub("\r\n?", "\n"):match "^%s*(.-)%s*$"
  end
  return fields
end

---A form's token: the same form sent twice does its work once.
---@param fields table
---@return string|nil
function forms.once(fields)
  local once = fields.once
  return once and #once == 32 and not once:find "%X" and once or nil
end

---How many characters of UTF-8.
---@param text string
---@return integer
function forms.length(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

---@param text string|nil
---@param what string "a name"
---@return string|nil message what is wrong with it
function forms.bad_name(text, what)
  if not text or text == "" then return "Give " .. what .. "." end
  if forms.length(text) > 40 then return "That is too long: at most 40 characters." end
  if text:find "%c" then return "A name is one line of text." end
end

---@param text string|nil
---@return string|nil message
function forms.bad_reference(text)
  return forms.bad_name(text, "a name that prompts can use")
    or text:find "[{}]" and "A name must not hold a brace." or nil
end

---@param url string|nil
---@return string|nil message
function forms.bad_link(url)
  if not url or url == "" then return "Give the link of a picture." end
  if #url > 2000 then return "That link is too long." end
  if not url:find "^https://[^/?#%s]+/[^%s]+$" then
    return "The service fetches the picture itself: it needs a public https link to the file, "
      .. "such as https://cdn.example/rachel.jpg."
  end
end

return forms
