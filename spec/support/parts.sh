# shellcheck shell=bash disable=SC2154
# For spec/arm64.sh and spec/lua55.sh: runs the parts of a script one after the other, says of each
# that it ran, or that it was not run and why, and counts their tests. $whole names the script's
# lines, $logs the folder of its logs.

all_passed=0 all_failed=0
counts="$(mktemp)" || exit 1
trap 'rm -f "$counts"' EXIT
trap 'end_descendants; echo; echo "$0: stopped" >&2; exit 130' INT TERM

# part NAME COMMAND…: says how it went, and what in it was not run.
part()
{
    local name="$1" begin=$SECONDS status passed='' failed='' log="$logs/$whole-$1.log"
    shift
    : > "$counts"
    "$@" > "$log" 2>&1
    status=$?
    read -r passed failed < "$counts"
    if [ $status -eq 0 ]; then
        printf '%s %-18s ran     %4d s  %5d passed\n' "$whole" "$name" $((SECONDS - begin)) "${passed:-1}"
        all_passed=$((all_passed + ${passed:-1}))
    else
        printf '%s %-18s FAILED  %4d s  %5d passed, %d failed; the end of %s:\n' "$whole" "$name" \
            $((SECONDS - begin)) "${passed:-0}" "${failed:-1}" "$log"
        tail -n 60 "$log" | sed 's/^/    /'
        all_passed=$((all_passed + ${passed:-0}))
        all_failed=$((all_failed + ${failed:-1}))
    fi
    grep ': not run (' "$log" | sed 's/^/    /'
    return $status
}

# not_run WHAT WHY NAME…
not_run()
{
    local what="$1" why="$2"
    shift 2
    echo "$whole $what: not run ($why): $*"
}

# The line that ends the script, and its status.
parts_end()
{
    echo "$all_passed passed, $all_failed failed"
    [ $all_failed -eq 0 ]
}
