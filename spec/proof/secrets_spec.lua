-- The API key, signed links and group ids: found in nothing that pomex says or keeps in Lua.
-- What goes over the wire, and what the core gives back to the allocator:
-- spec/core/test_download.c, spec/proof/test_given_back.c.

local lfs = require "lfs"
local pomex = require "pomex"
local sandbox = require "pomex.sandbox"

local MODEL = "byteplus/seedance-2.0-fast"

-- All text that can be reached from `value`: keys, values, metatables, upvalues, user values, and
-- what tostring makes of it.
local function text_of(value)
  local seen, parts = {}, {}
  local function walk(v)
    local kind = type(v)
    if kind == "string" then parts[#parts + 1] = v end
    if (kind ~= "table" and kind ~= "function" and kind ~= "userdata" and kind ~= "thread")
      or seen[v] then return end
    seen[v] = true
    parts[#parts + 1] = tostring(v)
    -- Not the whole program: what is loaded belongs to everybody.
    if v == _G or v == package or v == package.loaded then return end
    local meta = debug.getmetatable(v)
    if meta then walk(meta) end
    if kind == "table" then
      for key, item in next, v do
        walk(key)
        walk(item)
      end
    elseif kind == "function" then
      for i = 1, 255 do
        local name, item = debug.getupvalue(v, i)
        if not name then break end
        walk(item)
      end
    elseif kind == "userdata" then
      walk((debug.getuservalue or debug.getfenv)(v))
    end
  end
  walk(value)
  return table.concat(parts, "\n")
end

local function command_lines()
  local all = {}
  for pid in lfs.dir "/proc" do
    local file = pid:find "^%d+$" and io.open("/proc/" .. pid .. "/cmdline", "rb")
    if file then
      all[#all + 1] = file:read("*a") or ""
      file:close()
    end
  end
  return table.concat(all, "\n")
end

describe("secrets", function()
  local sb, client, events, said, secret

  local function say(value, err)
    said[#said + 1] = text_of { value = value }
    said[#said + 1] = text_of { err = err }
    return value, err
  end

  local function has(text, what) return text:find(what, 1, true) ~= nil end

  setup(function()
    sb = assert(sandbox.start { rate_limits = false, asset_seconds = 0, generation_seconds = 0 })
  end)
  teardown(function() sb:stop() end)
  before_each(function()
    events, said, secret = {}, {}, {}
    sb:clear_faults()
    client = assert(pomex.new(sb:client_options {
      on_event = function(event) events[#events + 1] = event end, max_retries = 0,
      poll = { asset = { first = 0.001, max = 0.01 }, generation = { first = 0.001, max = 0.01 } },
    }))
  end)
  after_each(function() client:close() end)

  -- Everything that can be asked for, and much that can go wrong with it.
  local function walk_through()
    local session = pomex.check(say(client.sessions:create {
      callback_url = "https://app.example/cb", lang = "en" }))
    local person = pomex.check(pomex.callback.parse_unverified(sb:scan(session.h5_link, "pass")))
    local upload = { url = "https://cdn.example/a.jpg", asset_type = "Image",
      group_id = person.group_id, name = "front" }
    local asset = pomex.check(client.assets:create_and_wait(upload))
    local body = { model = MODEL,
      content = pomex.content():text("{her} waves"):image(asset, "her") }
    local task = pomex.check(client.generations:create_and_wait(body))
    local path = os.tmpname()
    pomex.check(client.generations:download(task, path, { overwrite = true }))
    secret.link, secret.h5, secret.group = task.content.video_url, session.h5_link, person.group_id
    local errs = {}
    local function fail(_, err)
      errs[#errs + 1] = assert(err, #errs .. " errors so far")
    end
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
    fail(client.generations:create(body))
    sb:fault { endpoint = "assets.create", after_accept = "garbage" }
    sb:fault { endpoint = "assets.list", status = 500, times = 0 }
    fail(client.assets:create(upload, { timeout = 1 }))
    sb:clear_faults()
    sb:fault { endpoint = "assets.get", status = 401 }
    fail(client.assets:get(asset.id))
    sb:fault { endpoint = "video", status = 403, times = 0 }
    fail(client.generations:download(task, path, { overwrite = true }))
    fail(client.assets:create { url = "ftp://x", asset_type = "Image",
      group_id = person.group_id })
    fail(client.assets:get "../x")
    sb:fault { endpoint = "assets.list", delay = 5 }
    local op = client.async.assets:list()
    op:cancel()
    fail(op:wait())
    os.remove(path)
    return errs
  end

  it("the key is in no error, event, string or table of ours, nor in a process list", function()
    local errs = walk_through()
    assert.is_true(#errs >= 7)
    assert.is_true(#events > 20)
    for _, place in ipairs { text_of(errs), text_of(events), table.concat(said), text_of(client),
      text_of(client.async.assets:list()), tostring(client),
      text_of(sb.journal:requests()), text_of(sb.ledger:entries()), text_of(sb:state()) } do
      assert.is_false(has(place, sb.key))
      assert.is_false(has(place, "Bearer"))
    end
    -- Of the key alone: other programs may be sending headers of theirs.
    assert.is_false(has(command_lines(), sb.key))
    -- The search finds what is there.
    assert.is_true(has(text_of { { function() return sb end } }, sb.key))
  end)

  it("the key that a sandbox is told is in no process list", function()
    local canary = "sk-canary-of-a-sandbox"
    local other = assert(sandbox.start { key = canary, asset_seconds = 71.25 })
    assert.equal(canary, other.key)
    local lines = command_lines()
    other:stop()
    assert.is_true(has(lines, "--watch-stdin"))
    assert.is_false(has(lines, canary))
  end)

  it("signed links and groups are in no event and in no error of ours", function()
    local errs = walk_through()
    local lines = {}
    for i, err in ipairs(errs) do lines[i] = tostring(err) end
    for _, place in ipairs { text_of(events), table.concat(lines, "\n") } do
      assert.is_false(has(place, secret.group))
      assert.is_false(has(place, secret.h5))
      assert.is_false(has(place, secret.link))
      assert.is_false(has(place, "sig="))
    end
  end)

  it("a key that is refused is not shown, nor one that the service refuses", function()
    for _, key in ipairs { "sk-with a space", "sk-line\nbreak", "sk-" .. ("x"):rep(5000) } do
      local made, err = pomex.new { api_key = key, base_url = sb.url }
      assert.is_nil(made)
      assert.is_false(has(text_of(err), key:sub(1, 7)))
    end
    local ok, why = pcall(pomex.new, { api_key = { "sk-in-a-table" } })
    assert.is_false(ok)
    assert.is_false(has(why, "sk-in"))
    local other = assert(pomex.new(sb:client_options { api_key = "sk-not-this-one" }))
    local _, err = other.assets:list()
    assert.equal("authentication_error", err.type)
    assert.is_false(has(text_of(err), "sk-not-this-one"))
    other:close()
  end)

  it("a base_url with a password is refused without showing it", function()
    local _, err = pomex.new { api_key = "sk-k",
      base_url = "https://user:passw0rd@api.example" }
    assert.is_false(has(text_of(err), "passw0rd"))
    assert.equal("invalid_request_error", err.type)
  end)
end)
