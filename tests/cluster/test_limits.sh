#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Time limits and requeues: Slurm's clock, Slurm's signal, early and late, --time-limit, scontrol requeue; and the two guards that keep a job which
# makes no headway out of the queue.
. "$(dirname "$0")/lib.sh"

once() {
    [ "$(wc -l <"$run/restarts")" = 1 ] || die "restarts: $(cat "$run/restarts")"
}

# A minute is the shortest limit that Slurm has; the signal ahead of it is put out of effect.
clock() {
    reference
    sbatch="--time=1 --signal=CONT@1" submit limit-clock
    at 2
    slowly 110 over_or_restarted || die "job $job is still $(value JobState) after its minute"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    grep -q '^stopped after step' "$run.out" || die "it did not stop by itself: $(tail -n 5 "$run.out")"
    grep -q 'TIME LIMIT' "$run.out" && die "the limit came first: $(tail -n 5 "$run.out")"
    once
    completes
    same_bits
}
# The script's own --signal=TERM@180, which Slurm sends up to a minute too early. Only one start is limited.
signal() {
    reference
    sbatch="--time=4" submit limit-signal
    at 2
    slowly 110 over_or_restarted || die "no signal came: job $job is still $(value JobState)"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    grep -q '^stopped after step' "$run.out" || die "it did not stop by itself: $(tail -n 5 "$run.out")"
    on ctl scontrol update "JobId=$job" TimeLimit=UNLIMITED || die "the limit stays"
    completes
    same_bits
}
# A signal while ranks are being started: it may kill them, or find nobody. The run ends as it should.
starting() {
    for pid in $(cluster population n1); do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in srun) return ;; esac
    done
    return 1
}
early() {
    reference
    submit signal-early
    wait_for 30 starting || die "no srun on n1: job $job is $(value JobState)"
    on ctl scancel --batch --signal=TERM "$job" || die "the signal could not be sent"
    wait_for 60 over_or_restarted || die "a minute after the signal, job $job is still $(value JobState)"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    once
    completes 180
    same_bits
}
# Steps take seconds: another one, and two saves, would be too late.
option() {
    reference
    submit limit-option --time-limit=30
    at 2
    slowly 60 over_or_restarted || die "it goes on towards its limit: $(tail -n 3 "$run.out")"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    completes 240
    same_bits
    grep -q '^stopped after step' "$run.out" || die "it did not stop by itself: $(tail -n 5 "$run.out")"
    [ "$(grep -c '^stopped after step' "$run.out")" = "$(wc -l <"$run/restarts")" ] || die "stops: $(grep '^stopped' "$run.out")"
}
requeue() {
    reference
    submit requeue
    at 12
    on ctl scontrol requeue "$job" || die "scontrol requeue failed"
    wait_for 60 restarted || die "a minute after scontrol requeue, job $job is still $(value JobState)"
    completes
    same_bits
}
often() {
    MAX_RESTARTS=2 submit often --time-limit=3
    wait_for 180 over || die "job $job is still $(value JobState)"
    in_state FAILED || die "job $job ended as $state"
    [ "$(value Restarts)" = 1 ] || die "it was restarted $(value Restarts) times"
    grep -q 'restarted 2 times; not put back' "$run.out" || die "$(tail -n 5 "$run.out")"
}
scenario time-limit-by-clock clock
scenario time-limit-by-signal signal
scenario signal-while-ranks-start early
scenario time-limit-option option
scenario scontrol-requeue requeue
scenario guard-too-many-restarts often
