# shellcheck shell=bash disable=SC2154
# For spec/proof/jobs.sh: the service, the network of faults before it, and a disk; and how the
# processes of the proof are started in it.

work='' logs='' folder='' disk=''
wall="$build/spec/proof/jobs/libjobs_wall.so"

# await FILE: until it has a line, at most ten seconds.
await()
{
    local i
    for ((i = 0; i < 200; i++)); do
        [ -s "$1" ] && return 0
        sleep 0.05
    done
    echo "spec/proof/jobs.sh: $1 is not written" >&2
    return 1
}

field()
{
    sed -nE "s/.*\"$1\":\"?([^\",}]*).*/\1/p" "$work/sandbox"
}

world_begin()
{
    work="$(mktemp -d)" && work="$(realpath "$work")" || return 1
    logs="$work/logs" folder="$work/store" disk="$work/disk"
    mkdir -p "$logs" "$folder/out" "$disk/gone" && printf 0 > "$disk/full" && echo 1 > "$disk/boot" ||
        return 1
    trap 'world_end; exit 130' INT TERM
    # Both end with their standard input, which is ours to hold open.
    mkfifo "$work/hold" && exec {hold}<> "$work/hold" || return 1
    "$build/bin/pomex-sandbox" --port 0 --json --watch-stdin --quiet --asset-seconds 0 \
        --generation-seconds 1 --rate-limits off < "$work/hold" > "$work/sandbox" &
    await "$work/sandbox" || return 1
    local url
    url="$(field url)"
    "$build/spec/proof/jobs/jobs_network" --to "${url##*:}" --seed "$seed" --share 40 \
        --log "$logs/network" < "$work/hold" > "$work/network" &
    await "$work/network" || return 1
    POMEX_PROOF_URL="http://127.0.0.1:$(< "$work/network")"
    POMEX_API_KEY="$(field key)"
    POMEX_PROOF_TOKEN="$(field token)"
    export POMEX_API_KEY POMEX_PROOF_TOKEN POMEX_PROOF_URL POMEX_PROOF_SANDBOX="$url" \
        POMEX_PROOF_LOGS="$logs" POMEX_PROOF_FOLDER="$folder" POMEX_PROOF_DISK="$disk" \
        POMEX_PROOF_SENT="$logs/sent" POMEX_PROOF_STORE="$folder/jobs.db" POMEX_PROOF_POWER="$folder" \
        LUA_PATH="$root/lua/?.lua;$root/lua/?/init.lua;$root/?.lua;;" LUA_CPATH="$build/lib/?.so;;"
    unset LUA_PATH_5_4 LUA_CPATH_5_4 # lua5.4 would take them in the place of these
    [ "$store" = sqlite ] || database_begin
}

world_end()
{
    local pid
    exec 3>&2 2> /dev/null # the shell's words about each that is killed
    [ "$store" = sqlite ] || database_end
    for pid in $(jobs -p); do kill -KILL "$pid"; done
    wait
    if [ "${status:-1}" -eq 0 ] && [ "$keep" = no ]; then
        rm -rf "$work"
        return
    fi
    # The videos are much, and seldom tell anything.
    [ "$keep" = yes ] || rm -rf "$folder/out" "$disk"
    echo "spec/proof/jobs.sh: the store and the logs are in $work" >&3
}

# lua SCRIPT ARGUMENT…: one of spec/proof/jobs, on the plain disk.
lua()
{
    lua5.4 "$root/spec/proof/jobs/$1" "${@:2}"
}

# on_disk OUTPUT [VARIABLE=VALUE…] SCRIPT ARGUMENT…: in the background, on the disk that loses its
# power; its number is in $!.
on_disk()
{
    local output="$logs/$1" set=("LD_PRELOAD=$build/spec/proof/jobs/libjobs_power.so")
    shift
    while [[ "$1" = *=* ]]; do
        if [[ "$1" = POMEX_PROOF_STEP=* ]]; then set[0]+=":$wall"; fi
        set+=("$1")
        shift
    done
    env "${set[@]}" lua5.4 "$root/spec/proof/jobs/$1" "${@:2}" >> "$output" 2>&1 < /dev/null {hold}>&- &
}
