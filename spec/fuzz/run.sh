#!/usr/bin/env bash
# Runs every fuzzer, one after the other, on its corpus and on what it comes up with.
#
#   spec/fuzz/run.sh SECONDS [BUILD]      of each; BUILD: build/fuzz
#
# New inputs are thrown away, unless POMEX_FUZZ_CORPUS names a folder to keep them in. One that
# breaks something is kept in BUILD/crash-…, and the line that repeats it is printed.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)" || exit 1
seconds="${1:?seconds of each}"
build="$(realpath "${2:-$root/build/fuzz}")" || exit 1
kept="${POMEX_FUZZ_CORPUS:-}"
found="${kept:-$(mktemp -d)}" || exit 1
[ -n "$kept" ] || trap 'rm -rf "$found"' EXIT
# Fuzzers run in the background, so that an interrupt reaches us at once.
trap 'kill $(jobs -p) 2> /dev/null; exit 130' INT TERM
status=0

for program in "$build"/spec/fuzz/fuzz_*; do
    name="$(basename "$program")"
    case "$name" in *.*) continue ;; esac
    name="${name#fuzz_}"
    mkdir -p "$found/$name" || exit 1
    log="$build/$name.log"
    UBSAN_OPTIONS=print_stacktrace=1 "$program" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
        -dict="$root/spec/fuzz/dictionary" -artifact_prefix="$build/crash-$name-" \
        "$found/$name" "$root/spec/fuzz/corpus/$name" > "$log" 2>&1 &
    if wait $!; then
        runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
        cover="$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
        echo "$name: ${runs:-0} inputs in $seconds s, $cover"
    else
        status=1
        tail -n 40 "$log"
        echo "$name FAILED; the input is in $build; repeat: $program FILE"
    fi
done
exit $status
