--- Loads the modules in C that pomex stands on. Where one is missing, or built for another Lua, the
--- error says which packages to install.

local needs = {}

local VERSION = _VERSION:match("%d+%.%d+")
local JIT = rawget(_G, "jit")
local RUNNING = type(JIT) == "table" and ("%s (Lua 5.1)"):format(JIT.version) or _VERSION

local HEADERS = JIT and "libluajit2-5.1-dev (libluajit-5.1-dev from Debian 13 on)"
  or ("liblua%s-dev"):format(VERSION == "5.1" and "5.1-0" or VERSION)

-- How to get each module for the Lua that runs.
local ADVICE = {
  cjson = VERSION == "5.5"
    and 'no distribution has it for Lua 5.5 yet; "luarocks --lua-version=5.5 install lua-cjson" '
      .. "builds it"
    or ('install it with "apt-get install lua-cjson" (Debian and Ubuntu, for every Lua), or '
      .. 'with "luarocks --lua-version=%s install lua-cjson"'):format(VERSION),
  ["pomex.core"] = ('build it in a clone of pomex with "cmake -S . -B build/install '
    .. '-DPOMEX_LUA=%s" or with "luarocks --lua-version=%s make --deps-mode=none"; on Debian that '
    .. "needs gcc make cmake pkg-config libcurl4-openssl-dev libjansson-dev libssl-dev zlib1g-dev "
    .. "%s"):format(JIT and "luajit" or VERSION, VERSION, HEADERS),
}

-- The Debian packages of the libraries that pomex/core.so needs when it runs.
local LIBRARIES = {
  ["libcurl.so.4"] = "libcurl4", ["libjansson.so.4"] = "libjansson4",
  ["libcrypto.so.3"] = "libssl3", ["libz.so.1"] = "zlib1g",
}

local SUPPORTED = { ["5.1"] = true, ["5.3"] = true, ["5.4"] = true, ["5.5"] = true }

-- Functions that a module in C uses, and the Lua that has them; the first that is found decides.
local SYMBOLS = {
  { "lua_newuserdatauv", "Lua 5.4 or 5.5" }, { "lua_setiuservalue", "Lua 5.4 or 5.5" },
  { "lua_rotate", "Lua 5.3" }, { "lua_setuservalue", "Lua 5.3" },
  { "lua_tonumberx", "Lua 5.2" }, { "lua_callk", "Lua 5.2" }, { "lua_pcallk", "Lua 5.2" },
  { "lua_tonumber", "Lua 5.1 or LuaJIT" }, { "lua_insert", "Lua 5.1 or LuaJIT" },
  { "lua_objlen", "Lua 5.1 or LuaJIT" },
}

-- For which Lua the module in the file `path` was built; nil where the file does not show it.
local function built_for(path)
  local library = rawget(_G, "io")
  local file = library and library.open and library.open(path, "rb")
  local bytes = file and file:read("*a")
  if file then file:close() end
  for _, symbol in ipairs(bytes and SYMBOLS or {}) do
    if bytes:find("\0" .. symbol[1] .. "\0", 1, true) then return symbol[2] end
  end
end

-- What is wrong and how to mend it, from what `require` said.
local function explain(name, why)
  if not SUPPORTED[VERSION] then
    return ("pomex runs under Lua 5.5, 5.4, 5.3, 5.1 and LuaJIT, and this is %s"):format(RUNNING)
  end
  local path = why:match("from file '([^\n]-)'")
  local missing = why:match("(lib[%w.+-]+): cannot open shared object")
  if missing then
    return ("pomex: the library %s, which %s needs, is missing: install it (%s)"):format(
      missing, name, LIBRARIES[missing] and "Debian: " .. LIBRARIES[missing] or "by its package")
  end
  local other = path and built_for(path)
  if other and not other:find(VERSION, 1, true) then
    return ("pomex: %s is built for %s, and %s runs; %s"):format(path, other, RUNNING, ADVICE[name])
  end
  if why:find("module '" .. name .. "' not found", 1, true) then
    return ("pomex: %s does not find the module %q; %s"):format(RUNNING, name, ADVICE[name])
  end
  return ("pomex: the module %q cannot be loaded into %s; %s"):format(name, RUNNING, ADVICE[name])
end

---`require(name)`, whose error names what to install for the Lua that runs.
---@param name "pomex.core"|"cjson"
---@return any module
function needs.load(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  error(("%s\n(%s)"):format(explain(name, tostring(module)), tostring(module)), 0)
end

return needs
