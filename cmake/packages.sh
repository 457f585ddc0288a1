# shellcheck shell=bash disable=SC2034
# For bash scripts: which Debian packages are needed, and installing those that are not there.
# README.md, "What it needs", lists the same packages; spec/package/readme_spec.lua compares them.

# What other releases call a package. Everywhere else the first name of a row stands for it, and the
# package is the first of the row that the system's apt knows.
POMEX_OTHER_NAMES=(
    # OpenResty's LuaJIT, the only one that nginx's module accepts: Debian 12 has it beside LuaJIT's
    # own, Debian 13 and later under its name.
    "luajit2 luajit"
    "libluajit2-5.1-dev libluajit-5.1-dev"
)

POMEX_BUILD_PACKAGES=(
    gcc libc6-dev make cmake pkg-config libcurl4-openssl-dev libjansson-dev liblua5.4-dev
    lua5.4 lua-cjson lua-argparse libmicrohttpd-dev libsqlite3-dev libssl-dev zlib1g-dev
)
POMEX_QUICKSTART_PACKAGES=(curl ca-certificates)
POMEX_TEST_PACKAGES=(
    g++ clang clang-format cppcheck valgrind shellcheck libcmocka-dev lua-busted lua-check
    lua-socket lua-posix ffmpeg chromium chromium-driver openssl
    lua5.5 liblua5.5-dev lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev luajit2 libluajit2-5.1-dev
    lua-cqueues lua-luv lua-copas nginx-light libnginx-mod-http-lua lua-resty-core luarocks
    love xvfb xauth libgl1-mesa-dri libqrencode-dev zbar-tools
    libclang-rt-dev locales tmux postgresql libpq-dev pgbouncer
)

# pomex_apt_knows NAME: whether this system has such a package, installed or not.
pomex_apt_knows()
{
    apt-cache show "$1" 2> /dev/null | grep -q '^Version:'
}

# pomex_name PACKAGE: prints what this system calls it. If apt knows no such package, that is
# PACKAGE itself, and the status is 1.
pomex_name()
{
    local row name names="$1"
    for row in "${POMEX_OTHER_NAMES[@]}"; do
        [ "${row%% *}" != "$1" ] || names="$row"
    done
    for name in $names; do
        if pomex_apt_knows "$name"; then
            echo "$name"
            return 0
        fi
    done
    echo "$1"
    return 1
}

# pomex_has PACKAGE: whether it is installed. Apt, which is slow, is asked for its name only where
# it has several.
pomex_has()
{
    local name="$1"
    [[ " ${POMEX_OTHER_NAMES[*]} " != *" $1 "* ]] || name="$(pomex_name "$1")"
    dpkg-query -W -f='${Status}\n' "$name" 2> /dev/null | grep -q 'ok installed'
}

# Whether apt has lists of packages; without them (as in most images of containers, before the
# first update) it knows only what is installed.
pomex_apt_has_lists()
{
    local file
    # shellcheck disable=SC2016 # apt expands it
    while read -r file; do
        [ ! -e "$file" ] || return 0
    done < <(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' 2> /dev/null)
    return 1
}

# pomex_packages yes|no PACKAGE…: installs what is missing ("no": only says so). "NAME?" is left
# out, and named, if this system has no such package.
# Returns 1, having said what to do, if something is still missing.
pomex_packages()
{
    local install="$1" missing=() names=() lacking=() package name as_root=() sure=yes
    shift
    if ! command -v dpkg-query > /dev/null; then
        echo "pomex: this is no Debian or Ubuntu; going on with what is here (needed: $*)" >&2
        return 0
    fi
    for package in "$@"; do
        pomex_has "${package%\?}" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    if [ "$install" = yes ] && command -v "${as_root[0]:-env}" > /dev/null; then
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update > /dev/null
    fi
    pomex_apt_has_lists || sure=no
    for package in "${missing[@]}"; do
        if name="$(pomex_name "${package%\?}")" || [ $sure = no ] || [[ "$package" != *\? ]]; then
            names+=("$name")
        else
            lacking+=("$name")
        fi
    done
    [ ${#lacking[@]} -eq 0 ] ||
        echo "pomex: this system has no package ${lacking[*]}; going on without" >&2
    [ ${#names[@]} -eq 0 ] && return 0
    local line="sudo apt-get install ${names[*]}"
    if [ "$install" != yes ]; then
        printf 'pomex: packages are missing; this installs them:\n  %s\n' "$line" >&2
        return 1
    fi
    if ! command -v "${as_root[0]:-env}" > /dev/null; then
        printf 'pomex: packages are missing and there is no sudo; as root, run:\n  %s\n' \
            "${line#sudo }" >&2
        return 1
    fi
    echo "pomex: installing ${names[*]}"
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        --no-install-recommends install "${names[@]}" > /dev/null; then
        printf 'pomex: could not install packages; this is what is missing:\n  %s\n' "$line" >&2
        return 1
    fi
}
