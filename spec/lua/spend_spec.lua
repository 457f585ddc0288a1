-- What a client may spend on videos, what it has spent, and what a video costs.

local bed = require "spec.support.bed"
local jobs_bed = require "spec.support.jobs_bed"
local pomex = require "pomex"

local FAST = "byteplus/seedance-2.0-fast"

local function body(fields)
  local all = { model = FAST, content = { { type = "text", text = "a wave" } } }
  for key, value in pairs(fields or {}) do all[key] = value end
  return all
end

describe("pomex.cost", function()
  local function is(tokens, fields)
    assert.equal(tokens, (pomex.cost(body(fields), 1e6)))
  end

  it("is that of the tokens of the page's formula [beyond 14]", function()
    is(108900, { duration = 5, resolution = "720p", ratio = "16:9" })
    is(108900, { duration = 5, resolution = "720P", ratio = "9:16" })
    is(math.ceil(97 * 864 * 496 / 1024), { duration = 4, resolution = "480p", ratio = "16:9" })
    assert.equal(108900 * 5.6 / 1e6, (pomex.cost(body { duration = 5, resolution = "720p",
      ratio = "16:9" }, 5.6)))
  end)

  it("takes what the body leaves open at the dearest [beyond 14]", function()
    is(361 * 1504 * 640 / 1024, {})
    is(361 * 1504 * 640 / 1024, { duration = -1, ratio = "adaptive", resolution = pomex.null })
    is(361 * 1920 * 1088 / 1024, { model = "byteplus/seedance-2.0" })
    is(721 * 1504 * 640 / 1024, { content = { { type = "video_url",
      video_url = { url = "https://a.example/v.mp4" } } } })
    is(721 * 1504 * 640 / 1024, { content = pomex.content():text("a wave")
      :video "https://a.example/v.mp4" })
    is(math.ceil(400 * 1504 * 640 / 1024), { duration = 5, frames = 400 })
  end)

  it("knows none of what is no number", function()
    for _, fields in ipairs { { duration = 0 / 0 }, { duration = math.huge },
      { duration = 5, frames = 0 / 0 }, { duration = 5, frames = math.huge } } do
      local none, err = pomex.cost(body(fields), 1)
      assert.is_nil(none)
      assert.equal("invalid_request_error", err.type)
    end
  end)

  it("has a price for each model, and knows none of others", function()
    local prices = { [FAST] = 1e6 }
    assert.equal(108900, (pomex.cost(body { duration = 5, resolution = "720p", ratio = "16:9" },
      prices)))
    local none, err = pomex.cost(body { model = "other" }, prices)
    assert.is_nil(none)
    assert.equal("invalid_request_error", err.type)
    assert.matches("no price for the model", tostring(err))
    none, err = pomex.cost(body { resolution = "4k" }, 1)
    assert.is_nil(none)
    assert.matches("4k", tostring(err))
    assert.has_error(function() pomex.cost(7, 1) end, "pomex.cost: body must be a table, not 7")
    for _, price in ipairs { -1, "7", { [FAST] = "7" }, { 1 }, math.huge } do
      assert.has_error(function() pomex.cost(body(), price) end,
        "pomex.cost: price must be a number, 0 or more, or a table of them by model")
    end
  end)
end)

describe("what a client may spend", function()
  local sb, client
  local new = bed({ sandbox = { generation_seconds = 0 } }, function(...) sb, client = ... end)
  local exact = { duration = 5, resolution = "720p", ratio = "16:9" }

  local function refused(made, err, words)
    assert.is_nil(made)
    assert.equal("spend_error", err.type, tostring(err))
    assert.same({ "no", true, 0, false }, { err.billed, err.client, err.attempts, err.retryable })
    assert.equal("generations.create", err.endpoint)
    if words then assert.is_truthy(tostring(err):find(words, 1, true), tostring(err)) end
  end

  it("is so many videos, and nothing is sent of the next", function()
    client = new { spend = { videos = 2 } }
    assert.same({ videos = 0 }, client:spent())
    pomex.check(client.generations:create(body()))
    pomex.check(client.generations:create_and_wait(body()))
    assert.same({ videos = 2 }, client:spent())
    local made, err = client.generations:create(body())
    refused(made, err, "may make 2 videos")
    made, err = client.generations:create_and_wait(body())
    refused(made, err)
    made, err = client.async.generations:create(body()):wait()
    refused(made, err)
    assert.same({ videos = 2 }, client:spent())
    assert.equal(2, #sb.journal:requests "generations.create")
  end)

  it("says one video as one", function()
    client = new { spend = { videos = 1 } }
    pomex.check(client.generations:create(body()))
    local made, err = client.generations:create(body())
    refused(made, err, "may make 1 video, and has")
  end)

  it("is not lost by a body whose cost is no number", function()
    client = new { spend = { cost = 1, price = 5.6 } }
    local made, err = client.generations:create(body { duration = 0 / 0 })
    refused(made, err, "nobody knows what this video can cost")
    assert.same({ videos = 0, cost = 0 }, client:spent())
    made, err = client.generations:create(body { duration = 1e6 })
    refused(made, err, "this video can cost")
  end)

  it("counts videos that are being asked for, however many at once", function()
    client = new { spend = { videos = 3 } }
    local ops = {}
    for i = 1, 8 do ops[i] = client.async.generations:create(body()) end
    assert.same({ videos = 3 }, client:spent())
    local made = 0
    for _, result in ipairs(pomex.all(ops)) do made = made + (result[1] and 1 or 0) end
    assert.equal(3, made)
    assert.equal(3, #sb.journal:requests "generations.create")
  end)

  it("is so much money, at the dearest until the service has counted", function()
    client = new { spend = { cost = 1.3, price = 5.6 } }
    local task = pomex.check(client.generations:create(body(exact)))
    assert.same({ videos = 1, cost = 108900 * 5.6 / 1e6 }, client:spent())
    pomex.check(client.generations:create(body(exact)))
    local made, err = client.generations:create(body(exact))
    refused(made, err, "0.60984")
    sb:fault { endpoint = "generations.get", body = ('{"id":"%s","status":"succeeded",'
      .. '"usage":{"completion_tokens":50000}}'):format(task.id) }
    pomex.check(client.generations:wait(task))
    assert.equal(0.88984, client:spent().cost)
    sb:fault { endpoint = "generations.get", body = ('{"id":"%s","status":"succeeded",'
      .. '"usage":{"completion_tokens":50000}}'):format(task.id) }
    pomex.check(client.generations:get(task)) -- twice told is once counted
    assert.equal(0.88984, client:spent().cost)
    assert.is_nil((client.generations:create(body { duration = 15, resolution = "720p" })))
    sb:fault { endpoint = "generations.get", body = '{"id":"cgt-of-another","status":"succeeded",'
      .. '"usage":{"completion_tokens":50000}}' }
    pomex.check(client.generations:get "cgt-of-another")
    assert.equal(0.88984, client:spent().cost)
  end)

  it("has back what was not made, and keeps what perhaps was", function()
    client = new { spend = { videos = 2, price = 5.6 } }
    sb:fault { endpoint = "generations.create", status = 400 }
    local made, err = client.generations:create(body(exact))
    assert.is_nil(made)
    assert.equal("no", err.billed)
    assert.same({ videos = 0, cost = 0 }, client:spent())
    local op = client.async.generations:create(body(exact))
    op:cancel()
    op:wait()
    assert.same({ videos = 0, cost = 0 }, client:spent())
    sb:fault { endpoint = "generations.create", after_accept = "drop" }
    made, err = client.generations:create(body(exact))
    assert.is_nil(made)
    assert.equal("maybe", err.billed)
    assert.same({ videos = 1, cost = 0.60984 }, client:spent())
  end)

  it("keeps a failed task, unless the service counted it", function()
    client = new { spend = { price = 5.6 } }
    local task = pomex.check(client.generations:create(body(exact)))
    sb:fault { endpoint = "generations.get", body = ('{"id":"%s","status":"failed"}')
      :format(task.id) }
    assert.is_nil((client.generations:wait(task)))
    assert.equal(0.60984, client:spent().cost)
    sb:fault { endpoint = "generations.get", body = ('{"id":"%s","status":"failed",'
      .. '"usage":{"completion_tokens":0}}'):format(task.id) }
    assert.is_nil((client.generations:wait(task)))
    assert.same({ videos = 1, cost = 0 }, client:spent())
  end)

  it("has back what was cancelled while it was queued", function()
    client = new { spend = { videos = 1, price = 5.6 } }
    sb:config { generation_seconds = 100, generation_cancel = true }
    local task = pomex.check(client.generations:create(body(exact)))
    assert.same({ videos = 1, cost = 0.60984 }, client:spent())
    assert.equal("cancelled", pomex.check(client.generations:cancel(task)).status)
    assert.same({ videos = 0, cost = 0 }, client:spent())
    sb:config { generation_seconds = 0 }
    task = pomex.check(client.generations:create_and_wait(body(exact)))
    assert.is_nil((client.generations:cancel(task)))
    assert.same({ videos = 1, cost = 0.60984 }, client:spent())
  end)

  it("is spent by client:request as well", function()
    client = new { spend = { videos = 1 } }
    local parts = { body = body() }
    assert.is_table(client:request("POST", "/v1/video/generations", parts))
    local made, err = client:request("post", "/v1//video/generations/", parts)
    assert.is_nil(made)
    assert.equal("spend_error", err.type)
    assert.is_table(client:request("GET", "/v1/video/generations"))
    assert.same({ videos = 1 }, client:spent())
  end)

  it("is refused where nobody knows what a video costs", function()
    client = new { spend = { cost = 100, price = { [FAST] = 5.6 } } }
    local made, err = client.generations:create(body { model = "byteplus/seedance-2.0" })
    refused(made, err, "nobody knows")
    made, err = client.generations:create(body { resolution = "4k" })
    refused(made, err, "nobody knows")
    assert.same({ videos = 0, cost = 0 }, client:spent())
    assert.is_table(client.generations:create(body()))
  end)

  it("is raised about where it is misused", function()
    local function raises(spend, words)
      local opts = sb:client_options()
      opts.spend = spend
      local fine, err = pcall(pomex.new, opts)
      assert.is_false(fine)
      assert.is_truthy(tostring(err):find(words, 1, true), tostring(err))
    end
    raises(7, "spend must be a table, not 7")
    raises({ video = 1 }, 'unknown key "video" (is it "videos"?)')
    raises({ videos = 1.5 }, "videos must be a whole number")
    raises({ cost = 1 }, "spend: cost needs price")
    raises({ cost = -1, price = 1 }, "spend: cost must be an amount")
    raises({ price = "7" }, "spend: price must be a number")
    assert.has_error(function() client:spent() end, "client:spent: pomex.new had no option spend")
  end)
end)

describe("the jobs of a client that may spend so much", function()
  if not jobs_bed.built then return end
  local env = {}
  jobs_bed.begin(env)

  it("stop like those of a queue at its cap, and go on with another client", function()
    local client = env.new { spend = { videos = 2 } }
    local jobs = env.open({}, client)
    local list = {}
    for i = 1, 4 do list[i] = jobs_bed.video("spend-" .. i) end
    pomex.check(jobs:add(list))
    local counts, err = jobs:run { out = env.out }
    assert.is_nil(err)
    assert.same({ 2, 2, "cap" }, { counts.done, counts.ready, counts.ended })
    assert.same({ videos = 2 }, client:spent())
    assert.is_truthy(table.concat(env.said, "\n"):find("may make 2 videos", 1, true))
    jobs:close()
    jobs = env.open({}, env.new())
    assert.equal(4, pomex.check(jobs:run { out = env.out }).done)
    for i = 1, 4 do assert.equal(1, jobs_bed.billed(env.sb)["spend-" .. i]) end
  end)
end)
