#!/usr/bin/env bash
# Installs what the tests need, builds, and runs every test of every layer.
#
#   spec/run.sh [--no-install] [--only STAGE[,STAGE…]] [--list]
#
# Every stage runs, also after one that failed (those of spec/soak.sh only if --only names them); the log of each is in build/logs. What this system
# lacks (a package that its apt does not know) is said to be not run, and why. Exits 0 if all
# that ran has passed. POMEX_BUILD=DIR builds there and not in build/. POMEX_SLOTS=N: as many programs
# at once (else four times as many as there are processors, since what they do most is wait).
# POMEX_NGINX=PATH: another nginx than the system's, with its Lua module built in.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
cd "$root" || exit 1
# shellcheck source=cmake/packages.sh
. cmake/packages.sh
# shellcheck source=spec/support/pool.sh
. spec/support/pool.sh
# shellcheck source=spec/support/programs.sh
. spec/support/programs.sh

build="${POMEX_BUILD:-$root/build}"
install=yes
only=
jobs="$(nproc 2> /dev/null || echo 2)"

# Stages run side by side; one after a "|" begins when all before it have ended. Those with one
# long program come first.
stages=(format luacheck shellcheck mutants build-gcc build-luajit build-clang build-asan build-luas
    "|" money jobs campaign layers quickstart luarocks fuzz tsan cppcheck install-test
    c-tests-valgrind c-tests-asan c-tests c-tests-luas postgresql kinds
    lua-tests lua-tests-luajit lua-tests-5.1 lua-tests-5.3 lua-tests-5.5 lua-tests-asan
    "|" secrets)
# Long ones that repeat under a tool, or in a copy, what the others show: spec/soak.sh runs them.
soaked=(layers-self-test lua-tests-asan-5.1)

while [ $# -gt 0 ]; do
    case "$1" in
    --no-install) install=no ;;
    --only)
        only=",${2:-},"
        shift
        ;;
    --list)
        printf '%s\n' "${stages[@]}" "${soaked[@]}" | grep -vF '|'
        exit 0
        ;;
    -h | --help)
        sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
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
    "${POMEX_TEST_PACKAGES[@]/%/?}" || exit 2

# ------------------------------------------------------------------------- what is not here

# needs STAGE: the programs, modules of pkg-config ("pc:NAME") and of Lua ("LUA:NAME") that it
# cannot do without.
needs()
{
    case "$1" in
    format) echo clang-format ;;
    luacheck | shellcheck | cppcheck | luarocks) echo "$1" ;;
    build-clang | tsan | fuzz) echo clang ;;
    c-tests-valgrind) echo valgrind ;;
    # Where there is a package of the server, the stage fails without one.
    postgresql) echo "pc:libpq $(pomex_apt_knows postgresql || echo postgres)" ;;
    quickstart) echo ffprobe ;;
    campaign) echo curl lua5.4:argparse ;;
    build-luajit | lua-tests-luajit | kinds) echo luajit pc:luajit ;;
    lua-tests-5.5) echo lua5.5 pc:lua5.5 lua5.5:cjson lua5.5:busted ;;
    lua-tests-5.* | lua-tests-asan-5.*) echo "lua${1##*-} pc:lua${1##*-}" ;;
    esac
}

# lacks NAME…: prints the first that is not here; fails if all are.
lacks()
{
    local name
    for name in "$@"; do
        if ! case "$name" in
            pc:*) pkg-config --exists "${name#pc:}" 2> /dev/null ;;
            *:*) "${name%:*}" -e "require '${name#*:}'" > /dev/null 2>&1 ;;
            *) command -v "$name" > /dev/null ;;
            esac then
            case "$name" in
            pc:*) echo "no ${name#pc:} to build with" ;;
            *:*) echo "no ${name#*:} for ${name%:*}" ;;
            *) echo "no $name here" ;;
            esac
            return 0
        fi
    done
    return 1
}

# The Luas beside 5.4 that are here.
luas=()
for lua in 5.5 5.3 5.1; do lacks "lua$lua" "pc:lua$lua" > /dev/null || luas+=("$lua"); done
lacks luajit pc:luajit > /dev/null || luas+=(luajit)

# Tags of the specs that what is here cannot run.
lacking_tags=
for need in browser:chromium openresty:"${POMEX_NGINX:-nginx}" example:"${POMEX_NGINX:-nginx}" \
    example:love; do
    if why="$(PATH="$PATH:/usr/sbin" lacks "${need#*:}")"; then
        echo "tests tagged #${need%:*}: not run ($why)"
        lacking_tags="$lacking_tags,${need%:*}"
    fi
done

# ------------------------------------------------------------------------------- stages
# Each prints to its log, returns non-zero on failure, and may write "passed failed" to $counts.

stage_format()
{
    local files
    mapfile -t files < <(find csrc spec -name '*.c' -o -name '*.h')
    in_slot clang-format --dry-run -Werror "${files[@]}"
}

stage_luacheck()
{
    in_slot luacheck -q --no-color lua bin/pomex spec examples
}

stage_shellcheck()
{
    local files
    mapfile -t files < <(find cmake spec examples -name '*.sh')
    in_slot shellcheck -x "${files[@]}" .ci/run
}

stage_mutants()
{
    spec/mutants.sh --check
}

stage_layers()
{
    spec/layers.sh "$build/dev"
}

stage_layers-self-test()
{
    POMEX_BUILD="$build" in_slot spec/layers.sh --self-test
}

make_in()
{
    local folder="$1"
    shift
    in_slot cmake "$@" -B "$folder" && in_slot cmake --build "$folder" -j "$jobs"
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

# make_module_tests LUA: the modules, and the programs of spec/lua/module that load it.
make_module_tests()
{
    local folder="$build/$1"
    CC=gcc in_slot cmake --preset dev -DPOMEX_LUA="$1" -DPOMEX_SANDBOX=OFF -B "$folder" &&
        in_slot cmake --build "$folder" -j "$jobs" \
            --target pomex_lua pomex_qr pomex_lua_store pomex_terminal module_tests
}

# The Lua functions that a module takes from the program that loads it.
functions_of_lua()
{
    nm -D --undefined-only "$1/lib/pomex/core.so" | grep -o 'lua.*' | sort
}

stage_build-luas()
{
    local lua pid pids=() status=0
    for lua in "${luas[@]}"; do
        if [ "$lua" != luajit ]; then
            make_module_tests "$lua" &
            pids+=($!)
        fi
        if [[ "$lua" = 5.1 || "$lua" = luajit ]] && ! lacks clang > /dev/null; then
            make_module clang "$lua" "$build/clang-$lua" &
            pids+=($!)
        fi
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    return $status
}

# For LuaJIT, and what the scripts of the examples build, so that their specs need not.
stage_build-luajit()
{
    local pid pids=() status=0
    make_module_tests luajit &
    pids+=($!)
    CC=gcc make_in "$build/release-luajit" -S . -DCMAKE_BUILD_TYPE=Release -DPOMEX_LUA=luajit \
        -DPOMEX_QR=ON &
    pids+=($!)
    CC=gcc make_in "$build/release" -S . -DCMAKE_BUILD_TYPE=Release &
    pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    return $status
}

stage_cppcheck()
{
    mkdir -p "$build/cppcheck"
    in_slot cppcheck --project="$build/dev/compile_commands.json" --cppcheck-build-dir="$build/cppcheck" \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
        --library=spec/support/cppcheck.cfg --suppress=missingIncludeSystem \
        --suppress=nullPointerOutOfMemory --suppress=ctunullpointerOutOfMemory \
        -DLLONG_MAX=9223372036854775807LL -j "$jobs" --template=gcc
}

stage_c-tests()
{
    run_programs ctest-dev "$build/dev" others
}

# The programs of spec/lua/module, which load Lua: the binding has code of its own for those before 5.2.
stage_c-tests-luas()
{
    local lua which why good bad passed=0 failed=0 status=0
    for lua in "${luas[@]}"; do
        which=all
        # What needs lua-cjson is labelled "timing".
        if [ "$lua" = 5.5 ] && why="$(lacks lua5.5:cjson)"; then
            echo "module.starved of Lua 5.5: not run ($why)"
            which=untimed
        fi
        run_programs "ctest-$lua" "$build/$lua/spec/lua/module" "$which" || status=1
        read -r good bad < "$counts"
        passed=$((passed + ${good:-0}))
        failed=$((failed + ${bad:-0}))
        : > "$counts"
    done
    # 5.1 and LuaJIT are both installed in lib/lua/5.1: either must load into the other's program.
    if [[ " ${luas[*]} " = *" 5.1 luajit "* ]]; then
        diff <(functions_of_lua "$build/5.1") <(functions_of_lua "$build/luajit") || status=1
    fi
    echo "$passed $failed" > "$counts"
    return $status
}

# The store's tests that need a PostgreSQL server, on one that they share.
stage_postgresql()
{
    local output="$logs/postgresql.out" status
    in_slot spec/support/postgresql.sh ctest --test-dir "$build/dev" -L postgresql -j "$jobs" -V \
        --no-tests=error > "$output" 2>&1
    status=$?
    sed -i 's/^[0-9]*: //' "$output"
    echo "exit code $status after" >> "$output"
    count_in "$output" | cut -d' ' -f1,2 > "$counts"
    grep -vE '^\[ RUN|^\[       OK' "$output"
    return $status
}

stage_c-tests-asan()
{
    ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
        run_programs ctest-asan "$build/asan" all
}

stage_c-tests-valgrind()
{
    run_programs valgrind "$build/dev" untimed valgrind --quiet --error-exitcode=99 \
        --leak-check=full --errors-for-leak-kinds=definite,indirect --track-fds=no \
        --suppressions="$root/spec/support/valgrind.supp"
}

# The kinds of fault of spec/kinds, by their numbers; under the other Luas and tools they are among
# the rest.
stage_kinds()
{
    local specs='/^spec\/kinds\//' good bad status=0 passed failed
    # For nginx; build-luas builds it before, if it is among the stages.
    [ -e "$build/luajit/lib/pomex/core.so" ] || make_module gcc luajit "$build/luajit" ||
        return 1
    run_programs ctest-dev "$build/dev" kinds || status=1
    read -r passed failed < "$counts"
    run_busted lua5.4 "$build/dev" "$build/dev" none env || status=1
    read -r good bad < "$counts"
    echo "$((passed + good)) $((failed + bad))" > "$counts"
    return $status
}

stage_lua-tests()
{
    local specs='!/^spec\/kinds\//'
    run_busted lua5.4 "$build/dev" "$build/dev" none env
}

# Tagged #once: what tests no Lua of ours.
stage_lua-tests-5.3()
{
    run_busted lua5.3 "$build/5.3" "$build/dev" once env
}

stage_lua-tests-5.5()
{
    local tags=once why
    if why="$(lacks lua5.5:argparse)"; then
        echo "tests tagged #command of Lua 5.5: not run ($why)"
        tags=once,command
    fi
    run_busted lua5.5 "$build/5.5" "$build/dev" "$tags" env
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
# sanitizer; #large: it takes long there; #openresty, #example: other programs, with builds of
# their own; #command: a program of Lua alone.
run_busted_asan()
{
    local library
    library="$(gcc -print-file-name=libasan.so)"
    run_busted "$1" "$2" "$build/asan" "browser,large,openresty,example,command,$3" env LD_PRELOAD="$library" \
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
    make_module gcc 5.1 "$build/asan-5.1" asan && run_busted_asan lua5.1 "$build/asan-5.1" once 0
}

# The one thread of ours, the bridge that wakes nginx; and clients in threads of the caller's.
stage_tsan()
{
    CC=clang in_slot cmake --preset dev -B "$build/tsan" -DPOMEX_SANITIZE=thread &&
        in_slot cmake --build "$build/tsan" -j "$jobs" \
            --target test_bridge test_client_threads pomex_lua test_thread test_worker \
            test_begin test_property &&
        in_slot ctest --test-dir "$build/tsan" -V --no-tests=error \
            -R '^(module\.bridge|core\.client_threads|store\.(thread|worker|begin|property))$'
}

# The money proof at random; spec/soak.sh has hours for more.
stage_money()
{
    local program="$build/dev/spec/proof/money/money" status=0
    in_slot "$program" --operations 40000 || status=1
    in_slot "$program" --operations 2000 --tls || status=1
    return $status
}

# The proof of durable jobs, for a minute; the whole one, and soak.sh, have more of each.
stage_jobs()
{
    POMEX_BUILD="$build" in_slot spec/proof/jobs.sh --jobs 150 --kills 10 --power-loss 2
}

# Twenty seconds of each fuzzer, of which the others leave it half; spec/soak.sh has hours.
stage_fuzz()
{
    local log status
    CC=clang make_in "$build/fuzz" --preset fuzz || return 1
    in_slot spec/fuzz/run.sh 20 "$build/fuzz"
    status=$?
    # All that was printed except libFuzzer's words about its inputs, which hold a key.
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
    in_slot bash spec/package/rocks_test.sh "$folder"
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
    local prefix script status=0
    for script in install_test c_test; do
        prefix="$(mktemp -d)" || return 1
        in_slot bash "spec/package/$script.sh" "$prefix" || status=1
        rm -rf "$prefix"
    done
    return $status
}

# Twice in a row, from another folder; the video must be one that a player accepts.
stage_campaign()
{
    in_slot timeout 900 spec/command/campaign.sh --no-install < /dev/null
}

stage_quickstart()
{
    local folder status=0
    folder="$(mktemp -d)" || return 1
    for _ in 1 2; do
        (cd "$folder" && in_slot timeout 200 "$root/examples/quickstart.sh" --no-install \
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
total_skipped=0
total_failed=0
results="$(mktemp -d)" || exit 1
trap 'rm -rf "$results"' EXIT
trap 'end_descendants; echo; echo "spec/run.sh: stopped" >&2; exit 130' INT TERM
pool_open "${POMEX_SLOTS:-$((jobs * 4))}" || exit 1

# Runs in the background; what it leaves in $results is "seconds cpu passed failed", where
# cpu is the seconds of a processor.
run_stage()
{
    local name="$1" begin=$SECONDS status passed failed counts="$results/$1.counts"
    local TIMEFORMAT='%U %S'
    trap : INT # Ctrl-C reaches all of us: who began a program lives until end_descendants saw it
    : > "$counts"
    {
        time "stage_$name" > "$logs/$name.log" 2>&1
        status=$?
    } 2> "$results/$name.cpu"
    read -r passed failed < "$counts"
    # A stage that counts nothing is one test.
    if [ -z "${passed:-}" ]; then
        passed=$((status == 0))
        failed=$((status != 0))
    elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi
    echo "$((SECONDS - begin)) $(awk '{ print int($1 + $2 + 0.5) }' "$results/$name.cpu")" \
        "$passed $failed" > "$results/$name"
}

show_stage()
{
    local name="$1" log="$logs/$1.log" seconds=0 cpu=0 passed=0 failed=1 skipped
    # A stage that was killed leaves nothing: it has failed.
    [ -s "$results/$name" ] && read -r seconds cpu passed failed < "$results/$name"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    skipped="$(grep -c ': not run (' "$log")"
    total_skipped=$((total_skipped + skipped))
    if [ "$failed" -eq 0 ]; then
        printf '%-18s ran     %4d s %4d s CPU  %5d passed\n' "$name" "$seconds" "$cpu" "$passed"
    else
        printf '%-18s FAILED  %4d s %4d s CPU  %5d passed, %d failed; the end of %s:\n' \
            "$name" "$seconds" "$cpu" "$passed" "$failed" "$log"
        tail -n 60 "$log" | sed 's/^/    /'
    fi
    grep ': not run (' "$log" | sed 's/^/    /'
}

declare -A running=()

# Shows each stage that runs when it ends.
await_stages()
{
    local pid
    while [ ${#running[@]} -gt 0 ]; do
        wait -n -p pid "${!running[@]}"
        show_stage "${running[$pid]}"
        unset "running[$pid]"
    done
}

for stage in "${soaked[@]}"; do
    [[ "$only" != *",$stage,"* ]] || stages+=("$stage")
done
for stage in "${stages[@]}"; do
    if [ "$stage" = "|" ]; then
        await_stages
    elif [ -n "$only" ] && [[ "$only" != *",$stage,"* ]]; then
        continue
    elif read -ra needed < <(needs "$stage") && why="$(lacks "${needed[@]}")"; then
        printf '%-18s not run (%s)\n' "$stage" "$why"
    else
        run_stage "$stage" &
        running[$!]="$stage"
    fi
done
await_stages

echo "all stages: $SECONDS s"
skipped=
[ "$total_skipped" -eq 0 ] || skipped=", $total_skipped skipped"
echo "$total_passed passed, $total_failed failed$skipped"
[ "$total_failed" -eq 0 ]
