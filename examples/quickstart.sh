#!/usr/bin/env bash
# From a person's verification to a saved video, on the sandbox that comes with pomex.
#
#   examples/quickstart.sh [--no-install] [--browser] [--output FILE]
#   examples/quickstart.sh --live --callback-url URL --portrait URL [--output FILE]
#
#   --no-install        do not install missing packages, only name them
#   --browser           do not play the phone: open the link yourself
#   --output FILE       where the video goes (examples/quickstart.mp4)
#   --live              use the real service and $POMEX_API_KEY; the video is billed
#   --callback-url URL  where the service sends the person's browser (https)
#   --portrait URL      public https link of a photo of that person
set -u
from="$PWD"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"

install=yes
arguments=()
output="$root/examples/quickstart.mp4"
while [ $# -gt 0 ]; do
    case "$1" in
    --no-install) install=no ;;
    --browser | --live) arguments+=("$1") ;;
    --callback-url | --portrait | --output)
        if [ $# -lt 2 ]; then
            echo "quickstart: $1 needs a value (see --help)" >&2
            exit 2
        fi
        if [ "$1" != --output ]; then
            arguments+=("$1" "$2")
        elif [[ "$2" == /* ]]; then
            output="$2"
        else
            output="$from/$2"
        fi
        shift
        ;;
    -h | --help)
        sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *)
        echo "quickstart: unknown argument: $1 (see --help)" >&2
        exit 2
        ;;
    esac
    shift
done
if [[ " ${arguments[*]} " == *" --live "* ]]; then
    if [[ " ${arguments[*]} " != *" --callback-url "* || " ${arguments[*]} " != *" --portrait "* ]]; then
        echo "quickstart: --live needs --callback-url and --portrait, both https (see --help)" >&2
        exit 2
    fi
    if [ -z "${POMEX_API_KEY:-}" ]; then
        echo "quickstart: --live needs your key in the environment variable POMEX_API_KEY" >&2
        exit 2
    fi
fi
trap 'echo; echo "quickstart: stopped" >&2; exit 130' INT TERM

pomex_packages "$install" "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" || exit 2

build="${POMEX_BUILD:-$root/build}/release"
if ! mkdir -p "$build" || ! [ -w "$build" ]; then
    echo "quickstart: cannot write to $build (whose is it?); remove it, or set POMEX_BUILD" >&2
    exit 2
fi
echo "Building into $build …"
if ! { cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release &&
    cmake --build "$build" -j "$(nproc 2> /dev/null || echo 2)"; } > "$build.log" 2>&1; then
    tail -n 30 "$build.log" >&2
    echo "quickstart: the build failed; the whole log is $build.log" >&2
    exit 1
fi

[ -t 1 ] && arguments+=(--tty)
export POMEX_SANDBOX_BIN="$build/bin/pomex-sandbox"
export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;"
export LUA_CPATH="$build/lib/?.so;;"
exec lua5.4 "$root/examples/quickstart.lua" --output "$output" "${arguments[@]}"
