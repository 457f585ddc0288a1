#!/usr/bin/env bash
# What five faults do to thirty_lines.lua, written on a plain HTTP library, and to pomex_lines.lua:
# a table of tasks billed, file whole, seconds, key leaked. On the sandbox; takes half a minute.
#
#   examples/compare.sh [--no-install]
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"
# shellcheck source=examples/build.sh
. "$root/examples/build.sh"

install=yes
case "${1:-}" in
"") ;;
--no-install) install=no ;;
-h | --help)
    sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
*)
    echo "compare: unknown argument: $1 (see --help)" >&2
    exit 2
    ;;
esac
pomex_packages "$install" "${POMEX_BUILD_PACKAGES[@]}" lua-socket || exit 2
pomex_build compare "$root"
exec lua5.4 "$root/examples/compare.lua"
