--- Loads a module that the command needs and the library does not.

local VERSION = _VERSION:match("%d+%.%d+")

---`require(name)`, whose error says what to install.
---@param name "argparse"
---@return any module
return function(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  -- Found, and ended by something else: a fault of its own, or Ctrl-C while it loaded.
  if not tostring(module):find(("module '%s' not found"):format(name), 1, true) then
    error(module, 0)
  end
  error(('the command needs %s for Lua %s: "apt-get install lua-%s" (Debian and Ubuntu), or '
    .. '"luarocks --lua-version=%s install %s"'):format(name, VERSION, name, VERSION, name), 0)
end
