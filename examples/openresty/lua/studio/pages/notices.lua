--- What the service calls when a video changes: who waits for that video looks at once, and one
--- whose answer was lost is found again. Nothing of a notice is believed but its path.

local app = require "studio.app"
local queue = require "studio.queue"

local pages = {}

function pages.receive()
  ngx.req.read_body()
  local tag, id = app.notices:receive(ngx.var.request_uri, ngx.req.get_method(),
    ngx.req.get_body_data())
  if not tag then return ngx.exit(id.status) end
  queue.notice(tag, id)
  ngx.exit(204)
end

return pages
