--- The configuration of the command pomex: `$XDG_CONFIG_HOME/pomex/config`, or
--- ~/.config/pomex/config.
---
---     key_command = pass show pomex
---
---     [sandbox]
---     base_url = http://127.0.0.1:8765
---     key_file = /home/me/.sandbox-key
---
--- What stands above the first section holds for every run, a section for `--profile NAME` or
--- `$POMEX_PROFILE`. A "#" begins a line of comment. No key stands in it.

local errors = require "pomex.errors"

local config = {}

local KNOWN = {
  base_url = true, key_command = true, key_file = true, callback_url = true, rate_share = true,
  client_cert = true, client_key = true,
}

local function complaint(path, number, message, hint)
  local _, err = errors.invalid(nil, ("%s:%d: %s"):format(path, number, message), hint)
  return nil, err
end

-- One line into `sections`; nil and an error where it cannot be understood.
local function take(sections, current, line, path, number)
  if line == "" or line:find("^#") then return current end
  local section = line:match("^%[%s*([%w_.-]+)%s*%]$")
  if section then
    sections[section] = sections[section] or {}
    return sections[section]
  end
  local name, value = line:match("^([%w_]+)%s*=%s*(.*)$")
  if not name then return complaint(path, number, "this is neither NAME = VALUE nor [SECTION]") end
  -- The line is not shown: it has perhaps a key in it.
  if name == "key" or name == "api_key" then
    return complaint(path, number, "the key must not stand in this file",
      "name a program that prints it: key_command = …")
  end
  if not KNOWN[name] then
    return complaint(path, number, "there is no setting " .. errors.quoted(name),
      "base_url, callback_url, client_cert, client_key, key_command, key_file, rate_share")
  end
  value = value:match('^"(.*)"$') or value
  if name == "rate_share" and not tonumber(value) then
    return complaint(path, number, "rate_share must be a number from 0.001 to 1")
  end
  current[name] = value
  return current
end

---Where the configuration is looked for.
---@return string|nil path nil: neither $XDG_CONFIG_HOME nor $HOME is set
function config.path()
  local base, home = os.getenv "XDG_CONFIG_HOME", os.getenv "HOME"
  if base and base:find("^/") then return base .. "/pomex/config" end
  return home and home ~= "" and home .. "/.config/pomex/config" or nil
end

---Reads the configuration.
---@param profile? string the section to use
---@return table<string, string>|nil settings empty where there is no file; `path`: of the file
---@return pomex.Error? err a line that cannot be understood; a profile that is not there
function config.read(profile)
  local path = config.path()
  local file = path and io.open(path, "rb")
  local sections, common = {}, {}
  if file then
    local current, number, err = common, 0
    for line in file:lines() do
      number = number + 1
      current, err = take(sections, current, line:match("^%s*(.-)%s*$"), path, number)
      if not current then
        file:close()
        return nil, err
      end
    end
    file:close()
  end
  local settings = { path = file and path or nil }
  for name, value in pairs(common) do settings[name] = value end
  if profile and not sections[profile] then
    return errors.invalid(nil, "there is no profile " .. errors.quoted(profile),
      ("a line [%s] in %s begins one"):format(profile, path or "the configuration"))
  end
  for name, value in pairs(profile and sections[profile] or {}) do settings[name] = value end
  return settings
end

return config
