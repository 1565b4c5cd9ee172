#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Nodes that are lost: killed with all that runs on them, or cut off from the network while everything goes on there. Either may hold the
# batch script and rank 0 (n1) or only ranks (n3). Within a minute the job is back in the queue and no rank is left where Slurm can reach
# it; on a node that is cut off their watchdog ends them. Once the node is back, the run ends with the bits of one that nobody disturbed.
# On three nodes it goes on with the same samples, views and learning rates. And two jobs in one run directory.
. "$(dirname "$0")/lib.sh"

requeued() { # and no rank on the nodes that are left
    restarted && no_ranks $others
}
# loses RUN DOWN NODE OPTIONS...: a node goes in the midst of a run; $stale is left there
loses() {
    reference
    lost=$3 how=$2
    start=$1
    shift 3
    submit "$start" "$@"
    at 12
    others=$(echo "$nodes" | tr ' ' '\n' | grep -vx "$lost")
    cluster "$how" "$lost"
    wait_for 60 requeued || die "a minute after the loss of $lost, job $job is $(value JobState) with $(value Restarts) restarts, ranks: $(ranks $others)"
    in_state PENDING COMPLETING || die "job $job is $state without $lost"
    stale=$(ranks "$lost")
    held=$(cut -d' ' -f1,2 "$run/lock")
}
none_of() { # PIDS
    for pid in $1; do kill -0 "$pid" 2>/dev/null && return 1; done
    return 0
}
# comes_back NODE UP
comes_back() {
    cluster "$2" "$1"
    wait_for 60 none_of "$stale" || die "ranks of the lost start are left on $1: $stale"
    completes 240
    same_bits
    no_ranks || die "ranks are left: $(ranks)"
}
dead_worker() { loses dead-worker down n3 && comes_back n3 up; }
dead_host() { loses dead-host down n1 && comes_back n1 up; }
# A job of one node that starts again on the node that was lost. A socket of the last start keeps Slurm from launching the first step, and
# srun ends with 0. The run must still have all its steps. Its bits are not compared: the reference has eight ranks, this run two.
lone() {
    NODES=1 sbatch=--nodelist=n2 submit lone
    at 12
    cluster down n2
    wait_for 60 restarted || die "a minute after the loss of n2, job $job is $(value JobState)"
    cluster up n2
    completes 240
    no_ranks || die "ranks are left: $(ranks)"
}
# Slurm gives a silent node up after 20 seconds here, and the watchdog of ranks that wait for it is slower.
cut_off() { # RUN NODE
    loses "$1" cut "$2" --watchdog=35
    wait_for 60 none_of "$stale" || die "ranks are left on $2, which is cut off: $stale"
}
cut_worker() { cut_off cut-worker n3 && comes_back n3 join; }
# Slurm would start the job on n1 though its slurmd there has not heard that the last start of it is over, and drain the node and hold the
# job for that ("Duplicate jobid"): a person lets such a node back in when it is empty, with a new slurmd.
empty() { # NODE
    for pid in $(cluster population "$1"); do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in slurmstepd*) return 1 ;; esac
    done
}
let_in() {
    cluster join n1
    wait_for 120 empty n1 || die "the last start is still on n1, two minutes after it came back"
    cluster down n1
    cluster up n1
    on ctl scontrol update NodeName=n1 State=RESUME
}
cut_host() {
    cut_off cut-host n1
    on ctl scontrol update NodeName=n1 State=DRAIN Reason=cut || die "n1 cannot be drained"
    let_in
    comes_back n1 join
}

# Without the node of rank 0, whose lock nobody can drop any more.
three() {
    loses three-nodes down n1
    [ "${held%% *}" = n1 ] || die "the lock is held by $held"
    on ctl scontrol update "JobId=$job" NumNodes=3 NumTasks=6 NumCPUs=6 || die "the job cannot be made smaller"
    completes 240
    grep -q "lock: held by process ${held##* } on n1, but it is of an earlier start of this job: taken over" "$run.out" || die "no word of the old lock"
    grep -q "6 ranks on 3 nodes" "$run.out" || die "it did not go on on 3 nodes: $(grep ' ranks on ' "$run.out")"
    for column in 1 2 4 8; do # step, epoch, chance, lr
        cut -f$column "$run/metrics.tsv" | cmp -s - "$work/reference.$column" || die "column $column of metrics.tsv differs"
    done
    # Other ranks add in another order. That is a digit in the last place for some steps; then training, like all chaos, makes much of it.
    resumed=$(sed -n 's/.*going on from .*: step \([0-9]*\) of .*/\1/p' "$run.out" | tail -n 1)
    grep -v '^#' "$run/metrics.tsv" | cut -f3 | paste "$work/reference.3" - | awk '
        { d = $2 / $1 - 1; d = d < 0 ? -d : d }
        NR > '"${resumed:?}"' { if (NR <= '"$resumed"' + 6) { compared++; if (d > first) first = d } if (d > worst) worst = d }
        END { print "from step '"$resumed"' the losses differ by up to " first " in six steps, then " worst
              exit !(NR == '$steps' && compared == 6 && first < 1e-5 && worst < 5e-2) }' || die "from the losses on four nodes"
    cluster up n1
}
columns() {
    reference
    for column in 1 2 4 8; do cut -f$column "$work/reference/metrics.tsv" >"$work/reference.$column"; done
    grep -v '^#' "$work/reference/metrics.tsv" | cut -f3 >"$work/reference.3"
    three
}

# The second is refused and told who is there, by Slurm's number too; the first does not notice.
second() {
    NODES=2 submit twice
    first=$job
    at 6
    NODES=2 sbatch="--output=$work/second.out" submit twice
    slowly 60 over || die "the second job is $(value JobState)"
    in_state FAILED || die "the second job ended as $state: $(tail -n 5 "$work/second.out")"
    grep -q "another job works in this run directory: process [0-9]* on n[12], Slurm job $first since" "$work/second.out" ||
        die "the second job was not told who holds the run: $(tail -n 5 "$work/second.out")"
    job=$first
    in_state RUNNING || die "the first job was already $state"
    completes
    grep -q "lock" "$run.out" && die "the first job noticed: $(grep lock "$run.out")"
    [ ! -e "$run/lock" ] || die "the lock is left"
}
# A job that died with its node, and a new one that was not asked to go on for it: a minute without a sign of life is enough.
successor() {
    loses successor down n1
    on ctl scancel "$job"
    NODES=3 submit successor
    completes 240
    grep -q "lock: held by process ${held##* } on n1, but nobody has touched it for a minute: taken over" "$run.out" || die "$(grep lock "$run.out")"
    cluster up n1
}

scenario node-killed dead_worker
scenario node-killed-with-rank-0 dead_host
scenario only-node-killed lone
scenario network-cut cut_worker
scenario network-cut-with-rank-0 cut_host
scenario three-nodes-instead-of-four columns
scenario two-jobs-in-one-run second
scenario lock-of-a-dead-job successor
