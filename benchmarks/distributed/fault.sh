#!/usr/bin/env bash
# Breaks something while COMMAND runs, inside hosts.sh or slurm.sh, and tells how COMMAND ended and how long after.
#   fault.sh [--after 5] --kill any -- COMMAND...               kills a random rank, with SIGKILL; a number instead of `any` is that rank
#   fault.sh [--after 5] --unplug riffle1 [--for 3] -- COMMAND...  pulls the cable of a host, for ever or for some seconds
#     --after S  whole seconds after the start; 2-10 is a random number of these
# The exit status is COMMAND's.
#   hosts.sh --hosts 4 -- fault.sh --after 2-10 --kill any -- mpirun -n 4 riffle train ...
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")

say() { echo "fault.sh: $*" >&2; }
fail() { say "$*"; exit 2; }

# "RANK PROCESS" for all that mpirun or srun started, and for what these started in turn. The launchers' variables tell.
ranks() {
    local process rank
    for process in /proc/[0-9]*; do
        rank=$(tr '\0' '\n' 2>/dev/null <"$process/environ" | sed -nE 's/^(OMPI_COMM_WORLD_RANK|PMI_RANK|SLURM_PROCID)=//p' | head -n 1) || continue
        if [ "$rank" ]; then echo "$rank ${process#/proc/}"; fi
    done 2>/dev/null
}

break_it() {
    if [ "$unplug" ]; then
        say "unplugs $unplug"
        ip link set "$unplug" down
        if [ "$for" ]; then sleep "$for"; say "plugs $unplug in again"; ip link set "$unplug" up; fi
        return
    fi
    local found rank processes
    found=$(ranks)
    rank=$kill
    if [ "$rank" = any ]; then rank=$(cut -d' ' -f1 <<<"$found" | sort -u | shuf -n 1); fi
    processes=$(awk -v rank="$rank" '$1 == rank { print $2 }' <<<"$found")
    if [ -z "$processes" ]; then say "kills nothing: there is no rank $rank"; return; fi
    say "kills rank $rank"
    xargs kill -KILL <<<"$processes" || true # some may have ended meanwhile
}

after=5 kill='' unplug='' for=''
while [ $# -gt 0 ]; do
    case $1 in
        --after) after=${2:?} ;;
        --kill) kill=${2:?} ;;
        --unplug) unplug=${2:?} ;;
        --for) for=${2:?} ;;
        --) shift; break ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$self"; exit ;;
        *) fail "there is no option $1; see --help. The command comes behind --" ;;
    esac
    shift 2
done
[ -d /run/riffle ] || fail "runs only inside hosts.sh or slurm.sh, where all ranks are theirs"
[ "$kill$unplug" ] || fail "say what to break: --kill any, or --unplug riffle1"
[ $# -gt 0 ] || fail "which command? Write it behind --"

env --default-signal=INT,QUIT "$@" <&0 & # a command in the background would ignore Ctrl+C
command=$!
trap : INT
trap 'kill -TERM $command' TERM
sleep "$(shuf -i "${after/-*}-${after/*-}" -n 1)"
if kill -0 $command 2>/dev/null; then break_it; else say "the command ended before"; fi
broken=$EPOCHREALTIME
status=0
wait $command || status=$?
while kill -0 $command 2>/dev/null; do status=0; wait $command || status=$?; done # a signal ends `wait` too
say "the command ended with $status, $(awk -v a="$broken" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s later"
exit $status
