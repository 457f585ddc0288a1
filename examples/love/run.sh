#!/usr/bin/env bash
# The LÖVE example: builds pomex for LuaJIT, and plays against the sandbox that comes with it.
#
#   examples/love/run.sh [--no-install] [--output FOLDER]
#   examples/love/run.sh --live --callback-url URL --portrait URL [--output FOLDER]
#
#   --no-install        do not install missing packages, only name them
#   --output FOLDER     where videos go (LÖVE's own folder for the game's data)
#   --live              use the real service and $POMEX_API_KEY; videos are billed
#   --callback-url URL  where the service sends the person's browser (https)
#   --portrait URL      public https link of a photo of that person; can be changed in the window
#
# A rehearsal of --live, with its memory and its resuming, without the service: start a sandbox in
# another terminal, paste the three lines that it prints, and play. Kill the window when you like.
#
#   pomex sandbox          (the quickstart builds it; build/release-luajit/bin/pomex-sandbox will do:
#                           put `export` before each of the three lines that it prints first)
#   examples/love/run.sh --live --callback-url https://app.example/cb \
#       --portrait https://cdn.example/portrait.jpg
#
# With its $POMEX_SANDBOX_TOKEN, S passes the scan here, too; else open the link, and pass there.
#
# It needs a display. The window opens at 1120 x 720; pull its edges to have another size, or change
# conf.lua. Each button shows its key: Enter goes on, S has the sandbox's person pass the scan.
#
#   $POMEX_LOVE_SECONDS  how long the sandbox takes for a portrait and for a video (3 and 8)
#   $POMEX_LOVE_SCRIPT   a Lua file that plays in place of a person, resumed once a frame; how it
#                        presses keys, sets the window's size and makes screenshots:
#                        spec/example/love_play.lua and love_spec.lua; docs/love.md is about games
#   $POMEX_BUILD         the folder that it builds in (build)
set -u
from="$PWD"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" || exit 1
root="$(cd "$here/../.." && pwd)" || exit 1
# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"

install=yes
arguments=()
while [ $# -gt 0 ]; do
    case "$1" in
    --no-install) install=no ;;
    --live) arguments+=("$1") ;;
    --callback-url | --portrait | --output)
        if [ $# -lt 2 ]; then
            echo "love: $1 needs a value (see --help)" >&2
            exit 2
        fi
        value="$2"
        if [ "$1" = --output ]; then
            [[ "$value" == /* ]] || value="$from/$value"
            # Before a video is paid for that could not be saved.
            if ! mkdir -p "$value" || ! [ -w "$value" ]; then
                echo "love: cannot write to $value" >&2
                exit 2
            fi
        fi
        arguments+=("$1" "$value")
        shift
        ;;
    -h | --help)
        sed -n '2,32s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *)
        echo "love: unknown argument: $1 (see --help)" >&2
        exit 2
        ;;
    esac
    shift
done
if [[ " ${arguments[*]} " == *" --live "* ]]; then
    if [[ " ${arguments[*]} " != *" --callback-url "* ]]; then
        echo "love: --live needs --callback-url, an https link of yours (see --help)" >&2
        exit 2
    fi
    if [ -z "${POMEX_API_KEY:-}" ]; then
        echo "love: --live needs your key in the environment variable POMEX_API_KEY" >&2
        exit 2
    fi
fi

# Before minutes go into a build. SDL can be told to draw elsewhere.
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}${SDL_VIDEODRIVER:-}" ]; then
    echo "love: there is no display to open a window on (neither \$DISPLAY nor \$WAYLAND_DISPLAY is" \
        "set): start it from a desktop" >&2
    exit 2
fi

packages=(libqrencode-dev love)
# LÖVE brings the interpreter. Debian's two kinds of LuaJIT exclude each other: either will do.
pkg-config --exists luajit 2> /dev/null || packages+=(libluajit2-5.1-dev)
for package in "${POMEX_BUILD_PACKAGES[@]}"; do
    [[ "$package" == *lua5.4* ]] || packages+=("$package")
done
pomex_packages "$install" "${packages[@]}" || exit 2

build="${POMEX_BUILD:-$root/build}/release-luajit"
if ! mkdir -p "$build" || ! [ -w "$build" ]; then
    echo "love: cannot write to $build (whose is it?); remove it, or set POMEX_BUILD" >&2
    exit 2
fi
echo "Building into $build …"
# Another of the examples builds there, too.
if ! { flock 9 && cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DPOMEX_LUA=luajit \
    -DPOMEX_QR=ON &&
    cmake --build "$build" -j "$(nproc 2> /dev/null || echo 2)"; } \
    > "$build.log" 2>&1 9> "$build.lock"; then
    tail -n 30 "$build.log" >&2
    echo "love: the build failed; the whole log is $build.log" >&2
    exit 1
fi

export POMEX_SANDBOX_BIN="$build/bin/pomex-sandbox"
export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;"
export LUA_CPATH="$build/lib/?.so;;"
echo "A window opens, \"pomex: from a face to a video\". Each of its buttons shows the key that presses it."
echo "It is process $$."
exec love "$here" "${arguments[@]}"
