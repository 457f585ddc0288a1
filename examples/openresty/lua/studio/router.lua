--- From a request to the function that answers it.

local app = require "studio.app"
local forms = require "studio.forms"
local log = require "studio.log"
local page = require "studio.views.page"
local queue = require "studio.queue"
local session = require "studio.session"

local router = {}

local home = require "studio.pages.home"
local callback = require "studio.pages.callback"
local notices = require "studio.pages.notices"
local people = require "studio.pages.people"
local portraits = require "studio.pages.portraits"
local videos = require "studio.pages.videos"

local ID = "(" .. ("%x"):rep(32) .. ")"

-- { method, pattern of the path, handler, open = without a studio }
local ROUTES = {
  { "GET", "^/$", home.show, open = true },
  { "POST", "^/studio$", home.open, open = true },
  { "GET", "^/events$", home.events },
  { "POST", "^/people$", people.create },
  { "GET", "^/people/" .. ID .. "$", people.show },
  { "GET", "^/people/" .. ID .. "/events$", people.events },
  { "POST", "^/people/" .. ID .. "/verification$", people.verify },
  { "POST", "^/people/" .. ID .. "/portraits$", portraits.create },
  { "POST", "^/people/" .. ID .. "/delete$", people.delete },
  { "GET", "^/portraits/" .. ID .. "/picture$", portraits.picture },
  { "POST", "^/portraits/" .. ID .. "/resume$", portraits.resume },
  { "POST", "^/portraits/" .. ID .. "/delete$", portraits.delete },
  { "POST", "^/videos$", videos.create },
  { "GET", "^/videos/" .. ID .. "$", videos.show },
  { "GET", "^/videos/" .. ID .. "/events$", videos.events },
  { "GET", "^/videos/" .. ID .. "/file$", videos.file },
  { "POST", "^/videos/" .. ID .. "/resume$", videos.resume },
  { "POST", "^/videos/" .. ID .. "/resend$", videos.resend },
  { "POST", "^/videos/" .. ID .. "/delete$", videos.delete },
  -- The phone's: no cookie of ours is there, the path says who it is about.
  { "GET", "^/verified/" .. ID .. "/[^/]+$", callback.receive, open = true,
    get_only = true },   -- it uses the state up: not for a HEAD
  { "GET", "^/scan/" .. ID .. "$", callback.show, open = true },
}

local function find(method, path)
  local other
  for _, route in ipairs(ROUTES) do
    local found, _, id = path:find(route[2])
    local head = method == "HEAD" and route[1] == "GET" and not route.get_only
    if found and (route[1] == method or head) then
      return route, id
    end
    other = other or found and route[1]
  end
  return nil, other
end

local function answer(route, id)
  local request = { id = id, user = session.user() }
  if not request.user and not route.open then
    if route[1] == "POST" then return page.problem(403, request) end
    return page.problem(404, request)
  end
  if route[1] == "POST" then
    -- The cookie alone proves nothing: another page of this site's host may have sent the form.
    if ngx.var.http_origin ~= app.url then return page.problem(403, request) end
    request.form = forms.read()
    if not request.form then return page.problem(400, request) end
  end
  -- Not in a callback: jobs that it began would log as it does, which is nowhere.
  if request.user and not route.get_only then queue.catch_up(request.user.id) end
  return route[3](request)
end

---For content_by_lua.
function router.run()
  -- Cookies and forms belong to one name of the two.
  if ngx.var.host == "localhost" and app.url:find("//127.0.0.1", 1, true)
    and ngx.req.get_method() == "GET" then
    return page.go(app.url .. ngx.var.request_uri)
  end
  if ngx.var.uri:find "^/notices/" then return notices.receive() end
  local route, id = find(ngx.req.get_method(), ngx.var.uri)
  if not route then
    if id then ngx.header.allow = id end
    return page.problem(id and 405 or 404, { user = session.user() })
  end
  local ok, trace = xpcall(answer, debug.traceback, route, id)
  if ok then return end
  log.write(ngx.ERR, trace)
  if not ngx.headers_sent then page.problem(500, {}) end
end

return router
