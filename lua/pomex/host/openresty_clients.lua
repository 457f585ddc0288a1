--- The clients that the pump of the host "openresty" looks after, and the bell of its bridge, which
--- rings when a client has been idle for a moment.

local watcher = require "pomex.host.watcher"

local clients = {
  linger = 0.25, -- seconds for which idle clients stay watched
  bridge = nil,  -- of the pump that runs, if it has one
  ---@type table<integer, pomex.Client>
  watched = {},
  worked = {},   -- the watched clients that had work since the bell rang
}

local ngx, watched, worked = ngx, clients.watched, clients.worked
local exiting = ngx.worker.exiting

local ringing -- the bell will ring within `linger`

---@param message string
function clients.log(message)
  ngx.log(ngx.ERR, "pomex: ", message)
end

--- Steps a client; what it raises goes to the log.
---@param client pomex.Client
function clients.step(client)
  watcher.step(client, clients.log)
end

--- Has the bell ring when idle clients have lingered.
function clients.ring()
  if clients.bridge and not ringing then
    ringing = true
    clients.bridge:ring_in(clients.linger)
  end
end

--- Has the bell ring then, and not before, unless `ring` asks for it.
---@param seconds number
function clients.ring_in(seconds)
  ringing = nil -- a client that becomes idle meanwhile rings earlier
  if clients.bridge then clients.bridge:ring_in(seconds) end
end

---@param fd integer
---@param client pomex.Client
function clients.forget(fd, client)
  if watched[fd] ~= client then return end
  watched[fd], worked[fd] = nil, nil
  client.loop.end_watch = nil
  if clients.bridge then clients.bridge:unwatch(fd) end
  -- Perhaps it was the last client: the bell wakes the pump.
  clients.ring()
end

--- The bell rings only while a client is idle. A client that has been idle since the bell last rang
--- is no longer watched.
function clients.bell()
  ringing = nil
  for fd, client in pairs(watched) do
    if client.loop:unfinished() == 0 then
      if worked[fd] and not exiting() then clients.ring() else clients.forget(fd, client) end
    end
    worked[fd] = nil
  end
end

--- Steps every watched client. Returns how much is unfinished.
---@return integer
function clients.step_all()
  local all, unfinished = {}, 0
  for fd, client in pairs(watched) do all[fd] = client end
  for fd, client in pairs(all) do
    if watched[fd] == client then clients.step(client) end
    local pending = client.loop:unfinished()
    unfinished = unfinished + pending
    if pending == 0 then clients.forget(fd, client) end
  end
  return unfinished
end

--- Closes the clients, because nothing would end their waits any more.
function clients.close_all()
  local all = {}
  for fd, client in pairs(watched) do
    all[#all + 1], watched[fd] = client, nil
  end
  for _, client in ipairs(all) do client.loop:close() end
end

--- The pump has ended, and its bridge with it.
function clients.drop_bridge()
  if clients.bridge then clients.bridge:close() end
  clients.bridge, ringing = nil, nil
end

return clients
