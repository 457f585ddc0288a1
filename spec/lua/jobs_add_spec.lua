-- jobs:add: what is wrong is found before money is spent, and named.

local jobs_bed = require "spec.support.jobs_bed"
local canonical = jobs_bed.built and require "pomex.jobs.canonical"
local pomex = require "pomex"

if not jobs_bed.built then return end

local video = jobs_bed.video

describe("jobs:add", function()
  local env = {}
  jobs_bed.begin(env)

  local function refused(jobs, entries, ...)
    local none, err = jobs:add(entries)
    assert.is_nil(none)
    assert.equal("invalid_request_error", err.type)
    for _, words in ipairs { ... } do
      assert.is_truthy(tostring(err):find(words, 1, true), tostring(err))
    end
    return err
  end

  it("names each job that cannot be, and adds none of them", function()
    local jobs = env.open { out = env.out }
    local err = refused(jobs, {
      video "fine",
      { key = "both", video = {}, portrait = {} },
      { key = "", save = "x.mp4", video = {} },
      video("prompt", { prompt = pomex.null }),
      video("name", { prompt = "{nobody} waves" }),
      video("model", { model = pomex.null }),
      { key = "p", portrait = { url = "https://cdn.example/a.png", asset_type = "Image" } },
    }, "job 2", "job 3", "job 4", "job 5", "nobody", "job 6", "job 7", "group_id")
    assert.equal(6, #err.problems)
    assert.equal(0, jobs:counts().ready)
  end)

  it("keeps what it saves below the folder", function()
    local jobs = env.open { out = env.out }
    for _, save in ipairs { "/etc/x.mp4", "../x.mp4", "a/../../x.mp4", "", "a/", "a\nb", "..",
      "./a", "a//b", "a/./b", "a\194\155b", "a\226\128\174b", "a\255" } do
      local entry = video "v"
      entry.save = save
      refused(jobs, entry, "save")
    end
    refused(jobs, { { key = "no save", video = video("x").video } }, "save")
    local deep = video "deep"
    deep.save = "none/there.mp4"
    refused(jobs, { deep }, "none")
  end)

  it("takes no key that acts on the terminal that shows it", function()
    local jobs = env.open()
    for _, key in ipairs { "a\27[2J", "a\194\155" .. "2J", "a\226\128\174b", "a\226\129\166b",
      "a\226\128\168b", "a\255" } do
      refused(jobs, { { key = key, save = "a.mp4", video = video("a").video } }, "without controls")
    end
    assert(jobs:add(video "Zo\195\171"))
  end)

  it("is not kept from adding by a process that looks at the same file", function()
    local part = env.out .. "/held.mp4.part"
    local holder = io.popen(("exec flock %s sh -c 'echo held; cat' >%s/held; :"):format(part,
      env.folder), "w")
    repeat until jobs_bed.exists(env.folder .. "/held") and jobs_bed.exists(part)
    local locked
    repeat locked = os.execute("flock -n " .. part .. " true") until locked ~= true and locked ~= 0
    local jobs = env.open { out = env.out }
    local counts, err = jobs:add(video "held")
    holder:close()
    assert.is_nil(err)
    assert.equal(1, counts.new)
  end)

  it("lets no two jobs save to one name, nor one key stand twice", function()
    local jobs = env.open()
    local twin = video "b"
    twin.save = "a.mp4"
    refused(jobs, { video "a", twin }, "where \"a\" saves")
    refused(jobs, { video "a", video "a" }, "twice")
    assert(jobs:add(video "a"))
    local err = refused(jobs, { twin, video "c" }, "another job saves there")
    assert.equal(1, err.counts.new)
    assert.equal(1, err.counts.conflicting)
  end)

  it("knows the portraits that a video needs", function()
    local jobs = env.open()
    local needing = video("needing", { prompt = "{a}", images = { a = "job:front" } })
    refused(jobs, { needing }, "job:front")
    assert(jobs:add { needing, { key = "front", portrait = { url = "https://cdn.example/a.png",
      asset_type = "Image", group_id = pomex.VIRTUAL } } })
    refused(jobs, video("odd", { prompt = "{a}", images = { a = "job:needing" } }), "needing")
    assert(jobs:add(video("later", { prompt = "{a}", images = { a = "job:front" } })))
  end)

  it("takes the portrait of a job in a content, beside words as they are", function()
    local jobs = env.open()
    local words = "{like} in image 7."
    local function content(key)
      return pomex.content():text "The person in {me}: ":text(words, { raw = true })
        :image("job:" .. key, "me")
    end
    local function entry(key)
      return { key = "own", save = "own.mp4", video = { model = "byteplus/seedance-2.0-fast",
        content = content(key) } }
    end
    refused(jobs, { entry "tom/face" }, "job:tom/face")
    assert(jobs:add { entry "tom/face", { key = "tom/face", portrait = { asset_type = "Image",
      url = "https://cdn.example/a.png", group_id = pomex.VIRTUAL } } })
    assert.equal(1, jobs:counts().blocked)
    assert.equal(1, jobs:add(entry "tom/face").same)
    assert.same({ "tom/face" }, jobs:get("own").needs)
    assert.equal(2, env.run(jobs).done)
    local sent = env.sb.journal:requests "generations.create"
    local body = sent[#sent].body:gsub("\\/", "/")
    assert.matches(words, body, 1, true)
    assert.matches("The person in image 1: ", body, 1, true)
    assert.matches('"asset://' .. jobs:get("tom/face").task .. '"', body, 1, true)
    -- Elsewhere there is no queue that would know it.
    local made, err = env.client.generations:create { model = "byteplus/seedance-2.0-fast",
      content = content "tom/face" }
    assert.is_nil(made)
    assert.matches("is the portrait of a job", err.message, 1, true)
    assert.matches("jobs:get%(key%).task", err.hint)
  end)

  it("takes another body for a job that was never begun, and for no other", function()
    local jobs = env.open()
    assert(jobs:add(video "x"))
    local counts = assert(jobs:add(video("x", { duration = 6 })))
    assert.equal(1, counts.changed)
    -- Numbers by value, keys in any order, and a price or a name of the file change nothing.
    local same = video("x", { duration = 6.0 })
    same.price = 2
    assert.equal(1, assert(jobs:add(same)).same)
    assert.equal(1, env.run(jobs).done)
    refused(jobs, video("x", { duration = 7 }), "another body", "job 1 (\"x\")")
    assert.equal(1, assert(jobs:add(video("x", { duration = 6 }))).same)
  end)

  it("adds more than one part of a put as one", function()
    local jobs = env.open()
    local list = {}
    for i = 1, 1201 do list[i] = video("many-" .. i) end
    assert.equal(1201, assert(jobs:add(list)).new)
    assert.equal(1201, jobs:counts().ready)
    local count = 0
    for _ in jobs:each() do count = count + 1 end
    assert.equal(1201, count)
  end)

  it("has one line for a value, whatever it was written like", function()
    assert.equal('{"a":1,"b":[1,2.5,"x\\n"],"c":{}}',
      canonical.line { c = {}, b = { 1.0, 2.5, "x\n" }, a = 1 })
    assert.equal("[]", canonical.line(pomex.array {}))
    assert.equal('{"a":null,"b":true}', canonical.line { b = true, a = pomex.null })
    assert.has_error(function() canonical.line { a = 0 / 0 } end)
  end)
end)
