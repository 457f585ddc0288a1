-- The web app of examples/openresty by its one command, which builds what it runs.
--
-- #once #example

local shell = require "spec.support.shell"
local socket = require "socket"
local studio = require "spec.support.studio"

describe("the web app's one command #once #example", function()
  it("builds, starts a sandbox, keeps what there is, and stops everything", function()
    local app = studio.start()
    local visitor = app:visitor()
    local path = visitor:begin "Rachel"
    local service = app:said():match "http://127.0.0.1:%d+"
    assert.is_truthy(visitor:get("/").body:find("the sandbox: no real service", 1, true))
    assert.equal(200, visitor:get(service .. "/").status)
    assert.equal("", app:problems())
    assert.is_truthy(app:said():find("Building into /%S+/release%-luajit"), app:said())
    assert.equal(0, app:stop())
    for _, port in ipairs { service:match "%d+$", app.port } do
      assert.is_nil(socket.connect("127.0.0.1", tonumber(port)))
    end
    assert.equal("", (shell.bash("stat -c '%a %n' " .. app.folder .. "/*.key " .. app.folder
      .. "/*.secret " .. app.folder .. "/*.db"):gsub("600 [^\n]*\n", "")))
    app = studio.start(nil, app)
    visitor.studio = app
    assert.is_truthy(visitor:get(path).body:find("Rachel", 1, true))
    -- Where what is in the making was asked for, it is looked for.
    assert.equal(service, app:said():match "http://127.0.0.1:%d+")
    assert.equal(200, visitor:get(visitor:link(path)).status)
    assert.equal(0, app:stop())
    local taken = assert(socket.bind("127.0.0.1", tonumber(service:match "%d+$")))
    app = studio.start(nil, app)
    visitor.studio = app
    taken:close()
    assert.is_truthy(service ~= app:said():match "http://127.0.0.1:%d+")
    -- The link is of a service that is no more; a new code is to be had.
    local once = visitor:once(path, path .. "/verification")
    visitor:post(path .. "/verification", { once = once })
    assert.equal(200, visitor:get(visitor:link(path)).status)
    app:remove()
  end)

  it("says what is wrong with its arguments", function()
    local run = "env -u POMEX_API_KEY bash examples/openresty/run.sh --no-install "
    for arguments, why in pairs {
      ["--port 0"] = "--port must be", ["--port 65536"] = "--port must be",
      ["--url http://x.example"] = "--url must be like", ["--nothing"] = "unknown argument",
      ["--state"] = "needs a value", ["--key /x"] = "must both be files",
      ["--state '/a b' --built /"] = "cannot hold the blanks",
    } do
      local output, ok = shell.bash(run .. arguments)
      assert.is_false(ok)
      assert.is_truthy(output:find(why, 1, true), output)
    end
    local output, ok = shell.bash("POMEX_BASE_URL=https://x.example " .. run)
    assert.is_false(ok)
    assert.is_truthy(output:find "needs %$POMEX_API_KEY")
    output, ok = shell.bash('[ "$(id -u)" -eq 0 ] || exit 0; ' .. run
      .. "--host 0.0.0.0 --state '/a b' --built /")
    assert.is_truthy(ok or output:find("not as root on 0.0.0.0", 1, true), output)
  end)
end)
