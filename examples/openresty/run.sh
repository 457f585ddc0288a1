#!/usr/bin/env bash
# The studio: a web app on nginx and Lua, on https, against the sandbox that comes with pomex.
# Ctrl-C stops everything; people and videos are there again the next time.
#
#   examples/openresty/run.sh [--port PORT] [--state FOLDER] [--no-install]
#   POMEX_API_KEY=… examples/openresty/run.sh --url https://studio.example [--host ADDRESS] …
#
#   --port PORT      where to listen (8443)
#   --state FOLDER   where people, videos, certificate and logs lie (build/studio; with the real
#                    service ~/.local/state/pomex-studio)
#   --no-install     do not install missing packages, only name them
#   --built FOLDER   build nothing: the module for LuaJIT is there, and pomex-sandbox there or
#                    where $POMEX_SANDBOX_BIN says
#
# $POMEX_NGINX: another nginx than the system's, OpenResty's for example.
#
# With $POMEX_API_KEY the service is the real one (or what $POMEX_BASE_URL names), and videos are
# billed. The service sends phones back to the studio, so then it needs a public name:
#   --url URL        what browsers call it (https://127.0.0.1:PORT)
#   --host ADDRESS   where to listen (127.0.0.1; anything else lets your network in)
#   --certificate FILE --key FILE   PEM, for that name; else one is made that no phone trusts
#   --open           let anybody open a studio, at your cost; else that takes the link which is
#                    printed at the start
set -u
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" || exit 1
root="$(cd "$here/../.." && pwd)" || exit 1
# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"

fail()
{
    echo "studio: $1" >&2
    exit "${2:-1}"
}

install=yes
port=8443
host=127.0.0.1
url=
state=
built=
certificate=
key=
open=
while [ $# -gt 0 ]; do
    case "$1" in
    --no-install) install=no ;;
    --open) open=yes ;;
    --port | --host | --url | --state | --built | --certificate | --key)
        [ $# -ge 2 ] || fail "$1 needs a value (see --help)" 2
        declare "${1#--}=$2"
        shift
        ;;
    -h | --help)
        sed -n '2,25s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *) fail "unknown argument: $1 (see --help)" 2 ;;
    esac
    shift
done
if ! [[ "$port" =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
    fail "--port must be 1 to 65535, not $port" 2
fi
if [ -z "${POMEX_API_KEY:-}" ] && [ -n "${POMEX_BASE_URL:-}" ]; then
    fail "\$POMEX_BASE_URL needs \$POMEX_API_KEY beside it" 2
fi
url="${url:-https://127.0.0.1:$port}"
url="${url,,}" url="${url%/}" url="${url%:443}"   # as browsers write it in Origin
[[ "$url" =~ ^https://[A-Za-z0-9.-]+(:[0-9]+)?$ ]] ||
    fail "--url must be like https://studio.example, not $url" 2

if [ "$(id -u)" -eq 0 ] && [[ "$host" != 127.* && "$host" != localhost ]]; then
    fail "not as root on $host: nginx's workers run as whoever starts this" 2
fi
if [ -n "$certificate$key" ]; then
    if ! [ -r "$certificate" ] || ! [ -r "$key" ]; then
        fail "--certificate and --key must both be files" 2
    fi
    certificate="$(realpath "$certificate")" key="$(realpath "$key")"
fi

# ---------------------------------------------------------------- what it needs, and building

packages=("${POMEX_BUILD_PACKAGES[@]/liblua5.4-dev/libluajit2-5.1-dev}" libqrencode-dev openssl)
if [ -z "${POMEX_NGINX:-}" ]; then
    packages+=(libnginx-mod-http-lua lua-resty-core)
    command -v nginx > /dev/null || packages+=(nginx-light)
fi
pomex_packages "$install" "${packages[@]/%lua5.4/luajit2}" || exit 2
command -v nginx > /dev/null || PATH="$PATH:/usr/sbin"

if [ -z "$built" ]; then
    built="${POMEX_BUILD:-$root/build}/release-luajit"
    if ! mkdir -p "$built" || ! [ -w "$built" ]; then
        fail "cannot write to $built (whose is it?); remove it, or set POMEX_BUILD" 2
    fi
    echo "Building into $built …"
    # Another of the examples builds there, too.
    if ! { flock 9 && cmake -S "$root" -B "$built" -DCMAKE_BUILD_TYPE=Release -DPOMEX_LUA=luajit \
        -DPOMEX_QR=ON -DPOMEX_STORE=ON &&
        cmake --build "$built" -j "$(nproc 2> /dev/null || echo 2)"; } \
        > "$built.log" 2>&1 9> "$built.lock"; then
        tail -n 30 "$built.log" >&2
        fail "the build failed; the whole log is $built.log"
    fi
fi

# ------------------------------------------------------------------- the state, and its secrets

# The sandbox's people are not the service's: each has a state of its own.
sandbox=false
[ -n "${POMEX_API_KEY:-}" ] || sandbox=true
if [ -z "$state" ]; then
    state="${POMEX_BUILD:-$root/build}/studio"
    # Videos that were paid for must not lie in a folder that is deleted for a new build.
    [ $sandbox = true ] || state="${XDG_STATE_HOME:-$HOME/.local/state}/pomex-studio"
fi
state="$state/$([ $sandbox = true ] && echo sandbox || echo live)"
[[ "$state" == /* ]] || state="$PWD/$state"
[[ "$built" == /* ]] || built="$PWD/$built"
[[ "$root$state$built$certificate$key" != *[[:space:]\"\;\'\\\&@\|]* ]] ||
    fail "nginx.conf cannot hold the blanks or signs in these paths: $root, $state, $built $certificate $key"
umask 077
mkdir -p "$state/videos" "$state/body" || fail "cannot write to $state"
if [ -f "$state/nginx.pid" ] && kill -0 "$(cat "$state/nginx.pid")" 2> /dev/null; then
    fail "a studio runs already on $state (process $(cat "$state/nginx.pid"))"
fi
[ -s "$state/callback.secret" ] || openssl rand -hex 32 > "$state/callback.secret" ||
    fail "cannot make a secret"
invite=
if [ $sandbox = false ] && [ -z "$open" ]; then
    [ -s "$state/invite" ] || openssl rand -hex 16 > "$state/invite" || fail "cannot make a secret"
    invite="$(cat "$state/invite")"
    [ -n "$invite" ] || fail "$state/invite is empty"
fi
made_here=
if [ -z "$certificate" ]; then
    made_here=yes certificate="$state/certificate.pem" key="$state/certificate.key"
    openssl x509 -checkend 86400 -noout -in "$certificate" > /dev/null 2>&1 ||
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
            -subj "/CN=Pomex Studio" -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" \
            -keyout "$key" -out "$certificate" 2> "$state/openssl.log" ||
        fail "cannot make a certificate: $(tail -n 1 "$state/openssl.log")"
fi

# --------------------------------------------------------------------------- starting, stopping

nginx_pid=
sandbox_pid=
stop()
{
    trap '' INT TERM HUP
    echo
    echo "Stopping …"
    if [ -n "$nginx_pid" ]; then
        # What was asked of the service and is not answered yet gets ten seconds.
        kill -QUIT "$nginx_pid" 2> /dev/null
        for _ in {1..100}; do
            kill -0 "$nginx_pid" 2> /dev/null || break
            sleep 0.1
        done
        kill -TERM "$nginx_pid" 2> /dev/null
        wait "$nginx_pid" 2> /dev/null
    fi
    if [ -n "$sandbox_pid" ]; then
        kill -TERM "$sandbox_pid" 2> /dev/null
        wait "$sandbox_pid" 2> /dev/null
    fi
    exit "${1:-0}"
}
trap 'stop 0' INT TERM HUP

pictures="https:"
if [ $sandbox = true ]; then
    # A session of its own: Ctrl-C is for this script to pass on. It ends when our pipe does.
    start_sandbox()
    {
        coproc SANDBOX { exec setsid "${POMEX_SANDBOX_BIN:-$built/bin/pomex-sandbox}" --port "$1" --json \
            --watch-stdin --quiet --database "$state/sandbox.db" 2> "$state/sandbox.log"; }
        sandbox_pid=$!
        # One that ends at once, since its port is taken, has taken its descriptors along.
        { read -r -t 10 hello <&"${SANDBOX[0]:-none}"; } 2> /dev/null && [[ "$hello" != *'"error"'* ]]
    }
    # What is in the making is looked for where it was asked for: at the same port, if that is free.
    { [ -s "$state/sandbox.port" ] && start_sandbox "$(cat "$state/sandbox.port")"; } ||
        start_sandbox 0 || {
        cat "$state/sandbox.log" >&2
        echo "studio: the sandbox did not start: ${hello:-}" >&2
        stop 1
    }
    field() { sed -E "s/.*\"$1\": ?\"([^\"]*)\".*/\\1/" <<< "$hello"; }
    field url | sed 's/.*://' > "$state/sandbox.port"
    POMEX_BASE_URL="$(field url)"
    POMEX_API_KEY="$(field key)"
    export POMEX_BASE_URL POMEX_API_KEY
fi
# Pictures of a loopback service come from there, by plain http.
[[ "${POMEX_BASE_URL:-}" == http://* ]] && pictures="https: $(cut -d/ -f1-3 <<< "$POMEX_BASE_URL")"

nginx="${POMEX_NGINX:-nginx}"
modules="$("$nginx" -V 2>&1 | sed -nE 's/.*--modules-path=([^ ]+).*/\1/p')"
load=
for module in ndk_http_module ngx_http_lua_module; do   # OpenResty has them built in
    [ -f "$modules/$module.so" ] && load="$load load_module $modules/$module.so;"
done
user=
[ "$(id -u)" -ne 0 ] || user="user root;"   # who may read the tree: whoever starts this
sed -e "s|@LOAD_MODULES@|$load|; s|@USER@|$user|; s|@STATE@|$state|g; s|@HERE@|$here|g" \
    -e "s|@LUA_PATH@|$root/lua/?.lua;$root/lua/?/init.lua;;|; s|@LUA_CPATH@|$built/lib/?.so;;|" \
    -e "s|@URL@|$url|; s|@LISTEN@|$host:$port|; s|@SANDBOX@|$sandbox|; s|@PICTURES@|$pictures|" \
    -e "s|@INVITE@|$invite|; s|@CERTIFICATE@|$certificate|; s|@KEY@|$key|" \
    "$here/nginx.conf.in" > "$state/nginx.conf" || stop 1

setsid "$nginx" -p "$state" -e "$state/error.log" -c "$state/nginx.conf" 2> "$state/nginx.log" &
nginx_pid=$!
listens() { [ -s "$state/nginx.pid" ] && (exec 3<> "/dev/tcp/$host/$port") 2> /dev/null; }
for _ in {1..100}; do
    if listens || ! kill -0 "$nginx_pid" 2> /dev/null; then break; fi
    sleep 0.1
done
if ! kill -0 "$nginx_pid" 2> /dev/null || ! listens; then
    cat "$state/nginx.log" >&2
    echo "studio: nginx did not start; its log is $state/error.log" >&2
    stop 1
fi

echo "The studio is open: $url/${invite:+?invite=$invite}"
if [ $sandbox = true ]; then
    echo "  The service is a sandbox ($POMEX_BASE_URL): no real faces, nothing is paid."
    echo "  Its dashboard is $POMEX_BASE_URL/. Any https link will do as a picture."
else
    echo "  LIVE: every video is billed to the account of \$POMEX_API_KEY."
fi
[ -z "$made_here" ] || echo "  Browsers will warn of the certificate: it was made here."
echo "  Logs and data: $state"
echo "  Ctrl-C stops it."
wait "$nginx_pid"
nginx_pid=
echo "studio: nginx ended; its log is $state/error.log" >&2
stop 1
