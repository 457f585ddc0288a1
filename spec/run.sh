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

stages=(format luacheck shellcheck mutants build-gcc build-clang build-asan build-luas cppcheck
    c-tests c-tests-luas c-tests-asan c-tests-valgrind lua-tests lua-tests-5.3 lua-tests-5.1 lua-tests-luajit
    lua-tests-asan lua-tests-asan-5.1 tsan money fuzz install-test luarocks quickstart secrets)

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
# What chance decides is the same in every run: new seeds are for spec/soak.sh, and by hand.
export POMEX_SEED="${POMEX_SEED:-1}"
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

stage_mutants()
{
    spec/mutants.sh --check
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

# make_module COMPILER LUA FOLDER [PRESET]: pomex/core.so and nothing else.
make_module()
{
    CC="$1" make_in "$3" --preset "${4:-dev}" -DPOMEX_LUA="$2" -DPOMEX_TESTS=OFF \
        -DPOMEX_SANDBOX=OFF
}

# The Lua functions that a module takes from the program that loads it.
functions_of_lua()
{
    nm -D --undefined-only "$1/lib/pomex/core.so" | grep -o 'lua.*' | sort
}

stage_build-luas()
{
    local lua status=0
    for lua in 5.3 5.1 luajit; do make_module gcc "$lua" "$build/$lua" || status=1; done
    for lua in 5.1 luajit; do make_module clang "$lua" "$build/clang-$lua" || status=1; done
    make_module gcc 5.1 "$build/asan-5.1" asan || status=1
    # What the scripts of the examples build, so that their specs need not.
    CC=gcc make_in "$build/release-luajit" -S . -DCMAKE_BUILD_TYPE=Release -DPOMEX_LUA=luajit \
        -DPOMEX_QR=ON || status=1
    CC=gcc make_in "$build/release" -S . -DCMAKE_BUILD_TYPE=Release || status=1
    # Both are installed in lib/lua/5.1: either must load into the other's program.
    diff <(functions_of_lua "$build/5.1") <(functions_of_lua "$build/luajit") || status=1
    return $status
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

# Shows what the programs that failed have printed; what all have is in the output.
run_ctest()
{
    local output status number
    output="$logs/ctest-$(basename "$1").out"
    ctest --test-dir "$1" -V --no-tests=error > "$output" 2>&1
    status=$?
    count_ctest "$output"
    sed -n '/ FAILED:$/,$ s/^[[:space:]]*\([0-9]*\) - .*/\1/p' "$output" |
        while read -r number; do grep "^$number: " "$output"; done
    tail -n 12 "$output"
    return $status
}

stage_c-tests()
{
    run_ctest "$build/dev"
}

# The programs of spec/module, which load Lua: the binding has code of its own for those before 5.2.
stage_c-tests-luas()
{
    local lua good bad passed=0 failed=0 status=0
    for lua in 5.3 5.1 luajit; do
        cmake -B "$build/$lua" -DPOMEX_TESTS=ON &&
            cmake --build "$build/$lua" -j "$jobs" --target module_tests &&
            run_ctest "$build/$lua/spec/module" || status=1
        read -r good bad < "$counts"
        passed=$((passed + ${good:-0}))
        failed=$((failed + ${bad:-0}))
        : > "$counts"
    done
    echo "$passed $failed" > "$counts"
    return $status
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

# run_busted LUA MODULE SANDBOX TAGS [COMMAND…]: each spec file in a process of its own, through
# COMMAND, on the module and the sandbox of these builds, but for the tests with one of TAGS. As
# many files at once as there are processors; those with a test tagged #timing come last, each
# on its own.
run_busted()
{
    local lua="$1" folder="$2" sandbox="$3/bin/pomex-sandbox" tags="$4" most="$jobs"
    local with_code=(sh -c '"$@"; printf "\nexit code %d\n" $?' sh) files=() begun=() i
    local prefix output code good bad status=0 passed=0 failed=0
    shift 4
    mapfile -t files < <(find spec -name '*_spec.lua' -exec grep -L '#timing' {} + | sort &&
        find spec -name '*_spec.lua' -exec grep -l '#timing' {} + | sort)
    prefix="$logs/$(basename "$folder")"
    for i in "${!files[@]}"; do
        if grep -q '#timing' "${files[i]}"; then most=1; fi
        while [ "$(jobs -rp | wc -l)" -ge "$most" ]; do wait -n; done
        rm -f "$prefix-${files[i]//\//-}.kept"
        POMEX_BUILD_DIR="$folder" POMEX_SANDBOX_BIN="$sandbox" \
            POMEX_KEPT_LOGS="$prefix-${files[i]//\//-}.kept" \
            POMEX_LUAJIT_BUILD_DIR="$build/luajit" \
            LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" \
            LUA_CPATH="$folder/lib/?.so;;" \
            timeout -k 5 150 "${with_code[@]}" "$@" "$lua" /usr/bin/busted --output=TAP \
            --exclude-tags="$tags" "${files[i]}" > "$prefix-${files[i]//\//-}.tap" 2>&1 \
            < /dev/null &
        begun[i]=$EPOCHSECONDS
    done
    wait
    for i in "${!files[@]}"; do
        output="$prefix-${files[i]//\//-}.tap"
        code="$(sed -n 's/^exit code //p' "$output")"
        good="$(grep -c '^ok ' "$output")"
        bad="$(grep -c '^not ok ' "$output")"
        # A file that broke outside its tests (or was stopped) has failed, whatever it counted.
        if [ "$code" != 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        passed=$((passed + good))
        failed=$((failed + bad))
        printf '%s: %d passed, %d failed (%d s)\n' "${files[i]}" "$good" "$bad" \
            $(($(stat -c %Y "$output") - begun[i]))
        if [ "$code" != 0 ]; then
            status=1
            [ -z "$code" ] && echo "${files[i]} was stopped after 150 seconds"
            grep -v '^ok ' "$output" | head -n 80
        fi
    done
    echo "$passed $failed" > "$counts"
    return $status
}

stage_lua-tests()
{
    run_busted lua5.4 "$build/dev" "$build/dev" none env
}

# Tagged #once: what tests no Lua of ours.
stage_lua-tests-5.3()
{
    run_busted lua5.3 "$build/5.3" "$build/dev" once env
}

stage_lua-tests-5.1()
{
    run_busted lua5.1 "$build/5.1" "$build/dev" once env
}

stage_lua-tests-luajit()
{
    run_busted luajit "$build/luajit" "$build/dev" once env
}

# run_busted_asan LUA MODULE TAGS LEAKS. Tagged #browser: Chromium does not run below another program's
# sanitizer; #timing: slower here than what they measure; #openresty, #example: other programs,
# with builds of their own.
run_busted_asan()
{
    local library
    library="$(gcc -print-file-name=libasan.so)"
    run_busted "$1" "$2" "$build/asan" "browser,timing,openresty,example,$3" env LD_PRELOAD="$library" \
        ASAN_OPTIONS="detect_leaks=$4:detect_odr_violation=0:allocator_may_return_null=1" \
        LSAN_OPTIONS="suppressions=$root/spec/support/lsan.supp:print_suppressions=0" \
        UBSAN_OPTIONS=print_stacktrace=1
}

stage_lua-tests-asan()
{
    run_busted_asan lua5.4 "$build/asan" none 1
}

# The binding has code of its own for Luas before 5.2. No leaks: luv has one, and 5.1 unloads
# modules before the sanitizer could tell whose it is.
stage_lua-tests-asan-5.1()
{
    run_busted_asan lua5.1 "$build/asan-5.1" once 0
}

# The one thread of ours, the bridge that wakes nginx; and clients in threads of the caller's.
stage_tsan()
{
    CC=clang cmake --preset dev -B "$build/tsan" -DPOMEX_SANITIZE=thread &&
        cmake --build "$build/tsan" -j "$jobs" --target test_bridge test_threads pomex_lua &&
        ctest --test-dir "$build/tsan" -V --no-tests=error -R '^(module\.bridge|core\.threads)$'
}

# The money proof at random; spec/soak.sh has hours for more.
stage_money()
{
    local program="$build/dev/spec/money/money" status=0
    "$program" --operations 100000 || status=1
    "$program" --operations 2000 --tls || status=1
    return $status
}

# Ten seconds of each fuzzer; spec/soak.sh has hours for them.
stage_fuzz()
{
    local log status
    CC=clang make_in "$build/fuzz" --preset fuzz || return 1
    spec/fuzz/run.sh 10 "$build/fuzz"
    status=$?
    # What was printed, but for what libFuzzer says of its inputs: those hold a key.
    for log in "$build"/fuzz/*.log; do
        sed -e '/^#[0-9]/d' -e '/^###### Recommended/,/^###### End/d' "$log" \
            > "$logs/fuzz-$(basename "$log")" || status=1
    done
    return $status
}

stage_luarocks()
{
    local folder status
    folder="$(mktemp -d)" || return 1
    bash spec/support/rocks_test.sh "$folder"
    status=$?
    rm -rf "$folder"
    return $status
}

# No key of any sandbox that ran, nor of any test (each begins with "sk-"), nor a password, stands
# in what all of this has printed: a search finds what was planted, and nothing else.
stage_secrets()
{
    local key='(^|[^A-Za-z0-9_-]|\\[nrt])sk-[A-Za-z0-9]' planted="$logs/planted" found status searched
    searched="$(find "$logs" -type f ! -name secrets.log ! -empty | wc -l)"
    printf 'sk-planted\n' > "$planted"
    found="$(grep -rlE "$key|Bearer [A-Za-z0-9-]{16}|ssw0rd" "$logs")"
    status=$?
    rm -f "$planted"
    printf 'files: %d; grep ended with %d, and found:\n%s\n' "$searched" $status "$found"
    if [ -e "$logs/lua-tests.log" ] && ! grep -qs 'start worker process' "$logs"/*.kept; then
        echo "what nginx logged was not kept"
        return 1
    fi
    [ "$searched" -gt 0 ] && [ $status -eq 0 ] && [ "$found" = "$planted" ]
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
# shellcheck disable=SC2046 # a number each
trap 'kill $(jobs -p) 2> /dev/null; echo; echo "spec/run.sh: stopped" >&2; exit 130' INT TERM

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
