#!/usr/bin/env bash
# Trains networks as one process, by ranks on two hosts with each library of MPI, and by tasks of Slurm, and compares the files that are left. Prints a Markdown table.
#   same_bits.sh --data DATA --out FOLDER [--models "NETWORK..."] [--epochs 1] [--batch 64] [--size 32]
#     --data DATA   a data set that `riffle prepare` wrote
#     --out FOLDER  a new folder, for the runs
# The exit status is 1 if any file differs. Needs root, `riffle` on the path, and what hosts.sh and slurm.sh need. About ten minutes on two cores.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=$(dirname "$self")

fail() { echo "same_bits.sh: $*" >&2; exit 2; }

data='' out='' epochs=1 batch=64 size=32
models="shufflenet-v1-g3-x0.25 shufflenet-v2-x0.5 mobilenet-v1-x0.25 mobilenet-v2-x0.5 mobilenet-v3-large-x0.75 mobilenet-v3-small-x0.75"
while [ $# -gt 0 ]; do
    case $1 in
        --data) data=${2:?} ;;
        --out) out=${2:?} ;;
        --models) models=${2:?} ;;
        --epochs) epochs=${2:?} ;;
        --batch) batch=${2:?} ;;
        --size) size=${2:?} ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$self"; exit ;;
        *) fail "there is no option $1; see --help" ;;
    esac
    shift 2
done
[ -f "$data/dataset.json" ] || fail "--data '$data' is no prepared data set"
[ "$out" ] || fail "where to? Write --out FOLDER"
mkdir -p "$(dirname "$out")"
mkdir "$out" || fail "--out must be a new folder"

# How the ranks are started, by what hosts.sh or slurm.sh runs beside its hosts. Nothing: one process, with as many threads as there are cores.
ways=(
    ""
    "hosts.sh --hosts 2 -- mpirun.openmpi -n 2"
    "hosts.sh --hosts 2 -- mpirun.openmpi --oversubscribe -n 4"
    "hosts.sh --hosts 2 -- mpirun.mpich -n 2"
    "hosts.sh --hosts 2 -- mpirun.mpich -n 4"
    "slurm.sh --nodes 4 -- srun --mpi=pmix --kill-on-bad-exit=1 -n 4"
    "slurm.sh --nodes 4 -- srun --mpi=pmi2 --kill-on-bad-exit=1 -n 4"
)

status=0
echo "| network | started by | Riffle says | SHA-256 of last.safetensors | best.safetensors, metrics.csv |"
echo "| --- | --- | --- | --- | --- |"
for model in $models; do
    alone=$out/$model-0
    for i in "${!ways[@]}"; do
        run=$out/$model-$i
        read -ra way <<<"${ways[i]:+$here/}${ways[i]}"
        if ! "${way[@]}" riffle train --data "$data" --model "$model" --out "$run" --epochs "$epochs" --batch "$batch" --size "$size" >"$run.log" 2>&1 </dev/null; then
            tail -n 5 "$run.log" >&2
            fail "'${ways[i]:-riffle}' failed; all of it is in $run.log"
        fi
        told=$(sed -nE 's/^([0-9]+ ranks? on [0-9]+ machines?) \((Open MPI|MPICH).*/\1, \2/p' "$run.log")
        others=same
        for file in checkpoints/best.safetensors metrics.csv; do
            cmp -s "$alone/$file" "$run/$file" || others=DIFFERENT
        done
        sum=$(sha256sum <"$run/checkpoints/last.safetensors" | cut -c1-64)
        cmp -s "$alone/checkpoints/last.safetensors" "$run/checkpoints/last.safetensors" && [ $others = same ] || status=1
        echo "| $model | ${ways[i]:-\`riffle train\` alone} | $told | $sum | $others |"
    done
done
if [ $status = 0 ]; then echo; echo "All files are the same."; else echo; echo "SOME FILES DIFFER."; fi
exit $status
