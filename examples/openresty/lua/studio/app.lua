--- What all parts share: the settings, the client, its jobs, the callback's verifier, the database.

local db = require "studio.db"
local log = require "studio.log"
local pomex = require "pomex"
local schema = require "studio.schema"

---@class studio.App
---@field url string "https://127.0.0.1:8443": what browsers see, and the callback's origin
---@field state string the folder where everything that lasts lies
---@field sandbox boolean whether the service is the sandbox
---@field invite string what opens a studio; "": nothing is needed
---@field client pomex.Client one for all workers: made before the fork, opened after it
---@field jobs pomex.Jobs the same: each worker that uses it runs a thread of its own for the store
---@field callback pomex.CallbackVerifier
---@field notices pomex.Notices what the service calls when a video changes
local app = {}

local function read_secret(path)
  local file = assert(io.open(path, "rb"))
  local secret = file:read "*a"
  file:close()
  return (secret:gsub("%s+$", ""))
end

local function is_of_this_machine(url)
  return url:find "^https?://127%." or url:find "^https?://localhost"
end

---For init_by_lua: once at the start, and once a reload.
---@param settings { url: string, state: string, sandbox: boolean, invite: string }
function app.init(settings)
  app.url, app.state, app.sandbox = settings.url, settings.state, settings.sandbox
  app.invite = assert(settings.invite, 'invite is missing: "" lets everybody in')
  local secret = read_secret(app.state .. "/callback.secret")
  app.notices = pomex.notices.new { secret = secret, base = app.url .. "/notices" }
  app.client = pomex.check(pomex.new {
    host = "openresty", on_event = log.attempt,
    nudges = pomex.notices.shared_dict(ngx.shared.nudges),
    poll = { asset = { first = 0.5, factor = 1.5, max = 5 },
      generation = { first = 1, factor = 1.25, max = 10 } },
  })
  -- A service elsewhere cannot reach a studio of this machine, and may refuse such a URL.
  local reachable = is_of_this_machine(app.client:base_url()) or not is_of_this_machine(app.url)
  app.jobs = pomex.check(pomex.jobs.open(app.client, app.state .. "/jobs.db", {
    by = "studio", notices = reachable and app.notices or nil,
    pause_on_failures = false,   -- each job is another person's wish
    log = function(line) log.write(ngx.NOTICE, line) end,
  }))
  app.callback = pomex.callback.new {
    secret = secret, origin = app.url,
    store = pomex.callback.shared_dict(ngx.shared.callbacks),
  }
  -- A connection must not be carried over a fork: this one only makes the tables.
  local once = db.open(app.state .. "/studio.db")
  once:exec(schema)
  once:close()
end

---This worker's connection.
---@return studio.Db
function app.db()
  if not app.connection then
    app.connection = db.open(app.state .. "/studio.db")
    app.connection:exec [[pragma synchronous = full; pragma foreign_keys = on;
      pragma secure_delete = on]]
  end
  return app.connection
end

---A new name that nobody can guess.
---@return string 32 hexadecimal digits
function app.random_id()
  local file = assert(io.open("/dev/urandom", "rb"))
  file:setvbuf "no"
  local bytes = assert(file:read(16))
  file:close()
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

return app
