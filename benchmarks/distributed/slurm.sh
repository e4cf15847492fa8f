#!/usr/bin/env bash
# Runs COMMAND beside a Slurm cluster on this one machine: a controller, and a slurmd on each of the hosts that hosts.sh makes.
#   slurm.sh [--nodes 2] [the options of hosts.sh] -- COMMAND...
# In COMMAND, srun, sbatch, scontrol and so on work as on a cluster:
#   slurm.sh --nodes 4 -- srun --mpi=pmi2 -n 4 hostname
# Everything ends with this script, however it ends. Needs root.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=$(dirname "$self")
slurm=/run/slurm # in the /run of hosts.sh

fail() { echo "slurm.sh: $*" >&2; exit 2; }

inside() {
    local nodes cpus host
    nodes=${HOSTS//,/ }
    cpus=$(ssh riffle0 nproc)
    mkdir -p $slurm/state /run/munge
    dd if=/dev/urandom of=$slurm/munge.key bs=1024 count=1 status=none
    chmod -R go= $slurm
    chmod a+rx $slurm
    munged --key-file=$slurm/munge.key --seed-file=$slurm/munge.seed --log-file=$slurm/munged.log --pid-file=$slurm/munged.pid
    cat >$slurm/slurm.conf <<CONF
ClusterName=riffle
SlurmctldHost=switch
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$slurm/state
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdPidFile=$slurm/slurmd.%n.pid
SlurmdLogFile=$slurm/slurmd.%n.log
SlurmdSpoolDir=$slurm/slurmd.%n
TmpFS=$slurm/tmp.%n
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=pmi2
ReturnToService=2
NodeName=$HOSTS CPUs=$cpus
PartitionName=all Nodes=$HOSTS Default=YES MaxTime=INFINITE
CONF
    export SLURM_CONF=$slurm/slurm.conf
    slurmctld -f $slurm/slurm.conf
    for host in $nodes; do
        mkdir "$slurm/slurmd.$host" "$slurm/tmp.$host"
        ssh "$host" slurmd -f $slurm/slurm.conf -N "$host"
    done
    for ((i = 0; i < 100; i++)); do
        if [ "$(sinfo --noheader --Node --states=idle 2>/dev/null | wc -l)" = "$(wc -w <<<"$nodes")" ]; then exec "$@"; fi
        sleep 0.2
    done
    sinfo --list-reasons >&2 || true
    tail -n 20 $slurm/*.log >&2
    fail "the nodes are not ready after 20 seconds; the logs are above"
}

if [ "${1:-}" = --inside ]; then shift; inside "$@"; fi
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
        -h | --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$self"; exit ;;
        --nodes) options+=(--hosts) ;;
        *) options+=("$1") ;;
    esac
    shift
done
[ $# -gt 1 ] || fail "which command? Write it behind --, for example: slurm.sh -- srun -n 2 hostname"
for tool in munged slurmctld slurmd srun; do
    command -v $tool >/dev/null || fail "$tool is missing: apt-get install slurm-wlm munge"
done
exec "$here/hosts.sh" "${options[@]}" -- "$self" --inside "${@:2}"
