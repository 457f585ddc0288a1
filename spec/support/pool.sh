# shellcheck shell=bash
# For spec/run.sh: programs side by side, never more than there are slots, whoever starts them.
#
# A slot is a character in a pipe that every stage reads: who has read one runs a program, and
# then writes it back.

pool_fd=

# pool_open SLOTS
pool_open()
{
    local folder i
    folder="$(mktemp -d)" || return 1
    mkfifo "$folder/slots" || return 1
    exec {pool_fd}<> "$folder/slots"
    rm -r "$folder"
    for ((i = 0; i < $1; i++)); do printf . >&"$pool_fd"; done
}

# in_slot COMMAND…: awaits a slot, and runs COMMAND in it.
in_slot()
{
    local status
    read -r -n 1 -u "$pool_fd" || return 1
    "$@" {pool_fd}>&-
    status=$?
    printf . >&"$pool_fd"
    return $status
}

# in_slots COMMAND…: awaits a slot, and begins COMMAND in it; `wait` awaits its end.
in_slots()
{
    read -r -n 1 -u "$pool_fd" || return 1
    {
        "$@" {pool_fd}>&-
        printf . >&"$pool_fd"
    } &
}

# The processes that process $1 has begun, and those that they have.
descendants()
{
    local child children
    read -ra children < <(cat /proc/"$1"/task/*/children 2> /dev/null)
    for child in "${children[@]}"; do
        echo "$child"
        descendants "$child"
    done
}

# Ends all that this script has begun; what has not ended after three seconds is killed.
end_descendants()
{
    local all i
    mapfile -t all < <(descendants $$)
    kill "${all[@]}" 2> /dev/null
    for ((i = 0; i < 30; i++)); do
        kill -0 "${all[@]}" 2> /dev/null || break
        sleep 0.1
    done
    kill -KILL "${all[@]}" 2> /dev/null
}
