--- Databases for specs, on the server of spec/support/postgresql.sh; and a way to one, which can be
--- cut.

local shell = require "spec.support.shell"

local databases = {
  ---Of the server; nil: there is none, and nothing that needs one is run.
  URL = os.getenv "POMEX_POSTGRESQL_URL",
}

local RELAY = (os.getenv "POMEX_BUILD_DIR" or "build/dev") .. "/spec/proof/jobs/jobs_relay"
local made = 0

local function bash(script)
  local output, ok = shell.bash(script)
  assert(ok, output)
  return output
end

---@class SpecWay
---@field url string of the database, by this way
local Way = {}
Way.__index = Way

---Nothing gets through, and what is connected is cut off.
function Way:cut()
  self.control:write "to 1\n"
end

---All is as it was.
function Way:mend()
  self.control:write(("to %s\n"):format(self.port)) -- at once: each write is read as it comes
end

function Way:stop()
  self.hold:close()
  self.pipe:close()
  self.control:close()
end

---A relay before the database of a URL.
---@param url string
---@return SpecWay
function databases.way(url)
  local folder = bash "mktemp -d":gsub("\n$", "")
  local self = setmetatable({ port = url:match ":(%d+)/" }, Way)
  bash(("mkfifo %s/hold %s/control"):format(folder, folder))
  self.pipe = assert(io.popen(("exec env -u LD_PRELOAD %s --to %s --seed 1 --share 0 "
    .. "--control %s/control --log /dev/null < %s/hold"):format(shell.quote(RELAY), self.port,
    folder, folder)))
  self.hold = assert(io.open(folder .. "/hold", "w"))
  local port = assert(self.pipe:read "*l", "the relay said nothing")
  self.control = assert(io.open(folder .. "/control", "w"))
  self.control:setvbuf "no"
  bash("rm -r " .. folder)
  self.url = url:gsub(":%d+/", ":" .. port .. "/")
  return self
end

---The URL of a database that is new.
---@param of? string the URL of another one, to which nobody is connected: it is a copy of that
---@return string
function databases.new(of)
  made = made + 1
  local name = ("spec_%s_%d"):format(bash "echo $PPID":gsub("\n", ""), made)
  local template = of and " TEMPLATE " .. of:match "[^/]*$" or ""
  bash(('"$POMEX_POSTGRESQL_BIN/psql" -X -q -d "$POMEX_POSTGRESQL_URL" -c "CREATE DATABASE %s%s"')
    :format(name, template))
  return (databases.URL:gsub("[^/]*$", name))
end

return databases
