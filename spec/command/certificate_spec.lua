-- A service that demands a certificate of its clients: an nginx before the sandbox.

local command = require "spec.support.command"
local sandbox = require "pomex.sandbox"
local shell = require "spec.support.shell"
local socket = require "socket"

local _, has_nginx = shell.bash "command -v nginx"

local SERVER = [[
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=client \
  -keyout client.key -out client.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=server \
  -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.pem
cat > nginx.conf <<END
daemon on; pid $PWD/pid; events { }
http {
  access_log off;
  client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/fastcgi;
  uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
  server {
    listen 127.0.0.1:PORT ssl;
    ssl_certificate $PWD/server.pem; ssl_certificate_key $PWD/server.key;
    ssl_verify_client on; ssl_client_certificate $PWD/client.pem;
    location / { proxy_pass URL; }
  }
}
END
nginx -p "$PWD" -e "$PWD/error.log" -c "$PWD/nginx.conf"
]]

describe("a service that demands a certificate of the command pomex #command", function()
  if not has_nginx then
    pending("is asked with the one that the configuration names: there is no nginx")
    return
  end

  local sb, at, url

  setup(function()
    sb = assert(sandbox.start { rate_limits = false })
    at = command.new(sb)
    local free = assert(socket.bind("127.0.0.1", 0))
    local port = select(2, free:getsockname())
    free:close()
    url = ("https://127.0.0.1:%d"):format(port)
    local started = at:bash((SERVER:gsub("PORT", port):gsub("URL", sb.url)))
    assert.equal(0, started.code, started.err)
  end)
  teardown(function()
    at:bash 'kill "$(cat pid)"'
    at:remove()
    sb:stop()
  end)

  local function list(text)
    at:bash "mkdir -p .config/pomex"
    local file = assert(io.open(at.folder .. "/.config/pomex/config", "wb"))
    file:write(text)
    file:close()
    return at:run("portrait list --virtual", { POMEX_BASE_URL = url,
      SSL_CERT_FILE = at.folder .. "/server.pem" })
  end

  it("is asked with the one that the configuration names, and whose file is named if it is none",
    function()
      local pem, key = at.folder .. "/client.pem", at.folder .. "/client.key"
      local run = list ""
      assert.equal(1, run.code)
      assert.matches("HTTP 400", run.err)
      run = list(("client_cert = %s\nclient_key = %s\n"):format(pem, key))
      assert.same({ 0, "there is none\n" }, { run.code, run.err })
      run = list(("client_cert = %s.not\nclient_key = %s\n"):format(pem, key))
      assert.equal(2, run.code)
      assert.matches("cannot read client_cert " .. pem .. ".not: No such file", run.err, 1, true)
    end)
end)
