# shellcheck shell=bash disable=SC2034
# For bash scripts: which Debian packages are needed, and installing those that are not there.
# README.md, "What it needs", lists the same packages; spec/package/readme_spec.lua compares them.

POMEX_BUILD_PACKAGES=(
    gcc libc6-dev make cmake pkg-config libcurl4-openssl-dev libjansson-dev liblua5.4-dev
    lua5.4 lua-cjson libmicrohttpd-dev libsqlite3-dev libssl-dev zlib1g-dev
)
POMEX_QUICKSTART_PACKAGES=(curl ca-certificates)
POMEX_TEST_PACKAGES=(
    g++ clang clang-format cppcheck valgrind shellcheck libcmocka-dev lua-busted lua-check
    lua-socket lua-posix ffmpeg chromium chromium-driver openssl
    lua5.3 liblua5.3-dev lua5.1 liblua5.1-0-dev luajit2 libluajit2-5.1-dev
    lua-cqueues lua-luv lua-copas nginx-light libnginx-mod-http-lua lua-resty-core luarocks
    love xvfb xauth libgl1-mesa-dri libqrencode-dev zbar-tools
    libclang-rt-14-dev locales
)

# pomex_packages yes|no PACKAGE…: installs what is missing ("no": only says so).
# Returns 1, having said what to do, if something is still missing.
pomex_packages()
{
    local install="$1" missing=() package as_root=()
    shift
    if ! command -v dpkg-query > /dev/null; then
        echo "pomex: this is no Debian or Ubuntu; going on with what is here (needed: $*)" >&2
        return 0
    fi
    for package in "$@"; do
        dpkg-query -W -f='${Status}\n' "$package" 2> /dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local line="sudo apt-get install ${missing[*]}"
    if [ "$install" != yes ]; then
        printf 'pomex: packages are missing; this installs them:\n  %s\n' "$line" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo > /dev/null; then
            printf 'pomex: packages are missing and there is no sudo; as root, run:\n  %s\n' \
                "${line#sudo }" >&2
            return 1
        fi
        as_root=(sudo)
    fi
    echo "pomex: installing ${missing[*]}"
    if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
            --no-install-recommends install "${missing[@]}"; } > /dev/null; then
        printf 'pomex: could not install packages; this is what is missing:\n  %s\n' "$line" >&2
        return 1
    fi
}
