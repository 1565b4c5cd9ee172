#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# LAUNCHER=mpirun, the second way to start ranks within a job: the same bits as with srun; a USR1 and a TERM to the script, a rank that
# is killed, and a node that is lost lead back into the queue.
. "$(dirname "$0")/lib.sh"
export LAUNCHER=mpirun

whole() {
    reference
    submit mpirun
    completes
    grep -q "8 ranks on 4 nodes" "$run.out" || die "$(head -n 1 "$run.out")"
    same_bits
    no_ranks || die "ranks are left: $(ranks)"
}
# goes_on RUN SIGNAL
goes_on() {
    reference
    submit "$1"
    at 12
    on ctl scancel --batch --signal="$2" "$job" || die "the signal could not be sent"
    wait_for 60 over_or_restarted || die "a minute after the signal, job $job is still $(value JobState)"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    grep -q '^stopped after step' "$run.out" || die "it did not stop by itself: $(tail -n 5 "$run.out")"
    completes 180
    same_bits
}
usr1() { goes_on mpirun-usr1 USR1; }
term() { goes_on mpirun-term TERM; }

killed() {
    reference
    submit mpirun-killed
    at 12
    kill -9 "$(ranks n3 | tail -n 1)"
    completes 180
    same_bits
}
lost() {
    reference
    submit mpirun-lost
    at 12
    cluster down n3
    gone() { over_or_restarted && no_ranks n1 n2 n4; }
    wait_for 60 gone || die "a minute after the loss of n3, job $job is $(value JobState), ranks: $(ranks n1 n2 n4)"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    cluster up n3
    completes 240
    same_bits
}

scenario mpirun-8-ranks whole
scenario mpirun-usr1 usr1
scenario mpirun-term term
scenario mpirun-rank-killed killed
scenario mpirun-node-killed lost
