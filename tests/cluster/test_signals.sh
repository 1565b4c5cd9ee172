#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A TERM to the whole job, to its script, to its step, to one rank: the job is back in the queue within a minute, no rank is left, and
# the run ends with the bits of a run that nobody disturbed. A job that is cancelled stays so.
. "$(dirname "$0")/lib.sh"

undisturbed() {
    reference
    no_ranks || die "ranks are left: $(ranks)"
}
# goes_on RUN COMMAND...: the run is signalled in its midst
goes_on() {
    reference
    submit "$1"
    shift
    at 12
    "$@" || die "the signal could not be sent"
    wait_for 60 over_or_restarted || die "a minute after the signal, job $job is still $(value JobState)"
    over && die "job $job ended as $state: $(tail -n 5 "$run.out")"
    wait_for 10 no_ranks || in_state RUNNING || die "ranks are left: $(ranks)"
    [ "$(wc -l <"$run/restarts")" = 1 ] || die "restarts: $(cat "$run/restarts")"
    completes
    same_bits
}
to_job() { on ctl scancel --full --signal=TERM "$job"; }
to_script() { on ctl scancel --batch --signal=TERM "$job"; }
to_step() { on ctl scancel --signal=TERM "$job.0"; }
to_rank() { kill -TERM "$(ranks n3 | tail -n 1)"; }
job_signalled() { goes_on signal-job to_job; }
script_signalled() { goes_on signal-script to_script; }
step_signalled() { goes_on signal-step to_step; }
rank_signalled() { goes_on signal-rank to_rank; }

cancelled() {
    submit cancelled
    at 6
    on ctl scancel "$job"
    wait_for 30 over || die "job $job is $(value JobState) 30 seconds after scancel"
    sleep 2
    in_state CANCELLED || die "job $job was cancelled and is $state"
    no_ranks || die "ranks are left: $(ranks)"
}

scenario pretrain-8-ranks undisturbed
scenario term-whole-job job_signalled
scenario term-batch-script script_signalled
scenario term-step step_signalled
scenario term-one-rank rank_signalled
scenario cancelled-stays-so cancelled
