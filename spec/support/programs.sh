# shellcheck shell=bash disable=SC2154
# For spec/run.sh: runs test programs in the slots of spec/support/pool.sh, and counts their
# tests. What each has printed is in a file of its own in $logs; the stage's log shows how many
# tests passed, which did not run and why, and what those printed that failed.

# finish_in OUTPUT SECONDS COMMAND…: at most so long; OUTPUT ends with how it ended, and how many
# seconds of a processor it took.
finish_in()
{
    local output="$1" seconds="$2" begin=$EPOCHSECONDS user system status TIMEFORMAT='%U %S'
    shift 2
    read -r user system status < <({
        { time timeout -k 5 "$seconds" "$@" > "$output" 2>&1 < /dev/null; } 2>&1
        echo $?
    } | tr '\n' ' ')
    printf '\nexit code %d after %d s (of %d), %s s and %s s of the system CPU\n' "$status" \
        $((EPOCHSECONDS - begin)) "$seconds" "$user" "$system" >> "$output"
}

# The tests of cmocka and of TAP in OUTPUT: "passed failed seconds". A program that broke
# outside its tests (or was stopped) has failed, whatever it counted.
count_in()
{
    awk '/^ok / && !/^ok [0-9]+ - # SKIP/ { passed++ }
         /^not ok / { failed++ }
         /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
         /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
         /^exit code [0-9]+ after/ { code = $3; seconds = $5 }
         END {
             if (code == "") code = 255
             if (code != 0 && !failed) failed = 1
             print passed + 0, failed + 0, seconds + 0
         }' "$1"
}

# report PREFIX NAME…: of each what is in PREFIX-NAME.out, those that failed at the end; the sum
# goes to $counts.
report()
{
    local prefix="$1" name output good bad seconds passed=0 failed=0 broken=()
    shift
    for name in "$@"; do
        output="$prefix-${name//\//-}.out"
        read -r good bad seconds < <(count_in "$output")
        passed=$((passed + good))
        failed=$((failed + bad))
        printf '%s: %d passed, %d failed (%d s)\n' "$name" "$good" "$bad" "$seconds"
        sed -nE "s,^(ok [0-9]+ - )?# SKIP ([^ ]+:[0-9]+: )?(.*),$name: not run (\\3),p" "$output"
        [ "$bad" -eq 0 ] || broken+=("$name")
    done
    if [ $# -eq 0 ]; then
        echo "no test was found"
        failed=1
    fi
    for name in "${broken[@]}"; do
        output="$prefix-${name//\//-}.out"
        echo "$name has failed ($(tail -n 1 "$output")). It printed, besides what passed:"
        grep -vE '^ok |^\[       OK \]' "$output" | head -n 80
    done
    echo "$passed $failed" > "$counts"
    [ "$failed" -eq 0 ]
}

# run_programs PREFIX BUILD all|kinds|others|untimed [WRAPPER…]: the C tests, see spec/support/programs.lua.
run_programs()
{
    local prefix="$logs/$1" names=() name seconds command
    shift
    while IFS=$'\t' read -r name seconds command; do
        names+=("$name")
        : > "$prefix-$name.out"
        in_slots finish_in "$prefix-$name.out" "$seconds" sh -c "$command"
    done < <(lua5.4 spec/support/programs.lua "$@")
    wait
    report "$prefix" "${names[@]}"
}

# These take longest, and begin first, so that none is left over at the end.
LONGEST=(example/webapp example/webapp_life example/webapp_killed example/webapp_trust host/adapter_loops
    host/openresty_pump example/love host/adapter example/quickstart example/compare
    host/openresty_life host/openresty_adapter example/hosts)

# run_busted LUA MODULE SANDBOX TAGS [COMMAND…]: each spec file in a process of its own, through
# COMMAND, on the module and the sandbox of these builds, without the tests that have one of TAGS. In
# $specs: which files, as awk tells them (all); in $patience: how many seconds each has (600).
run_busted()
{
    local lua="$1" folder="$2" sandbox="$3/bin/pomex-sandbox" tags="$4" prefix file files
    shift 4
    prefix="$logs/$(basename "$folder")"
    mapfile -t files < <({
        printf 'spec/%s_spec.lua\n' "${LONGEST[@]}"
        find spec -name '*_spec.lua' | sort
    } | awk "!seen[\$0]++ && ${specs:-1}")
    for file in "${files[@]}"; do
        rm -f "$prefix-${file//\//-}.kept"
        : > "$prefix-${file//\//-}.out"
        in_slots finish_in "$prefix-${file//\//-}.out" "${patience:-600}" \
            env POMEX_BUILD_DIR="$folder" POMEX_SANDBOX_BIN="$sandbox" \
            POMEX_KEPT_LOGS="$prefix-${file//\//-}.kept" POMEX_LUAJIT_BUILD_DIR="$build/luajit" \
            LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" \
            LUA_CPATH="$folder/lib/?.so;;" \
            "$@" "$lua" /usr/bin/busted --output=TAP --exclude-tags="$tags${lacking_tags:-}" "$file"
    done
    wait
    report "$prefix" "${files[@]}"
}
