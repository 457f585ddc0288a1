-- What a call of pomex takes inside one nginx worker, beside lua-resty-http, which sends the same
-- request and decodes the same answer: over http and over TLS, 1, 32 and 256 at a time. Rounds of
-- both in turns, so that what else the machine does falls on both alike; openresty.sh calls it
-- where RESTY_HTTP names a folder of lua-resty-http. Not a gate.

local nginx = require "spec.support.nginx"
local shell = require "spec.support.shell"
local wrk = require "spec.bench.wrk"

local ROUNDS, SECONDS = 7, 2

local UPSTREAM = [[
  listen 127.0.0.1:@TLS ssl;
  ssl_certificate @FOLDER/cert.pem;
  ssl_certificate_key @FOLDER/key.pem;
  default_type application/json;
  location = /v1/video/assets/asset-1 { return 200 '@ASSET'; }
]]

local HTTP = [[
  lua_ssl_trusted_certificate @FOLDER/cert.pem;
  init_by_lua_block {
    package.path = "@RESTY/lib/?.lua;" .. package.path
    local cjson, http, pomex = require "cjson", require "resty.http", require "pomex"
    urls, clients = { http = "@PLAIN", https = "https://127.0.0.1:@TLS" }, {}
    for scheme, url in pairs(urls) do
      clients[scheme] = pomex.check(pomex.new { base_url = url, api_key = "sk-bench",
        allow_http = true, ca_file = "@FOLDER/cert.pem", host = "openresty", rate_limits = false,
        max_in_flight = 256 })
    end
    function through_resty(url)
      local connection = assert(http.new())
      local answer = assert(connection:request_uri(url .. "/v1/video/assets/asset-1", {
        headers = { Authorization = "Bearer sk-bench" }, ssl_server_name = "localhost",
        keepalive_timeout = 60000, keepalive_pool = 256 }))
      assert(answer.status == 200)
      return cjson.decode(answer.body)
    end
  }
]]

local SERVER = [=[
  location ~ ^/(pomex|resty)/(https?)$ {
    content_by_lua_block {
      local asset
      if ngx.var[1] == "resty" then
        asset = through_resty(urls[ngx.var[2]])
      else
        asset = clients[ngx.var[2]].assets:get("asset-1")
      end
      ngx.print(asset.id)
    }
  }
]=]

local values = { ASSET = wrk.ASSET, FOLDER = os.tmpname(), TLS = ("%d"):format(nginx.free_port()),
  RESTY = assert(os.getenv "RESTY_HTTP", "RESTY_HTTP is not set") }
shell.bash(([[rm @ && mkdir @ && cd @ && openssl req -x509 -newkey ec -nodes -days 2 \
  -pkeyopt ec_paramgen_curve:P-256 -keyout key.pem -out cert.pem -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>&1]]):gsub("@", values.FOLDER))

local upstream = nginx.start {
  server = (UPSTREAM:gsub("@(%u+)", values)), http = "keepalive_timeout 1h;",
}
values.PLAIN = upstream.url
local server = nginx.start { http = (HTTP:gsub("@(%u+)", values)), server = SERVER }

local function measure(who, scheme, connections)
  local path = ("/%s/%s"):format(who, scheme)
  local got = wrk.load(server, path, connections, SECONDS)
  assert(got.failed == 0 and server:get(path) == "asset-1", path)
  return got
end

local FIGURES = {
  { "rate", "requests/s", "%.0f" }, { "p99", "p99, ms", "%.2f" },
  { "cpu", "worker CPU a call, us", "%.0f" },
}

local function compare(scheme, connections)
  local rounds = { resty = {}, pomex = {} }
  for who in pairs(rounds) do measure(who, scheme, connections) end
  for round = 1, ROUNDS do
    -- Neither is always the first of its pair.
    for turn = 1, 2 do
      local who = (round + turn) % 2 == 0 and "resty" or "pomex"
      table.insert(rounds[who], measure(who, scheme, connections))
    end
  end
  for _, figure in ipairs(FIGURES) do
    local resty, pomex, ratios = {}, {}, {}
    for round = 1, ROUNDS do
      resty[round], pomex[round] = rounds.resty[round][figure[1]], rounds.pomex[round][figure[1]]
      ratios[round] = pomex[round] / resty[round]
    end
    wrk.row(("%s, %d at a time: %s"):format(scheme, connections, figure[2]),
      (figure[3] .. "; " .. figure[3]):format(wrk.median(resty), wrk.median(pomex)),
      ("%.2f"):format(wrk.median(ratios)))
  end
end

wrk.row("", "lua-resty-http; pomex", "median of the rounds' ratios")
for _, scheme in ipairs { "http", "https" } do
  for _, connections in ipairs { 1, 32, 256 } do compare(scheme, connections) end
end

local problems = server:problems()
server:stop("QUIT")
upstream:stop()
shell.bash("rm -rf " .. values.FOLDER)
assert(problems == "", problems)
