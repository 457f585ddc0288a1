--- `pomex doctor`: what a report of a bug needs, one line each. It shows neither the key nor an
--- address of a proxy.

local campaign = require "pomex.command.campaign"
local errors = require "pomex.errors"
local exits = require "pomex.command.exits"
local page = require "pomex.command.page"
local stores = require "pomex.command.doctor_store"
local tty = require "pomex.command.tty"
local words_of = require "pomex.command.words"

local doctor = {}

---@param parser table
function doctor.describe(parser)
  page.describe(parser, {
    usage = "pomex doctor [--store FILE] [--out FOLDER]",
    what = "Check versions, libraries, key, service, clock and limits.",
    examples = { "pomex doctor", "pomex doctor --profile sandbox --json" },
    more = "Its lines can go into a bug report: there is no key in them.",
  })
  campaign.store(parser,
    "A store to ask, too, and how much of its disk is free. Default: the only *.jobs.db here.")
  parser:option "--out" :argname "FOLDER" :description "How much is free where a run saves to."
end

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text or ""
end

-- One line of the report. A fault's code counts for the end.
local function line(env, state, name, text, code)
  text = errors.one_line(text)
  env.out:change { type = "check", name = name, state = state, text = text }
  env.out:result(("%-6s %-10s %s"):format(state, name, text))
  if code then env.code = exits.first(env.code, code) end
end

local function versions(env)
  local pomex = require "pomex"
  local jit = rawget(_G, "jit")
  local lua = jit and ("%s, %s"):format(_VERSION, jit.version) or _VERSION
  local folder = debug.getinfo(1, "S").source:match("^@(.*)/command/[^/]*$") or "?"
  line(env, "ok", "pomex", ("%s in %s"):format(pomex.VERSION, folder))
  line(env, "ok", "lua", ("%s; argparse %s; lua-cjson %s"):format(lua,
    require("argparse").version or "?", require("cjson")._VERSION or "?"))
end

-- The libraries that are mapped into this process, by their real paths.
local function libraries(env)
  local built = {}
  for _, name in ipairs { "qr", "store" } do
    local found = pcall(require, "pomex." .. name .. "core")
    built[#built + 1] = (found and "with" or "without") .. " pomex." .. name .. "core"
  end
  local found, storecore = pcall(require, "pomex.storecore")
  if found and storecore.postgresql then built[#built + 1] = "with PostgreSQL" end
  line(env, "ok", "built", table.concat(built, ", "))
  local seen = {}
  for path in read("/proc/self/maps"):gmatch("%s(/[^\n]+%.so[^\n]*)") do
    local name = path:match("([^/]+)$")
    local wanted = path:find("pomex/", 1, true)
      or name:find("^libcurl") or name:find("^libjansson") or name:find("^libcrypto")
      or name:find("^libsqlite3") or name:find("^libqrencode") or name:find("^libpq")
      or name:find("^libz%.")
    if wanted and not seen[path] then
      local version = name:find("^libcurl") and read(path):match("libcurl/([%d.]+)")
      line(env, "ok", "library", version and ("%s (%s)"):format(path, version) or path)
    end
    seen[path] = true
  end
end

local function limits(env)
  local soft = read("/proc/self/limits"):match("Max open files%s+(%S+)")
  line(env, "ok", "limits", ("%s open files; a client sends up to 64 requests at once"):format(
    soft or "?"))
  local synchronized = io.open "/run/systemd/timesync/synchronized"
  if synchronized then synchronized:close() end
  local year = tonumber(os.date("!%Y"))
  line(env, year < 2024 and "fault" or "ok", "clock", os.date("!%Y-%m-%dT%H:%M:%SZ")
    .. (synchronized and ", kept by systemd-timesyncd" or ""), year < 2024 and exits.FAILED or nil)
  local streams = {}
  for i, name in ipairs { "stdin", "stdout", "stderr" } do
    if tty.is(i - 1) then streams[#streams + 1] = name end
  end
  local named = #streams > 0 and table.concat(streams, ", ") or "none"
  line(env, "ok", "terminal", ("%s; TERM=%s; %d by %d"):format(named, os.getenv "TERM" or "",
    tty.size()))
end

local PROXIES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" }

local function network(env)
  local set = {}
  for _, name in ipairs(PROXIES) do
    if (os.getenv(name) or "") ~= "" then set[#set + 1] = "$" .. name end
  end
  line(env, "ok", "proxy", #set > 0 and table.concat(set, ", ") or "none")
end

-- Asks the service for one page, once.
local function service(env, client)
  local started = client.async.assets:list({ group_id = require("pomex").VIRTUAL, limit = 1 },
    { timeout = 15, max_retries = 0 })
  local answer, err = env.stop:await(nil, started)
  if answer then
    line(env, "ok", "service", ("%s answered in %.3f s"):format(client:base_url(),
      env.seconds or 0))
    return line(env, "ok", "account", "the key is accepted; whether there is money left, only the "
      .. "service's console says")
  end
  local code = exits.of(err)
  if code == exits.REFUSED then
    line(env, "ok", "service", client:base_url() .. " answered")
    return line(env, "fault", "account", "the key is refused: " .. words_of(err), code)
  end
  line(env, "fault", "service", ("%s: %s"):format(client:base_url(), words_of(err)),
    code == exits.INTERRUPTED and code or exits.FAILED)
end

local function connection(env)
  local settings, err = env:settings()
  local found, client
  if not settings then
    return line(env, "fault", "config", words_of(err), exits.USAGE)
  end
  line(env, "ok", "config", settings.path or ("none at " .. (
    require("pomex.command.config").path() or "~/.config/pomex/config")))
  network(env)
  found, err = require("pomex.command.key").find(env.args, settings)
  if found then
    client, err = env:new_client(found, settings, { on_event = function(event)
      if event.name == "response" then env.seconds = event.seconds end
    end })
  end
  env.found_no_key = not found and exits.of(err) == exits.REFUSED
  if not client then
    local code = exits.of(err)
    return line(env, "fault", code == exits.REFUSED and "key" or "settings", words_of(err), code)
  end
  line(env, "ok", "key", "found: " .. found.source)
  service(env, client)
end

local function sandbox(env)
  local sb, err = require("pomex.sandbox").start()
  if not sb then return line(env, "-", "sandbox", err.message) end
  sb:stop()
  line(env, "ok", "sandbox", "pomex-sandbox starts")
end

---@param _ table
---@param env pomex.CommandEnv
---@return integer code
function doctor.run(_, env)
  env.code = exits.DONE
  versions(env)
  sandbox(env)
  connection(env)
  stores.tell(env, line)
  libraries(env)
  limits(env)
  if env.code == exits.DONE and env.needy then
    env.out:next(env.needy[1].command)
  elseif env.code == exits.DONE and stores.path(env) then
    env.out:next(env:command("jobs", "list", "--store", env.word(stores.path(env))))
  elseif env.code == exits.DONE then
    env.out:next(env:command "verify")
  elseif env.code == exits.REFUSED then
    if env.found_no_key then
      env.out:say "Without a key everything can be tried on the sandbox, where nothing is billed:"
      env.out:say "  pomex sandbox"
    end
    env.out:next "export POMEX_API_KEY=sk-…   # the key of your account; then pomex doctor"
  else
    env.out:next(env:command "doctor" .. "   # once what is called a fault is mended")
  end
  return env.code
end

return doctor
