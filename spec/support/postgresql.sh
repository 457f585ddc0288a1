#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, and a pgbouncer before that.
#
#   spec/support/postgresql.sh COMMAND [ARGUMENT…]
#
# The server has a new cluster in a folder of its own, as a user who is not root, and listens on a
# free port of 127.0.0.1 alone. It ends with the command, and also when this script is stopped or
# killed. The command finds it by
#   POMEX_POSTGRESQL_URL   as a role that may make databases, and is no superuser
#   POMEX_PGBOUNCER_URL    the same through pgbouncer, whose pools are by transaction; unset where
#                          there is no pgbouncer
#   POMEX_POSTGRESQL_DATA, POMEX_POSTGRESQL_BIN   the cluster's folder, and that of the programs
#   PGPASSWORD             made anew for each run, and in no URL
# Where POMEX_POSTGRESQL_URL is set already, the command is run as it is. Exits with the command's
# code, or with 3 if there was no server.
set -u

say()
{
    echo "postgresql.sh: $*" >&2
}

# The folder of the newest server's programs, which Debian keeps out of $PATH.
postgresql_programs()
{
    local found
    found="$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)"
    [ -x "$found" ] || found="$(command -v postgres)" || return 1
    dirname "$found"
}

# as_user SIGNAL COMMAND…: replaces this shell by COMMAND, as a user who is not root; it gets
# SIGNAL when the script has died.
as_user()
{
    local signal="$1" ids=()
    shift
    [ "$user" = root ] ||
        ids=(--reuid="$user" --regid="$(id -g "$user")" --clear-groups)
    [ "$(id -u)" -eq 0 ] || ids=()
    cd "$folder" && exec setpriv "${ids[@]}" --pdeathsig "$signal" "$@"
}

# answers PID URL: waits until a server can be asked. Fails if its process ends before that.
answers()
{
    for _ in {1..2400}; do
        "$bin/psql" -X -q -d "$2" -c '' > /dev/null 2>&1 && return 0
        kill -0 "$1" 2> /dev/null || return 1
        sleep 0.05
    done
    return 1
}

start_server()
{
    for _ in {1..20}; do
        port=$((20000 + RANDOM % 12000))
        (as_user INT "$bin/postgres" -D "$folder/data" -p "$port" \
            -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=120) \
            > "$folder/server.log" 2>&1 < /dev/null &
        server=$!
        answers "$server" "postgresql://postgres@127.0.0.1:$port/postgres" && return 0
    done
    return 1
}

start_pooler()
{
    local pooler_port
    printf '"pomex" "%s"\n' "$PGPASSWORD" > "$folder/users"
    chmod 600 "$folder/users"
    [ "$(id -u)" -ne 0 ] || chown "$user" "$folder/users"
    for _ in {1..20}; do
        pooler_port=$((20000 + RANDOM % 12000))
        printf '%s\n' '[databases]' "* = host=127.0.0.1 port=$port" '[pgbouncer]' \
            'listen_addr = 127.0.0.1' "listen_port = $pooler_port" 'unix_socket_dir =' \
            'pool_mode = transaction' 'auth_type = scram-sha-256' \
            "auth_file = $folder/users" 'default_pool_size = 4' 'max_client_conn = 200' \
            > "$folder/pgbouncer.ini"
        (as_user INT "$pgbouncer" -q "$folder/pgbouncer.ini") > "$folder/pgbouncer.log" 2>&1 \
            < /dev/null &
        pooler=$!
        POMEX_PGBOUNCER_URL="postgresql://pomex@127.0.0.1:$pooler_port/postgres"
        answers "$pooler" "$POMEX_PGBOUNCER_URL" && export POMEX_PGBOUNCER_URL && return 0
    done
    return 1
}

# shellcheck disable=SC2317,SC2329 # a trap calls it
end_all()
{
    local pid
    trap '' INT TERM HUP
    for pid in "$command" "$pooler" "$server"; do
        [ -n "$pid" ] || continue
        kill -"$([ "$pid" = "$command" ] && echo TERM || echo INT)" "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    rm -rf "$folder"
}

fail()
{
    say "$1"
    cat "$folder"/*.log >&2 2> /dev/null
    exit 3
}

[ $# -gt 0 ] || { sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2; }
[ -z "${POMEX_POSTGRESQL_URL:-}" ] || exec "$@"

bin="$(postgresql_programs)" || { say "there is no PostgreSQL server here" && exit 3; }
user="$(id -un)"
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id -u "$user" > /dev/null 2>&1 || user=nobody
fi
command='' server='' pooler=''
folder="$(mktemp -d)" || exit 3
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ "$(id -u)" -ne 0 ] || chown "$user" "$folder"

# The word is one that no log may hold, see the stage "secrets" of spec/run.sh.
PGPASSWORD="ssw0rd$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
export PGPASSWORD
(umask 077 && printf '%s\n' "$PGPASSWORD" > "$folder/password")
[ "$(id -u)" -ne 0 ] || chown "$user" "$folder/password"
(as_user KILL "$bin/initdb" -D "$folder/data" -U postgres -E UTF8 --locale=C --no-sync \
    --auth=scram-sha-256 --pwfile="$folder/password") > "$folder/initdb.log" 2>&1 < /dev/null ||
    fail "no cluster was made"
rm -f "$folder/password"
start_server || fail "the server did not start"
printf "CREATE ROLE pomex LOGIN CREATEDB PASSWORD '%s';\n" "$PGPASSWORD" |
    "$bin/psql" -X -q -d "postgresql://postgres@127.0.0.1:$port/postgres" -f - ||
    fail "no role was made"
export POMEX_POSTGRESQL_URL="postgresql://pomex@127.0.0.1:$port/postgres"
export POMEX_POSTGRESQL_DATA="$folder/data" POMEX_POSTGRESQL_BIN="$bin"
if pgbouncer="$(PATH="$PATH:/usr/sbin" command -v pgbouncer)"; then
    start_pooler || fail "pgbouncer did not start"
fi

setpriv --pdeathsig TERM "$@" < /dev/stdin &
command=$!
wait "$command"
status=$?
command=''
exit $status
