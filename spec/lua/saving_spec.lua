-- Saving an asset's own file and the last frame of a video.

local bed = require "spec.support.bed"
local pomex = require "pomex"

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

describe("saving", function()
  local sb, client, path
  local new = bed({ sandbox = { asset_seconds = 0, generation_seconds = 0 } },
    function(...) sb, client = ... end)

  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)
  after_each(function()
    os.remove(path)
    os.remove(path .. ".part")
    os.remove(path .. ".part.note")
  end)

  local function asset(kind)
    return assert(client.assets:create_and_wait({ url = "https://a.example/a.jpg",
      asset_type = kind or "Image", group_id = pomex.VIRTUAL }, { first = 0.01 }))
  end

  local function video(more)
    local body = { model = "byteplus/seedance-2.0", content = pomex.content():text "A hill." }
    for key, value in pairs(more or {}) do body[key] = value end
    return assert(client.generations:create_and_wait(body, { first = 0.01 }))
  end

  it("saves an asset's file by its id or by the asset, and says what it looks like", function()
    for kind, like in pairs { Image = "png", Video = "mp4", Audio = "wav" } do
      local one = asset(kind)
      for _, given in ipairs { one, one.id } do
        local file = assert(client.assets:download(given, path))
        assert.same({ path = path, id = one.id, looks_like = like, size = #read(path) }, file)
        os.remove(path)
      end
    end
    local op = client.async.assets:download(asset(), path)
    assert.equal("png", assert(op:wait()).looks_like)
  end)

  it("saves the last frame of a video that was made with one", function()
    local task = video { return_last_frame = true }
    local file = assert(client.generations:download(task, path, { what = "last_frame" }))
    assert.equal("png", file.looks_like)
    assert.equal(task.id, file.id)
    os.remove(path)
    assert(client.generations:download(task.id, path, { what = "last_frame" }))
    assert.equal(file.size, #read(path))
    os.remove(path)
    file = assert(client.generations:download(task, path, { what = "video" }))
    assert.equal("mp4", file.looks_like)
    os.remove(path)
    local none, err = client.generations:download(video(), path, { what = "last_frame" })
    assert.is_nil(none)
    assert.equal("decode_error", err.type)
    assert.matches("return_last_frame", err.hint)
    assert.equal("yes", err.billed)
    assert.is_nil(read(path))
  end)

  it("replaces no file unasked, and says what is paid for", function()
    local one, task = asset(), video { return_last_frame = true }
    local file = assert(io.open(path, "w"))
    file:write "mine"
    file:close()
    local _, err = client.assets:download(one, path)
    assert.equal("file_error", err.type)
    assert.equal("no", err.billed)
    _, err = client.generations:download(task, path, { what = "last_frame" })
    assert.equal("file_error", err.type)
    assert.equal("yes", err.billed)
    assert.equal("mine", read(path))
    _, err = client.assets:download(one, "")
    assert.same({ "invalid_request_error", "no" }, { err.type, err.billed })
    assert(client.assets:download(one, path, { overwrite = true }))
    assert.not_equal("mine", read(path))
  end)

  it("gives an error page with status 200 no name", function()
    local one = asset()
    for _, body in ipairs { "<html>expired</html>", '{"error":"expired"}' } do
      sb:fault { endpoint = "asset_link", status = 200, content_type = "image/png", body = body }
      local _, err = client.assets:download(one, path)
      assert.equal("decode_error", err.type)
      assert.matches("text and not an asset's file", err.message)
      assert.is_nil(read(path))
      assert.is_nil(read(path .. ".part"))
    end
  end)

  it("sends no key to the link", function()
    assert(client.assets:download(asset().id, path))
    local all = sb.journal:requests()
    local last = all[#all]
    assert.matches("^/files/assets/", last.path)
    assert.is_nil(last.headers.authorization)
  end)

  it("raises where it cannot be meant", function()
    for _, case in ipairs {
      { function() client.assets:download("a", path, { what = "last_frame" }) end,
        'unknown key "what"' },
      { function() client.assets:download("a", path, { hold = true }) end, "unknown key \"hold\"" },
      { function() client.assets:download("a", 5) end, "assets:download: path must be a string" },
      { function() client.assets:download({}, path) end, "assets:download: asset must be an id" },
      { function() client.generations:download("a", path, { what = "frame" }) end,
        'what must be "video" or "last_frame"' },
      { function()
        client.generations:download("a", path, { what = "last_frame", hold = true })
      end, "hold is for videos" },
    } do
      assert.error_matches(case[1], case[2])
    end
  end)

  it("goes on where another client broke off", function()
    local one = asset()
    sb:fault { endpoint = "asset_link", after_accept = "truncate" }
    local _, err = client.assets:download(one, path, { max_retries = 0 })
    assert.equal("connection_error", err.type)
    local part = #read(path .. ".part")
    assert.is_true(part > 0)
    assert(new().assets:download(one, path))
    local all = sb.journal:requests()
    assert.equal(("bytes=%d-"):format(part), all[#all].headers.range)
    os.rename(path, path .. ".first")
    assert(client.assets:download(one, path))
    assert.equal(read(path), read(path .. ".first"))
    os.remove(path .. ".first")
  end)
end)
