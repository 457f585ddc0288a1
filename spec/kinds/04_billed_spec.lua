-- 4: one field says whether a video is paid for: "no", "maybe" or "yes", of every error of a call
-- that is billed, of the wait for what it made, and of create_and_wait.

local bed = require "spec.support.bed"
local core = require "pomex.core"
local pomex = require "pomex"
local shell = require "spec.support.shell"

describe("4: err.billed", function()
  local sb, client, id
  bed({ sandbox = { generation_seconds = 3600 }, client = { max_retries = 0 } },
    function(...) sb, client = ... end)

  setup(function()
    local own = assert(pomex.new(sb:client_options()))
    id = assert(own.generations:create { model = "byteplus/seedance-2.0",
      content = pomex.content():text "A wave." }).id
    own:close()
  end)

  local function film()
    return { model = "byteplus/seedance-2.0", content = pomex.content():text "A wave." }
  end

  local function is(billed, what, value, err)
    assert.is_nil(value)
    assert.equal("table", type(err), what)
    assert.equal(billed, err.billed, what .. ": " .. tostring(err))
    assert.equal(billed ~= "no", err.maybe_billed, what)
    local line = tostring(err)
    local said = line:find "[^e] billed[],]" and "yes" or line:find "maybe billed" and "maybe"
    assert.equal(billed, said or "no", line)
    if billed == "yes" then assert.is_string(err.id, line) end
    return err
  end

  -- What strikes the create; what is said of it; and of the same within create_and_wait.
  local CREATES = {
    { "no", "400", { status = 400, body = '{"error":{"message":"m"}}' }, "invalid_request_error" },
    { "no", "401", { status = 401 }, "authentication_error" },
    { "no", "404", { status = 404 }, "not_found_error" },
    { "no", "422", { status = 422 }, "api_error" },
    { "no", "429", { status = 429 }, "rate_limit_error" },
    { "no", "503 of the document", { status = 503, retry_after = 0 }, "unavailable_error" },
    { "maybe", "500", { status = 500 }, "ambiguous_error" },
    { "maybe", "lost before", { before_accept = "drop" }, "ambiguous_error" },
    { "maybe", "lost after", { after_accept = "drop" }, "ambiguous_error" },
    { "maybe", "garbage", { after_accept = "garbage" }, "ambiguous_error" },
    { "maybe", "cut", { after_accept = "truncate" }, "ambiguous_error" },
    { "maybe", "timed out", { before_accept = "hang" }, "ambiguous_error", 0.2 },
    { "maybe", "an answer without an id", { status = 200, body = '{"status":"queued"}' },
      "ambiguous_error" },
  }

  for _, row in ipairs(CREATES) do
    local billed, what, fault, kind, timeout = row[1], row[2], row[3], row[4], row[5]
    it(("of a create is %q: %s"):format(billed, what), function()
      fault.endpoint, fault.times = "generations.create", 0
      sb:fault(fault)
      for _, call in ipairs { "create", "create_and_wait" } do
        local err = is(billed, what, client.generations[call](client.generations, film(),
          timeout and { timeout = timeout }))
        assert.equal(kind, err.type)
      end
    end)
  end

  -- As one finds it that an application has changed.
  local UNREADABLE = [[
    local real = require "cjson"
    package.loaded.cjson = setmetatable({ new = function()
      local own = real.new()
      local decode = own.decode
      own.decode = function(text)
        if text:find "unreadable" then error "this JSON library cannot read that" end
        return decode(text)
      end
      return own
    end }, { __index = real })
    local pomex = require "pomex"
    local client = pomex.check(pomex.new())
    local body = { model = "m", content = pomex.content():text "A wave." }
    local _, made = client.generations:create(body)
    local _, both = client.generations:create_and_wait(body)
    local _, raw = client:request("POST", "/v1/video/generations", { body = body })
    local _, wait = client.generations:wait "cgt-8"
    for _, err in ipairs { made, both, raw, wait } do
      print(err.type, err.billed, err.maybe_billed, err.id)
    end]]

  it('of an answer that Lua cannot read is "yes", with the id', function()
    sb:fault { endpoint = "generations.create", status = 200, times = 0,
      body = '{"id":"cgt-9","status":"queued","note":"unreadable"}' }
    sb:fault { endpoint = "generations.get", status = 200,
      body = '{"id":"cgt-8","status":"succeeded","note":"unreadable"}' }
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(UNREADABLE)
    file:close()
    local output, ok = shell.bash(("POMEX_API_KEY=%s POMEX_BASE_URL=%s %s %s"):format(sb.key,
      sb.url, shell.lua(), name))
    os.remove(name)
    assert.is_true(ok, output)
    assert.equal("decode_error\tyes\ttrue\tcgt-9\n"
      .. "decode_error\tyes\ttrue\tcgt-9\n"
      .. "decode_error\tmaybe\ttrue\tnil\n"
      .. "decode_error\tyes\ttrue\tcgt-8\n", output)
  end)

  it('of a create is "no" where it is refused here', function()
    local list = { { type = "image_url", image_url = { url = "file:///a" } } }
    is("no", "a rule", client.generations:create { model = "m", content = list })
    is("no", "the builder", client.generations:create { model = "m",
      content = pomex.content():text "{nobody}" })
    is("no", "the builder", client.generations:create_and_wait { model = "m",
      content = pomex.content():text "{nobody}" })
    is("no", "UTF-8", client.generations:create { model = "\255", content = list })
  end)

  it('of a create is "no" where it was not sent, and "maybe" where it was', function()
    local gone = assert(pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1",
      max_retries = 0 })
    is("no", "nobody listens", gone.generations:create(film()))
    gone:close()
    sb:fault { endpoint = "*", before_accept = "hang", times = 0 }
    for _, ends in ipairs { "cancel", "close" } do
      local one = assert(pomex.new(sb:client_options { max_in_flight = 1 }))
      local sent = one.async.generations:create(film())
      one:step()
      local queued = one.async.generations:create(film())
      -- On a busy machine it takes longer until it is sent.
      local deadline = core.now() + 30
      repeat
        is("maybe", "its wait ran out of time", sent:wait(0.01))
      until #sb.journal:requests "generations.create" > 0 or core.now() > deadline
      is("maybe", "its wait ran out of time, and it may yet be sent", queued:wait(0))
      sb.journal:clear()
      if ends == "close" then one:close() else sent:cancel() queued:cancel() end
      is("maybe", ends .. ", sent", sent:wait())
      is("no", ends .. ", queued", queued:wait())
      one:close()
    end
  end)

  -- What strikes the looks of a wait.
  local WAITS = {
    { "yes", "still queued", {}, "timeout_error" },
    { "yes", "out of order", { status = 500 }, "timeout_error" },
    { "yes", "never reached", { before_accept = "drop" }, "timeout_error" },
    { "yes", "never answered", { before_accept = "hang" }, "timeout_error" },
    { "yes", "the key is refused", { status = 401 }, "authentication_error" },
    { "yes", "a redirect", { status = 302, headers = { Location = "https://a.example/" } },
      "api_error" },
    { "maybe", "failed", { status = 200, body = '{"id":"x","status":"failed"}' },
      "generation_failed" },
    { "maybe", "expired", { status = 200, body = '{"id":"x","status":"expired"}' },
      "generation_failed" },
    { "maybe", "cancelled", { status = 200, body = '{"id":"x","status":"cancelled"}' },
      "generation_failed" },
  }

  for _, row in ipairs(WAITS) do
    local billed, what, fault, kind = row[1], row[2], row[3], row[4]
    it(("of a wait is %q: %s"):format(billed, what), function()
      if next(fault) then
        fault.endpoint, fault.times = "generations.get", 0
        sb:fault(fault)
      end
      -- So long that the create is answered, and a look too.
      local brief = { timeout = 1, first = 0.01 }
      local err = is(billed, what, client.generations:wait(id, brief))
      assert.equal(kind, err.type)
      err = is(billed, what, client.generations:create_and_wait(film(), brief))
      assert.equal(kind, err.type)
      assert.is_false(err.retryable)
    end)
  end

  it("of a wait for what the service does not know depends on who made it", function()
    sb:fault { endpoint = "generations.get", status = 404, times = 0 }
    local brief = { timeout = 1, first = 0.01 }
    is("maybe", "somebody's id", client.generations:wait("cgt-nobody", brief))
    is("maybe", "somebody's id", client.generations:get "cgt-nobody")
    is("yes", "just made", client.generations:create_and_wait(film(), brief))
    is("no", "no id at all", client.generations:wait "")
  end)

  it("of a wait that is cancelled or closed is \"yes\"", function()
    sb:fault { endpoint = "generations.get", before_accept = "hang", times = 0 }
    for _, ends in ipairs { "cancel", "close" } do
      local one = assert(pomex.new(sb:client_options()))
      local wait = one.async.generations:wait(id)
      local both = one.async.generations:create_and_wait(film(), { first = 0 })
      local got
      both:on_done(function(...) got = { ... } end)
      is("yes", "its wait ran out of time", wait:wait(0.01))
      local deadline = core.now() + 30
      repeat
        one:poll(0.1)
        one:step()
        local _, err = both:wait(0)
      until err.billed == "yes" or core.now() > deadline
      is("yes", "the task's wait ran out of time", both:wait(0))
      if ends == "close" then one:close() else wait:cancel() both:cancel() one:step() end
      is("yes", ends, wait:wait())
      is("yes", ends .. " of create_and_wait", got[1], got[2])
      one:close()
    end
  end)

  it("keeps the id where the client is closed between the create and its wait", function()
    local one = assert(pomex.new(sb:client_options()))
    local made
    local err = is("yes", "closed", one.generations:create_and_wait(film(), {
      on_created = function(task)
        made = task.id
        one:close()
      end }))
    assert.equal(made, err.id)
    assert.equal("cancelled_error", err.type)
  end)

  it("of a download is what it is of its task", function()
    is("yes", "not yet there", client.generations:download(id, "/nowhere/out.mp4"))
    is("yes", "not yet there", client.generations:download(id, os.tmpname(),
      { overwrite = true }))
    is("yes", "no path", client.generations:download(id, ""))
    sb:fault { endpoint = "generations.get", status = 200, body = '{"id":"x","status":"failed"}' }
    is("maybe", "failed", client.generations:download(id, os.tmpname(),
      { overwrite = true }))
  end)

  it("of a request of the caller's own is \"no\" only where nothing can have been done", function()
    local function post() return client:request("POST", "/v1/video/generations", { body = {} }) end
    is("no", "refused", post())
    sb:fault { endpoint = "generations.create", before_accept = "drop" }
    is("maybe", "lost", post())
    sb:fault { endpoint = "generations.create", status = 200, body = "5" }
    is("maybe", "not to be read", post())
    sb:fault { endpoint = "generations.get", status = 200, body = "5" }
    is("no", "a GET", client:request("GET", "/v1/video/generations/" .. id))
  end)

  it('of everything else is "no"', function()
    sb:fault { endpoint = "*", status = 400, times = 0 }
    local portrait = { url = "https://cdn.example/a.jpg", asset_type = "Image",
      group_id = pomex.VIRTUAL }
    is("no", "session", client.sessions:create { callback_url = "https://app.example/cb" })
    is("no", "upload", client.assets:create(portrait))
    is("no", "upload and wait", client.assets:create_and_wait(portrait))
    is("no", "asset", client.assets:get "a")
    is("no", "its wait", client.assets:wait "a")
    is("no", "list", client.assets:list())
    is("no", "no client", pomex.new { base_url = "nonsense" })
    sb:clear_faults()
    sb:fault { endpoint = "*", before_accept = "hang", times = 0 }
    is("no", "an upload's task", client.async.assets:create_and_wait(portrait):wait(0))
    is("no", "a look's task", client.async.assets:confirm_group("group-1"):wait(0))
  end)

  it('of a task of the caller\'s own is never "no": nobody here knows what it asks for', function()
    local over = false
    local task = client:spawn(function()
      repeat coroutine.yield() until over
      return true
    end)
    is("maybe", "a task", task:wait(0))
    over = true
    assert.is_true(task:wait())
  end)
end)
