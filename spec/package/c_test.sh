#!/usr/bin/env bash
# docs/c.md as a reader follows it, in the folder $1 as home: builds and installs the core without Lua,
# and runs the program of the page, and examples/film.c, on the sandbox that was installed.
set -eu
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export HOME="$1" CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc 2> /dev/null || echo 2)}"
unset POMEX_API_KEY POMEX_BASE_URL PKG_CONFIG_PATH
cd "$HOME"

# The code of the page that is marked with this file's name, in the language $1.
code_of()
{
    sed -n '/^<!-- run by spec.package.c_test.sh -->$/,/^```$/p' "$root/docs/c.md" |
        sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/d;p}"
}

code_of c > first.c
commands="$(code_of sh)"
if [ ! -s first.c ] || [ -z "$commands" ]; then
    echo "docs/c.md shows no program, or not how to build it"
    exit 1
fi
eval "${commands//-S ./-S \"\$root\"}"
if [ -e "$HOME/.local/bin/pomex" ] || [ -e "$HOME/.local/share/lua" ]; then
    echo "installed something of Lua's"
    exit 1
fi
# shellcheck disable=SC2046 # words
cc -Wall -Wextra -Wshadow -Wconversion -Werror first.c $(pkg-config --cflags --libs pomex) -o strict
# shellcheck disable=SC2046
cc "$root/examples/film.c" $(pkg-config --cflags --libs pomex) -o film

# Without a key it says so.
if ./first 2> said || ! grep -q '^invalid_request_error: no API key' said; then
    cat said
    exit 1
fi
coproc sandbox { exec pomex-sandbox --port 0 --quiet --watch-stdin --asset-seconds 0 --generation-seconds 0; }
while [ -z "${POMEX_BASE_URL:-}" ] || [ -z "${POMEX_API_KEY:-}" ]; do
    read -r line <&"${sandbox[0]}"
    case "$line" in
    POMEX_BASE_URL=* | POMEX_API_KEY=*) export "${line?}" ;;
    esac
done
./first > said
cat said
sed -n 1p said | grep -q '^cgt-'
sed -n 2p said | grep -q '"video_url": *"http'
./film https://cdn.example/portrait.jpg film.mp4
[ "$(head -c 8 film.mp4 | tail -c 4)" = ftyp ]
echo "the core was installed without Lua, and its programs run"
