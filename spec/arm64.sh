#!/usr/bin/env bash
# Builds pomex for 64-bit Arm on this machine, and runs it here by qemu-aarch64.
#
#   spec/arm64.sh [--only PART[,PART…]]
#
#   --only PART…   of require, c-tests, c-tests-luajit, nginx, lua-tests and lua-tests-luajit these alone
#
# As root, on a Debian that is made for it: `spec/distro.sh trixie arm64` makes one and runs this
# there. It installs a cross compiler and the emulator, and unpacks Debian's arm64 packages, of the
# same mirror, in build/arm64/root. The C tests run by CMake's CMAKE_CROSSCOMPILING_EMULATOR; Lua and
# nginx, and each process that they fork or that is a Lua again, by the emulator too. The other
# children of the tests are this machine's own: the sandbox, shells, curl. What spec/run.sh tests and
# this does not is listed at the end.
#
# Every part runs, also after one that failed; logs are in build/logs. It is said of each part that
# it ran, or that it was not run and why. Exits 0 if all that ran has passed.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
cd "$root" || exit 1
# shellcheck source=cmake/packages.sh
. cmake/packages.sh
# shellcheck source=spec/support/pool.sh
. spec/support/pool.sh
# shellcheck source=spec/support/programs.sh
. spec/support/programs.sh

names=(require c-tests c-tests-luajit nginx lua-tests lua-tests-luajit)
declare -A commands=([require]=require_all [c-tests]=c_tests [c-tests-luajit]=c_tests_luajit
    [nginx]=nginx_tests [lua-tests]=lua_tests [lua-tests-luajit]=lua_tests_luajit)
only=
if [ $# -gt 0 ]; then
    [ "$#:$1" = 2:--only ] || { echo "usage: spec/arm64.sh [--only PART[,PART…]]" >&2; exit 2; }
    only="$2"
    for name in ${only//,/ }; do
        [ -n "${commands[$name]:-}" ] || { echo "spec/arm64.sh: no such part: $name (${names[*]})" >&2; exit 2; }
    done
fi

build="${POMEX_BUILD:-$root/build}/arm64"
logs="${POMEX_BUILD:-$root/build}/logs"
sysroot="$build/root" tools="$build/tools"
jobs="$(nproc 2> /dev/null || echo 2)"
export POMEX_SEED="${POMEX_SEED:-1}"
mkdir -p "$build" "$logs" "$sysroot" "$tools" || exit 1

# ------------------------------------------------------------------------------ what is needed

# This machine's own: what builds, and what the tests run beside the emulator.
install_own()
{
    pomex_packages yes "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" openssl locales \
        zbar-tools ffmpeg git ninja-build gcc-aarch64-linux-gnu qemu-user
}

# Of the lists in cmake/packages.sh what is a library, a Lua or an nginx: for 5.4 and LuaJIT.
arm64_packages()
{
    local package name
    for package in libc6-dev "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_TEST_PACKAGES[@]}"; do
        case "$package" in
        lua5.[135] | liblua5.[135]-* | liblua5.1-0-dev | luarocks | lua-check | libclang-*) ;;
        lib*-dev | lua* | zlib1g-dev | nginx-* | libnginx-*)
            if name="$(pomex_name "$package")"; then
                echo "$name"
            else
                echo "arm64: this system has no package $name; going on without" >&2
            fi
            ;;
        esac
    done
}

# An apt of its own resolves and fetches, as if nothing were installed; nothing of it is run.
make_sysroot()
{
    local apt="$build/apt" options packages file
    rm -rf "$apt" "$sysroot"
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$sysroot/usr/lib" || return 1
    : > "$apt/status"
    ln -s usr/lib "$sysroot/lib"
    options=(-q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$apt/state"
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" -o APT::Install-Recommends=false
        -o APT::Sandbox::User=root)
    mapfile -t packages < <(arm64_packages)
    apt-get "${options[@]}" update &&
        apt-get "${options[@]}" -y --download-only install "${packages[@]}" || return 1
    for file in "$apt"/cache/archives/*.deb; do
        dpkg -x "$file" "$sysroot" || return 1
    done
    rm -rf "$apt"
}

# tool NAME PATH: the word NAME runs the arm64 program at PATH.
tool()
{
    # shellcheck disable=SC2016 # the tool expands it
    printf '#!/bin/sh\nexec qemu-aarch64 -0 "$0" -L %s %s "$@"\n' "$sysroot" "$2" > "$tools/$1"
    chmod 755 "$tools/$1"
}

make_tools()
{
    tool lua5.4 "$sysroot/usr/bin/lua5.4"
    tool luajit "$sysroot/usr/bin/luajit"
    tool nginx "$sysroot/usr/sbin/nginx"
    # A shell looks here for nginx's modules, and nginx makes folders there before its own.
    [ -e /usr/lib/nginx ] || ln -s "$sysroot/usr/lib/nginx" /usr/lib/nginx
    mkdir -p /var/lib/nginx
    cat > "$build/arm64.cmake" << END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_SYSROOT $sysroot)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR "qemu-aarch64;-L;$sysroot")
END
}

# cross FOLDER OPTION…: the preset dev, in which warnings are errors.
cross()
{
    local folder="$1"
    shift
    PKG_CONFIG_SYSROOT_DIR="$sysroot" \
        PKG_CONFIG_LIBDIR="$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:$sysroot/usr/share/pkgconfig" \
        cmake --preset dev -G Ninja --toolchain "$build/arm64.cmake" -B "$folder" "$@" &&
        cmake --build "$folder" -j "$jobs"
}

build_all()
{
    cmake --preset release -G Ninja -B "$build/native" -DPOMEX_STORE=OFF &&
        cmake --build "$build/native" -j "$jobs" --target pomex_sandbox &&
        cross "$build/5.4" -DPOMEX_QR=ON -DPOMEX_STORE=ON &&
        cross "$build/luajit" -DPOMEX_LUA=luajit -DPOMEX_SANDBOX=OFF -DPOMEX_QR=ON -DPOMEX_STORE=ON &&
        ! readelf -h "$build"/{5.4,luajit}/lib/pomex/*.so | grep 'Machine:' | grep -v AArch64
}

# ----------------------------------------------------------------------------------- the parts

# with_lua LUA COMMAND…
with_lua()
{
    local lua="$1" folder="$build/luajit"
    shift
    [ "$lua" != lua5.4 ] || folder="$build/5.4"
    LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" LUA_CPATH="$folder/lib/?.so;;" "$@"
}

require_all()
{
    local lua
    for lua in lua5.4 luajit; do
        with_lua "$lua" "$lua" -e '
            local core, pomex = require "pomex.core", require "pomex"
            assert(require "pomex.qr".matrix "https://example.com/")
            assert(require "pomex.storecore" and require "pomex.jobs")
            assert(not jit or jit.arch == "arm64", "this LuaJIT is of another machine")
            pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1" }:close()
            print(jit and jit.version or _VERSION, core.VERSION)' || return 1
    done
}

# Those labelled "timing" have limits of time, which are not the emulator's to keep. "env": a wrapper has
# twice the patience.
c_tests()
{
    run_programs arm64-c "$build/5.4" untimed env
}

c_tests_luajit()
{
    run_programs arm64-c-luajit "$build/luajit/spec/lua/module" untimed env
}

# specs_of LUA TAGS FILES: the specs whose names awk finds by FILES. Tagged #native: what the emulator does
# in its own way.
specs_of()
{
    local specs="$3" patience=900 folder="$build/luajit"
    [ "$1" != lua5.4 ] || folder="$build/5.4"
    run_busted "$tools/$1" "$folder" "$build/native" "native,browser,example,$2" env
}

lua_tests()
{
    specs_of lua5.4 none '!/^spec\/host\/openresty/'
}

# Tagged #once: what tests no Lua of ours.
lua_tests_luajit()
{
    specs_of luajit once '!/^spec\/host\/openresty/'
}

# nginx is a LuaJIT of its own.
nginx_tests()
{
    specs_of lua5.4 none '/^spec\/host\/openresty/'
}

whole=arm64
# shellcheck source=spec/support/parts.sh
. spec/support/parts.sh
# A program that is emulated works more than it waits: no more of them at once than there are processors.
pool_open "${POMEX_SLOTS:-$jobs}" || exit 1

part packages install_own || exit 1
part sysroot make_sysroot || exit 1
make_tools || exit 1
part build build_all || exit 1
export PATH="$tools:$PATH" POMEX_SANDBOX_BIN="$build/native/bin/pomex-sandbox"
for name in "${names[@]}"; do
    if [[ ",${only:-$name}," = *",$name,"* ]]; then
        part "$name" "${commands[$name]}"
    else
        not_run "$name" "--only $only" "all of it"
    fi
done

not_run "C tests labelled timing" "limits of time, which an emulator does not keep" \
    "$(ctest --test-dir "$build/5.4" -N -L timing | sed -n 's/.*Test *#[0-9]*: //p' | xargs)"
not_run "specs tagged #native" "an emulator does these in its own way" \
    "$(grep -rhoE 'it\("[^"]*#native' spec --include=*_spec.lua | sed 's/^it("//; s/ #native$/;/' | xargs -d '\n')"
not_run "specs tagged #browser and #example" "they run other programs" "the studio, LÖVE, the quickstart, a browser"
not_run "the rest of spec/run.sh" "not part of this" "the money proof, fuzzers, sanitizers, valgrind, LuaRocks, installing, Lua 5.3 and 5.1"
parts_end
