# shellcheck shell=bash disable=SC2154
# For spec/proof/jobs.sh: what happens to the workers, and when. The course is drawn from the seed;
# each event has its place by how many jobs have come to their end.

STILL=3 # seconds, as in queue.lua: then a worker that is stopped is buried
LIMIT=900

# The steps of steps.lua at which workers die, or stop; and those of power.c.
STEPS=("KILL after begin" "KILL before fact task" "disk sent" "KILL after move sum" "disk fsync"
    "STOP after begin" "KILL after fact task" "disk synced" "KILL after name" "disk write"
    "KILL before begin" "STOP started" "KILL after fact ended" "disk rename" "KILL before move done"
    "KILL started" "disk renamed" "KILL before fact ended" "STOP before fact task"
    "KILL before name" "KILL before move sum" "KILL after join" "KILL after move done"
    "KILL before fact turned_away" "KILL after fact turned_away" "KILL after claim"
    "KILL before move unclear" "KILL after move unclear" "KILL before release" "STOP before begin")

# A worker of a database writes nothing to a disk but videos.
if [ "$store" = postgresql ]; then
    kept=()
    for step in "${STEPS[@]}"; do [[ "$step" = "disk "[!s]* || "$step" = "disk synced" ]] || kept+=("$step"); done
    STEPS=("${kept[@]}")
fi

declare -A pid=() instance=() wakes=() step_of=()
instances=0
next_step=0
armed=0 # how many deaths at a step there may still be
died=0
person=
events=()

note()
{
    printf '%s\n' "$*" >> "$logs/course"
}

# dice N: a number below N; in $rolled, since a subshell would not move the seed on.
dice()
{
    rolled=$((RANDOM % $1))
}

start_worker()
{
    local slot="$1" how=() set=()
    instances=$((instances + 1))
    set=("POMEX_PROOF_INSTANCE=$instances")
    if [ "$slot" -eq 1 ]; then set+=("POMEX_PROOF_STEP=$((instances % 2 ? 3600 : -3600))"); fi
    # Half of them go to their step, and the rest live until an event strikes.
    if [ "$armed" -gt 0 ] && [ $((slot % 2)) -eq 0 ]; then
        local step="${STEPS[next_step++ % ${#STEPS[@]}]}"
        armed=$((armed - 1))
        step_of[$slot]="$step"
        dice 4
        case "$step" in
        "disk fsync" | "disk synced" | "disk write")
            dice 60
            set+=("POMEX_PROOF_AT=${step#disk } $((rolled + 1))")
            ;;
        disk*) set+=("POMEX_PROOF_AT=${step#disk } $((rolled + 1))") ;;
        *) how=("${step%% *}" $((rolled + 1)) "${step#* }") ;;
        esac
        note "armed $instances $step"
    fi
    on_disk "output-$instances" "${set[@]}" worker.lua "$instances" "${how[@]}"
    pid[$slot]=$! instance[$slot]=$instances
    unset "wakes[$slot]"
}

start_person()
{
    on_disk output-person person.lua "$jobs" $((seed + instances))
    person=$!
}

# Whether a process is stopped.
is_stopped()
{
    local stat
    { stat="$(< "/proc/$1/stat")"; } 2> /dev/null || return 1
    [[ "${stat##*) }" = T* ]]
}

# gone SLOT: notes how its worker came to its end.
gone()
{
    local slot="$1" code
    wait "${pid[$slot]}" 2> /dev/null
    code=$?
    if [ $code -gt 128 ]; then
        note "died ${instance[$slot]} $EPOCHREALTIME by $((code - 128))"
        died=$((died + 1))
    else
        note "ended ${instance[$slot]} $EPOCHREALTIME with $code"
        # It did not come to its step, and another one will.
        [ -z "${step_of[$slot]:-}" ] || armed=$((armed + 1))
    fi
    unset "step_of[$slot]"
}

# Starts the workers that are gone anew, and wakes those that have been stopped for longer than a
# burial.
tend()
{
    local slot
    for ((slot = 1; slot <= WORKERS; slot++)); do
        if ! kill -0 "${pid[$slot]}" 2> /dev/null; then
            gone "$slot"
            start_worker "$slot"
        elif [ -n "${wakes[$slot]:-}" ]; then
            [ "$SECONDS" -lt "${wakes[$slot]}" ] && continue
            kill -CONT "${pid[$slot]}" 2> /dev/null
            unset "wakes[$slot]"
        elif is_stopped "${pid[$slot]}"; then
            note "stop ${instance[$slot]} $EPOCHREALTIME by itself"
            wakes[$slot]=$((SECONDS + 2 * STILL))
        fi
    done
    if ! kill -0 "$person" 2> /dev/null; then
        note "the person ended"
        start_person
    fi
}

# set_full 0|1: in place, since the file is mapped.
set_full()
{
    printf '%s' "$1" 1<> "$disk/full"
}

lose_power()
{
    local slot lost
    note "power $EPOCHREALTIME"
    kill -KILL "${pid[@]}" "$person" 2> /dev/null
    for ((slot = 1; slot <= WORKERS; slot++)); do gone "$slot"; done
    wait "$person" 2> /dev/null
    died=$((died - WORKERS))
    set_full 0
    echo "$instances" > "$disk/boot"
    dice 32768
    if ! lost="$("$build/spec/proof/jobs/jobs_power_cut" "$folder" "$disk" "$rolled")"; then
        echo "jobs_power_cut $folder $disk $rolled has failed"
        return 1
    fi
    note "lost $lost"
    start_person
    for ((slot = 1; slot <= WORKERS; slot++)); do start_worker "$slot"; done
}

strike()
{
    local event="$1" slot
    dice "$WORKERS"
    slot=$((rolled + 1))
    case "$event" in
    db-*) database_strike "$event" || return 1 ;;
    power) lose_power || return 1 ;;
    full)
        note "full $EPOCHREALTIME"
        set_full 1
        full_until=$((SECONDS + 3))
        ;;
    STOP)
        note "stop ${instance[$slot]} $EPOCHREALTIME"
        kill -STOP "${pid[$slot]}" 2> /dev/null
        wakes[$slot]=$((SECONDS + 2 * STILL))
        ;;
    TSTP)
        kill -TSTP "${pid[$slot]}" 2> /dev/null
        wakes[$slot]=$((SECONDS + 1))
        ;;
    *) kill -"$event" "${pid[$slot]}" 2> /dev/null ;;
    esac
    return 0
}

# All that will happen, in an order drawn from the seed.
draw_events()
{
    local i other signals=(KILL KILL TERM KILL PIPE)
    armed=$((kills * 3 / 4))
    next_step=$((seed % ${#STEPS[@]}))
    for ((i = armed; i < kills; i++)); do events+=("${signals[i % 5]}"); done
    for ((i = 0; i < losses; i++)); do events+=(power); done
    for ((i = 0; i < 1 + kills / 10; i++)); do
        events+=(STOP TSTP)
        [ "$store" = postgresql ] || events+=(full)
    done
    local of_database=(db-power db-kill db-cut db-stop db-hold)
    [ -z "$fault" ] || of_database=("db-$fault")
    case "$fault" in
    restore | failover) ;;
    *)
        for ((i = 0; i < database_kills; i++)); do
            events+=("${of_database[(seed + i) % ${#of_database[@]}]}")
        done
        ;;
    esac
    for ((i = ${#events[@]} - 1; i > 0; i--)); do
        dice $((i + 1))
        other="${events[rolled]}"
        events[rolled]="${events[i]}"
        events[i]="$other"
    done
    add_lineages
}

# What makes another database of it has its place, and each its time for a copy to become old.
add_lineages()
{
    local all=("${events[@]}") part=$((${#events[@]} / 5)) backup='' restore='' standby='' failover=''
    [ "$database_kills" -gt 0 ] || return 0
    case "$fault" in
    '') [ "$database_kills" -lt 5 ] || backup=db-backup restore=db-restore standby=db-standby failover=db-failover ;;
    restore) backup=db-backup restore=db-restore ;;
    failover) standby=db-standby failover=db-failover ;;
    esac
    # shellcheck disable=SC2206 # those that are empty are no event
    events=("${all[@]:0:part}" $backup "${all[@]:part:part}" $restore "${all[@]:2 * part:part}"
        $standby "${all[@]:3 * part:part}" $failover "${all[@]:4 * part}")
}

# Three are given one manifest at once, and one of them dies over it.
put_manifest()
{
    local first second
    dice 12
    on_disk output-manifest "POMEX_PROOF_AT=synced $((rolled + 1))" manifest.lua "$jobs"
    on_disk output-manifest manifest.lua "$jobs"
    first=$!
    on_disk output-manifest manifest.lua "$jobs"
    second=$!
    wait $first && wait $second
}

course_run()
{
    local at=0 ended=0 quiet=0 calm=0 full_until=0 slot began=$SECONDS
    RANDOM=$((seed % 32768))
    draw_events
    put_manifest || return 1
    start_person
    await "$logs/status" || return 1
    for ((slot = 1; slot <= WORKERS; slot++)); do start_worker "$slot"; done
    while [ $quiet -lt 20 ]; do
        if [ $((SECONDS - began)) -gt $LIMIT ]; then
            echo "after $LIMIT s $ended of $jobs jobs have come to their end"
            return 1
        fi
        sleep 0.1
        tend
        [ "$store" = sqlite ] || database_tend
        read -r ended _ < "$logs/status" || continue
        if [ "$full_until" -gt 0 ] && [ "$SECONDS" -ge "$full_until" ]; then
            set_full 0
            full_until=0
        fi
        if [ $at -lt ${#events[@]} ]; then
            if [ $((calm--)) -le 0 ] && [ $((ended * ${#events[@]})) -gt $((at * jobs * 9 / 10)) ]; then
                strike "${events[at++]}" || return 1
                dice 10
                calm=$rolled
            fi
            continue
        fi
        # Who did not come to the step at which it was to die makes place for others.
        if [ $died -lt "$kills" ] && [ "$ended" -lt "$jobs" ]; then
            strike KILL
            sleep 0.5
            continue
        fi
        : > "$logs/settle"
        # All are at their end, and stay there.
        if [ "$ended" -eq "$jobs" ]; then quiet=$((quiet + 1)); else quiet=0; fi
    done
    kill -KILL "$person" "${pid[@]}" 2> /dev/null
    for ((slot = 1; slot <= WORKERS; slot++)); do gone "$slot"; done
    echo "$instances workers, of which $died died by themselves or were killed, ${#events[@]} events," \
        "in $((SECONDS - begin)) s"
}
