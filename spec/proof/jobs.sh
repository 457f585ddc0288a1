#!/usr/bin/env bash
# The proof of durable jobs: workers are killed, stopped, and lose their power, while the network
# breaks in every way, and in the end the store is held against the service's ledger.
#
#   spec/proof/jobs.sh [--store sqlite] [--jobs N] [--kills K] [--power-loss P] [--seed S] [--keep]
#
# Promised: each attempt is in the ledger at most once, and so is each job, unless a person had it
# sent again; each ends in done, failed or unclear, and unclear only where nobody can know; done
# files are whole; no id is lost; no create leaves before its begin is synced; the cap is never
# passed. The last line is the verdict; exits with 1 if anything is wrong. The seed is S, or
# $POMEX_SEED, or any. Works with what is built in $POMEX_BUILD_DIR, else build/dev. The store and
# the logs of a run that failed stay; with --keep those of any, with the videos.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)" || exit 2
build="${POMEX_BUILD_DIR:-${POMEX_BUILD:-$root/build}/dev}"
jobs=150
kills=10
losses=2
seed="${POMEX_SEED:-$((RANDOM * 32768 + RANDOM))}"
keep=no

usage()
{
    echo "spec/proof/jobs.sh: $1 (see its first lines)" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case "$1" in
    --store) [ "${2:-}" = sqlite ] || usage "there is no store but sqlite" ;;
    --jobs) jobs="${2:-}" ;;
    --kills) kills="${2:-}" ;;
    --power-loss) losses="${2:-}" ;;
    --seed) seed="${2:-}" ;;
    --keep) keep=yes && set -- - "$@" ;;
    *) usage "unknown argument: $1" ;;
    esac
    shift 2 || usage "$1 needs a value"
done
for number in "$jobs" "$kills" "$losses" "$seed"; do
    [[ "$number" =~ ^[0-9]+$ ]] || usage "$number is no number"
done
echo "spec/proof/jobs.sh --jobs $jobs --kills $kills --power-loss $losses --seed $seed"

# shellcheck source=spec/proof/jobs/world.sh
. "$root/spec/proof/jobs/world.sh"
# shellcheck source=spec/proof/jobs/course.sh
. "$root/spec/proof/jobs/course.sh"

begin=$SECONDS
world_begin || exit 2
# The shell's words about each that was killed are not ours.
course_run 2> "$logs/shell" && lua check.lua "$jobs"
status=$?
world_end
exit $((status != 0))
