-- 11: what is paid for can be saved. create_and_wait with `save` looks at the path before it asks
-- for the video, and saves it at the end; download replaces nothing unasked.

local bed = require "spec.support.bed"
local lfs = require "lfs"
local pomex = require "pomex"
local shell = require "spec.support.shell"

describe("11: saving", function()
  local sb, client, folder, path
  bed({ sandbox = { generation_seconds = 0 }, client = { max_retries = 0,
    poll = { generation = { first = 0.01, max = 0.05 } } } }, function(...) sb, client = ... end)

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    path = folder .. "/out.mp4"
  end)
  teardown(function() shell.bash("rm -r " .. shell.quote(folder)) end)
  after_each(function()
    for name in lfs.dir(folder) do
      if name ~= "." and name ~= ".." then os.remove(folder .. "/" .. name) end
    end
  end)

  local function film()
    return { model = "byteplus/seedance-2.0", content = pomex.content():text "A wave." }
  end

  local function put(name, text)
    local file = assert(io.open(name, "wb"))
    file:write(text)
    file:close()
  end

  local function read(name)
    local file = assert(io.open(name, "rb"))
    local text = file:read "*a"
    file:close()
    return text
  end

  local function is_file(name) return lfs.symlinkattributes(name) ~= nil end

  -- Plainly, and in a task of the asynchronous call's.
  local WAYS = {
    plain = function(body, opts) return client.generations:create_and_wait(body, opts) end,
    async = function(body, opts)
      return client.async.generations:create_and_wait(body, opts):wait()
    end,
  }

  local function saved(task, err)
    assert.is_nil(err, tostring(err))
    assert.equal("succeeded", task.status)
    assert.equal(task.id, task.file.id)
    assert.equal(path, task.file.path)
    assert.equal("mp4", task.file.looks_like)
    local bytes = read(path)
    assert.equal(#bytes, task.file.size)
    assert.equal("ftyp", bytes:sub(5, 8))
    assert.is_false(is_file(path .. ".part"))
    assert.is_false(is_file(path .. ".part.note"))
  end

  local function is_billed(kind, task, err)
    assert.is_nil(task)
    assert.equal(kind, err.type, tostring(err))
    assert.equal("yes", err.billed)
    assert.is_true(err.maybe_billed)
    assert.is_false(err.retryable)
    assert.matches("^cgt%-", err.id)
    assert.matches("billed", tostring(err), 1, true)
    return err
  end

  for name, create_and_wait in pairs(WAYS) do
    describe("by create_and_wait, " .. name .. ",", function()
      it("looks at the path before anything is paid for", function()
        put(folder .. "/taken.mp4", "older")
        put(folder .. "/foreign.mp4.part", "half")
        local before = sb.ledger:count "generation"
        for save, words in pairs {
          ["/no/such/folder/out.mp4"] = "cannot write /no/such/folder/out.mp4.part: No such file",
          [folder] = folder .. " is a folder",
          [folder .. "/"] = "is a folder",
          [folder .. "/taken.mp4"] = "taken.mp4 exists already",
          [folder .. "/foreign.mp4"] = folder .. "/foreign.mp4.part is there already",
          [folder .. "/" .. ("n"):rep(256)] = "File name too long",
          ["/dev/null"] = "/dev/null is no regular file",
        } do
          local task, err = create_and_wait(film(), { save = save })
          assert.is_nil(task)
          assert.equal("file_error", err.type)
          assert.matches(words, err.message, 1, true)
          assert.equal("no", err.billed)
          assert.is_false(err.maybe_billed)
          assert.is_true(err.client)
          assert.equal("download", err.endpoint)
          assert.is_nil(err.id)
          assert.is_true(pomex.errors.is(err))
        end
        for _, save in ipairs { "", "a\0b" } do
          local task, err = create_and_wait(film(), { save = save })
          assert.is_nil(task)
          assert.equal("invalid_request_error", err.type)
          assert.equal("no", err.billed)
        end
        assert.equal(before, sb.ledger:count "generation")
        assert.equal("older", read(folder .. "/taken.mp4"))
        assert.equal("half", read(folder .. "/foreign.mp4.part"))
      end)

      it("saves the video", function()
        local made, total
        saved(create_and_wait(film(), { save = path, sync = true, timeout = 60,
          on_created = function(task)
            made = task.id
            assert.is_false(is_file(path .. ".part"))
          end,
          on_progress = function(_, of) total = of end }))
        assert.equal(#read(path), total)
        assert.is_string(made)
      end)

      it("replaces a file only where that is asked for", function()
        put(path, "older")
        saved(create_and_wait(film(), { save = path, overwrite = true }))
      end)

      it("saves the last frame beside the video, or says that the video is there", function()
        local body, picture = film(), folder .. "/out.png"
        body.return_last_frame = true
        local progress = 0
        local task = create_and_wait(body, { save = path, save_last_frame = picture,
          on_progress = function(_, total) progress = total end })
        saved(task)
        assert.equal(task.file.size, progress)
        assert.same({ task.id, picture, "png" }, { task.last_frame_file.id,
          task.last_frame_file.path, task.last_frame_file.looks_like })
        assert.equal(#read(picture), task.last_frame_file.size)
        os.remove(path)
        -- The picture's name is taken: nothing is asked for.
        local before = sb.ledger:count "generation"
        local none, err = create_and_wait(body, { save = path, save_last_frame = picture })
        assert.same({ nil, "file_error", "no" }, { none, err.type, err.billed })
        assert.equal(before, sb.ledger:count "generation")
        -- It is taken meanwhile: the video is saved all the same.
        os.remove(picture)
        err = is_billed("file_error", create_and_wait(body, { save = path,
          save_last_frame = picture, on_created = function() put(picture, "another's") end }))
        assert.same({ path, err.id }, { err.file.path, err.file.id })
        assert.equal(#read(path), err.file.size)
        assert.equal("another's", read(picture))
        assert.matches('what = "last_frame"', err.hint, 1, true)
      end)

      it("says \"yes\" and the id where it is made and cannot be saved", function()
        local before = sb.ledger:count "generation"
        sb:fault { endpoint = "video", status = 418, times = 0 }
        local err = is_billed("api_error", create_and_wait(film(), { save = path }))
        assert.matches("generations:download", err.hint, 1, true)
        sb:clear_faults()
        assert(client.generations:download(err.id, path))
        assert.equal(before + 1, sb.ledger:count "generation")
      end)

      it("does not replace what appears while it waits", function()
        local err = is_billed("file_error", create_and_wait(film(), { save = path,
          on_created = function() put(path, "another's") end }))
        assert.matches(path, err.message, 1, true)
        assert.equal("another's", read(path))
        assert(client.generations:download(err.id, folder .. "/elsewhere.mp4"))
      end)

      it("has a time-out of its own for the download", function()
        local given
        function client.generations.download(self, task, to, opts)
          given = opts.timeout or "none"
          return getmetatable(self).__index.download(self, task, to, opts)
        end
        saved(create_and_wait(film(), { save = path, timeout = 60 }))
        assert.equal("none", given)
        os.remove(path)
        sb:fault { endpoint = "video", before_accept = "hang", times = 0 }
        is_billed("timeout_error", create_and_wait(film(), { save = path, save_timeout = 0.1 }))
      end)

      it("keeps the id where the client is closed between the wait and the download", function()
        function client.generations.wait(self, ...)
          local task, err = getmetatable(self).__index.wait(self, ...)
          self.async.client:close()
          return task, err
        end
        local err = is_billed("cancelled_error", create_and_wait(film(), { save = path }))
        assert.matches("before the download of", err.message, 1, true)
      end)
    end)
  end

  it("by create_and_wait without `save` saves nothing", function()
    local task = assert(client.generations:create_and_wait(film(), { timeout = 60 }))
    assert.is_nil(task.file)
    assert.is_false(is_file(path))
  end)

  it("by create_and_wait raises where an option has no meaning", function()
    local function raises(words, ...)
      for _, generations in ipairs { client.generations, client.async.generations } do
        local ok, message = pcall(generations.create_and_wait, generations, ...)
        assert.is_false(ok)
        assert.matches(words, message, 1, true)
        assert.matches("11_save_spec.lua:", message, 1, true)
      end
    end
    local before = sb.ledger:count "generation"
    for name, value in pairs { overwrite = true, sync = true, save_timeout = 5,
      on_progress = print } do
      raises("generations:create_and_wait: " .. name .. " needs save", film(), { [name] = value })
    end
    raises("save_last_frame needs save", film(), { save_last_frame = path })
    raises("save_last_frame needs return_last_frame = true in the body", film(),
      { save = path, save_last_frame = path .. ".jpg" })
    raises("save and save_last_frame are the same path", film(),
      { save = path, save_last_frame = path })
    raises("save must be a string, not 5", film(), { save = 5 })
    raises("save_timeout must be a number of seconds above 0, not 0", film(),
      { save = path, save_timeout = 0 })
    raises("overwrite must be a boolean", film(), { save = path, overwrite = path })
    for _, key in ipairs { "save", "save_last_frame", "save_timeout", "overwrite",
      "on_progress" } do
      local body = film()
      body[key] = path
      raises(key .. " is a call option; pass it in the table after the body", body)
    end
    local portrait = { url = "https://a.example/b.jpg", asset_type = "Image", group_id = "g" }
    local ok, message = pcall(client.assets.create_and_wait, client.assets, portrait,
      { save = path })
    assert.is_false(ok)
    assert.matches('assets:create_and_wait: unknown key "save"', message, 1, true)
    assert.equal(before, sb.ledger:count "generation")
  end)

  it("by download replaces a file only where that is asked for", function()
    local task = assert(client.generations:create_and_wait(film(), { timeout = 60 }))
    sb.journal:clear()
    put(path, "older")
    for _, what in ipairs { task, task.id } do
      local file, err = client.generations:download(what, path)
      assert.is_nil(file)
      assert.equal("file_error", err.type)
      assert.matches(path .. " exists already", err.message, 1, true)
      assert.equal("yes", err.billed)
      assert.equal(task.id, err.id)
      assert.is_true(err.client)
    end
    assert.equal(0, #sb.journal:requests())
    assert.equal("older", read(path))
    assert.equal(#assert(client.generations:download(task, path, { overwrite = true })).id,
      #task.id)
    assert.equal("ftyp", read(path):sub(5, 8))
  end)
end)
