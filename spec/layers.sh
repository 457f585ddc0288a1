#!/usr/bin/env bash
# Shows that the layers hold: no file calls one of a higher layer, so no circle of calls is larger
# than one folder. (That no file includes a header of a higher layer, the compiler sees to.)
#
#   spec/layers.sh [BUILD]       looks at the objects in BUILD, a build of the preset dev (build/dev)
#   spec/layers.sh --self-test   plants offences in a copy of the tree, and sees each of them break
#
# The order of the layers stands in the CMakeLists.txt of csrc/core and csrc/sandbox, and nowhere
# else. A call is whatever nm shows: a symbol that one object defines and another one needs. There
# is no list of exceptions. csrc/lua needs nothing of the core that pomex.h does not declare.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 2

# The layers of a part, from the bottom up, one a line.
layers_of()
{
    sed -n 's/^set(POMEX_\(SB_\)\{0,1\}LAYERS \(.*\))$/\2/p' "$root/csrc/$1/CMakeLists.txt" | tr ' ' '\n'
}

# The objects of a part: rank, file, object.
objects_of()
{
    local part="$1" build="$2" prefix=pomex_ layer source object rank=0
    [ "$part" = core ] || prefix="pomex_${part}_"
    for layer in $(layers_of "$part"); do
        rank=$((rank + 1))
        for source in "$root/csrc/$part/$layer"/*.c; do
            object="$build/csrc/$part/CMakeFiles/$prefix$layer.dir/$layer/$(basename "$source").o"
            # The program's main belongs to the program alone.
            [ -f "$object" ] || object="$build/csrc/$part/CMakeFiles/pomex_$part.dir/$layer/$(basename "$source").o"
            echo "$rank $layer/$(basename "$source") $object"
        done
    done
}

# check_part PART BUILD: prints what goes upward, and the figures.
check_part()
{
    local part="$1" build="$2" rank file object
    while read -r rank file object; do
        if ! [ -f "$object" ]; then
            echo "! $part/$file was not built ($object)"
            continue
        fi
        nm "$object" | awk -v rank="$rank" -v file="$file" '
            NF == 3 && $2 ~ /^[A-Z]$/ && $3 ~ /^pomex_/ { print "defines", rank, file, $3 }
            NF == 2 && $1 == "U" && $2 ~ /^pomex_/ { print "needs", rank, file, $2 }'
    done < <(objects_of "$part" "$build") | awk -v part="$part" '
        $1 == "!" { print "spec/layers.sh:" substr($0, 2) > "/dev/stderr"; bad = 1; next }
        !($3 in ranks) { ranks[$3] = $2; files[++count] = $3 }
        $1 == "defines" { home[$4] = $3 }
        $1 == "needs" { from[++needs] = $3; symbol[needs] = $4 }
        END {
            for (i = 1; i <= needs; i++) {
                to = home[symbol[i]]
                if (to == "" || to == from[i])
                    continue
                calls++
                reach[from[i], to] = 1
                if (ranks[to] > ranks[from[i]]) {
                    printf "spec/layers.sh: upward: %s/%s needs %s of %s\n", part, from[i],
                        symbol[i], to > "/dev/stderr"
                    bad = 1
                }
            }
            for (k = 1; k <= count; k++)
                for (i = 1; i <= count; i++)
                    if ((files[i], files[k]) in reach)
                        for (j = 1; j <= count; j++)
                            if ((files[k], files[j]) in reach)
                                reach[files[i], files[j]] = 1
            for (i = 1; i <= count; i++) {
                size = 0
                members = ""
                for (j = 1; j <= count; j++)
                    if (i == j || (((files[i], files[j]) in reach) && ((files[j], files[i]) in reach))) {
                        size++
                        members = members " " files[j]
                        if (ranks[files[i]] != ranks[files[j]]) {
                            printf "spec/layers.sh: a circle of two folders: %s, %s\n", files[i],
                                files[j] > "/dev/stderr"
                            bad = 1
                        }
                    }
                if (size > largest) {
                    largest = size
                    circle = members
                }
            }
            printf "%s: %d files, %d calls between them, largest circle %d:%s\n", part, count,
                calls, largest, circle
            exit bad || !calls
        }'
}

# An include that leaves its folder by a path would pass by the view that CMake gives it.
check_includes()
{
    ! grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"(/|[^"]*\.\./)' "$root/csrc" \
        --include='*.[ch]' >&2
}

# What the Lua binding needs of the core stands in pomex.h, or in what that includes.
check_lua()
{
    local symbol status=0
    local objects=("$1"/csrc/lua/CMakeFiles/pomex_lua.dir/*.o)
    [ -f "${objects[0]}" ] || {
        echo "spec/layers.sh: csrc/lua was not built ($1)" >&2
        return 1
    }
    while read -r symbol; do
        grep -qhE "(^|[ *])$symbol\(" "$root"/csrc/core/include/*.h && continue
        echo "spec/layers.sh: csrc/lua needs $symbol, which pomex.h does not declare" >&2
        status=1
    done < <(comm -23 <(nm -u "${objects[@]}" | awk '$2 ~ /^pomex_/ { print $2 }' | sort -u) \
        <(nm --defined-only "${objects[@]}" | awk '$3 ~ /^pomex_/ { print $3 }' | sort -u))
    return $status
}

# The store lies beside the core, and uses base/ alone.
check_store()
{
    local layer above=() taken
    local objects=("$1"/csrc/store/CMakeFiles/pomex_store.dir/*.o "$1"/csrc/store/CMakeFiles/pomex_store.dir/*/*.o)
    if ! [ -f "${objects[0]}" ]; then
        echo "spec/layers.sh: csrc/store was not built ($1)" >&2
        return 1
    fi
    for layer in $(layers_of core | tail -n +2); do
        above+=("$1/csrc/core/CMakeFiles/pomex_$layer.dir/$layer"/*.o)
    done
    taken="$(comm -12 <(nm -u "${objects[@]}" | awk '{ print $2 }' | sort -u) \
        <(nm --defined-only "${above[@]}" | awk 'NF == 3 { print $3 }' | grep '^pomex_' | sort -u))"
    [ -z "$taken" ] && return 0
    echo "spec/layers.sh: csrc/store needs what is not in base/:" "$taken" >&2
    return 1
}

check()
{
    local status=0
    check_part core "$1" || status=1
    check_part sandbox "$1" || status=1
    check_lua "$1" || status=1
    check_store "$1" || status=1
    check_includes || status=1
    return $status
}

# ------------------------------------------------------------------------------ the self-test

copy='' log=''

make_copy()
{
    CC=gcc cmake -S "$copy/tree" -B "$copy/build" -DCMAKE_BUILD_TYPE=Debug -DPOMEX_STORE=ON \
        > "$log" 2>&1 &&
        cmake --build "$copy/build" -j "$(nproc)" \
            --target pomex pomex_lua pomex_sandbox pomex_store >> "$log" 2>&1
}

# offence NAME WHO FILE TEXT: adds the text to a file of the copy. WHO must refuse it by PATTERN:
# the compiler, or this script (the copy of it, which reads the copy's order of layers).
offence()
{
    local name="$1" who="$2" file="$3" text="$4" pattern="$5" verdict=unnoticed
    cp "$copy/tree/$file" "$copy/original"
    printf '%s\n' "$text" >> "$copy/tree/$file"
    if make_copy; then
        [ "$who" = script ] && ! "$copy/tree/spec/layers.sh" "$copy/build" > "$log" 2>&1 &&
            grep -qE -- "$pattern" "$log" && verdict=broken
    elif [ "$who" = compiler ] && grep -qE -- "$pattern" "$log"; then
        verdict=broken
    fi
    cat "$copy/original" > "$copy/tree/$file"
    echo "$verdict: $name"
    if [ $verdict != broken ]; then
        tail -n 15 "$log"
        return 1
    fi
}

self_test()
{
    local status=0
    copy="${POMEX_BUILD:-$root/build}/layers-test" log="$copy/log"
    rm -rf "$copy/tree" && mkdir -p "$copy/tree" || return 2
    (cd "$root" && git ls-files -z --cached --others --exclude-standard -- CMakeLists.txt bin cmake \
        csrc lua spec/layers.sh | while IFS= read -r -d '' name; do
        [ -e "$name" ] && printf '%s\0' "$name"
    done | tar -c --null -T - -f -) | tar -x -C "$copy/tree" -f - || return 2
    if ! make_copy || ! "$copy/tree/spec/layers.sh" "$copy/build" > "$log" 2>&1; then
        echo "spec/layers.sh: the copy does not pass without an offence" >&2
        tail -n 20 "$log"
        return 1
    fi
    offence "an upward include in csrc/core" compiler csrc/core/net/proxy.c \
        '#include "engine/client.h"' 'engine/client.h: No such file' || status=1
    offence "an upward include in csrc/sandbox" compiler csrc/sandbox/store/store_list.c \
        '#include "sandbox/api/api.h"' 'sandbox/api/api.h: No such file' || status=1
    offence "an internal header in csrc/lua" compiler csrc/lua/error.c \
        '#include "base/clock.h"' 'base/clock.h: No such file' || status=1
    offence "an upward call in csrc/core" script csrc/core/net/proxy.c \
        'extern void pomex_loop_kick(pomex_client *client);
void pomex_proxy_offends(pomex_client *client);
void pomex_proxy_offends(pomex_client *client) { pomex_loop_kick(client); }' \
        'upward: core/net/proxy.c needs pomex_loop_kick of engine/loop.c' || status=1
    offence "an upward call in csrc/sandbox" script csrc/sandbox/http/send.c \
        'extern void pomex_sb_control(pomex_sb_request *request);
void pomex_sb_send_offends(pomex_sb_request *request);
void pomex_sb_send_offends(pomex_sb_request *request) { pomex_sb_control(request); }' \
        'upward: sandbox/http/send.c needs pomex_sb_control of control/control.c' || status=1
    offence "an upward call within the binding" script csrc/lua/error.c \
        'extern void pomex_loop_kick(pomex_client *client);
void pomex_lua_offends(pomex_client *client);
void pomex_lua_offends(pomex_client *client) { pomex_loop_kick(client); }' \
        'csrc/lua needs pomex_loop_kick' || status=1
    offence "a call of more than base/ in csrc/store" script csrc/store/life.c \
        'extern bool pomex_rules_is_seedance2(const char *model);
bool pomex_store_offends(void);
bool pomex_store_offends(void) { return pomex_rules_is_seedance2(""); }' \
        'csrc/store needs .*pomex_rules_is_seedance2' || status=1
    offence "a path out of the folder" script csrc/core/net/proxy.c \
        '#include "../base/clock.h"' 'proxy.c:[0-9]+:#include "\.\./base' || status=1
    return $status
}

case "${1:-}" in
--self-test) self_test ;;
-h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
-*)
    echo "spec/layers.sh: unknown argument: $1 (see --help)" >&2
    exit 2
    ;;
*) check "${1:-$root/build/dev}" ;;
esac
