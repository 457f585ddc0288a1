#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2317,SC2329 # what stands in quotation marks, other shells expand
# Makes a fresh system of another release with debootstrap, and runs there what the README names:
# examples/quickstart.sh, the studio, LÖVE's example, and spec/run.sh. Each installs what it needs by the
# names of that system.
#
#   spec/distro.sh SUITE [--only STAGE[,STAGE…]] [--system FOLDER]
#   spec/distro.sh SUITE arm64 [--only PART[,PART…]] [--system FOLDER]
#   spec/distro.sh SUITE lua5.5 [--system FOLDER]
#
#   SUITE              bookworm, trixie, testing, sid, …: what a mirror of this machine's apt has
#   arm64              what spec/arm64.sh does, there: pomex of 64-bit Arm, by an emulator
#   lua5.5             what spec/lua55.sh does, there: pomex for Lua 5.5
#   --only STAGE…      of spec/run.sh these stages alone, of spec/arm64.sh these parts
#   --system FOLDER    keep the system there, and use one that is there already
#
# As root. The mirror, its proxies and its checks are those of this machine's apt. All runs in
# namespaces of its own, so that neither a process nor a mount is left. Logs: build/distro-SUITE.
# Exits 0 if all passed, and 3, having printed "distro: not run (why)", where it cannot be run.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 1
cd "$root" || exit 1
# shellcheck source=cmake/packages.sh
. cmake/packages.sh

suite=
special=
only=
system=
while [ $# -gt 0 ]; do
    case "$1" in
    --only | --system)
        [ $# -ge 2 ] || { echo "spec/distro.sh: $1 needs a value (see --help)" >&2; exit 2; }
        declare "${1#--}=$2"
        shift
        ;;
    -h | --help)
        sed -n '3,20s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    -*)
        echo "spec/distro.sh: unknown argument: $1 (see --help)" >&2
        exit 2
        ;;
    arm64 | lua5.5) special="$1" ;;
    *) suite="$1" ;;
    esac
    shift
done
[[ "$suite" =~ ^[a-z][a-z0-9.-]*$ ]] || { echo "spec/distro.sh: which SUITE? (see --help)" >&2; exit 2; }

not_run()
{
    echo "distro: not run ($1)"
    exit 3
}

# ------------------------------------------------------------------------- whether it can be run

[ "$(id -u)" -eq 0 ] || not_run "only root can make a system"
command -v apt-get > /dev/null || not_run "this machine has no apt, whose mirror it would use"
pomex_packages yes debootstrap > /dev/null 2>&1 || not_run "debootstrap cannot be installed"
unshare --mount --pid --fork true 2> /dev/null || not_run "no namespaces can be made here"

work="$(mktemp -d)" || exit 1
keep=yes
[ -n "$system" ] || system="$work/system" keep=
child=
trap 'rm -rf --one-file-system "$work"' EXIT
trap '# unshare passes on nothing else
    [ -z "$child" ] || { kill -KILL "$child"; wait "$child"; } 2> /dev/null
    echo; echo "spec/distro.sh: stopped" >&2; exit 130' INT TERM HUP

# The first mirror of this machine's apt that has the suite; apt's own program asks, since it knows
# of proxies.
mirror=
while read -r url; do
    url="${url%/}"
    if timeout 60 /usr/lib/apt/apt-helper -qq download-file "$url/dists/$suite/Release" \
        "$work/Release" > "$work/helper.log" 2>&1; then
        mirror="$url"
        break
    fi
done < <(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u)
[ -n "$mirror" ] || not_run "no mirror of this machine's apt answers for $suite"

# ---------------------------------------------------------------------------------- the system

# isolated COMMAND…: with processes and mounts of its own, which end with it, and with this script.
isolated()
{
    # What begins in the background ignores SIGINT, and could not be stopped as by Ctrl-C.
    env --default-signal=INT,QUIT setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc "$@" \
        < /dev/null &
    child=$!
    wait "$child"
    local status=$?
    child=
    return $status
}

# inside COMMAND…: in the system.
inside()
{
    isolated bash -c '
        system="$1" && shift &&
        mount --rbind /dev "$system/dev" && mount --rbind /sys "$system/sys" &&
        mount -t proc proc "$system/proc" && mount -t tmpfs -o mode=1777 tmpfs "$system/tmp" &&
        exec chroot "$system" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            DEBIAN_FRONTEND=noninteractive "${@}"' _ "$system" "${passed_on[@]}" "$@"
}

passed_on=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY POMEX_SLOTS POMEX_SEED; do
    [ -z "${!name:-}" ] || passed_on+=("$name=${!name}")
done

make_system()
{
    local script=() components=main proxy
    [ ! -e "$system/etc/os-release" ] || return 0
    mkdir -p "$system" || return 1
    ! grep -q '^Components:.*universe' "$work/Release" || components=main,universe
    # An older debootstrap knows no newer release by name, but how its distribution makes one.
    if [ ! -e "/usr/share/debootstrap/scripts/$suite" ]; then
        script=(/usr/share/debootstrap/scripts/sid)
        [ "$components" = main ] || script=(/usr/share/debootstrap/scripts/gutsy)
    fi
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    http_proxy="${http_proxy:-${proxy:-}}" isolated debootstrap --variant=minbase \
        --components="$components" "$suite" "$system" "$mirror" "${script[@]}" || return 1
    # No service begins when its package is installed.
    printf '#!/bin/sh\nexit 101\n' > "$system/usr/sbin/policy-rc.d" || return 1
    chmod 755 "$system/usr/sbin/policy-rc.d"
    { apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIP)' | grep -v Auto-Detect
        echo 'Acquire::Languages "none";'
    } > "$system/etc/apt/apt.conf.d/00pomex"
    # The system is not to outlive a power failure: dpkg need not sync each file.
    echo force-unsafe-io > "$system/etc/dpkg/dpkg.cfg.d/00pomex"
    cp -L /etc/hosts /etc/resolv.conf "$system/etc/"
}

# The tree as it lies here, without what is built or ignored; below /root, which nobody but root
# may read, as in most containers.
copy_tree()
{
    rm -rf --one-file-system "$system/root/pomex"
    mkdir -p "$system/root/pomex" || return 1
    chmod 700 "$system/root"
    if [ -e .git ]; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . -path ./build -prune -o -type f -print0
    fi | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
        tar -c --null -T - | tar -x --no-same-owner -C "$system/root/pomex"
}

# ------------------------------------------------------------------------------------- running

logs="${POMEX_BUILD:-$root/build}/distro-$suite${special:+-$special}"
rm -rf "$logs"
mkdir -p "$logs" || exit 1
failed=0

# step NAME COMMAND…: says how it went; its log is in $logs.
step()
{
    local name="$1" begin=$SECONDS status
    shift
    "$@" > "$logs/$name.log" 2>&1
    status=$?
    if [ $status -eq 0 ]; then
        printf 'distro %s: %-12s ran     %4d s\n' "$suite" "$name" $((SECONDS - begin))
        return 0
    fi
    printf 'distro %s: %-12s FAILED  %4d s; the end of %s:\n' "$suite" "$name" \
        $((SECONDS - begin)) "$logs/$name.log"
    tail -n 40 "$logs/$name.log" | sed 's/^/    /'
    failed=1
    return 1
}

# whole NAME COMMAND…: says how it went, and shows what it says meanwhile.
whole()
{
    local name="$1" begin=$SECONDS how=ran
    shift
    inside bash -c 'cd /root/pomex && exec "$@"' _ "$@" > >(tee "$logs/run.log") ||
        failed=1 how=FAILED
    printf 'distro %s: %-12s %-7s %4d s\n' "$suite" "$name" $how $((SECONDS - begin))
}

# Opens the studio, asks it for its page, and stops it as Ctrl-C does.
studio='
    cd /root/pomex && mkfifo /tmp/said && set -m || exit 1
    port=20000 page=1
    while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + 1)); done
    ./examples/openresty/run.sh --port $port > /tmp/said 2>&1 &
    while read -r line; do
        echo "$line"
        if [[ "$line" = *"Ctrl-C stops it"* ]]; then
            curl -ksS "https://127.0.0.1:$port/" | grep -i "<title>"
            page=$?
            kill -INT $!
        fi
    done < /tmp/said
    wait $! && [ $page -eq 0 ]'

# Opens LÖVE's example on a screen of Xvfb's, awaits the link of the face scan, and closes it.
love='
    cd /root/pomex && . cmake/packages.sh || exit 1
    printf "%s\n" "local game, play = ..., dofile [[/root/pomex/spec/example/love_play.lua]]" \
        "local job = game.job" \
        "play.till([[the link]], function() return job.stage == [[scan]] and job.waiting end)" \
        "print([[the link is ]] .. job.session.h5_link)" "play.quit()" > /tmp/play.lua
    pomex_packages yes xvfb xauth libgl1-mesa-dri || exit 1
    POMEX_LOVE_SCRIPT=/tmp/play.lua POMEX_LOVE_PLAY=/tmp timeout 900 \
        xvfb-run -a -s "-screen 0 1280x800x24" ./examples/love/run.sh --output /tmp/videos \
        > /tmp/love-said 2>&1
    status=$?
    cat /tmp/love-said
    [ $status -eq 0 ] && grep -q "^the link is http://127" /tmp/love-said'

step system make_system || exit 1
step tree copy_tree || exit 1
inside bash -c '. /etc/os-release; echo "distro: $PRETTY_NAME, $(uname -m)"'
if [ "$special" = arm64 ]; then
    whole spec/arm64.sh ./spec/arm64.sh ${only:+--only "$only"}
elif [ "$special" = lua5.5 ]; then
    whole spec/lua55.sh ./spec/lua55.sh
else
    step quickstart inside bash -c 'cd /root/pomex && ./examples/quickstart.sh'
    step studio inside bash -c "$studio"
    step love inside bash -c "$love"
    whole spec/run.sh ./spec/run.sh ${only:+--only "$only"}
fi
cp -r "$system/root/pomex/build/logs" "$logs/stages"
[ -n "$keep" ] || rm -rf --one-file-system "$system"
printf 'distro %s: all of it %d s\n' "$suite" $SECONDS
exit $failed
