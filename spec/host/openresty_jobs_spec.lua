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
    if server then server:stop "QUIT" end
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
    local answered, began = 0, socket.gettime()
    connection:settimeout(0)
    repeat
      server:get("/alive")
      answered = answered + 1
      socket.sleep(0.002)
      local _, why, part = connection:receive("*l")
      local over = why ~= "timeout" or part ~= ""
      assert.is_true(socket.gettime() - began < 60, "it does not end")
    until over
    local syncs = (socket.gettime() - began) / slow_disk.SECONDS
    connection:settimeout(10)
    -- A begin, an id and an end for each of two rounds, one after the other.
    assert.is_true(syncs > 6, "the disk was not slow: " .. syncs)
    -- A worker that waited for the disk would answer about one request between two syncs.
    assert.is_true(answered > 4 * syncs, ("%d answers in %g syncs"):format(answered, syncs))
    assert.equal("", server:problems "writing a global")
    server:run "jobs:close()" -- which waits, and says so
    server:stop "QUIT"
  end)

  -- The store is opened in the master, as the pages do.
  local function opened()
    local http, count = nginx.client(sb, "openresty"):gsub("client = new%(%)\n", ([[%%0
    jobs = pomex.check(pomex.jobs.open(client, "%s/master.db", { file_system = "any",
      log = function() end }))
    ]]):format(folder))
    assert.equal(1, count)
    return http
  end

  it("names the worker as who decides, and not the master that opened the store", function()
    server = nginx.start { http = opened(), server = nginx.RUN, env = { USER = "of-the-master" } }
    assert.equal("uid " .. shell.bash "id -u":match "%d+", server:run [[
      pomex.check(jobs:pause())
      pomex.check(jobs:pause(false))
      return pomex.check(jobs:events())[1].by
    ]])
    server:stop "QUIT"
    assert.equal("", server:problems())
  end)
end)
