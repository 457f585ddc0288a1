#!/usr/bin/env bash
# Makes the pictures of the README anew, on sandboxes: docs/studio.jpg and docs/command.png.
#
#   spec/pictures.sh [studio|command]…
#
# It needs a build of the preset "dev" (`spec/run.sh --only build-gcc` makes it) and the packages of the tests.
# Look at each picture before it is committed.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="$PWD"
case " $* " in
*" -h "* | *" --help "*)
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac
[ $# -gt 0 ] || set -- studio command
export POMEX_BUILD_DIR="${POMEX_BUILD_DIR:-$root/build/dev}"
export POMEX_SANDBOX_BIN="${POMEX_SANDBOX_BIN:-$root/build/dev/bin/pomex-sandbox}"
export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;"
export LUA_CPATH="$POMEX_BUILD_DIR/lib/?.so;;"
for name in "$@"; do
    [ -f "spec/pictures/$name.lua" ] || {
        echo "pictures: there is no picture $name (studio, command)" >&2
        exit 2
    }
    if [ "$name" = studio ]; then
        # What examples/openresty/run.sh builds; the studio is waited for when that is over.
        cmake -S . -B build/release-luajit -DCMAKE_BUILD_TYPE=Release -DPOMEX_LUA=luajit \
            -DPOMEX_QR=ON -DPOMEX_STORE=ON > /dev/null
        cmake --build build/release-luajit -j 2 > /dev/null
    fi
    lua5.4 "spec/pictures/$name.lua"
done
