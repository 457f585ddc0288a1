-- A queue of jobs in nginx, on a disk that is slow: no worker waits for it. #once #openresty

local nginx = require "spec.support.nginx"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local slow_disk = require "spec.support.slow_disk"
local socket = require "socket"

describe("a queue of jobs in nginx #once #openresty", function()
  local sb, server, folder

  setup(function()
    sb = assert(sandbox.start { rate_limits = false, asset_seconds = 0 })
    folder = os.tmpname()
    os.remove(folder)
    shell.bash("mkdir " .. folder)
  end)
  teardown(function()
    if server then server:stop("QUIT") end
    sb:stop()
    os.execute("rm -rf " .. folder)
  end)

  it("holds up no other request while each sync of its disk takes 0.3 s", function()
    server = nginx.start { http = nginx.client(sb, "openresty"), server = nginx.RUN,
      env = { LD_PRELOAD = slow_disk.build(folder),
        POMEX_SYNC_SECONDS = tostring(slow_disk.SECONDS) } }
    local connection = server:send("/run", ([[
      jobs = pomex.check(pomex.jobs.open(client, "%s/jobs.db",
        { file_system = "any", log = function() end }))
      local list = {}
      for i = 1, 8 do
        list[i] = { key = "p" .. i, portrait = { url = "https://cdn.example/a.png",
          asset_type = "Image", group_id = "%s" } }
      end
      pomex.check(jobs:add(list))
      return pomex.check(jobs:run { concurrency = 4 }).done
    ]]):format(folder, sb:add_person()))
    local took, began = {}, socket.gettime()
    connection:settimeout(0)
    repeat
      local asked = socket.gettime()
      server:get("/alive")
      took[#took + 1] = socket.gettime() - asked
      socket.sleep(0.002)
      local _, why, part = connection:receive("*l")
      local over = why ~= "timeout" or part ~= ""
      assert.is_true(socket.gettime() - began < 60, "it does not end")
    until over
    local whole = socket.gettime() - began
    connection:settimeout(10)
    table.sort(took)
    -- A begin, an id and an end for each of two rounds, one after the other.
    assert.is_true(whole > 6 * slow_disk.SECONDS, "the disk was not slow: " .. whole)
    assert.is_true(took[#took] < slow_disk.SECONDS / 2, "a request took " .. took[#took])
    local most = took[math.ceil(#took * 0.9)]
    assert.is_true(most < 0.02, "many took " .. most)
    assert.equal("", server:problems "writing a global")
    server:run "jobs:close()" -- which waits, and says so
  end)
end)
