-- A misspelt field of the billed call is not sent; any other that pomex does not know is.

local bed = require "spec.support.bed"
local fields = require "pomex.fields"
local pomex = require "pomex"

local MODEL = "byteplus/seedance-2.0-fast"

-- What is written, and what is meant.
local SLIPS = {
  duraton = "duration", duratoin = "duration", Duration = "duration",
  durations = "duration", ratoi = "ratio", resoluton = "resolution", resulotion = "resolution",
  returnLastFrame = "return_last_frame", ["return-last-frame"] = "return_last_frame",
  generateAudio = "generate_audio", genrate_audio = "generate_audio", seeds = "seed",
  SEED = "seed", callbackUrl = "callback_url", callback_uri = "callback_url",
  water_mark = "watermark", watermarks = "watermark", frame = "frames", priorty = "priority",
  safety_identifer = "safety_identifier", execution_expire_after = "execution_expires_after",
}

-- Fields of no known name, which may be the service's.
local OTHERS = { "camera_fixed", "service_tier", "draft", "tools", "fps", "style", "rate", "speech",
  "negative_prompt", "prompt", "quality", "rotation", "mode", "contents", "n", "user", "size" }

describe("a field of a generation's body", function()
  local sb, client
  bed({ sandbox = { generation_seconds = 0, rate_limits = false } },
    function(...) sb, client = ... end)

  local function body(more)
    local made = { model = MODEL, content = pomex.content():text "A wave." }
    for name, value in pairs(more or {}) do made[name] = value end
    return made
  end

  local function created() return sb.journal:requests "generations.create" end

  it("whose name is a slip raises at the caller's line, in each way to ask for a video", function()
    local plain, async = client.generations, client.async.generations
    for name, call in pairs {
      create = function(...) return plain:create(...) end,
      create_and_wait = function(...) return plain:create_and_wait(...) end,
    } do
      local waits = name == "create_and_wait"
      local again = waits and async.create_and_wait or async.create
      for _, ask in ipairs { call, function(...) return again(async, ...) end } do
        local ok, why = pcall(function() return ask(body { duraton = 5 }, { timeout = 20 }) end)
        assert.is_false(ok)
        assert.matches("^spec/lua/fields_spec%.lua:%d+: ", why)
        assert.matches("generations:" .. name .. ': unknown field "duraton" of the body (is it '
          .. '"duration"?); validate = false sends it as it is', why, 1, true)
      end
    end
    assert.same({}, created())
    assert.equal(0, sb.ledger:count "generation")
  end)

  it("that is a number or true or false is no text: it raises, and is refused in a job", function()
    local given = { duration = "5", seed = "7", watermark = "false", priority = "1" }
    for name, text in pairs(given) do
      local why = ("%s must be %s, not the text %q"):format(name,
        name == "watermark" and "true or false" or "a number", text)
      for _, call in ipairs { "create", "create_and_wait" } do
        for _, way in ipairs { client.generations, client.async.generations } do
          local ok, said = pcall(function() return way[call](way, body { [name] = text }) end)
          assert.is_false(ok, name)
          assert.matches("^spec/lua/fields_spec%.lua:%d+: ", said)
          assert.matches("generations:" .. call .. ": " .. why
            .. "; validate = false sends it as it is", said, 1, true)
        end
      end
      local _, err = pomex.jobs.check { key = "a", save = "a.mp4",
        video = { model = MODEL, prompt = "A wave.", [name] = text } }
      assert.equal("invalid_request_error", err.type)
      assert.equal(why, err.message)
    end
    assert.same({}, created())
    -- The sandbox judges by the same rules.
    local _, err = client.generations:create(body { duration = "5" }, { validate = false })
    assert.equal("duration must be a number", err.message)
    assert.matches('"duration":"5"', created()[1].body, 1, true)
  end)

  it("is compared with each known one: letters left out, added, changed, swapped, capitals",
    function()
      for slip, meant in pairs(SLIPS) do
        assert.equal(('unknown field "%s" of the body (is it "%s"?)'):format(slip, meant),
          fields.misspelt { model = MODEL, content = {}, [slip] = 5 })
      end
      assert.matches('is it "content"', fields.misspelt { model = MODEL, contents = {} }, 1, true)
    end)

  it("called raw is an option of a text that stands beside it, and nothing is sent", function()
    local why = assert.is_string(fields.misspelt { model = MODEL, content = {}, raw = true })
    assert.matches("pomex.content():text(words, { raw = true })", why, 1, true)
    assert.is_nil(fields.misspelt { model = MODEL, content = {}, raw = "jpeg" })
    assert.has_error(function() client.generations:create(body { raw = true }) end)
    assert.same({}, created())
    local _, err = pomex.jobs.check { key = "a", save = "a.mp4",
      video = { model = MODEL, prompt = "{cat}{", raw = true } }
    assert.equal("invalid_request_error", err.type)
    _, err = pomex.jobs.check { key = "a", save = "a.mp4",
      video = { model = MODEL, prompt = "A wave.", raw = true } }
    assert.equal(why, err.message)
    assert.is_true(pomex.jobs.check { key = "a", save = "a.mp4", video = { model = MODEL,
      content = pomex.content():text("{cat} as in image 7", { raw = true }) } })
  end)

  it("of any other name is sent as it is", function()
    local others = {}
    for i, name in ipairs(OTHERS) do others[name] = i end
    assert(client.generations:create(body(others)))
    local sent = require("cjson").decode(created()[1].body)
    for i, name in ipairs(OTHERS) do assert.equal(i, sent[name], name) end
  end)

  it("that is a slip is sent with validate = false", function()
    for _, call in ipairs { "create", "create_and_wait" } do
      sb.journal:clear()
      assert(client.generations[call](client.generations, body { duraton = 5 },
        { validate = false }))
      assert.matches('"duraton":5', created()[1].body, 1, true)
    end
  end)

  it("that is a slip is refused in a job, before it is put", function()
    local fine, err = pomex.jobs.check { key = "a", save = "a.mp4",
      video = { model = MODEL, prompt = "A wave.", returnLastFrame = true } }
    assert.is_nil(fine)
    assert.equal('unknown field "returnLastFrame" of the body (is it "return_last_frame"?)',
      err.message)
    assert(pomex.jobs.check { key = "a", save = "a.mp4",
      video = { model = MODEL, prompt = "A wave.", camera_fixed = true } })
  end)
end)

describe("a value that is beyond what is known", function()
  it("is named with what is known of its field", function()
    assert.same({
      "duration is 500, and known are 4 to 15 seconds, or -1",
      'ratio is "3:7", and known are 16:9, 4:3, 1:1, 3:4, 9:16, 21:9 or adaptive',
      'resolution is "1080p", and known are 480p, 720p or 1080p (fast: up to 720p)',
    }, fields.doubts { model = MODEL, duration = 500, ratio = "3:7", resolution = "1080p" })
    assert.same({}, fields.doubts { model = "byteplus/seedance-2.0", duration = -1,
      ratio = "adaptive", resolution = "1080p", priority = 9, execution_expires_after = 3600,
      seed = pomex.null, camera_fixed = 7 })
    assert.same({ 'model is "byteplus/seedance-3", and known are byteplus/seedance-2.0 and '
      .. "byteplus/seedance-2.0-fast" }, fields.doubts { model = "byteplus/seedance-3" })
    assert.equal(1, #fields.doubts { duration = pomex.null, priority = 10 })
    assert.equal(1, #fields.doubts { duration = "5" })
  end)
end)
