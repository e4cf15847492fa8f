#!/usr/bin/env bash
# Breaks trainings on two hosts in every way that docs/distributed.md speaks of, with each launcher, and prints what a user sees, as Markdown.
#   faults.sh --data DATA --out FOLDER [--only CASE]
#     --data DATA   a data set that `riffle prepare` wrote
#     --out FOLDER  a new folder, for the runs
#     --only CASE   killed, unplugged, seed or data
# After a rank was killed or a cable was pulled, one process goes on, and the end is compared with a training that nothing has happened to.
# The exit status is 1 if that differs, or if a job ended as if nothing were wrong. Needs root, `riffle` on the path, and what hosts.sh and slurm.sh need.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=$(dirname "$self")

fail() { echo "faults.sh: $*" >&2; exit 2; }

data='' out='' only=''
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=${2:?} ;;
        --out) out=${2:?} ;;
        --only) only=${2:?} ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$self"; exit ;;
        *) fail "there is no option $1; see --help" ;;
    esac
    shift 2
done
[ -f "$data/dataset.json" ] || fail "--data '$data' is no prepared data set"
[ "$out" ] || fail "where to? Write --out FOLDER"
mkdir -p "$(dirname "$out")"
mkdir "$out" || fail "--out must be a new folder"

labs=(hosts.sh hosts.sh slurm.sh slurm.sh)
launchers=("mpirun.openmpi -x RIFFLE_MPI_PATIENCE -n 2" "mpirun.mpich -n 2" "srun --mpi=pmix --kill-on-bad-exit=1 -n 2" "srun --mpi=pmi2 --kill-on-bad-exit=1 -n 2")
train=(riffle train --model shufflenet-v1-g3-x0.25 --epochs 30 --batch 64 --size 32 --checkpoint-minutes 0.02 --data "$data" --out)
export RIFFLE_MPI_PATIENCE=10
status=0

# show CASE COMMAND...: runs a command beside the hosts of launcher $i and prints the end of what it writes.
show() {
    local log=$out/$1-$i.log began=$EPOCHREALTIME code=0
    "$here/${labs[i]}" --hosts 2 -- "${@:2}" >"$log" 2>&1 </dev/null || code=$?
    printf '%s:\n\n```\n' "${launchers[i]}"
    # Launchers add notices of their own, some in frames of many lines; all of it is in the log.
    grep -E '^(riffle|fault\.sh): ' "$log" || tail -n 3 "$log"
    awk -v a="$began" -v b="$EPOCHREALTIME" -v code=$code 'BEGIN { printf "status %d, %.0f s after the start of the hosts\n", code, b - a }'
    printf '```\n\n'
    [ $code != 0 ] || status=1
}

# One process goes on with what is left of a run.
resume() {
    local run=$out/$1-$i
    if ! riffle train --resume "$run" >"$run-resumed.log" 2>&1 </dev/null; then
        echo "It could NOT be resumed; see $run-resumed.log"
        status=1
    elif cmp -s "$out/alone/checkpoints/last.safetensors" "$run/checkpoints/last.safetensors"; then
        echo "Resumed by one process, it ends with the checkpoint of a training that nothing has happened to, byte for byte."
    else
        echo "Resumed by one process, it ends with ANOTHER checkpoint than a training that nothing has happened to."
        status=1
    fi
    echo
}

wanted() { [ "${only:-$1}" = "$1" ] && printf '## %s\n\n' "$2"; }

case ${only:-killed} in
    killed | unplugged) "${train[@]}" "$out/alone" >"$out/alone.log" 2>&1 </dev/null || fail "the training alone failed; see $out/alone.log" ;;
esac
if wanted killed "A rank is killed"; then
    for i in "${!launchers[@]}"; do
        read -ra launcher <<<"${launchers[i]}"
        show killed "$here/fault.sh" --after 12-16 --kill any -- "${launcher[@]}" "${train[@]}" "$out/killed-$i"
        resume killed
    done
fi
if wanted unplugged "The cable of a host is pulled, with RIFFLE_MPI_PATIENCE=10"; then
    for i in "${!launchers[@]}"; do
        read -ra launcher <<<"${launchers[i]}"
        show unplugged "$here/fault.sh" --after 14 --unplug riffle1 -- timeout --foreground 90 "${launcher[@]}" "${train[@]}" "$out/unplugged-$i"
        resume unplugged
    done
fi
if wanted seed "Rank 1 has another seed"; then
    for i in "${!launchers[@]}"; do
        read -ra launcher <<<"${launchers[i]}"
        # shellcheck disable=SC2016 # the rank expands it
        show seed "${launcher[@]}" bash -c 'exec "$@" --seed $((1 + ${OMPI_COMM_WORLD_RANK:-${SLURM_PROCID:-$PMI_RANK}}))' - "${train[@]}" "$out/seed-$i"
        [ ! -e "$out/seed-$i" ] || status=1
    done
fi
if wanted data "The data set is not on the machine of rank 1"; then
    for i in "${!launchers[@]}"; do
        read -ra launcher <<<"${launchers[i]}"
        # shellcheck disable=SC2016 # it is expanded beside the hosts
        show data bash -c 'ssh riffle1 mount -t tmpfs none "$0" && exec "$@"' "$(readlink -f "$data")" "${launcher[@]}" "${train[@]}" "$out/data-$i"
    done
fi
if [ $status = 0 ]; then echo "Every job ended with an error, and nothing was lost."; else echo "NOT AS IT SHOULD BE."; fi
exit $status
