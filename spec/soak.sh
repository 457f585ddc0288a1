#!/usr/bin/env bash
# The money proof, that of durable jobs, the failing allocations of Lua's and the fuzzers, for as long
# as one has; before them, once, the stages that spec/run.sh leaves out for their length.
#
#   spec/soak.sh MINUTES
#
# First every allocation fails in turn, not one in so many; then each round has a new seed. A round
# that breaks a promise leaves its log, with the command or the variables that repeat it, in
# build/soak, as do inputs that break something; then this exits with 1 at the end.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
cd "$root" || exit 1
minutes="${1:?how many minutes}"
kept="$root/build/soak"
mkdir -p "$kept/corpus" || exit 1
{ cmake --preset dev && cmake --build build/dev -j "$(nproc)" &&
    CC=clang cmake --preset fuzz && cmake --build build/fuzz -j "$(nproc)"; } > "$kept/build.log" ||
    exit 1
trap 'kill $(jobs -p) 2> /dev/null; exit 130' INT TERM

end=$((SECONDS + minutes * 60))
rounds=0
broken=0

export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;" LUA_CPATH="$root/build/dev/lib/?.so;;"
unset LUA_PATH_5_4 LUA_CPATH_5_4 # lua5.4 would take them in the place of these
starved=build/dev/spec/lua/module/test_starved

# proof NAME COMMAND…: one run with a seed of its own, for the word SEED and in $POMEX_SEED.
proof()
{
    local name="$1" seed=$((RANDOM * 32768 + RANDOM)) log
    shift
    log="$kept/$name-$seed.log"
    POMEX_SEED="$seed" "${@//SEED/$seed}" > "$log" 2>&1 &
    if wait $!; then
        echo "$name, seed $seed: $(tail -n 1 "$log")"
        rm "$log"
    else
        echo "$name, seed $seed BROKE A PROMISE: see $log" >&2
        broken=$((broken + 1))
    fi
}

POMEX_EVERY=1 proof starved-every "$starved"
# The stages that spec/run.sh leaves out for their length.
proof left-out spec/run.sh --no-install --only layers-self-test,lua-tests-asan-5.1,build-gcc,build-asan,build-luajit
while [ "$SECONDS" -lt "$end" ]; do
    rounds=$((rounds + 1))
    proof plain build/dev/spec/proof/money/money --operations 100000 --seed SEED
    proof tls build/dev/spec/proof/money/money --operations 5000 --tls --seed SEED
    proof jobs spec/proof/jobs.sh --jobs 1000 --kills 40 --power-loss 10 --seed SEED
    proof database spec/proof/jobs.sh --store postgresql --jobs 80 --kills 10 --database-kills 5 --seed SEED
    proof starved "$starved"
    POMEX_FUZZ_CORPUS="$kept/corpus" spec/fuzz/run.sh 60 build/fuzz &
    wait $! || broken=$((broken + 1))
done
echo "$rounds rounds, $broken broken"
[ "$broken" -eq 0 ]
