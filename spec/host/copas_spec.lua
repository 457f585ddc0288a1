-- The host "copas": what luasocket's select() allows, and copas's way with errors.

local bed = require "spec.support.bed"
local interpreter = require "spec.support.interpreter"
local shell = require "spec.support.shell"
local socket = require "socket"

local copas, lacking = interpreter.optional "copas"
if not copas then
  it("the host copas", function() pending(lacking) end)
  return
end

describe("the host copas", function()
  local sb, client, server
  bed({ client = { host = "copas" } }, function(...) sb, client = ... end)

  setup(function() server = assert(socket.bind("127.0.0.1", 0)) end) -- copas never lets go of it
  after_each(function() copas.step(0) end)

  local function step_until(over)
    local began = socket.gettime()
    while not over() do
      if socket.gettime() - began > 10 then error("it never comes") end
      copas.step(0.005)
    end
  end

  it("says that only a thread can wait, before anything is sent", function()
    local output = shell.bash(shell.lua() .. ([[ -e '
      local pomex = require "pomex"
      local client = pomex.new { base_url = "%s", api_key = "%s", host = "copas" }
      print(pcall(client.assets.list, client.assets))']]):format(sb.url, sb.key))
    assert.equal('false\tpomex: with host = "copas" only a thread can wait; '
      .. "copas.addthread starts one\n", output)
    assert.equal(0, #sb.journal:requests())
  end)

  it("refuses a descriptor that select() cannot hold, by its number", function()
    local output = shell.bash("ulimit -n 2048 && " .. shell.lua() .. ([[ -e '
      local pomex, files = require "pomex", {}
      local client = pomex.new { base_url = "%s", api_key = "%s", host = "copas" }
      for i = 1, 1100 do files[i] = assert(io.open("/dev/null")) end
      print(pcall(client.async.assets.list, client.async.assets))
      print(client:step(), client:pollfd() >= 1024)']]):format(sb.url, sb.key))
    assert.matches("^false\tpomex: copas cannot watch descriptor 1%d%d%d: luasocket's select%(%) "
      .. "takes only descriptors below 1024\n0\ttrue\n$", output)
    assert.equal(0, #sb.journal:requests())
  end)

  it("has copas print an error that nobody collected, and goes on", function()
    local output = shell.bash("timeout 20 " .. shell.lua() .. ([[ -e '
      local copas, pomex = require "copas", require "pomex"
      local client = pomex.new { base_url = "%s", api_key = "%s", host = "copas" }
      local page
      copas.addthread(function()
        client:spawn(function()
          client.assets:list()
          error("lost", 0)
        end)
        page = client.assets:list()
      end)
      while not page do copas.step(0.01) end
      copas.addthread(function() print(client.assets:list().object) os.exit(0, true) end)
      while true do copas.step(0.01) end']]):format(sb.url, sb.key))
    assert.matches("^lost\nstack traceback:", output)
    assert.matches("list\n$", output)
  end)

  it("lets sockets of copas's own go on", function()
    sb:fault { endpoint = "assets.list", delay = 1, times = 0 }
    local _, port = server:getsockname()
    local rounds, over = 0, 0
    copas.addserver(server, function(line)
      line = copas.wrap(line)
      while true do
        local text = line:receive()
        if not text or not line:send(text .. "\n") then return end
      end
    end)
    copas.addthread(function()
      local line = socket.tcp()
      assert(copas.connect(line, "127.0.0.1", port))
      line = copas.wrap(line)
      while over < 20 do
        assert(line:send("hello\n"))
        assert.equal("hello", (line:receive()))
        rounds = rounds + 1
      end
      line.socket:close()
    end)
    for _ = 1, 20 do
      copas.addthread(function()
        assert(client.assets:list())
        over = over + 1
      end)
    end
    step_until(function() return over == 20 end)
    -- Where the calls kept copas from its own sockets, there would be one or two.
    assert.is_true(rounds > 20, rounds .. " rounds")
    for _ = 1, 10 do copas.step(0.01) end
  end)

  it("leaves nothing in copas's sets that would hold a closed descriptor", function()
    sb:fault { endpoint = "assets.list", delay = 5, times = 0 }
    local err
    copas.addthread(function() err = select(2, client.assets:list()) end)
    copas.step(0.01)
    client:close()
    step_until(function() return err end)
    assert.equal("cancelled_error", err.type)
    -- With nothing to select, it waits for as long as it was told to.
    local began = socket.gettime()
    assert.is_false(copas.step(0.1))
    assert.is_true(socket.gettime() - began >= 0.09)
  end)
end)
