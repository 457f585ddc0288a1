--- What an open page shows, kept up to date by server-sent events.
---
--- A page is made of regions, each an element with an id and the hash of its content. A stream
--- makes the page's regions again whenever something of its user has changed (a counter in a
--- lua_shared_dict, so in whichever worker) and sends those that differ. What changed without a
--- word, as when a worker was killed, is seen a few seconds later.

local cjson = require "cjson"
local html = require "studio.html"

local live = {}

local LOOK, BEAT, LONGEST = 0.2, 5, 600   -- seconds

---Something of this user's has changed.
---@param user_id string
function live.touch(user_id)
  ngx.shared.live:incr("changes:" .. user_id, 1, 0)
end

---@class studio.Region
---@field id string of the element
---@field body table html
---@field tag? string "div"
---@field class? string
---@field into? string id of the element that it is put into when it is new
---@field say? string what a screen reader is told when it changes

---@param region studio.Region
---@return table html the element
function live.element(region)
  return html.template('<{tag} class="{class}" id="{id}" data-v="{hash}">{body}</{tag}>', {
    tag = region.tag or "div", class = region.class or "", id = region.id,
    hash = ngx.md5(tostring(region.body)), body = region.body })
end

local function send(event)
  ngx.print("data: ", cjson.encode(event), "\n\n")
end

-- Sends what differs from `sent`, and which elements are no more.
local function send_changes(regions, sent)
  local there = {}
  for _, region in ipairs(regions) do
    local body = tostring(region.body)
    local hash = ngx.md5(body)
    there[region.id] = hash
    if sent[region.id] ~= hash then
      send { id = region.id, tag = region.tag or "div", class = region.class or "",
        into = region.into, v = hash, html = body, say = region.say }
    end
  end
  for id in pairs(sent) do
    if not there[id] then send { id = id, gone = true } end
  end
  return there
end

---Answers this request with a stream, until the browser goes, the worker is told to, or ten
---minutes have passed; the browser then comes back by itself, to the new worker.
---@param user_id string
---@param regions fun(): studio.Region[]|nil nil: what the page showed is gone
function live.stream(user_id, regions)
  local key, seen, sent, quiet = "changes:" .. user_id, nil, {}, 0
  ngx.header.content_type = "text/event-stream"
  ngx.header.cache_control = "no-store"
  ngx.header.x_accel_buffering = "no"   -- an nginx in front must not hold events back
  ngx.print "retry: 500\n\n"
  local ending = ngx.now() + LONGEST
  while not ngx.worker.exiting() and ngx.now() < ending do
    local version = ngx.shared.live:get(key) or 0
    if version ~= seen or quiet >= BEAT then
      local now = regions()
      if not now then return end
      ngx.print ":\n\n"
      seen, quiet = version, 0
      sent = send_changes(now, sent)
    end
    -- A browser that went shows itself here.
    if not ngx.flush(true) then return end
    ngx.sleep(LOOK)
    quiet = quiet + LOOK
  end
end

return live
