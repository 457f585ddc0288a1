# shellcheck shell=bash
# For the scripts beside this: pomex_build NAME ROOT builds what they run, and sets the paths of
# Lua to it. Exits, as the script NAME, where that fails.

pomex_build()
{
    local name="$1" root="$2"
    local build="${POMEX_BUILD:-$root/build}/release"
    if ! mkdir -p "$build" || ! [ -w "$build" ]; then
        echo "$name: cannot write to $build (whose is it?); remove it, or set POMEX_BUILD" >&2
        exit 2
    fi
    echo "Building into $build …"
    # Another of the examples builds there, too.
    if ! { flock 9 && cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release &&
        cmake --build "$build" -j "$(nproc 2> /dev/null || echo 2)"; } \
        > "$build.log" 2>&1 9> "$build.lock"; then
        tail -n 30 "$build.log" >&2
        echo "$name: the build failed; the whole log is $build.log" >&2
        exit 1
    fi
    export POMEX_SANDBOX_BIN="$build/bin/pomex-sandbox"
    unset LUA_PATH_5_4 LUA_CPATH_5_4 # lua5.4 would take them in the place of these
    export LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;;"
    export LUA_CPATH="$build/lib/?.so;;"
}
