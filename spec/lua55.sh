#!/usr/bin/env bash
# pomex for Lua 5.5: what the README says of it, and the tests that need no host's library.
#
#   spec/lua55.sh
#
# As root, on a Debian that is made for it and has Lua 5.5: `spec/distro.sh sid lua5.5` makes one and
# runs this there. No distribution has modules in C for 5.5 yet: lua-cjson, LuaFileSystem, LuaSocket
# and lua-term are built from Debian's sources, of the same mirror, and installed in /usr/local; what is
# Lua alone runs as Debian's 5.4 has it. What spec/run.sh tests and this does not is listed at the end.
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

build="${POMEX_BUILD:-$root/build}/lua5.5"
logs="${POMEX_BUILD:-$root/build}/logs"
jobs="$(nproc 2> /dev/null || echo 2)"
modules=/usr/local/lib/lua/5.5 share=/usr/local/share/lua/5.5
export POMEX_SEED="${POMEX_SEED:-1}"
mkdir -p "$build" "$logs" "$modules" "$share" || exit 1

install_packages()
{
    pomex_packages yes "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" lua5.5 liblua5.5-dev \
        luarocks libcmocka-dev libqrencode-dev lua-busted lua-socket openssl locales zbar-tools ffmpeg git patch
}

# README.md: with CMake, for 5.5, to where Lua 5.5 looks.
install_by_cmake()
{
    cmake -S . -B "$build/install" -DPOMEX_LUA=5.5 && cmake --build "$build/install" -j "$jobs" &&
        cmake --install "$build/install"
}

# says COMMAND TEXT: the command fails, and its error holds the text.
says()
{
    local said
    ! said="$(eval "$1" 2>&1)" && echo "$said" && grep -qF -- "$2" <<< "$said"
}

# Before there is a lua-cjson: what a user sees who has none.
lacks_cjson()
{
    says "lua5.5 -e 'require \"pomex\"'" 'luarocks --lua-version=5.5 install lua-cjson' &&
        lua5.5 -e 'print(require "pomex.core".version)'
}

# What each is in Debian 12, whose sources every mirror has.
fetch_sources()
{
    local apt="$build/apt" options
    rm -rf "$apt" "$build/sources"
    mkdir -p "$apt/lists/partial" "$build/sources" || return 1
    # shellcheck disable=SC2016 # apt expands it
    echo "deb-src $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1) bookworm main" \
        > "$apt/list"
    options=(-q -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::Etc::sourcelist="$apt/list"
        -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update || return 1
    (cd "$build/sources" && apt-get "${options[@]}" source --tar-only lua-cjson lua-filesystem lua-socket lua-term &&
        for file in *.tar.*; do tar xf "$file" || exit 1; done)
}

# module NAME FILE…: builds it from the files of the sources.
module()
{
    local name="$1" words
    shift
    mkdir -p "$(dirname "$modules/$name")" || return 1
    read -ra words <<< "$(pkg-config --cflags lua5.5)"
    gcc -O2 -fPIC -shared -w "${words[@]}" -o "$modules/$name.so" "$@" -lm
}

make_modules()
{
    local socket cjson lfs common=() file
    socket="$(echo "$build"/sources/luasocket*/src)" cjson="$(echo "$build"/sources/lua-cjson*/)"
    lfs="$(echo "$build"/sources/lua*filesystem*/src)"
    # It refuses what came after it, of which it needs nothing else.
    sed -i 's/LUA_VERSION_NUM <= 504/LUA_VERSION_NUM <= 505/' "$lfs/lfs.c"
    for file in luasocket timeout buffer io auxiliar options inet usocket except select tcp udp compat; do
        common+=("$socket/$file.c")
    done
    module cjson "$cjson"/{lua_cjson,strbuf,fpconv}.c && module lfs "$lfs/lfs.c" &&
        module term/core "$build"/sources/lua-term*/core.c &&
        module socket/core "${common[@]}" && module mime/core "$socket"/{mime,compat}.c || return 1
    mkdir -p "$share/socket" && cp "$socket"/{socket,mime,ltn12}.lua "$share" &&
        cp "$socket"/{http,url,headers,tp,ftp,smtp}.lua "$share/socket" || return 1
    # The clock of LuaSystem, for the program that runs the specs.
    cat > "$share/system.lua" << 'END'
local socket = require "socket"
return { gettime = socket.gettime, monotime = socket.gettime, sleep = socket.sleep }
END
    for file in /usr/share/lua/5.4/*; do
        [ -e "$share/${file##*/}" ] || [ -e "/usr/share/lua/5.5/${file##*/}" ] || ln -s "$file" "$share" || return 1
    done
    lua5.5 -e 'for _, name in ipairs { "cjson", "lfs", "socket.http", "busted", "argparse" } do require(name) end'
}

require_all()
{
    lua5.5 - << 'END'
local core, pomex = require "pomex.core", require "pomex"
pomex.new { api_key = "sk-test", base_url = "http://127.0.0.1:1" }:close()
print(_VERSION, core.VERSION)
END
}

quickstart()
{
    lua5.5 examples/quickstart.lua --output "$build/quickstart.mp4" && ffprobe -v error "$build/quickstart.mp4"
}

# In a folder where nothing but the rock is found.
luarocks_make()
{
    local tree="$build/tree" source="$build/source"
    rm -rf "$tree" "$source"
    mkdir -p "$source/docs" || return 1
    cp -r CMakeLists.txt bin cmake csrc lua LICENSE README.md pomex-scm-1.rockspec "$source" &&
        cp docs/pomex.1 "$source/docs" || return 1
    (cd "$source" && luarocks --lua-version=5.5 --tree="$tree" make --deps-mode=none) || return 1
    (cd "$source" && env LUA_PATH="$tree/share/lua/5.5/?.lua;$tree/share/lua/5.5/?/init.lua;$share/?.lua" \
        LUA_CPATH="$tree/lib/lua/5.5/?.so;$modules/?.so" lua5.5 -e '
            require "pomex" require "pomex.qr" require "pomex.jobs"
            print(package.searchpath("pomex.core", package.cpath))') &&
        env -i PATH=/usr/bin:/bin HOME="$HOME" "$tree/bin/pomex" --version
}

build_tests()
{
    CC=gcc cmake --preset dev -B "$build/dev" -DPOMEX_LUA=5.5 && cmake --build "$build/dev" -j "$jobs" \
        --target pomex_sandbox fault_server old_libcurl pomex_lua pomex_qr pomex_lua_store pomex_terminal module_tests
}

# The programs of spec/lua/module, which load Lua.
c_tests()
{
    run_programs lua5.5-c "$build/dev/spec/lua/module" all
}

# Tagged #once: what tests no Lua of ours.
lua_tests()
{
    local patience=900
    lacking_tags=,browser,openresty,example run_busted lua5.5 "$build/dev" "$build/dev" once env
}

whole=lua5.5
# shellcheck source=spec/support/parts.sh
. spec/support/parts.sh
pool_open "${POMEX_SLOTS:-$((jobs * 4))}" || exit 1

part packages install_packages || exit 1
part cmake install_by_cmake || exit 1
part lacks-cjson lacks_cjson
if part sources fetch_sources && part modules make_modules; then
    part require require_all
    part quickstart quickstart
    part luarocks luarocks_make
    part build build_tests && part c-tests c_tests && part lua-tests lua_tests
else
    not_run "require, luarocks, C tests, specs" "no lua-cjson for 5.5" "see above"
fi
not_run "specs of hosts" "no library for Lua 5.5" "copas, cqueues, luv; nginx and LÖVE are LuaJIT"
not_run "specs tagged #browser, #openresty, #example, #once" "they run other programs, or test no Lua of ours" \
    "the studio, nginx, LÖVE, the quickstart of the examples, the packages"
parts_end
