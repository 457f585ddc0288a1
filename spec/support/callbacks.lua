--- What the specs of signed callbacks share.

local callback = require "pomex.callback"
local assert = require "luassert"

local callbacks = {
  SECRET = ("s"):rep(32), OTHER = ("t"):rep(40),
  ORIGIN = "https://app.example", BASE = "https://app.example/pomex/callback",
  GROUP = "group-20260619145855-snq4q", RACHEL = { subject = "rachel" },
}
callbacks.QUERY = "resultCode=10000&group_id=" .. callbacks.GROUP
  .. "&verify_type=real_time&algorithmBaseRespCode=0&reqMeasureInfoValue=1"

function callbacks.new(extra)
  local options = { secret = callbacks.SECRET }
  for key, value in pairs(extra or {}) do options[key] = value end
  return callback.new(options)
end

function callbacks.signed(cb, base, opts)
  return assert(cb:url(base or callbacks.BASE, opts or callbacks.RACHEL))
end

---Where the service sends the browser.
function callbacks.returned(url, query)
  local before, fragment = url:match("^([^#]*)(.*)$")
  local joint = before:find("?", 1, true) and "&" or "?"
  return before .. joint .. (query or callbacks.QUERY) .. fragment
end

function callbacks.state_of(url) return url:match("(v1%.[^/?#]*)") end

---Refused for that reason, by an error that shows nothing of the callback.
function callbacks.refused(reason, cb, text, opts)
  local person, err = cb:verify(text, opts or callbacks.RACHEL)
  assert.is_nil(person)
  assert.equal(reason, err.reason, tostring(err))
  local shown = { tostring(err) }
  for _, value in pairs(err) do shown[#shown + 1] = tostring(value) end
  shown = table.concat(shown, "\n")
  for _, secret in ipairs { callbacks.GROUP, callbacks.SECRET, callbacks.OTHER, "rachel",
    callbacks.state_of(text) } do
    assert.is_nil(shown:find(secret, 1, true))
  end
  return err
end

function callbacks.accepted(cb, text, opts)
  local person, err = cb:verify(text, opts or callbacks.RACHEL)
  assert.is_nil(err, tostring(err))
  assert.equal(callbacks.GROUP, person.group_id)
  return person
end

---A clock that stands still at `clock.now`, for all that reads the time by core.wall.
function callbacks.stop_clock()
  local core = require "pomex.core"
  local clock, wall = { now = 1800000000.25 }, core.wall
  core.wall = function() return clock.now end
  function clock.go() core.wall = wall end
  return clock
end

return callbacks
