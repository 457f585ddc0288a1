#!/usr/bin/env bash
# Starts nginx with one asset, over http and TLS, on the last processor, and runs hot.lua beside it
# on the others. Called by run.sh, which builds and sets the environment.
# Usage: spec/bench/hot.sh [PROGRAM…]   (default: lua5.4 spec/bench/hot.lua)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder="$(mktemp -d)"
trap 'kill "$(cat "$folder/nginx.pid" 2> /dev/null)" 2> /dev/null || true; rm -rf "$folder"' EXIT
last=$(($(nproc) - 1)) others="0-$(($(nproc) - 2))"
[ "$last" -gt 0 ] || others=0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$folder/key.pem" -out "$folder/ca.pem" 2> /dev/null
read -r http tls < <(lua5.4 -e 'local socket = require "socket"
    local a, b = assert(socket.bind("127.0.0.1", 0)), assert(socket.bind("127.0.0.1", 0))
    print(select(2, a:getsockname()), (select(2, b:getsockname())))')
asset()
{
    printf '{"id":"asset-1","object":"asset","status":"%s","asset_type":"Image",' "$1"
    printf '"group_id":"group-1","name":"front","created_at":1700000000,'
    printf '"url":"https://cdn.example/%0120d"}' 0
}
cat > "$folder/nginx.conf" << END
worker_processes 1;
pid $folder/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  default_type application/json;
  server {
    listen 127.0.0.1:$http backlog=4096;
    listen 127.0.0.1:$tls ssl backlog=4096;
    ssl_certificate $folder/ca.pem;
    ssl_certificate_key $folder/key.pem;
    location = /v1/video/assets/asset-1 { return 200 '$(asset active)'; }
    location = /v1/video/assets/asset-2 { return 200 '$(asset processing)'; }
    location = /v1/video/assets/asset-3 { return 200 '$(asset processing | sed "s/front/\$request_id/")'; }
  }
}
END
taskset -c "$last" nginx -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf"
export POMEX_BENCH_HTTP="http://127.0.0.1:$http/v1/video/assets"
export POMEX_BENCH_TLS="https://127.0.0.1:$tls/v1/video/assets" POMEX_BENCH_CA="$folder/ca.pem"
[ $# -gt 0 ] || set -- lua5.4 spec/bench/hot.lua
taskset -c "$others" "$@"
