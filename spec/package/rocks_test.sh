#!/usr/bin/env bash
# The rock, with Debian's LuaRocks, in the folder $1: linted, made, packed, the packed rock
# installed elsewhere, the quickstart run with it, removed. For Lua 5.4 and 5.1, whose rock LuaJIT
# runs too; for 5.3 without the libraries that one can do without. Where a user may have a network of his own, LuaRocks runs in one that is empty.
set -eu
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
at="$(cd "$1" && pwd)"
export HOME="$at/home" TMPDIR="$at/tmp"
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc 2> /dev/null || echo 2)}"
unset POMEX_SANDBOX_BIN POMEX_API_KEY POMEX_BASE_URL LUA_PATH LUA_CPATH
mkdir "$HOME" "$TMPDIR" "$at/elsewhere"

offline=(unshare --map-root-user --net)
if ! "${offline[@]}" true 2> /dev/null; then
    echo "no network of one's own here: that LuaRocks needs none is not shown by this run"
    offline=()
fi

fail()
{
    echo "rocks_test: $*"
    exit 1
}

rocks()
{
    local lua="$1"
    shift
    "${offline[@]}" luarocks --lua-version="$lua" "$@"
}

# source FOLDER: what the rock is made of. That it is enough is shown by nothing else being there.
source_in()
{
    mkdir "$1"
    cp -r "$root"/{CMakeLists.txt,bin,cmake,csrc,lua,LICENSE,README.md,pomex-scm-1.rockspec} "$1"
    mkdir "$1/docs"
    cp "$root/docs/pomex.1" "$1/docs"
}

# says FILE TEXT: whether exactly one of the file's lines holds the text.
says()
{
    [ "$(grep -cF -- "$2" "$1")" = 1 ] || fail "$1 has not one line with: $2"
}

# in_tree TREE LUA-VERSION PROGRAM ARGUMENT…: pomex comes from that tree or from nowhere. That
# the tree's bin is not on PATH shows that the module finds its sandbox by itself.
in_tree()
{
    local tree="$1" lua="$2"
    shift 2
    (cd "$at/elsewhere" && env PATH=/usr/bin:/bin \
        LUA_PATH="$tree/share/lua/$lua/?.lua;$tree/share/lua/$lua/?/init.lua" \
        LUA_CPATH="$tree/lib/lua/$lua/?.so;;" "$@")
}

# One folder for both: what was left in it by the first must not spoil the second.
source_in "$at/source"
for lua in 5.4 5.1; do
    (
        cd "$at/source"
        rocks $lua lint pomex-scm-1.rockspec
        rocks $lua make --deps-mode=none --tree="$at/made-$lua" > "$at/make-$lua.log" 2>&1 ||
            { cat "$at/make-$lua.log" && fail "make for $lua"; }
        says "$at/make-$lua.log" "pomex: for Lua $lua"
        says "$at/make-$lua.log" "pomex: with pomex-sandbox"
        says "$at/make-$lua.log" "pomex: with pomex.qr"
    )
    mkdir "$at/packed-$lua"
    (cd "$at/packed-$lua" && rocks $lua pack pomex --tree="$at/made-$lua")
    rocks $lua install --deps-mode=none --tree="$at/tree-$lua" "$at/packed-$lua"/pomex-scm-1.*.rock
done
rm -rf "$at/source" "$at"/made-*

# tried PROGRAM LUA-VERSION: a video by the installed rock, with that interpreter.
tried()
{
    in_tree "$at/tree-$2" "$2" "$1" "$root/examples/quickstart.lua" --output "$at/$1.mp4" &&
        in_tree "$at/tree-$2" "$2" "$1" -e 'require "pomex.qrcore"' &&
        [ "$(head -c 8 "$at/$1.mp4" | tail -c 4)" = ftyp ]
}

# The command, which LuaRocks starts with the paths of its tree and the Lua it was made for.
for lua in 5.4 5.1; do
    said="$(env -i PATH=/usr/bin:/bin HOME="$HOME" POMEX_BASE_URL=http://127.0.0.1:1 \
        "$at/tree-$lua/bin/pomex" doctor)" || true
    for line in "lua        Lua $lua" "sandbox    pomex-sandbox starts" "tree-$lua/lib/lua/$lua/pomex/core.so"; do
        grep -qF "$line" <<< "$said" || fail "bin/pomex of $lua says not: $line in $said"
    done
done

# At once: what they do most is wait.
tries=()
for run in "lua5.4 5.4" "lua5.1 5.1" "luajit 5.1"; do
    read -r program lua <<< "$run"
    tried "$program" "$lua" > "$at/$program.log" 2>&1 &
    tries+=($!)
done
failed=0
for pid in "${tries[@]}"; do
    wait "$pid" || failed=1
done
cat "$at"/lua*.log
[ $failed = 0 ] || fail "a quickstart"

for lua in 5.4 5.1; do
    rocks $lua remove pomex --tree="$at/tree-$lua"
    # The tree's own list of rocks stays.
    left="$(find "$at/tree-$lua" ! -type d ! -name manifest)"
    [ -z "$left" ] || fail "remove left: $left"
done

# Only the libraries that cannot be done without: pkg-config knows no others here.
mkdir "$at/pkgconfig"
for module in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
    find "$module" -name '*.pc' ! -name libmicrohttpd.pc ! -name libqrencode.pc \
        -exec ln -sf -t "$at/pkgconfig" {} + 2> /dev/null || true
done
source_in "$at/source"
(
    cd "$at/source"
    PKG_CONFIG_LIBDIR="$at/pkgconfig" rocks 5.3 make --deps-mode=none --tree="$at/tree-5.3" \
        > "$at/make-5.3.log" 2>&1 || { cat "$at/make-5.3.log" && fail "make with few libraries"; }
    says "$at/make-5.3.log" "pomex: without pomex-sandbox, which needs libmicrohttpd-dev"
    says "$at/make-5.3.log" "pomex: without pomex.qr, which needs libqrencode-dev"
)
in_tree "$at/tree-5.3" 5.3 lua5.3 - << 'LUA'
assert(require("pomex").new { api_key = "sk-k" }):close()
local sb, err = require("pomex.sandbox").start()
assert(sb == nil and tostring(err):find("libmicrohttpd", 1, true), tostring(err))
assert(not pcall(require, "pomex.qrcore"))
LUA

# None at all: the one line that says what to install.
rm -rf "$at/source" "$at/pkgconfig"
source_in "$at/source"
(
    cd "$at/source"
    ! PKG_CONFIG_LIBDIR=/nonexistent rocks 5.4 make --deps-mode=none --tree="$at/tree-none" \
        > "$at/make-none.log" 2>&1 || fail "made without libcurl"
    says "$at/make-none.log" "sudo apt-get install libcurl4-openssl-dev libjansson-dev zlib1g-dev libssl-dev"
    [ ! -e "$at/tree-none/share" ] || fail "half a rock was installed"
)
left="$(ls -A "$TMPDIR")"
[ -z "$left" ] || fail "temporary files stayed: $left"
