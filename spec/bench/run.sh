#!/usr/bin/env bash
# Builds a release and prints what pomex costs, as ratios. Not a gate.
# Usage: spec/bench/run.sh   (POMEX_BENCH_ROUNDS=5 rounds each)
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -S . -B build/bench -DCMAKE_BUILD_TYPE=Release -DPOMEX_TESTS=ON >/dev/null
cmake --build build/bench -j"$(nproc)" >/dev/null
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/build/bench/lib/?.so;$PWD/build/bench/spec/bench/?.so;;"
export POMEX_SANDBOX_BIN="$PWD/build/bench/bin/pomex-sandbox"
export POMEX_BENCH_BIN="$PWD/build/bench/spec/bench"
printf '%-58s %-34s %s\n' "what" "measured" "wanted"
spec/bench/hot.sh
lua5.4 spec/bench/bench.lua
lua5.4 spec/bench/statuses.lua
times=$(for _ in 1 2 3 4 5 6 7; do lua5.4 spec/bench/require.lua; done | sort -n | sed -n 4p)
printf '%-58s %-34s %s\n' 'require "pomex", beyond loading libcurl' "$times ms CPU" '<= 4 ms'
