# shellcheck shell=bash disable=SC2154
# For spec/proof/jobs.sh: the database of a store on PostgreSQL, the relay before it, and what
# happens to both. The server runs on the disk that loses its power, as a user who is not root.

database='' server='' server_port='' standby='' standby_port='' backup_at=0 database_wakes=0
server_as=() server_bin=''

# server_ready PORT: until the server there takes connections, at most 60 seconds.
server_ready()
{
    local i
    for ((i = 0; i < 600; i++)); do
        "$server_bin/pg_isready" -q -h 127.0.0.1 -p "$1" && return 0
        kill -0 $! 2> /dev/null || break
        sleep 0.1
    done
    echo "spec/proof/jobs.sh: the server does not start" >&2
    return 1
}

# server_run FOLDER PORT: in the background; its number is in $!.
server_run()
{
    "${server_as[@]}" env -C "$work" "LD_PRELOAD=$work/libjobs_power.so" \
        "POMEX_PROOF_POWER=$1/pg_wal" "POMEX_PROOF_DISK=$disk" "$server_bin/postgres" -D "$1" -p "$2" \
        >> "$logs/server" 2>&1 < /dev/null {hold}>&- &
}

# server_sql PORT SQL
server_sql()
{
    "$server_bin/psql" -X -q -t -h 127.0.0.1 -p "$1" -U postgres -d jobs -c "$2"
}

# server_signal NAME: to all processes of the server.
server_signal()
{
    local pids
    mapfile -t pids < <(pgrep -P "$server")
    kill -"$1" "$server" "${pids[@]}" 2> /dev/null
}

# A part of the log is given its names on the disk, too: only a sync of their folder does that.
server_settle()
{
    local i
    for i in 1 2 3; do
        server_sql "$1" "SELECT pg_switch_wal(); CREATE TABLE settled_$i (); DROP TABLE settled_$i;
            CHECKPOINT" > /dev/null || return 1
    done
}

database_begin()
{
    local user=postgres
    server_bin="$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)")"
    [ -x "$server_bin/postgres" ] || {
        echo "spec/proof/jobs.sh: there is no PostgreSQL server here" >&2
        return 1
    }
    cp "$build/spec/proof/jobs/libjobs_power.so" "$work/" || return 1
    : > "$disk/lock"
    if [ "$(id -u)" -eq 0 ]; then
        id -u $user > /dev/null 2>&1 || user=nobody
        server_as=(setpriv "--reuid=$user" "--regid=$(id -g $user)" --clear-groups)
        mkdir "$work/servers" && chown -R "$user" "$work/servers" "$disk" && chmod 711 "$work" || return 1
    else
        mkdir "$work/servers" || return 1
    fi
    database="$work/servers/one"
    "${server_as[@]}" "$server_bin/initdb" -D "$database" -U postgres -E UTF8 --locale=C --no-sync \
        --auth=trust --wal-segsize=1 > "$logs/initdb" 2>&1 < /dev/null || return 1
    printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" \
        'shared_buffers = 32MB' 'max_wal_size = 8MB' 'min_wal_size = 2MB' 'jit = off' \
        'wal_keep_size = 64MB' 'max_connections = 60' 'log_checkpoints = off' |
        "${server_as[@]}" tee -a "$database/postgresql.conf" > /dev/null || return 1
    local i
    for ((i = 0; i < 5; i++)); do # somebody may have the port
        server_port=$((20000 + RANDOM % 12000)) standby_port=$((server_port + 1))
        server_run "$database" "$server_port"
        server=$!
        server_ready "$server_port" && break
    done
    [ $i -lt 5 ] || return 1
    "$server_bin/psql" -X -q -h 127.0.0.1 -p "$server_port" -U postgres -d postgres \
        -c 'CREATE ROLE pomex LOGIN' -c 'CREATE DATABASE jobs OWNER pomex' || return 1
    server_settle "$server_port" || return 1
    mkfifo "$work/control" || return 1
    "$build/spec/proof/jobs/jobs_relay" --to "$server_port" --seed "$seed" --share 3 \
        --control "$work/control" --log "$logs/relay" < "$work/hold" > "$work/relay" &
    await "$work/relay" || return 1
    POMEX_PROOF_STORE="postgresql://pomex@127.0.0.1:$(< "$work/relay")/jobs"
    POMEX_PROOF_POWER="$database/pg_wal"
    export POMEX_PROOF_STORE POMEX_PROOF_POWER
}

# database_again: the server runs anew in its folder.
database_again()
{
    wait "$server" 2> /dev/null
    server_run "$database" "$server_port"
    server=$!
    server_ready "$server_port"
}

database_power()
{
    local lost
    server_signal KILL
    wait "$server" 2> /dev/null
    sleep 0.5 # until the last of its processes is gone
    dice 32768
    if ! lost="$("$build/spec/proof/jobs/jobs_power_cut" "$database/pg_wal" "$disk" "$rolled")"; then
        echo "jobs_power_cut $database/pg_wal $disk $rolled has failed"
        return 1
    fi
    note "lost by the database $lost"
    database_again
}

# A copy that is older than the store by the time that it is put back. Only a start with
# recovery.signal begins another timeline.
database_backup()
{
    backup_at=$EPOCHREALTIME
    "${server_as[@]}" "$server_bin/pg_basebackup" -h 127.0.0.1 -p "$server_port" -U postgres \
        -D "$work/servers/backup" -c fast -X stream > "$logs/backup" 2>&1 < /dev/null
}

database_restore()
{
    server_signal QUIT
    wait "$server" 2> /dev/null
    sleep 0.5
    note "forgets $backup_at $EPOCHREALTIME"
    # A begin that it acknowledged is perhaps sent only now.
    echo "$work/servers/gone/pg_wal" >> "$disk/elsewhere"
    "${server_as[@]}" mv "$database" "$work/servers/gone" &&
        "${server_as[@]}" mv "$work/servers/backup" "$database" &&
        printf '%s\n' "restore_command = 'false'" |
        "${server_as[@]}" tee -a "$database/postgresql.conf" > /dev/null &&
        "${server_as[@]}" touch "$database/recovery.signal" && database_again || return 1
    until [ "$(server_sql "$server_port" 'SELECT pg_is_in_recovery()')" = " f" ]; do sleep 0.1; done
    server_settle "$server_port" || return 1
    rm -f "$logs/status" # jobs that were at their end are perhaps not any more
}

# An asynchronous standby, which falls behind before the server dies.
database_standby()
{
    standby="$work/servers/two"
    "${server_as[@]}" "$server_bin/pg_basebackup" -h 127.0.0.1 -p "$server_port" -U postgres \
        -D "$standby" -R -c fast -X stream > "$logs/standby" 2>&1 < /dev/null || return 1
    server_run "$standby" "$standby_port"
    standby_server=$!
    server_ready "$standby_port"
}

# What the server had acknowledged by $cut is in the standby; what it acknowledges in the time that
# follows is not.
database_failover()
{
    local cut=$EPOCHREALTIME so_far
    so_far="$(server_sql "$server_port" 'SELECT pg_current_wal_flush_lsn()')" || return 1
    until [ "$(server_sql "$standby_port" "SELECT pg_last_wal_receive_lsn() >= '${so_far# }'")" = " t" ]; do
        sleep 0.05
    done
    server_sql "$standby_port" "ALTER SYSTEM SET primary_conninfo = ''" &&
        server_sql "$standby_port" 'SELECT pg_reload_conf()' > /dev/null || return 1
    sleep 1.5
    server_signal KILL
    wait "$server" 2> /dev/null
    note "forgets $cut $EPOCHREALTIME"
    echo "$standby/pg_wal" >> "$disk/elsewhere"
    server_sql "$standby_port" 'SELECT pg_promote()' > /dev/null || return 1
    server="$standby_server" server_port="$standby_port" database="$standby"
    echo "to $server_port" > "$work/control"
    rm -f "$logs/status"
}

# database_strike EVENT
database_strike()
{
    note "$1 $EPOCHREALTIME"
    # One that is stopped would not answer to any of these.
    [ "$database_wakes" -eq 0 ] || server_signal CONT
    database_wakes=0
    case "$1" in
    db-kill)
        kill -QUIT "$server"
        database_again
        ;;
    db-stop)
        server_signal STOP
        database_wakes=$((SECONDS + 13)) # longer than a message is tried
        ;;
    db-hold) echo "hold $((2 * STILL))" > "$work/control" ;;
    db-cut) echo cut > "$work/control" ;;
    db-power) database_power ;;
    db-backup) database_backup ;;
    db-restore) database_restore ;;
    db-standby) database_standby ;;
    db-failover) database_failover ;;
    esac
}

# Wakes a server that was stopped.
database_tend()
{
    if [ "$database_wakes" -gt 0 ] && [ "$SECONDS" -ge "$database_wakes" ]; then
        server_signal CONT
        database_wakes=0
    fi
}

database_end()
{
    [ -z "$server" ] || server_signal CONT
    [ -z "$server" ] || server_signal KILL
}
