# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scenarios, with CLUSTER set to the folder of a running cluster (run.sh starts one). A scenario is a function: it ends
# with 0, or says why not. Every wait has an end.
here=$(cd "$(dirname "$0")" && pwd)
: "${CLUSTER:?is set by tests/cluster/run.sh}"
work=$CLUSTER/work
export SIMCLR="$work/simclr" NODES=4 RANKS_PER_NODE=2
export OMPI_MCA_mpi_yield_when_idle=1 # the cores have to be shared
steps=60
nodes="n1 n2 n3 n4"

on() { # NODE COMMAND...
    sh "$here/cluster.sh" in "$CLUSTER" "$@"
}
cluster() { # down, up, cut, join NODE; pace [RATE]
    what=$1
    shift
    sh "$here/cluster.sh" "$what" "$CLUSTER" "$@"
}
wait_for() { # SECONDS COMMAND...
    end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt $end ] || return 1
        sleep 0.2
    done
}
die() {
    echo "$*"
    exit 1
}

# submit RUN OPTIONS...: jobs/pretrain.sh into the queue, in a run directory RUN; its number in $job, what it says in RUN.out.
submit() {
    run=$work/$1
    shift
    answer=$(EXTRA_SBATCH="--output=$run.out ${sbatch:-}" on ctl sh "$work/jobs/submit.sh" "$work/jobs/pretrain.sh" --preset=fashion-mnist \
        --data="$work/data.h5" --run-dir="$run" --width=1/16 --batch=64 --steps=$steps --warmup-epochs=0.02 --threads=1 --log-every=5 \
        --checkpoint-every=6 "$@" 2>&1) || die "sbatch: $answer"
    job=${answer##* }
}
# value KEY: of $job, as Slurm shows it
value() {
    on ctl scontrol -o show job "$job" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -1
}
in_state() { # STATE...
    state=$(value JobState)
    for wanted in "$@"; do [ "$state" = "$wanted" ] && return; done
    return 1
}
over() {
    in_state COMPLETED FAILED CANCELLED TIMEOUT NODE_FAIL
}
restarted() {
    [ "$(value Restarts)" -ge "${1:-1}" ]
}
over_or_restarted() {
    over || restarted
}
reached() { # STEP
    [ "$(tail -n 1 "$run/metrics.tsv" 2>/dev/null | cut -f1)" -ge "$1" ] 2>/dev/null
}
# at STEP: waits until the run has got there
at() {
    wait_for 60 reached "$1" || die "step $1 was not reached in a minute: $(tail -n 3 "$run.out" 2>&1)"
}
# slowly SECONDS CONDITION...: steps take seconds, for want of bandwidth, until the condition holds
slowly() {
    cluster pace 1mbit || die "the network cannot be made slow"
    wait_for "$@"
    status=$?
    cluster pace
    return $status
}
# completes [SECONDS]: the job ends well, with the last step saved
completes() {
    wait_for "${1:-90}" over || die "job $job is still $(value JobState) ($(value Reason)) after ${1:-90} seconds"
    in_state COMPLETED || die "job $job ended as $state: $(tail -n 5 "$run.out")"
    [ "$(steps_of "$run")" = "$(seq -s ' ' $steps) " ] || die "metrics.tsv has the steps $(steps_of "$run")"
    [ "$(cat "$run/checkpoints/latest")" = "$(last)" ] || die "the last checkpoint is $(cat "$run/checkpoints/latest")"
}
last() {
    printf 'step-%08d.h5' $steps
}
steps_of() { # DIR: the step column of its metrics
    grep -v '^#' "$1/metrics.tsv" | cut -f1 | tr '\n' ' '
}
sums() { # DIR: the checksums of everything in its last checkpoint
    "$SIMCLR" info --all "$1/checkpoints/$(last)" | grep '^  /'
}
# The run that nobody disturbs; made where there is none yet.
reference() {
    [ -s "$work/reference.sums" ] && return
    submit reference
    completes
    sums "$run" >"$work/reference.new"
    [ "$(wc -l <"$work/reference.new")" -gt 20 ] || die "no checksums in the reference's last checkpoint"
    mv "$work/reference.new" "$work/reference.sums"
}
same_bits() {
    sums "$run" | cmp -s - "$work/reference.sums" || die "the last checkpoint differs from the undisturbed run's"
}

# ranks [NODE...]: the processes of the program
ranks() {
    # shellcheck disable=SC2048 # words, not arguments
    for node in ${*:-$nodes}; do
        for pid in $(cluster population "$node"); do
            case $(cat "/proc/$pid/comm" 2>/dev/null) in simclr) echo "$pid" ;; esac
        done
    done
}
no_ranks() {
    [ -z "$(ranks "$@")" ]
}
idle() {
    [ "$(on ctl sinfo -h -N -o %t | grep -cx idle)" = 4 ]
}
calm() {
    [ -z "$(on ctl squeue -h)" ] && no_ranks && idle
}

# Whatever a scenario has left of the nodes: all of them are up again.
mend() {
    for node in $nodes; do
        cluster join "$node"
        slurmd=
        for pid in $(cluster population "$node"); do
            case $(cat "/proc/$pid/comm" 2>/dev/null) in slurmd) slurmd=$pid ;; esac
        done
        [ -n "$slurmd" ] || cluster up "$node"
        on ctl scontrol update "NodeName=$node" State=RESUME 2>/dev/null
    done
}

# scenario NAME FUNCTION: one line, and a calm cluster afterwards. What fails is tried once more, and both times are told: Slurm's clocks are
# coarse, and nodes that share a busy machine lose it for seconds.
scenario() {
    touch "$CLUSTER/mark"
    attempt "$1" "$2" && return
    echo "again: $1 $why"
    find "$work" -mindepth 1 -maxdepth 1 -newer "$CLUSTER/mark" ! -name 'reference*' -exec rm -rf {} +
    attempt "$1" "$2" || echo "FAILED $1 $why"
}
attempt() {
    began=$(date +%s)
    why=$("$2" 2>&1)
    status=$?
    why=$(echo "$why" | tr '\n' ' ' | cut -c1-600)
    [ $status = 0 ] || why="$why; Slurm: $(tail -n 6 "$CLUSTER/log/slurmctld" | cut -d' ' -f2- | tr '\n' ';')"
    cluster pace
    on ctl scancel --user=root 2>/dev/null
    wait_for 60 calm || {
        for pid in $(ranks); do kill -9 "$pid"; done
        [ $status != 0 ] || status=1 why="the cluster did not come to rest: $(on ctl squeue -h; on ctl sinfo -h -N -o '%n %t' | tr '\n' ' ')"
        mend
        wait_for 60 calm
    }
    [ $status = 0 ] || return 1
    echo "ok $1 $(($(date +%s) - began))"
}
