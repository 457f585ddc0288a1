#!/usr/bin/env bash
# A standby of the server of spec/support/postgresql.sh, within whose command it runs. Prints its port and
# the number of its own process, which ends it, with its folder, by SIGTERM.
set -u

bin="$POMEX_POSTGRESQL_BIN"
user="$(stat -c %U "$POMEX_POSTGRESQL_DATA")"
ids=()
[ "$(id -u)" -ne 0 ] || ids=(--reuid="$user" --regid="$(id -g "$user")" --clear-groups)
folder="$(mktemp -d)" || exit 3
server=''
# shellcheck disable=SC2317,SC2329 # a trap calls it
end()
{
    [ -z "$server" ] || kill -INT "$server" 2> /dev/null
    wait
    rm -rf "$folder"
    exit 0
}
trap end TERM EXIT
chown "$user" "$folder" && cd "$folder" || exit 3

port="${POMEX_POSTGRESQL_URL##*:}"
port="${port%%/*}"
setpriv "${ids[@]}" "$bin/pg_basebackup" -d "postgresql://postgres@127.0.0.1:$port" -D "$folder/data" -R \
    -c fast -X stream > "$folder/log" 2>&1 || {
    cat "$folder/log" >&2
    exit 3
}
for _ in {1..5}; do
    port=$((20000 + RANDOM % 12000))
    setpriv "${ids[@]}" --pdeathsig KILL "$bin/postgres" -D "$folder/data" -p "$port" \
        -c max_connections=200 -c listen_addresses=127.0.0.1 -c unix_socket_directories= >> "$folder/log" 2>&1 < /dev/null &
    server=$!
    while kill -0 "$server" 2> /dev/null; do
        if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            echo "$port $$"
            wait
            exit 3
        fi
        sleep 0.05
    done
done
tail -n 20 "$folder/log" >&2
exit 3
