#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A Slurm cluster on one machine, for tests: a controller (ctl) and four nodes (n1 .. n4), each in a network, UTS and mount
# namespace of its own with its own hostname, /tmp and /dev/shm, joined by a bridge inside the controller's namespace. Nothing
# outside these namespaces and DIR is touched. DIR must lie outside /tmp (each node has its own there) and is seen by all.
#
#   cluster.sh start DIR        exit status 77 and a reason where it cannot be had
#   cluster.sh stop DIR         always cleans up, whatever state things are in
#   cluster.sh in DIR NODE COMMAND...     runs COMMAND on ctl or a node, in DIR
#   cluster.sh down DIR NODE    kills slurmd and every process of the node;  up DIR NODE  starts its slurmd again
#   cluster.sh cut DIR NODE     takes the node's network away;               join DIR NODE  gives it back
#   cluster.sh pace DIR [RATE]  each node sends no faster: so that steps of a small network last tenths of seconds on any machine, or
#                               (1mbit) seconds
set -u
what=${1:?start, stop, in, down, up, cut, join or pace}
dir=${2:?folder}
shift 2
nodes="n1 n2 n3 n4"

name() { # of the cluster, in names of namespaces
    cat "$dir/id"
}
keeper() { # the process that holds NODE's namespaces
    cat "$dir/keeper.$1"
}
inside() {
    where=$(keeper "$1")
    shift
    nsenter -t "$where" --net --uts --mount env --chdir="$dir" SLURM_CONF="$dir/slurm.conf" "$@"
}

skip() {
    echo "no test cluster here: $1"
    exit 77
}

check() {
    [ "$(id -u)" = 0 ] || skip "needs root for namespaces"
    for tool in slurmctld slurmd munged srun ip nsenter unshare; do
        command -v $tool >/dev/null 2>&1 || skip "$tool is not installed (slurm-wlm munge iproute2)"
    done
    unshare --net --uts --mount true 2>/dev/null || skip "namespaces are not allowed"
    case $(realpath -m "$dir") in /tmp/* | /dev/shm/*) skip "$dir lies below /tmp, which every node has of its own" ;; esac
}

# machine NODE ADDRESS: namespaces and their keeper
machine() {
    ip netns add "$tag-$1" || return 1
    nsenter --net="/var/run/netns/$tag-$1" unshare --uts --mount --propagation private sh -c "
        hostname $1
        mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /dev/shm && mount --bind '$dir/hosts' /etc/hosts || exit 1
        echo \$\$ >'$dir/keeper.$1'
        exec sleep 86400" </dev/null >>"$dir/log/keeper" 2>&1 &
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s "$dir/keeper.$1" ] && break
        sleep 0.1
    done
    [ -s "$dir/keeper.$1" ] || return 1
    inside "$1" ip link set lo up
}

wait_for() { # SECONDS COMMAND...
    left=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 0.2
    done
}
idle() {
    [ "$(inside ctl sinfo -h -N -o '%t' | grep -cx idle)" = 4 ]
}
pace() { # [RATE]
    for node in $nodes; do
        inside $node tc qdisc replace dev eth0 root tbf rate "${1:-100mbit}" burst 16kb limit 8mb || return 1
    done
}
slurmd_up() {
    inside "$1" slurmd -D -N "$1" </dev/null >>"$dir/log/$1.out" 2>&1 &
}

start() {
    check
    mkdir -p "$dir/log" "$dir/munge" "$dir/state" "$dir/spool" || exit 1
    dir=$(realpath "$dir")
    tag=clr$$
    echo "$tag" >"$dir/id"
    chmod 755 "$dir"
    {
        echo "127.0.0.1 localhost"
        echo "10.77.0.1 ctl"
        i=1
        for node in $nodes; do
            i=$((i + 1))
            echo "10.77.0.$i $node"
        done
    } >"$dir/hosts"
    cat >"$dir/slurm.conf" <<END
ClusterName=simclr
SlurmctldHost=ctl
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CredType=cred/munge
MpiDefault=pmix
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0,requeue_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=5
KillOnBadExit=1
SlurmdTimeout=20
MessageTimeout=10
BatchStartTimeout=10
MinJobAge=3600
OverTimeLimit=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=n[1-4] CPUs=2 State=UNKNOWN
PartitionName=main Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP
END
    chown -R munge "$dir/munge" && chmod 755 "$dir/munge" || exit 1
    dd if=/dev/urandom of="$dir/munge/key" bs=128 count=1 2>/dev/null
    chown munge "$dir/munge/key" && chmod 400 "$dir/munge/key"
    setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
        --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" </dev/null >>"$dir/log/munged" 2>&1 &
    echo $! >"$dir/munged.pid"
    wait_for 10 test -S "$dir/munge/socket" || { cat "$dir/log/munged" >&2; return 1; }

    machine ctl || return 1
    inside ctl ip link add br0 type bridge || return 1
    inside ctl ip address add 10.77.0.1/24 dev br0
    inside ctl ip link set br0 up
    i=1
    for node in $nodes; do
        i=$((i + 1))
        machine $node || return 1
        inside ctl ip link add "v$node" type veth peer name eth0 netns "$(keeper $node)" || return 1
        inside ctl ip link set "v$node" master br0 up
        inside $node ip address add 10.77.0.$i/24 dev eth0
        inside $node ip link set eth0 up
        mkdir -p "$dir/spool/$node"
    done
    pace || return 1
    inside ctl slurmctld -D </dev/null >>"$dir/log/slurmctld.out" 2>&1 &
    for node in $nodes; do slurmd_up $node; done
    wait_for 40 idle || { inside ctl sinfo -N -l >&2; for log in "$dir"/log/*; do tail -n 5 "$log" >&2; done; return 1; }
}

# Every process in the network namespace of NODE, the keeper aside.
population() {
    space=$(readlink "/proc/$(keeper "$1")/ns/net") || return 0
    for process in /proc/[0-9]*; do
        pid=${process#/proc/}
        [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$space" ] && [ "$pid" != "$(keeper "$1")" ] && echo "$pid"
    done
}

stop() {
    [ -f "$dir/id" ] || return 0
    tag=$(name)
    for node in ctl $nodes; do
        [ -s "$dir/keeper.$node" ] || continue
        for pid in $(population $node); do kill -9 "$pid" 2>/dev/null; done
        kill -9 "$(keeper $node)" 2>/dev/null
    done
    [ -s "$dir/munged.pid" ] && kill "$(cat "$dir/munged.pid")" 2>/dev/null
    for node in ctl $nodes; do ip netns delete "$tag-$node" 2>/dev/null; done
    sleep 0.3
    rm -rf "$dir"
}

dir=$(realpath -m "$dir")
case $what in
start)
    trap 'stop; exit 1' HUP INT TERM
    start || { echo "the cluster did not start" >&2; stop; exit 1; } ;;
stop) stop ;;
in) inside "$@" ;;
down) for pid in $(population "$1"); do kill -9 "$pid" 2>/dev/null; done ;;
up)
    exec >>"$dir/log/$1.out" 2>&1 # whoever called waits for nothing
    slurmd_up "$1" ;;
population) population "$1" ;;
cut) inside ctl ip link set "v$1" down ;;
pace) pace "$@" ;;
join) inside ctl ip link set "v$1" up ;;
*) echo "cluster.sh: '$what' is not understood" >&2; exit 2 ;;
esac
