#!/usr/bin/env bash
# Runs COMMAND beside several "hosts" on this one machine: network namespaces with a name, an address, an sshd and cores of their own.
#   hosts.sh [--hosts 2] [--cores 1] [--rate 1gbit] [--delay 100us] -- COMMAND...
#     --hosts N     riffle0, riffle1 and so on
#     --cores N     cores for each host; they wrap around when the machine has too few
#     --rate RATE   limit of each host's link, in both directions, as tc writes it; default: none
#     --delay TIME  what a packet waits on its way from one host to another, in us or ms; default: none
# COMMAND runs on the switch, outside the hosts. There, `ssh riffle1` works, and mpirun of Open MPI and MPICH starts one rank on each host by itself:
#   hosts.sh --rate 1gbit --delay 100us -- mpirun -n 2 hostname
# HOSTS holds the names (riffle0,riffle1). `ip link set riffle1 down` pulls a cable. There is no way to the internet.
# Ctrl+C reaches COMMAND. Everything lives in namespaces that end with this script, however it ends, so nothing is left behind. Needs root.
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
here=$(dirname "$self")
lab=/run/riffle # in a /run of our own

say() { echo "hosts.sh: $*" >&2; }
fail() { say "$*"; exit 2; }

# Runs in the namespaces of host $1, and becomes its sshd.
host() {
    local i=$1 cpus
    cpus=$(seq -s, $((i * cores)) $((i * cores + cores - 1)) | tr , '\n' | awk -v n="$(nproc --all)" '{ print $1 % n }' | sort -u | paste -sd,)
    hostname "riffle$i"
    mount -t tmpfs none /dev/shm # no memory shared with other hosts
    nsenter --net=/proc/1/ns/net ip link add "riffle$i" master switch type veth peer name eth0 address "$(mac "$i")" netns $$
    ip link set lo up
    ip address add "$(address "$i")/24" dev eth0
    ip link set eth0 up gso_max_size 65536 # packets that pass through the bucket whole
    limit eth0
    exec taskset -c "$cpus" /usr/sbin/sshd -D -f "$lab/sshd_config"
}

address() { echo "10.77.0.$(($1 + 1))"; }
mac() { printf '02:00:00:00:00:%02x' "$1"; }

# The bucket holds one packet of 64 kB, as network cards take them: a transfer is at most 0.6 ms ahead of a link of 1 Gbit/s.
limit() { if [ "$rate" ]; then tc qdisc add dev "$1" root tbf rate "$rate" burst 80k latency 50ms; fi; }

# Sends all that comes from host $1 through the device `delay`, which brings it to the switch later.
detour() {
    ip link set "riffle$1" type bridge_slave learning off
    bridge fdb replace "$(mac "$1")" dev "riffle$1" master static
    tc qdisc add dev "riffle$1" clsact
    tc filter add dev "riffle$1" ingress protocol all u32 match u32 0 0 action mirred egress redirect dev delay
}

# Runs as the first process of the namespaces: when it ends, the kernel ends all others.
inside() {
    local i names=()
    trap 'exit 130' INT
    mount -t tmpfs none /run
    mkdir -p "$lab/tmp" /run/sshd
    hostname switch
    for ((i = 0; i < hosts; i++)); do names+=("riffle$i"); done
    HOSTS=$(IFS=,; echo "${names[*]}")

    { echo "127.0.0.1 localhost"; echo "10.77.0.254 switch"; for i in "${!names[@]}"; do echo "$(address "$i") ${names[i]}"; done; } >"$lab/hosts"
    mount --bind "$lab/hosts" /etc/hosts
    ssh-keygen -q -t ed25519 -N '' -f "$lab/key"
    printf '%s\n' "HostKey $lab/key" "AuthorizedKeysFile $lab/key.pub" "StrictModes no" "PermitRootLogin yes" "UsePAM yes" \
        "PidFile none" "SetEnv PATH=$PATH" >"$lab/sshd_config"
    printf '%s\n' "IdentityFile $lab/key" "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" "LogLevel ERROR" >"$lab/ssh_config"
    mount --bind "$lab/ssh_config" /etc/ssh/ssh_config

    ip link set lo up
    ip link add switch type bridge
    ip address add 10.77.0.254/24 dev switch
    ip link set switch up
    if [ "$delay" != 0 ]; then
        python3 "$here/delay.py" delay "$delay" &
        until ip link set delay master switch 2>/dev/null; do kill -0 $! || exit 1; sleep 0.05; done
        ip link set delay type bridge_slave learning off
        ip link set delay up
    fi
    for i in "${!names[@]}"; do
        unshare --net --uts --ipc --mount "$self" --host "$i" "$cores" "$rate" </dev/null &
        local sshd=$!
        until ip link show "riffle$i" >/dev/null 2>&1; do kill -0 $sshd || exit 1; sleep 0.02; done
        limit "riffle$i"
        if [ "$delay" != 0 ]; then detour "$i"; fi
        ip link set "riffle$i" up
        until (: <"/dev/tcp/riffle$i/22") 2>/dev/null; do kill -0 $sshd || exit 1; sleep 0.02; done
    done

    export HOSTS
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_orte_default_hostfile=$lab/openmpi OMPI_MCA_orte_tmpdir_base=$lab/tmp OMPI_MCA_hwloc_base_binding_policy=none # keeps the host's cores
    export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,tcp # a rank and others of its host use the network too
    export HYDRA_HOST_FILE=$lab/mpich HYDRA_LAUNCHER=ssh UCX_TLS=self,tcp UCX_NET_DEVICES=eth0
    printf '%s slots=1\n' "${names[@]}" >"$lab/openmpi"
    printf '%s:1\n' "${names[@]}" >"$lab/mpich"
    trap : INT
    local status=0
    "$@" || status=$?
    exit $status
}

hosts=2 cores=1 rate='' delay=0
case "${1:-}" in
    --inside) hosts=$2 cores=$3 rate=$4 delay=$5; shift 5; inside "$@" ;;
    --host) cores=$3 rate=$4; host "$2" ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
        --hosts) hosts=${2:?} ;;
        --cores) cores=${2:?} ;;
        --rate) rate=${2:?} ;;
        --delay)
            case ${2:?} in
                *us) delay=${2%us} ;;
                *ms) delay=$((${2%ms} * 1000)) ;;
                *) fail "--delay $2 has no unit: write 100us or 2ms" ;;
            esac ;;
        --) shift; break ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \?//p}' "$self"; exit ;;
        *) fail "there is no option $1; see --help. The command comes behind --" ;;
    esac
    shift 2
done
[ $# -gt 0 ] || fail "which command? Write it behind --, for example: hosts.sh -- mpirun -n 2 hostname"
[ "$(id -u)" = 0 ] || fail "needs root: namespaces and sshd cannot be had without it"
for tool in ip tc nsenter setpriv taskset ssh-keygen /usr/sbin/sshd; do
    command -v $tool >/dev/null || fail "$tool is missing: apt-get install iproute2 util-linux openssh-server"
done

# Bash sees no signal while a command runs in the foreground. So it runs in the background, with the terminal, and with Ctrl+C as in the foreground.
trap '' INT
setpriv --pdeathsig KILL unshare --net --uts --ipc --mount --pid --mount-proc --fork --kill-child \
    env --default-signal=INT,QUIT "$self" --inside "$hosts" "$cores" "$rate" "$delay" "$@" <&0 &
lab=$!
trap 'kill -KILL $lab; wait $lab 2>/dev/null || true; exit 143' TERM HUP
status=0
wait $lab || status=$?
exit $status
