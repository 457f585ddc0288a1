-- The notices that the sandbox sends to the callback_url of a generation's body, as a server of its
-- own takes them.

local bare = require "spec.support.http"
local listeners = require "spec.support.listener"
local sandbox = require "pomex.sandbox"

describe("the sandbox's notices", function()
  local sb, listener

  before_each(function()
    sb = assert(sandbox.start { generation_seconds = 1000, rate_limits = false })
    listener = listeners.new()
  end)
  after_each(function()
    listener:close()
    assert.equal(0, sb:stop())
  end)

  local function create(url, prompt)
    local reply = bare.request("POST", sb.url .. "/v1/video/generations", { key = sb.key, json = {
      model = "byteplus/seedance-2.0-fast", callback_url = url,
      content = { { type = "text", text = prompt or "a wave" } } } })
    assert.equal(200, reply.status, reply.text)
    return reply.body.id
  end

  local function get(id)
    return bare.request("GET", sb.url .. "/v1/video/generations/" .. id, { key = sb.key })
  end

  local function delete(id)
    return bare.request("DELETE", sb.url .. "/v1/video/generations/" .. id, { key = sb.key }).status
  end

  local function statuses(taken)
    local list = {}
    for i, notice in ipairs(taken) do list[i] = notice.json.status end
    return table.concat(list, " ")
  end

  it("come by POST at each change, with the body of a look [beyond 10]", function()
    local id = create(listener.url .. "/a/b?c=d")
    local first = listener:take()
    assert.same({ "POST", "/a/b?c=d", "application/json" },
      { first.method, first.path, first.type })
    assert.same({ id = id, object = "video.generation.task", status = "queued" }, first.json)
    sb.clock:advance(300)
    assert.equal("running", listener:take().json.status)
    sb.clock:advance(1000)
    local last = listener:take().json
    assert.equal("succeeded", last.status)
    assert.equal(200, bare.request("GET", last.content.video_url).status)
    assert.equal(id, last.id)
    assert.equal("succeeded", get(id).body.status)
  end)

  it("come by themselves, without any request [beyond 10]", function()
    sb:config { generation_seconds = 0.4 }
    create(listener.url)
    assert.equal("queued running succeeded", statuses(listener:several(3)))
  end)

  it("say that a task failed, or was cancelled, and nothing of what is deleted [beyond 10]",
    function()
      local id = create(listener.url, "[fail]")
      sb.clock:advance(2000)
      local taken = listener:several(3)
      assert.equal("queued running failed", statuses(taken))
      assert.is_string(taken[3].json.error.message)
      assert.equal(id, taken[3].json.id)
      id = create(listener.url)
      listener:take()
      assert.equal(200, delete(id))
      assert.same({ id, "cancelled" }, (function(n) return { n.id, n.status } end)(
        listener:take().json))
      sb:config { notice_delay_seconds = 500 }
      id = create(listener.url)
      sb.clock:advance(1100)
      assert.equal("queued running", statuses(listener:several(2)))
      assert.equal(200, delete(id))
      local other = create(listener.url)
      sb.clock:advance(2000)
      for _, notice in ipairs(listener:several(3)) do assert.equal(other, notice.json.id) end
    end)

  it("are tried three times, until one is taken [beyond 10]", function()
    local id = create(listener.url .. "/first")
    local second = create(listener.url .. "/second")
    assert.equal(id, listener:take(20, 500).json.id)
    assert.equal(id, listener:take(20, 0).json.id)
    assert.equal(id, listener:take(20, 404).json.id)
    assert.equal(second, listener:take(20, 503).json.id)
    assert.equal(second, listener:take(20, 200).json.id)
    sb.clock:advance(300)
    assert.equal(id, listener:take().json.id)
  end)

  it("come late, twice or out of order where a setting says so [beyond 10]", function()
    sb:config { notice_delay_seconds = 50 }
    local late = create(listener.url)
    sb:config { notice_delay_seconds = 0 }
    local punctual = create(listener.url)
    assert.equal(punctual, listener:take().json.id)
    sb.clock:advance(60)
    assert.equal(late, listener:take().json.id)
    sb.clock:advance(2000)
    listener:several(4)
    sb:config { notices_twice = true }
    create(listener.url)
    sb.clock:advance(2000)
    assert.equal("queued queued running running succeeded succeeded",
      statuses(listener:several(6)))
    sb:config { notices_twice = false, notices_reversed = true }
    local id = create(listener.url)
    sb.clock:advance(2000)
    local taken = listener:several(3)
    assert.equal("succeeded running queued", statuses(taken))
    assert.equal(id, taken[3].json.id)
  end)

  it("come before the answer to the create where a setting says so [beyond 10]", function()
    local socket = require "socket"
    local function ask()
      local connection = assert(socket.connect(sb.url:match "//([%d.]+):(%d+)"))
      local body = '{"model":"byteplus/seedance-2.0","callback_url":"' .. listener.url
        .. '","content":[{"type":"text","text":"a"}]}'
      connection:send(("POST /v1/video/generations HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s"
        .. "\r\nContent-Length: %d\r\n\r\n%s"):format(sb.url:match "//(.*)$", sb.key, #body, body))
      return connection
    end
    sb:config { notices_first = true }
    local connection = ask()
    -- The answer waits until the notice is taken; nothing has come by then.
    listener.server:settimeout(20)
    local notice = assert(listener.server:accept())
    connection:settimeout(0)
    local _, why = connection:receive(1)
    assert.equal("timeout", why)
    notice:close()
    listener:take() -- the next try is taken
    connection:settimeout(20)
    assert.matches("^HTTP/1.1 200", connection:receive "*l")
    connection:close()
  end)

  it("are forged by a setting: a foreign id at the path, a path that is not [beyond 10 13]",
    function()
      sb:config { notices_forged = true }
      local id = create(listener.url .. "/pathA")
      local taken = listener:several(3)
      assert.equal("/pathA", taken[1].path)
      assert.is_not_equal(id, taken[1].json.id)
      assert.same({ 404, "succeeded" }, { get(taken[1].json.id).status, taken[1].json.status })
      assert.same({ "/pathB", id }, { taken[2].path, taken[2].json.id })
      assert.same({ "/pathA", id, "queued" },
        { taken[3].path, taken[3].json.id, taken[3].json.status })
    end)

  it("never come where a setting says so [beyond 10]", function()
    sb:config { notices = false }
    create(listener.url)
    sb.clock:advance(2000)
    sb:state()
    sb:config { notices = true }
    local id = create(listener.url)
    sb.clock:advance(2000)
    for _, notice in ipairs(listener:several(3)) do assert.equal(id, notice.json.id) end
  end)

  it("go to loopback addresses alone", function()
    local port = listener.url:match "%d+$"
    for _, url in ipairs { "http://0.0.0.0:" .. port, "http://[::ffff:127.0.0.1]:" .. port,
      "https://127.0.0.1:" .. port, "ftp://127.0.0.1:" .. port, "127.0.0.1:" .. port, "x", "" } do
      create(url)
    end
    local id = create(listener.url)
    assert.equal(id, listener:take().json.id)
    id = create((listener.url:gsub("127%.0%.0%.1", "localhost")))
    assert.equal(id, listener:take().json.id)
  end)

  it("do not hold the end of the sandbox up", function()
    create(listener.url) -- nobody takes it
    local began = os.time()
    assert.equal(0, sb:stop())
    assert.is_true(os.time() - began < 20)
    sb = assert(sandbox.start {})
  end)
end)
