#!/usr/bin/env bash
# Breaks one promise after the other in a copy of the tree, and sees that a test notices.
#
#   spec/mutants.sh [NAME…]       the mutants of these names; without a name all of them
#   spec/mutants.sh --check       only whether each still fits the tree
#
# spec/mutants/NAME.mutant has the rows `file`, `line` (one whole line, which stands there exactly
# once), `with` (what takes its place; empty: nothing does) and `test` (a name of ctest's, or a spec
# and a pattern of busted's --filter). Works in build/mutants, or in $POMEX_BUILD/mutants; what a
# test said is in the folder logs there. Exits 0 if every mutant was killed.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
work="${POMEX_BUILD:-$root/build}/mutants"
limit=90
export POMEX_SEED="${POMEX_SEED:-1}"

# ------------------------------------------------------------------------------ the mutants

# read_mutant NAME: sets file, line, with, test and said (the promise).
read_mutant()
{
    local row rows=""
    file='' line='' with='' test=''
    while IFS= read -r row || [ -n "$row" ]; do
        case "$row" in
        '# '*) rows+=c ;;
        'file '*) file="${row#file }" rows+=f ;;
        'line '*) line="${row#line }" rows+=l ;;
        with | 'with '*)
            with="${row#with}"
            with="${with# }" rows+=w
            ;;
        'test '*) test="${row#test }" rows+=t ;;
        *) rows+='?' ;;
        esac
    done < "$root/spec/mutants/$1.mutant"
    [[ "$rows" =~ ^c+flwt$ ]]
}

# Whether the spec, or the program of ctest's, is there.
test_exists()
{
    local name="${1##*.}" folder
    case "$1" in
    spec/*) [ -f "$root/${1%% *}" ] ;;
    money.run | money.run_tls | proof.jobs) true ;;
    store.lua.database) [ -f "$root/spec/lua/jobs_database_spec.lua" ] ;;
    regress.*) [ -f "$root/spec/core/regress/$name.c" ] ;;
    core.* | store.* | proof.* | money.* | module.* | kinds.*)
        folder="$root/spec/${1%%.*}"
        case "$1" in
        money.*) folder="$root/spec/proof/money" ;;
        module.*) folder="$root/spec/lua/module" ;;
        esac
        [ -f "$folder/test_$name.c" ] &&
            { [[ "$1" == kinds.* ]] || grep -qw -- "$name" "$folder/CMakeLists.txt"; }
        ;;
    *) false ;;
    esac
}

# fits NAME: prints what is wrong with a mutant, and fails if something is.
fits()
{
    local count wrong=''
    if ! [ -f "$root/spec/mutants/$1.mutant" ]; then
        wrong="there is no spec/mutants/$1.mutant"
    elif ! read_mutant "$1"; then
        wrong="needs a comment, then one row each of file, line, with and test, in this order"
    elif ! [ -f "$root/$file" ]; then
        wrong="there is no $file"
    elif ! count="$(grep -cxF -- "$line" "$root/$file")" || [ "$count" != 1 ]; then
        wrong="its line stands $count times in $file, not once"
    elif [ "$line" = "$with" ]; then
        wrong="changes nothing"
    elif ! test_exists "$test"; then
        wrong="there is no test $test"
    else
        return 0
    fi
    echo "spec/mutants.sh: $1: $wrong" >&2
    return 1
}

names=()
check=no
for argument in "$@"; do
    case "$argument" in
    --check) check=yes ;;
    -h | --help)
        sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    -*)
        echo "spec/mutants.sh: unknown argument: $argument (see --help)" >&2
        exit 2
        ;;
    *) names+=("$(basename "$argument" .mutant)") ;;
    esac
done
if [ ${#names[@]} -eq 0 ]; then
    for argument in "$root"/spec/mutants/*.mutant; do names+=("$(basename "$argument" .mutant)"); done
fi
status=0
for name in "${names[@]}"; do fits "$name" || status=2; done
[ $status -eq 0 ] || exit $status
if [ $check = yes ]; then
    echo "${#names[@]} mutants fit the tree"
    exit 0
fi

# ------------------------------------------------------------------------------ the workers

# Everything that a worker starts has a session of its own, so that all of it can be ended.
child=
run()
{
    setsid "$@" < /dev/null &
    child=$!
    wait "$child"
    local status=$?
    kill -KILL -- "-$child" 2> /dev/null
    child=
    return $status
}

# The targets that a test needs.
targets_of()
{
    case "$1" in
    spec/*) echo pomex_lua pomex_lua_store pomex_terminal pomex_sandbox fault_server ;;
    money.run*) echo money ;;
    proof.jobs) echo pomex_lua pomex_lua_store pomex_sandbox jobs_network jobs_power_cut jobs_power jobs_wall ;;
    store.lua.database) echo pomex_lua pomex_lua_store pomex_sandbox jobs_relay ;;
    money.*) echo "test_money_${1#*.}" ;;
    *) echo "test_${1##*.}" ;;
    esac
}

# Whether one of these tests runs nginx, which loads the module for LuaJIT.
is_of_nginx()
{
    local one
    for one in "$@"; do
        case "$one" in spec/*) grep -qE '#openresty|support\.studio' "${one%% *}" && return 0 ;; esac
    done
    return 1
}

# build TEST…: what these tests need, in the worker's copy.
build()
{
    local wanted one
    if is_of_nginx "$@"; then run cmake --build "$tree/build/luajit" || return 1; fi
    mapfile -t wanted < <(for one in "$@"; do targets_of "$one"; done | tr ' ' '\n' | sort -u)
    run cmake --build "$tree/build/dev" --target "${wanted[@]}"
}

# run_test TEST: 0 if it passed, 124 if it did not end. A filter that finds no test does not pass.
run_test()
{
    local spec="${1%% *}" filter=() status
    case "$1" in
    spec/*)
        if [ "$spec" != "$1" ]; then filter=("--filter=${1#* }"); fi
        run env -C "$tree" POMEX_BUILD_DIR="$tree/build/dev" \
            POMEX_SANDBOX_BIN="$tree/build/dev/bin/pomex-sandbox" \
            POMEX_LUAJIT_BUILD_DIR="$tree/build/luajit" \
            LUA_PATH="$tree/lua/?.lua;$tree/lua/?/init.lua;$tree/?.lua;;" \
            LUA_CPATH="$tree/build/dev/lib/?.so;;" \
            timeout -k 2 $limit lua5.4 /usr/bin/busted --output=TAP "${filter[@]}" "$spec" \
            > "$tree/output" 2>&1
        status=$?
        cat "$tree/output"
        if [ $status -eq 0 ] && ! grep -q '^ok ' "$tree/output"; then status=1; fi
        ;;
    *)
        run timeout -k 2 $limit ctest --test-dir "$tree/build/dev" --no-tests=error \
            --output-on-failure -R "^${1//./\\.}\$"
        status=$?
        ;;
    esac
    [ $status -eq 137 ] && status=124
    return $status
}

# Fails unless this worker is the first to ask.
claim()
{
    mkdir "$work/claimed/$1" 2> /dev/null
}

# report WORD NAME BEGIN WHAT
report()
{
    printf '%s %s\n' "$1" "$2" >> "$work/results"
    printf '%-9s %4d s  %s (%s)\n' "$1" $((SECONDS - $3)) "$2" "$4"
}

# prepare NUMBER: a copy of the tree, with what the chosen tests need built.
prepare()
{
    local begin=$SECONDS
    if mkdir -p "$tree" && tar -x -C "$tree" -f "$work/tree.tar" &&
        CC=gcc run cmake --preset dev -S "$tree" -B "$tree/build/dev" -DCMAKE_BUILD_TYPE=Debug \
            -DPOMEX_WERROR=OFF > "$log/build-$1.log" 2>&1 &&
        { ! is_of_nginx "${tests[@]}" ||
            CC=gcc run cmake --preset dev -S "$tree" -B "$tree/build/luajit" \
                -DCMAKE_BUILD_TYPE=Debug -DPOMEX_WERROR=OFF -DPOMEX_LUA=luajit -DPOMEX_TESTS=OFF \
                -DPOMEX_SANDBOX=OFF >> "$log/build-$1.log" 2>&1; } &&
        build "${tests[@]}" >> "$log/build-$1.log" 2>&1; then
        return 0
    fi
    report broken build $begin "no mutant; see $log/build-$1.log"
    tail -n 20 "$log/build-$1.log"
    return 1
}

try_unmutated()
{
    local i begin
    for i in "${!tests[@]}"; do
        claim "test-$i" || continue
        begin=$SECONDS
        if run_test "${tests[i]}" > "$log/test-$i.log" 2>&1; then
            report passes "${tests[i]}" $begin "no mutant"
        else
            report broken "${tests[i]}" $begin "no mutant; see $log/test-$i.log"
            tail -n 20 "$log/test-$i.log"
        fi
    done
}

# The original comes back with a new time, so that what was built of the mutant is built again.
try_mutant()
{
    local name="$1" begin=$SECONDS verdict=survived why
    read_mutant "$name"
    why="$test"
    if grep -qxF "broken $test" "$work/results"; then
        report error "$name" $begin "$test fails without it"
        return
    fi
    cp "$tree/$file" "$tree/original"
    LINE="$line" WITH="$with" awk '
        $0 "" != ENVIRON["LINE"] "" { print; next }
        ENVIRON["WITH"] != "" { print ENVIRON["WITH"] }' "$tree/original" > "$tree/$file"
    case "$file" in *.lua) ;; *) stale=yes ;; esac
    if [ $stale = yes ] && ! build "$test" > "$log/$name.log" 2>&1; then
        verdict=error why="does not build; see $log/$name.log"
    else
        run_test "$test" >> "$log/$name.log" 2>&1
        case $? in
        0) ;;
        124) verdict=killed why="$test: hung for $limit s" ;;
        *) verdict=killed ;;
        esac
        case "$file" in *.lua) case "$test" in spec/*) stale=no ;; esac ;; esac
    fi
    cat "$tree/original" > "$tree/$file"
    [ $verdict = survived ] && why="$test; $file; spec/mutants/$name.mutant"
    report $verdict "$name" $begin "$why"
}

# worker NUMBER: in its own copy, since a folder of cmake's holds absolute paths.
worker()
{
    local tree="$work/$1" stale=no i
    trap '[ -n "$child" ] && kill -KILL -- "-$child" 2> /dev/null; exit 130' INT TERM
    prepare "$1" || return 1
    try_unmutated
    : > "$work/ready-$1"
    while [ "$(find "$work" -maxdepth 1 -name 'ready-*' | wc -l)" -lt "$workers" ]; do sleep 0.1; done
    for i in "${!names[@]}"; do
        if claim "mutant-$i"; then try_mutant "${names[i]}"; fi
    done
    return 0
}

# ------------------------------------------------------------------------------ the course

tests=()
for name in "${names[@]}"; do
    read_mutant "$name"
    for known in "${tests[@]}"; do [ "$known" = "$test" ] && continue 2; done
    tests+=("$test")
done
workers=2
[ "$(nproc 2> /dev/null || echo 2)" -gt 1 ] && [ ${#names[@]} -gt 1 ] || workers=1
log="$work/logs"
rm -rf "$work"
mkdir -p "$work/claimed" "$log" || exit 2
: > "$work/results"
(cd "$root" && git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' name; do [ -e "$name" ] && printf '%s\0' "$name"; done |
    tar -c --null -T - -f "$work/tree.tar") || exit 2

stop()
{
    # shellcheck disable=SC2046 # a number each
    kill -TERM $(jobs -p) 2> /dev/null
    wait
    echo "spec/mutants.sh: stopped" >&2
    exit 130
}
trap stop INT TERM
for ((i = 1; i <= workers; i++)); do worker $i & done
# A worker that could not build would leave the other one waiting.
for ((i = 1; i <= workers; i++)); do
    wait -n && continue
    status=1
    # shellcheck disable=SC2046 # a number each
    kill -TERM $(jobs -p) 2> /dev/null
done

killed="$(grep -c '^killed ' "$work/results")"
grep '^survived ' "$work/results" | sed 's|^survived \(.*\)|survived: spec/mutants/\1.mutant|'
rm -rf "$work"/[12] "$work/tree.tar"
echo "$killed of ${#names[@]} killed ($SECONDS s)"
[ "$status" -eq 0 ] && [ "$killed" -eq "${#names[@]}" ]
