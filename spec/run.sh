#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test of every layer.
#
#   spec/run.sh [--no-install] [--only STAGE[,STAGE…]] [--list]
#
# Every stage runs, also after one that failed; the log of each is in build/logs. Exits 0 if
# all passed. POMEX_BUILD=DIR builds there and not in build/.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
cd "$root" || exit 1
# shellcheck source=cmake/packages.sh
. cmake/packages.sh

build="${POMEX_BUILD:-$root/build}"
install=yes
only=
jobs="$(nproc 2> /dev/null || echo 2)"

stages=(format luacheck shellcheck build-gcc build-clang build-asan cppcheck c-tests
    c-tests-asan c-tests-valgrind lua-tests lua-tests-asan install-test quickstart)

while [ $# -gt 0 ]; do
    case "$1" in
    --no-install) install=no ;;
    --only)
        only=",${2:-},"
        shift
        ;;
    --list)
        printf '%s\n' "${stages[@]}"
        exit 0
        ;;
    -h | --help)
        sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *)
        echo "spec/run.sh: unknown argument: $1 (see --help)" >&2
        exit 2
        ;;
    esac
    shift
done

if ! mkdir -p "$build/logs" || ! [ -w "$build" ]; then
    echo "spec/run.sh: cannot write to $build (whose is it?); remove it, or set POMEX_BUILD" >&2
    exit 2
fi
logs="$build/logs"
pomex_packages "$install" "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" \
    "${POMEX_TEST_PACKAGES[@]}" || exit 2

# ------------------------------------------------------------------------------- stages
# Each prints to its log, returns non-zero on failure, and may write "passed failed" to $counts.

stage_format()
{
    local files
    mapfile -t files < <(find csrc spec -name '*.c' -o -name '*.h')
    clang-format --dry-run -Werror "${files[@]}"
}

stage_luacheck()
{
    luacheck -q --no-color lua spec examples
}

stage_shellcheck()
{
    local files
    mapfile -t files < <(find cmake spec examples -name '*.sh')
    shellcheck -x "${files[@]}" .ci/run
}

make_in()
{
    local folder="$1"
    shift
    cmake "$@" -B "$folder" && cmake --build "$folder" -j "$jobs"
}

stage_build-gcc()
{
    CC=gcc make_in "$build/dev" --preset dev
}

stage_build-clang()
{
    CC=clang make_in "$build/clang" --preset dev
}

stage_build-asan()
{
    CC=gcc make_in "$build/asan" --preset asan
}

stage_cppcheck()
{
    mkdir -p "$build/cppcheck"
    cppcheck --project="$build/dev/compile_commands.json" --cppcheck-build-dir="$build/cppcheck" \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
        --library=spec/support/cppcheck.cfg --suppress=missingIncludeSystem \
        -DLLONG_MAX=9223372036854775807LL -j "$jobs" --template=gcc
}

# Counts the cmocka tests within the programs that ctest ran; a crash counts as one failure.
count_ctest()
{
    awk '/\[  PASSED  \] [0-9]+ test/ { for (i = 1; i < NF; i++) if ($i == "PASSED") passed += $(i + 2) }
         /\[  FAILED  \] [0-9]+ test/ { for (i = 1; i < NF; i++) if ($i == "FAILED") failed += $(i + 2) }
         / tests failed out of / { for (i = 2; i < NF; i++) if ($i == "tests" && $(i + 1) == "failed") broken = $(i - 1) + 0 }
         END { if (failed < broken) failed = broken; print passed + 0, failed + 0 }' "$1" > "$counts"
}

run_ctest()
{
    local output status
    output="$logs/ctest-$(basename "$1").out"
    ctest --test-dir "$1" -V --no-tests=error > "$output" 2>&1
    status=$?
    count_ctest "$output"
    cat "$output"
    return $status
}

stage_c-tests()
{
    run_ctest "$build/dev"
}

stage_c-tests-asan()
{
    ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
        run_ctest "$build/asan"
}

stage_c-tests-valgrind()
{
    lua5.4 spec/support/valgrind.lua "$build/dev" > "$logs/valgrind.out" 2>&1
    local status=$?
    tail -n 1 "$logs/valgrind.out" | awk '{ print $1 + 0, $3 + 0 }' > "$counts"
    cat "$logs/valgrind.out"
    return $status
}

# run_busted BUILD TAGS [COMMAND…]: each spec file in a process of its own, through COMMAND.
run_busted()
{
    local folder="$1" tags="$2" file status=0 passed=0 failed=0 output code good bad
    shift 2
    for file in spec/*_spec.lua spec/*/*_spec.lua; do
        [ -f "$file" ] || continue
        output="$logs/$(basename "$folder")-${file//\//-}.tap"
        POMEX_BUILD_DIR="$folder" POMEX_SANDBOX_BIN="$folder/bin/pomex-sandbox" \
            LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" \
            LUA_CPATH="$folder/lib/?.so;;" \
            timeout -k 5 150 "$@" lua5.4 /usr/bin/busted --output=TAP \
            --exclude-tags="$tags" "$file" > "$output" 2>&1 < /dev/null
        code=$?
        good="$(grep -c '^ok ' "$output")"
        bad="$(grep -c '^not ok ' "$output")"
        # A file that broke outside its tests (or was stopped) has failed, whatever it counted.
        if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        passed=$((passed + good))
        failed=$((failed + bad))
        printf '%s: %d passed, %d failed\n' "$file" "$good" "$bad"
        if [ "$code" -ne 0 ]; then
            status=1
            [ "$code" -eq 124 ] && echo "$file was stopped after 150 seconds"
            grep -v '^ok ' "$output" | head -n 80
        fi
    done
    echo "$passed $failed" > "$counts"
    return $status
}

stage_lua-tests()
{
    run_busted "$build/dev" none env
}

stage_lua-tests-asan()
{
    local library
    library="$(gcc -print-file-name=libasan.so)"
    # Tagged #browser: Chromium does not run below another program's sanitizer; #timing: slower
    # here than what they measure.
    run_busted "$build/asan" browser,timing env LD_PRELOAD="$library" \
        ASAN_OPTIONS=detect_leaks=1:detect_odr_violation=0:allocator_may_return_null=1 \
        LSAN_OPTIONS="suppressions=$root/spec/support/lsan.supp:print_suppressions=0" \
        UBSAN_OPTIONS=print_stacktrace=1
}

stage_install-test()
{
    local prefix
    prefix="$(mktemp -d)" || return 1
    bash spec/support/install_test.sh "$prefix"
    local status=$?
    rm -rf "$prefix"
    return $status
}

# Twice in a row, from another folder; the video must be one that a player accepts.
stage_quickstart()
{
    local folder status=0
    folder="$(mktemp -d)" || return 1
    for _ in 1 2; do
        (cd "$folder" && timeout 200 "$root/examples/quickstart.sh" --no-install \
            --output quickstart.mp4) < /dev/null ||
            status=1
    done
    ffprobe -v error -show_entries stream=codec_name,pix_fmt:format=duration \
        "$folder/quickstart.mp4" || status=1
    rm -rf "$folder"
    return $status
}

# ------------------------------------------------------------------------------- running

total_passed=0
total_failed=0
counts="$(mktemp)" || exit 1
trap 'rm -f "$counts"' EXIT
trap 'echo; echo "spec/run.sh: stopped" >&2; exit 130' INT TERM

run_stage()
{
    local name="$1" log="$logs/$1.log" begin=$SECONDS status passed failed
    : > "$counts"
    printf '%-18s ' "$name"
    "stage_$name" > "$log" 2>&1
    status=$?
    read -r passed failed < "$counts"
    # A stage that counts nothing is one test.
    if [ -z "${passed:-}" ]; then
        passed=$((status == 0))
        failed=$((status != 0))
    elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    if [ "$status" -eq 0 ] && [ "$failed" -eq 0 ]; then
        printf 'ok      %4d s  %5d passed\n' $((SECONDS - begin)) "$passed"
    else
        printf 'FAILED  %4d s  %5d passed, %d failed; the end of %s:\n' $((SECONDS - begin)) \
            "$passed" "$failed" "$log"
        tail -n 60 "$log" | sed 's/^/    /'
    fi
}

for stage in "${stages[@]}"; do
    if [ -z "$only" ] || [[ "$only" == *",$stage,"* ]]; then run_stage "$stage"; fi
done

echo "all stages: $SECONDS s"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
