#!/usr/bin/env bash
# The proof of durable jobs: workers are killed, stopped, and lose their power, while the network
# breaks in every way, and in the end the store is held against the service's ledger.
#
#   spec/proof/jobs.sh [--store sqlite] [--jobs N] [--workers W] [--kills K] [--power-loss P]
#   spec/proof/jobs.sh --store postgresql [--jobs N] [--workers W] [--kills K] [--database-kills D]
#       [--fault power|kill|cut|stop|hold|restore|failover]
#       both with [--seed S] [--keep]
#
# Promised: each attempt is in the ledger at most once, and so is each job, unless a person had it
# sent again; each ends in done, failed or unclear, and unclear only where nobody can know; done
# files are whole; no id is lost; no create leaves before its begin is synced; the cap is never
# passed. A store on PostgreSQL has a server of its own behind a relay. D times that is killed, stopped
# for long, cut off, held up, or loses its power with what was not synced; with D of 5 or more it is
# also put back from an older backup and failed over to an asynchronous standby: then nothing begins
# until a person has looked, and what was acknowledged and forgotten is explained. With --fault it is
# that one alone. The last line is the verdict; exits with 1 if anything is wrong. The seed is S, or
# $POMEX_SEED, or any. Works with what is built in $POMEX_BUILD_DIR, else build/dev. The store and
# the logs of a run that failed stay; with --keep those of any, with the videos.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)" || exit 2
build="${POMEX_BUILD_DIR:-${POMEX_BUILD:-$root/build}/dev}"
jobs=150
kills=10
losses=
store=sqlite
WORKERS=4
database_kills=0
fault=
seed="${POMEX_SEED:-$((RANDOM * 32768 + RANDOM))}"
keep=no

usage()
{
    echo "spec/proof/jobs.sh: $1 (see its first lines)" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case "$1" in
    --store)
        store="${2:-}"
        [[ "$store" = sqlite || "$store" = postgresql ]] ||
            usage "there is no store but sqlite and postgresql"
        ;;
    --workers) WORKERS="${2:-}" ;;
    --database-kills) database_kills="${2:-}" ;;
    --fault)
        fault="${2:-}"
        [[ "$fault" =~ ^(power|kill|cut|stop|hold|restore|failover)$ ]] ||
            usage "there is no fault $fault of a database"
        ;;
    --jobs) jobs="${2:-}" ;;
    --kills) kills="${2:-}" ;;
    --power-loss) losses="${2:-}" ;;
    --seed) seed="${2:-}" ;;
    --keep) keep=yes && set -- - "$@" ;;
    *) usage "unknown argument: $1" ;;
    esac
    shift 2 || usage "$1 needs a value"
done
# A machine that runs workers alone has nothing on its disk but videos.
: "${losses:=$([ "$store" = sqlite ] && echo 2 || echo 0)}"
for number in "$jobs" "$kills" "$losses" "$seed" "$WORKERS" "$database_kills"; do
    [[ "$number" =~ ^[0-9]+$ ]] || usage "$number is no number"
done
[ "$store" = postgresql ] || [ "$database_kills" -eq 0 ] || usage "sqlite has no server to kill"
[ "$store" = sqlite ] || [ "$losses" -eq 0 ] || usage "the power that is lost is the database's"
if [ "$store" = sqlite ]; then how=(--power-loss "$losses"); else
    how=(--store postgresql --database-kills "$database_kills")
    [ -z "$fault" ] || how+=(--fault "$fault")
fi
echo "spec/proof/jobs.sh --jobs $jobs --workers $WORKERS --kills $kills ${how[*]} --seed $seed"

# shellcheck source=spec/proof/jobs/world.sh
. "$root/spec/proof/jobs/world.sh"
# shellcheck source=spec/proof/jobs/database.sh
. "$root/spec/proof/jobs/database.sh"
# shellcheck source=spec/proof/jobs/course.sh
. "$root/spec/proof/jobs/course.sh"

begin=$SECONDS
world_begin || exit 2
# The shell's words about each that was killed are not ours.
course_run 2> "$logs/shell" && lua check.lua "$jobs"
status=$?
world_end
exit $((status != 0))
