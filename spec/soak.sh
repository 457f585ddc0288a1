#!/usr/bin/env bash
# The money proof and the fuzzers, for as long as one has.
#
#   spec/soak.sh MINUTES
#
# Each round has a new seed. A round that breaks a promise leaves its log, with the command that
# repeats it, in build/soak, as do inputs that break something; then this exits with 1 at the end.
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

# proof NAME ARGUMENT…: one run with a seed of its own.
proof()
{
    local name="$1" seed=$((RANDOM * 32768 + RANDOM)) log
    shift
    log="$kept/$name-$seed.log"
    build/dev/spec/money/money "$@" --seed "$seed" > "$log" 2>&1 &
    if wait $!; then
        echo "$name, seed $seed: $(tail -n 1 "$log")"
        rm "$log"
    else
        echo "$name, seed $seed BROKE A PROMISE: see $log" >&2
        broken=$((broken + 1))
    fi
}

while [ "$SECONDS" -lt "$end" ]; do
    rounds=$((rounds + 1))
    proof plain --operations 100000
    proof tls --operations 5000 --tls
    POMEX_FUZZ_CORPUS="$kept/corpus" spec/fuzz/run.sh 60 build/fuzz &
    wait $! || broken=$((broken + 1))
done
echo "$rounds rounds, $broken broken"
[ "$broken" -eq 0 ]
