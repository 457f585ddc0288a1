-- The short program that one writes on a plain HTTP library: portrait in, video out. It works, on
-- a good day; compare.sh shows the others. Run as: lua thirty_lines.lua GROUP_ID OUTPUT.mp4
local base, key = os.getenv "POMEX_BASE_URL", os.getenv "POMEX_API_KEY"
local http = require(base:match "^https:" and "ssl.https" or "socket.http")
local json, ltn12, socket = require "cjson", require "ltn12", require "socket"
http.TIMEOUT = tonumber(os.getenv "REQUEST_TIMEOUT" or 30)

local function call(method, path, body)
  local text, why = body and json.encode(body), nil
  for _ = 1, 3 do   -- networks fail: try again
    local reply = {}
    local ok, status = http.request { method = method, url = base .. path,
      headers = { Authorization = "Bearer " .. key, ["Content-Type"] = "application/json",
        ["Content-Length"] = text and #text },
      source = text and ltn12.source.string(text), sink = ltn12.sink.table(reply) }
    if ok and status == 200 then return json.decode(table.concat(reply)) end
    why = status
  end
  error(method .. " " .. path .. ": " .. why)
end

local function wait(path, wanted)
  local object
  repeat
    socket.sleep(0.5)
    object = call("GET", path)
  until object.status == wanted or object.status == "failed"
  return object
end

local asset = call("POST", "/v1/video/assets", { url = "https://cdn.example/portrait.jpg",
  asset_type = "Image", group_id = arg[1], name = "front" })
wait("/v1/video/assets/" .. asset.id, "active")
local task = call("POST", "/v1/video/generations", { model = "byteplus/seedance-2.0-fast",
  content = { { type = "text", text = "The person in image 1 waves." }, { type = "image_url",
    image_url = { url = "asset://" .. asset.id }, role = "reference_image" } } })
task = wait("/v1/video/generations/" .. task.id, "succeeded")
local ok, status = http.request { url = task.content.video_url,
  sink = ltn12.sink.file(assert(io.open(arg[2], "wb"))) }
assert(ok and status == 200, status)
