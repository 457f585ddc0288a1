#!/usr/bin/env bash
# A campaign as a person runs it, and as it goes wrong: 200 prompts in a CSV and 5 portraits, on the
# sandbox, with SIGKILL four times and Ctrl-C twice on the way. Nobody is asked anything.
#
#   spec/command/campaign.sh [--no-install]
#
# It passes if every job is then done or unclear; each unclear one was listed with the commands that
# settle it; after those commands all 205 are done; and the sandbox's ledger says exactly 200, and
# what was sent again on purpose.
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)" || exit 1
# shellcheck source=cmake/packages.sh
. "$root/cmake/packages.sh"
# shellcheck source=examples/build.sh
. "$root/examples/build.sh"
install=yes
[ "${1:-}" != --no-install ] || install=no
pomex_packages $install "${POMEX_BUILD_PACKAGES[@]}" "${POMEX_QUICKSTART_PACKAGES[@]}" || exit 2
pomex_build campaign "$root"

folder="$(mktemp -d)" || exit 1
videos=200 portraits=5 all=205
run=
sandbox=
cleanup()
{
    [ -z "$run" ] || kill -KILL "$run" 2> /dev/null
    [ -z "$sandbox" ] || kill -TERM "$sandbox" 2> /dev/null
    wait 2> /dev/null
    rm -rf "$folder"
}
trap cleanup EXIT

fail()
{
    echo "campaign: FAILED: $*" >&2
    tail -n 30 "$folder/run.err" >&2
    exit 1
}

pomex()
{
    lua5.4 "$root/bin/pomex" "$@"
}

# ---------------------------------------------------------------------------- the service
cd "$folder" || exit 1
unset POMEX_BASE_URL POMEX_API_KEY POMEX_PROFILE XDG_CONFIG_HOME
export HOME="$folder"
lua5.4 "$root/bin/pomex" sandbox -- --port 0 --generation-seconds 2 --asset-seconds 1 \
    > sandbox.out 2> sandbox.err &
sandbox=$!
until grep -q POMEX_SANDBOX_TOKEN sandbox.out; do
    kill -0 $sandbox 2> /dev/null || fail "the sandbox did not start: $(cat sandbox.err)"
    sleep 0.05
done
# shellcheck disable=SC1091
. ./sandbox.out

control()
{
    curl -sS -f -H "X-Sandbox-Token: $POMEX_SANDBOX_TOKEN" "${@:2}" "$POMEX_BASE_URL/_sandbox/$1"
}

# How many videos were billed; with a prompt: how many of it, and their ids.
billed()
{
    control ledger | grep -o '"generation":[0-9]*' | grep -o '[0-9]*$'
}
ids_of()
{
    control ledger | tr '{' '\n' | grep -F "\"prompt\":\"$1\"" | grep -o 'cgt-[^"]*'
}

# ---------------------------------------------------------------------------- the manifest
group="$(control people -d '{}' | grep -o 'group-[^"]*')"
{
    echo 'key,prompt,images,model,duration,save,portrait,group_id'
    for ((i = 1; i <= portraits; i++)); do
        echo "person-$i,,,,,,https://cdn.example/$i.jpg,$group"
    done
    for ((i = 1; i <= videos; i++)); do
        echo "scene-$i,\"Take $i: {x} waves, and says \"\"hello\"\".\",x=job:person-$((i % portraits + 1)),fast,5,videos/scene-$i.mp4,,"
    done
} > campaign.csv
prompt_of()
{
    echo "Take ${1#scene-}: image 1 waves, and says \\\"hello\\\"."
}
pomex check campaign.csv > /dev/null 2> run.err || fail "check"

# ---------------------------------------------------------------------------- killed on its way
# Each create takes a while to be answered, so that a kill finds some that are out.
control faults -d '{"endpoint":"generations.create","delay":0.4,"times":0}' > /dev/null

start()
{
    env --default-signal=INT lua5.4 "$root/bin/pomex" run campaign.csv --yes --concurrency 16 \
        > run.out 2> run.err < /dev/null &
    run=$!
}

# until_billed N: waits until so many are billed; the run must not end before.
until_billed()
{
    until [ "$(billed)" -ge "$1" ]; do
        kill -0 "$run" 2> /dev/null || fail "the run ended before $1 were billed"
        sleep 0.05
    done
}

for step in KILL:25 INT:50 KILL:80 KILL:110 INT:140 KILL:170; do
    signal="${step%:*}"
    start
    until_billed "${step#*:}"
    kill "-$signal" "$run"
    wait "$run" 2> /dev/null
    code=$?
    run=
    if [ "$signal" = INT ]; then
        # 3 goes before 7: what an earlier kill left unclear is told, too.
        [ $code -eq 7 ] || [ $code -eq 3 ] || fail "Ctrl-C ended it with $code"
        grep -q '^next: pomex run campaign.csv --yes --concurrency 16$' run.err ||
            fail "Ctrl-C does not say how to go on"
    fi
    echo "campaign: $signal when $(billed) of $videos were billed"
done

# ---------------------------------------------------------------------------- to its end
# What died three times is for a person, who lets it go on as the run says.
for _ in 1 2 3; do
    start
    wait "$run"
    code=$?
    run=
    grep -q 'stuck' run.err || break
    while read -r words; do
        eval "$words" > /dev/null 2>&1
    done < <(sed -n 's/^  once that is mended: //p' run.err)
done
[ "$code" -eq 3 ] || [ "$code" -eq 0 ] || fail "it ended with $code"
pomex jobs list > list.txt || fail "jobs list"
[ "$(wc -l < list.txt)" -eq $all ] || fail "there are $(wc -l < list.txt) jobs"
done_now="$(awk '$2 == "done"' list.txt | wc -l)"
mapfile -t unclear < <(awk '$2 == "unclear" { print $1 }' list.txt)
[ $((done_now + ${#unclear[@]})) -eq $all ] || fail "$(awk '$2 != "done" && $2 != "unclear"' list.txt)"
echo "campaign: $done_now done, ${#unclear[@]} unclear"
[ ${#unclear[@]} -eq 0 ] || [ "$code" -eq 3 ] || fail "unclear ones, and exit code $code"

# ---------------------------------------------------------------------------- what is unclear
# The person looks into the service's console, here the ledger: what is there is adopted, what is
# not is sent again. Every third that is there is sent again, too, which is billed once more.
again=0 adopted=0 sent=0
for key in "${unclear[@]}"; do
    pomex jobs show "$key" > shown.txt 2>&1 || fail "jobs show $key"
    adopt="$(grep -o "pomex jobs adopt $key .*" shown.txt | tail -n 1)"
    resend="$(grep -o "pomex jobs resend $key .*" shown.txt)"
    if [ -z "$adopt" ] || [ -z "$resend" ]; then fail "$key is not listed with its commands"; fi
    grep -q "Its prompt: " shown.txt || fail "$key is not listed with its prompt"
    id="$(ids_of "$(prompt_of "$key")" | head -n 1)"
    [ -z "$id" ] || grep -q "adopt $key $id " shown.txt || fail "$key is $id, and that is not named"
    if [ -n "$id" ] && [ $((adopted % 3)) -ne 2 ]; then
        adopted=$((adopted + 1))
        adopt="$(grep -o "pomex jobs adopt $key $id .*" shown.txt)"
        eval "$adopt" 2> run.err || fail "$adopt"
    else
        [ -z "$id" ] || again=$((again + 1)) adopted=$((adopted + 1))
        sent=$((sent + 1))
        eval "$resend --now --yes" 2> run.err || fail "$resend"
    fi
done
echo "campaign: $((${#unclear[@]} - sent)) adopted, $sent sent again, $again of them billed twice by that"

start
wait "$run"
code=$?
run=
[ $code -eq 0 ] || fail "after the commands it ended with $code"

# ---------------------------------------------------------------------------- what became of it
pomex jobs list --state "done" > list.txt || fail "jobs list"
[ "$(wc -l < list.txt)" -eq $all ] || fail "$(wc -l < list.txt) of $all are done"
[ "$(find videos -name 'scene-*.mp4' -size +1k | wc -l)" -eq $videos ] || fail "files are missing"
[ -z "$(find videos -name '*.part*')" ] || fail "parts are left: $(find videos -name '*.part*')"
[ "$(billed)" -eq $((videos + again)) ] ||
    fail "the ledger says $(billed), and not $videos and $again that were sent again"
for ((i = 1; i <= videos; i++)); do
    count="$(ids_of "$(prompt_of "scene-$i")" | wc -l)"
    [ "$count" -ge 1 ] || fail "scene-$i was never billed, and is done"
done
pomex jobs export > result.csv || fail "jobs export"
[ "$(grep -c ',done,' result.csv)" -eq $all ] || fail "the export says something else"
echo "campaign: PASSED: $all done, $(billed) billed"
