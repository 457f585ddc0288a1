--- What a browser asks of the web apps in docs/ and examples/nginx-app.conf, where the cookie
--- `user` stands for a log-in.

local nginx = require "spec.support.nginx"

local web = {}

---@class WebAnswer
---@field status integer
---@field location? string the path that it leads to
---@field body string

---@param server Nginx
---@param method string
---@param path string
---@param given? { user?: string, body?: string, key?: string }
---@return WebAnswer
function web.ask(server, method, path, given)
  given = given or {}
  local headers = (given.user and ("Cookie: user=%s\r\n"):format(given.user) or "")
    .. (given.key and ("Idempotency-Key: %s\r\n"):format(given.key) or "")
  local connection = server:send(path, given.body, headers, method)
  local answer, _, part = connection:receive "*a"
  connection:close()
  answer = answer or part
  local head, body = answer:match "^(.-\r\n)\r\n(.*)$"
  assert(head, answer)
  local location = head:match "\r\n[Ll]ocation: ([^\r]*)"
  return { status = tonumber(head:match "^HTTP/1.%d (%d+)"), body = body, head = head,
    location = location and location:gsub("^http://[^/]*", "") }
end

---Begins a scan.
---@param server Nginx with nginx.RUN
---@param user string
---@return string id of the attempt
---@return string h5_link
function web.begin(server, user)
  local answer = web.ask(server, "POST", "/scan", { user = user, body = "" })
  assert(answer.status == 303, answer.status)
  local id = assert((answer.location or ""):match "^/scan/(%x+)$", answer.location)
  return id, server:run(('return ngx.shared.attempts:get "link %s"'):format(id))
end

---What the phone's browser asks for after the scan.
---@param sb pomex.Sandbox
---@param link string
---@param outcome string
---@return string uri
function web.scanned(sb, link, outcome)
  return (assert(sb:scan(link, outcome)):gsub("^https://[^/]*", ""))
end

---Verifies a user, from the button to the page that the phone ends up at.
---@param server Nginx
---@param sb pomex.Sandbox
---@param user string
---@return string group
function web.verify(server, sb, user)
  local id, link = web.begin(server, user)
  local uri = web.scanned(sb, link, "pass")
  local answer = web.ask(server, "GET", uri)
  assert(answer.status == 303 and answer.location == "/scan/" .. id .. "/phone", answer.location)
  assert(web.ask(server, "GET", answer.location).body:find("Done", 1, true))
  return (uri:match "group_id=([^&]+)")
end

---Awaits that a page says so.
---@param server Nginx
---@param path string
---@param user string
---@param words string
---@return WebAnswer
function web.await(server, path, user, words)
  return nginx.await(path .. " " .. words, function()
    local answer = web.ask(server, "GET", path, { user = user })
    return answer.body:find(words, 1, true) and answer
  end)
end

---Orders a video.
---@param server Nginx
---@param given { user?: string, body?: string, key?: string }
---@return string path of the job
function web.ordered(server, given)
  given.user = given.user or "rachel"
  given.body = given.body or "{cat} hangs in image 7: {"
  local answer = web.ask(server, "POST", "/jobs", given)
  assert(answer.status == 202, answer.status)
  return "/jobs/" .. assert(answer.body:match "^(%x+)\n$")
end

---Awaits the state of a job.
---@param server Nginx
---@param path string of the job
---@param user string
---@param wanted string
function web.await_state(server, path, user, wanted)
  web.await(server, path, user, ('"state":"%s"'):format(wanted))
end

return web
