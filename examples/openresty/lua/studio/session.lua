--- Who is asking. A studio belongs to the browser that opened it: its cookie holds a random
--- token, the database a digest of that. An app with accounts of its own puts them in here.

local app = require "studio.app"

local session = {}

-- The prefix binds it to this very host, https and every path; Lax: a page of another site
-- cannot post with it.
local NAME = "__Host-studio"
local FORM = NAME .. "=%s; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax"

-- The code of the link that opens a studio, from the link's page to the form's answer.
local INVITE = "__Host-invite"
local INVITE_FORM = INVITE .. "=%s; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"

local function digest(token)
  return ngx.encode_base64(ngx.sha1_bin(token))
end

---@return table|nil user
function session.user()
  local token = ngx.var["cookie_" .. NAME]
  if not token or #token ~= 64 then return nil end
  return app.db():row("select * from users where token_hash = ?", digest(token))
end

---@param code string
function session.invite(code)
  ngx.header["Set-Cookie"] = INVITE_FORM:format(code)
end

---@return string|nil code
function session.invitation()
  return ngx.var["cookie_" .. INVITE]
end

---Opens a studio and gives the browser its cookie.
---@param name string
function session.open(name)
  local token = app.random_id() .. app.random_id()
  app.db():run("insert into users (id, name, token_hash, created) values (?, ?, ?, ?)",
    app.random_id(), name, digest(token), ngx.time())
  ngx.header["Set-Cookie"] = FORM:format(token)
end

return session
