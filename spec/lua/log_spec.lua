-- pomex.log: one line for each attempt, with nothing secret in it.

local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ pomex: "

describe("pomex.log", function()
  local sb, lines, client, group

  setup(function()
    sb = assert(sandbox.start { asset_seconds = 0, generation_seconds = 0, rate_limits = false })
    group = sb:add_person()
  end)
  teardown(function() sb:stop() end)

  local function open(sink, extra)
    local given = { on_event = pomex.log.to(sink), budget = 5,
      poll = { asset = { first = 0.01, max = 0.01 }, generation = { first = 0.01, max = 0.01 } } }
    for key, value in pairs(extra or {}) do given[key] = value end
    return assert(pomex.new(sb:client_options(given)))
  end

  before_each(function()
    sb:clear_faults()
    lines = {}
    client = open(function(line) lines[#lines + 1] = line end)
  end)
  after_each(function() client:close() end)

  local function assert_line(pattern, line)
    assert.matches(TIME, line)
    assert.matches("\n$", line)
    assert.matches(pattern, line)
  end

  it("writes one line an attempt: why it failed, and what follows", function()
    sb:fault { endpoint = "assets.get", status = 503, retry_after = 0, times = 2 }
    local op = client.async.assets:get("asset-1")
    local _, err = op:wait()
    assert.equal("not_found_error", err.type)
    assert.equal(3, #lines)
    for i = 1, 2 do
      assert_line("pomex: assets%.get attempt=" .. i .. " status=503 seconds=[%d.]+ "
        .. "type=unavailable_error id=asset%-1 request_id=%S+ operation=" .. op:id()
        .. ", retry in [%d.]+ s\n$", lines[i])
    end
    assert_line("attempt=3 status=404 .* type=not_found_error .*, gives up\n$", lines[3])
    assert.truthy(lines[3]:find("request_id=" .. err.request_id, 1, true))
    assert.equal(err.request_id, op:request_id())
    assert.equal(err.operation, op:id())
  end)

  it("tells of what went well, too", function()
    local op = client.async.assets:create { url = "https://cdn.example/a.jpg",
      asset_type = "Image", group_id = group }
    local asset = assert(op:wait())
    assert.equal(1, #lines)
    assert_line("assets%.create attempt=1 status=200 ", lines[1])
    assert.truthy(lines[1]:find(" id=" .. asset.id .. " ", 1, true))
    assert.truthy(lines[1]:find(" request_id=" .. op:request_id() .. " ", 1, true))
    assert.matches(", done\n$", lines[1])
    assert.is_nil(lines[1]:find "type=")
  end)

  it("tells what a look saw, and when the next comes", function()
    sb:fault { endpoint = "generations.get", status = 200, times = 1,
      body = '{"id":"cgt-1","status":"in the making"}' }
    sb:fault { endpoint = "generations.get", status = 502, times = 1 }
    sb:fault { endpoint = "generations.get", status = 200, times = 1,
      body = '{"id":"cgt-1","status":"failed"}' }
    local _, err = client.generations:wait("cgt-1")
    assert.equal("generation_failed", err.type)
    assert.equal(3, #lines)
    assert_line('status=200 .* saw="in the making" id=cgt%-1 .*, next look in [%d.]+ s\n$',
      lines[1])
    assert_line("status=502 .* type=upstream_error id=cgt%-1 .*, retry in [%d.]+ s\n$", lines[2])
    assert_line("type=generation_failed saw=failed .*, gives up\n$", lines[3])
  end)

  it("names what is billed, perhaps", function()
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
    local _, err = client.generations:create { model = "byteplus/seedance-2.0",
      content = pomex.content():text "A wave." }
    assert.equal("ambiguous_error", err.type)
    assert.equal(2, #lines)
    -- Its candidates are looked for.
    assert_line("generations%.list attempt=.*type=ambiguous_error .*, gives up\n$", lines[2])
    assert_line("generations%.create attempt=1 seconds=[%d.]+ type=connection_error "
      .. "operation=%d+, next request in 0%.250 s\n$", lines[1])
    assert.equal(err.operation, tonumber(lines[1]:match "operation=(%d+)"))
  end)

  it("tells of what ended while no attempt ran", function()
    client.assets:get("..")
    assert.equal(1, #lines)
    assert_line("assets%.get attempt=0 .* type=invalid_request_error .*, ends between attempts\n$",
      lines[1])
    sb:fault { endpoint = "assets.get", status = 503, retry_after = 60 }
    local op = client.async.assets:get("asset-1")
    while #lines < 2 do
      client:poll(1)
      client:step()
    end
    assert_line(", gives up\n$", lines[2]) -- a pause that does not fit into the budget
    op:wait()
    assert.equal(2, #lines)
  end)

  it("has the path of a request of one's own, without its query", function()
    client:request("GET", "/v1/people/group-20260619145855-snq4q?who=rachel",
      { query = { name = "rachel" } })
    client:request("DELETE", "/v1/models")
    assert.equal(2, #lines)
    assert_line("pomex: request GET /v1/people/group%-%* attempt=1 status=404 ", lines[1])
    assert_line("pomex: request DELETE /v1/models attempt=1 ", lines[2])
  end)

  it("holds nothing secret", function()
    local path = os.tmpname()
    local _, err = client.assets:list { group_id = group, name = "rachel" }
    assert.is_nil(err)
    local asset = assert(client.assets:create_and_wait {
      url = "https://cdn.example/a.jpg?signature=secret", asset_type = "Image", group_id = group })
    local task = assert(client.generations:create_and_wait({ model = "byteplus/seedance-2.0",
      content = pomex.content():text "{a} waves":image(asset, "a") },
      { save = path, overwrite = true }))
    os.remove(path)
    client.assets:get(group)
    client:request("GET", "/v1/" .. sb.key)
    client.sessions:create { callback_url = "https://app.example/cb?user=rachel" }
    local all = table.concat(lines)
    assert.is_true(#lines > 7)
    for _, secret in ipairs { sb.key, group, "rachel", "signature", "http", ".mp4",
      task.file.path } do
      assert.is_nil(all:find(secret, 1, true), secret)
    end
    for _, line in ipairs(lines) do assert_line(TIME, line) end
  end)

  it("keeps each event on one line", function()
    local line = pomex.log.line { name = "response", endpoint = "assets.get", attempt = 1,
      seconds = 0.5, operation = 1, id = 'a"\nb', request_id = "x\27[31m y, z=1" }
    assert.truthy(line:find([[id="a'\x0ab" request_id="x\x1b[31m y, z=1" operation=1, done]], 1,
      true))
    assert.matches("pomex: 7 events were lost$", pomex.log.line { name = "dropped", detail = "7" })
    for _, name in ipairs { "request", "retry", "update", "done" } do
      assert.is_nil(pomex.log.line { name = name, seconds = 0, attempt = 1, operation = 1 })
    end
  end)

  it("writes to a file, at once", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    local own = open(file)
    own.assets:list()
    local written = assert(io.open(path)):read "*a"
    assert.matches(TIME .. "assets%.list attempt=1 status=200 [^\n]*, done\n$", written)
    own:close()
    file:close()
    os.remove(path)
  end)

  it("says once that the log cannot be written, and goes on", function()
    local said, real = {}, io.stderr
    io.stderr = { write = function(_, text) said[#said + 1] = text end } -- luacheck: ignore
    local closed = assert(io.tmpfile())
    closed:close()
    local full = io.open("/dev/full", "w")
    local ok, why = pcall(function()
      for _, sink in ipairs { closed, function() error "no room" end, full } do
        said = {}
        local own = open(sink)
        for _ = 1, 3 do assert(own.assets:list()) end
        assert.equal(0, own:step()) -- nothing is raised
        own:close()
        assert.equal(1, #said)
        assert.matches("^pomex.log: the log cannot be written: .*\n$", said[1])
      end
    end)
    io.stderr = real -- luacheck: ignore
    full:close()
    assert.is_true(ok, why)
  end)

  it("takes a file or a function", function()
    for _, sink in ipairs { "name.log", 7, {}, true, false } do
      local ok, message = pcall(function() pomex.log.to(sink) end)
      assert.is_false(ok)
      assert.equal("pomex.log.to: file must be an open file or a function, not " .. type(sink),
        message:match "log_spec.lua:%d+: (.*)")
    end
    assert.is_false(pcall(pomex.log.to))
  end)
end)
