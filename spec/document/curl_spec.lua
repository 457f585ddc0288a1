-- The document's own quickstart, run against the sandbox as it is printed: only the base URL,
-- the key and the two ids are replaced by what earlier steps returned.

local cjson = require "cjson"
local callback = require "pomex.callback"
local document = require "spec.document.document"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"

-- Where the text is cut so that a step can use what the one before returned.
local SESSION = "# → open the returned h5_link"
local GROUP = 'export GROUP_ID="group-xxxx"'
local ASSET = 'export ASSET_ID="asset-xxxx"'
local GENERATE = "# ⑥ Generate a video"

local function replace(text, old, new)
  local from, to = text:find(old, 1, true)
  assert(from, "the document lacks: " .. old)
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

local function run(script)
  local output, ok = shell.bash("set -eu\nexport no_proxy='*'\n" .. script)
  assert.is_true(ok, output)
  local decoded, reply = pcall(cjson.decode, output)
  assert.is_true(decoded, "no JSON: " .. output)
  return reply
end

describe("the document's cURL quickstart #once", function()
  local sb

  before_each(function()
    sb = assert(sandbox.start { asset_seconds = 60, generation_seconds = 60 })
  end)
  after_each(function() sb:stop() end)

  it("runs against the sandbox from the session to the video [doc 2 29 43-46 199-222]", function()
    local text = document.between("End-to-End Quickstart (cURL)\n")
    text = replace(text, '"sk-..."', '"' .. sb.key .. '"')
    text = replace(text, '"https://api.pomex.ai"', '"' .. sb.url .. '"')

    local exports = text:match("^(.-)# ①")
    assert.is_string(exports)
    local at = assert(text:find(SESSION, 1, true))
    local session = run(text:sub(1, at - 1))
    assert.equal("video.asset_session", session.object)
    assert.equal("pending", session.status)
    local location = sb:scan(session.h5_link, "pass")
    assert.matches("^https://yourapp%.com/callback%?", location)
    local person = assert(callback.parse_unverified(location))

    text = replace(text, GROUP, 'export GROUP_ID="' .. person.group_id .. '"')
    local group_at = assert(text:find("export GROUP_ID", 1, true))
    local asset_at = assert(text:find(ASSET, 1, true))
    local upload = text:sub(group_at, asset_at - 1)
    local asset = run(exports .. upload)
    assert.equal("video.asset", asset.object)
    assert.equal("processing", asset.status)

    text = replace(text, ASSET, 'export ASSET_ID="' .. asset.id .. '"')
    asset_at = assert(text:find("export ASSET_ID", 1, true))
    local generate_at = assert(text:find(GENERATE, 1, true))
    local poll = exports .. text:sub(asset_at, generate_at - 1)
    assert.equal("processing", run(poll).status)
    sb.clock:advance(61)
    local active = run(poll)
    assert.equal("active", active.status)
    assert.equal(person.group_id, active.group_id)

    local task = run(exports .. text:sub(asset_at, text:find("\n", asset_at))
      .. text:sub(generate_at))
    assert.equal("video.generation.task", task.object)
    assert.equal("queued", task.status)
    assert.equal("byteplus/seedance-2.0-fast", task.model)

    local get = exports .. 'curl -sS "$API_BASE/v1/video/generations/' .. task.id
      .. '" -H "Authorization: Bearer $API_KEY"'
    assert.is_nil(run(get).content)
    sb.clock:advance(61)
    local done = run(get)
    assert.equal("succeeded", done.status)
    local head = shell.bash("curl -sS --noproxy '*' -r 4-7 "
      .. shell.quote(done.content.video_url))
    assert.equal("ftyp", head)
    assert.equal(1, sb.ledger:count "generation")
    assert.equal(1, sb.ledger:count "verification")
  end)
end)
