#!/usr/bin/env bash
# Builds a release and prints what the queue of jobs costs. Not a gate.
# Usage: spec/bench/jobs.sh [FOLDER]   (on a disk; build/bench/jobs. POMEX_BENCH_ROUNDS=5 rounds)
set -euo pipefail
cd "$(dirname "$0")/../.."
folder="${1:-$PWD/build/bench/jobs}"
cmake -S . -B build/bench -DCMAKE_BUILD_TYPE=Release -DPOMEX_STORE=ON > /dev/null
cmake --build build/bench -j"$(nproc)" > /dev/null
mkdir -p "$folder"
gcc -shared -fPIC -O2 -o "$folder/syncs.so" spec/support/syncs.c
export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;$PWD/?.lua;;" LUA_CPATH="$PWD/build/bench/lib/?.so;;"
export POMEX_SANDBOX_BIN="$PWD/build/bench/bin/pomex-sandbox" POMEX_BENCH_SYNCS="$folder/syncs.so"
printf '%-62s %-40s %s\n' "what" "measured" "wanted"
lua5.4 spec/bench/jobs.lua "$folder"
