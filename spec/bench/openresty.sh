#!/usr/bin/env bash
# Builds a release for LuaJIT and prints what pomex costs inside one nginx worker, beside a raw
# keepalive cosocket. Not a gate.
# Usage: spec/bench/openresty.sh   (needs nginx with its Lua module, and wrk)
# RESTY_HTTP=FOLDER, where lib/resty/http.lua of lua-resty-http is: compares with that alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v wrk > /dev/null; then
    echo "wrk is missing; on Debian or Ubuntu: sudo apt-get install wrk" >&2
    exit 2
fi
bench=openresty
[ -z "${RESTY_HTTP:-}" ] || bench=resty
build="${POMEX_LUAJIT_BUILD_DIR:-$PWD/build/bench-luajit}"
if [ -z "${POMEX_LUAJIT_BUILD_DIR:-}" ]; then
    cmake -S . -B "$build" -DPOMEX_LUA=luajit -DPOMEX_SANDBOX=OFF > /dev/null
    cmake --build "$build" -j"$(nproc)" > /dev/null
fi
export POMEX_LUAJIT_BUILD_DIR="$build"
LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;;" exec lua5.4 "spec/bench/$bench.lua"
