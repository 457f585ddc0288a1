--- A studio for each spec file that asks what becomes of its videos: a sandbox, the app on it, and
--- an owner whose person is verified and has one portrait, {rachel}.

local assert = require "luassert"
local busted = require "busted"
local process = require "spec.support.sandbox_process"
local shell = require "spec.support.shell"
local studio = require "spec.support.studio"

-- The lines of a text without those that have the pattern in them, and how many of these there are.
local function without(text, pattern)
  local left, count = (text .. "\n"):gsub("[^\n]*" .. pattern .. "[^\n]*\n", "")
  return left:gsub("\n+$", ""), count
end

---To be called within `describe`. The result has, from the set-up on: sb, app, owner, person (a
---path), group; and the functions below.
---@param allowed? string pattern of lines that may be in the log after any test
---@return table bed
return function(allowed)
  local bed = {}

  busted.setup(function()
    bed.sb = process.start { "--asset-seconds", "0", "--generation-seconds", "2",
      "--rate-limits", "off" }
    bed.app = studio.start(bed.sb)
    bed.owner = bed.app:visitor()
    local link
    bed.person, link = bed.owner:begin "Rachel"
    local callback = bed.sb:control("POST", "scan", { h5_link = link, outcome = "pass" }).location
    bed.group = callback:match "group_id=([^&]+)"
    bed.owner:get(callback)
    bed.owner:upload(bed.person, "rachel")
  end)

  busted.teardown(function()
    if bed.app then bed.app:remove() end
    if bed.sb then bed.sb:stop() end
  end)

  local billed

  busted.before_each(function()
    bed.sb:control("DELETE", "faults")
    bed.sb:control("DELETE", "journal")
    billed = bed.sb:control("GET", "ledger").generation
  end)

  busted.after_each(function()
    assert.equal("", (without(bed.app:problems(), allowed or "%z")))
  end)

  ---How often a video was asked for, and how many were billed, since the test began.
  function bed.asked()
    return #bed.sb:control("GET", "journal?endpoint=generations.create").requests,
      bed.sb:control("GET", "ledger").generation - billed
  end

  function bed.await_request(endpoint)
    bed.app:await(endpoint, function()
      return #bed.sb:control("GET", "journal?endpoint=" .. endpoint).requests > 0
    end)
  end

  ---Runs a statement on the studio's database.
  function bed.change(sql)
    local output, ok = shell.bash(([[luajit -e 'package.path = "examples/openresty/lua/?.lua"
      assert(require("studio.db").open(arg[1]):run(arg[2]) > 0)' - %s %s]]):format(
      shell.quote(bed.app.folder .. "/studio.db"), shell.quote(sql)))
    assert.is_true(ok, output)
  end

  ---The log holds so many lines of that pattern that complain, and no others; it begins anew.
  ---@param least? integer it may also be as few as this
  function bed.complained(pattern, times, least)
    least = least or times
    local left, count
    local function look()
      left, count = without(bed.app:problems(), pattern)
      left = without(left, allowed or "%z")
      return count >= least
    end
    -- The studio's own lines come once a second.
    bed.app:await(pattern .. " in the log", look)
    assert.equal("", left)
    assert.is_true(count >= least and count <= times, count .. " times " .. pattern)
    os.remove(bed.app.folder .. "/error.log")
    shell.bash("kill -USR1 " .. bed.app:master())
  end

  function bed.kill_workers()
    for pid in pairs(bed.app:workers()) do shell.bash("kill -KILL " .. pid) end
  end

  function bed.fault(fields)
    bed.sb:control("POST", "faults", fields)
  end

  return bed
end
