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
# shellcheck source=examples/build.sh
. "$root/examples/build.sh"

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
# Before a video is billed that could not be saved.
if ! mkdir -p "$(dirname "$output")" || ! [ -w "$(dirname "$output")" ]; then
    echo "quickstart: cannot write to $(dirname "$output")" >&2
    exit 2
fi
trap 'echo; echo "quickstart: stopped" >&2; exit 130' INT TERM

pomex_packages "$install" "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" || exit 2

pomex_build quickstart "$root"
[ -t 1 ] && arguments+=(--tty)
exec lua5.4 "$root/examples/quickstart.lua" --output "$output" "${arguments[@]}"
