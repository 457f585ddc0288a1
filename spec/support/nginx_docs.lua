--- Starts nginx with a configuration that the pages show.

local nginx = require "spec.support.nginx"
local pages = require "spec.support.pages"

local docs = {}

---Of the clients of the pages: the looks that a spec wants.
docs.OFTEN_OF, docs.OFTEN = "pomex%.new%(%)",
  "pomex.new { poll = { generation = { first = 0.1, max = 0.1 } } }"

---What stands before the first location goes into http { }, the rest into server { }.
---@param sb pomex.Sandbox
---@param name string of the code
---@param words table<string, string> patterns, each of which is there, and what takes their place
---@param check fun(server: Nginx)
---@param config? string a whole configuration, whose Lua finds pomex by its own paths alone
---@return Nginx running which has ended
function docs.with(sb, name, words, check, config)
  local code = pages.code(name)
  for word, by in pairs(words) do
    local count
    code, count = code:gsub(word, by)
    assert(count > 0, word)
  end
  local first = assert(code:find("\nlocation", 1, true))
  local running = nginx.start { http = code:sub(1, first), server = code:sub(first) .. nginx.RUN,
    config = config, env = { POMEX_BASE_URL = sb.url, POMEX_API_KEY = sb.key,
      LUA_PATH = config and ";;", LUA_CPATH = config and ";;" } }
  local ok, why = pcall(check, running)
  running:stop "QUIT"
  assert(ok, why)
  return running
end

return docs
