-- Requests that come slowly, or not to their end: they keep nobody else waiting, and are cut off.

local cjson = require "cjson"
local proc = require "spec.support.proc"
local process = require "spec.support.sandbox_process"
local socket = require "socket"

local ASSETS = "/v1/video/assets"
local PATIENCE = 60   -- seconds; a busy machine has time
local BODY = cjson.encode { url = "https://cdn.example/slow.jpg", asset_type = "Image" }

describe("pomex-sandbox, of slow requests, #once", function()
  local sb, lines

  -- Half a head, or a head and no whole body.
  local function begin(count)
    for i = 1, count do
      local line = assert(socket.connect(sb.host, sb.port))
      line:settimeout(PATIENCE)
      assert(line:send(i % 2 == 0 and sb:get_text(ASSETS):sub(1, -3) .. "X-Slow: "
        or ("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer %s\r\n"
          .. "Content-Length: %d\r\n\r\n{"):format(ASSETS, sb.host, sb.port, sb.key, #BODY)))
      lines[i] = line
    end
  end

  local function serves_others()
    assert.equal(200, sb:get(ASSETS .. "?limit=1").status)
    assert.equal(200, sb:post(ASSETS, cjson.decode(BODY)).status)
  end

  -- The slots of those that were cut are free again.
  local function await_descriptors(count)
    local until_when = socket.gettime() + PATIENCE
    while proc.count(sb.pid, "fd") ~= count and socket.gettime() < until_when do
      socket.sleep(0.02)
    end
    assert.equal(count, proc.count(sb.pid, "fd"))
  end

  before_each(function() lines = {} end)
  after_each(function()
    for _, line in ipairs(lines) do line:close() end
    sb:stop()
  end)

  it("serves others meanwhile, and a slow one too once it is whole", function()
    sb = process.start { "--rate-limits", "off" }
    local before = proc.count(sb.pid, "fd")
    begin(400)
    for _ = 1, 10 do serves_others() end
    assert.is_true(proc.count(sb.pid, "fd") >= before + 400)
    for i, line in ipairs(lines) do
      assert(line:send(i % 2 == 0 and "1\r\n\r\n" or BODY:sub(2)))
      assert.equal("HTTP/1.1 200 OK", (line:receive "*l"))
    end
  end)

  it("cuts off those that send nothing more", function()
    sb = process.start { "--rate-limits", "off", "--idle-seconds", "1",
      "--request-seconds", "86400" }
    local before = proc.count(sb.pid, "fd")
    begin(400)
    for _, line in ipairs(lines) do
      local _, why = line:receive "*a"
      assert.not_equal("timeout", why)
    end
    await_descriptors(before)
    serves_others()
  end)

  it("cuts off those that send a byte now and then", function()
    sb = process.start { "--rate-limits", "off", "--idle-seconds", "3600",
      "--request-seconds", "1" }
    local before = proc.count(sb.pid, "fd")
    begin(200)
    local left, until_when = #lines, socket.gettime() + PATIENCE
    for _, line in ipairs(lines) do line:settimeout(0) end
    while left > 0 and socket.gettime() < until_when do
      left = 0
      for _, line in ipairs(lines) do
        local _, why = line:receive "*a"
        if why == "timeout" then
          left = left + 1
          line:send " "
        end
      end
      serves_others()
      socket.sleep(0.05)
    end
    assert.equal(0, left)
    await_descriptors(before)
  end)

  it("forgets those who left an answer that never comes", function()
    sb = process.start { "--rate-limits", "off" }
    local before = proc.count(sb.pid, "fd")
    sb:control("POST", "faults", { endpoint = "*", after_accept = "hang", times = 50 })
    for i = 1, 50 do
      lines[i] = assert(socket.connect(sb.host, sb.port))
      assert(lines[i]:send(sb:get_text(ASSETS)))
    end
    await_descriptors(before + 50)
    for _, line in ipairs(lines) do line:close() end
    await_descriptors(before)
  end)
end)
