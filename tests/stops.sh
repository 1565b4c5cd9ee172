#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What stops a run before its end, each with a checkpoint of the last step, status 75 and the reason in words: signals, the file RUN/stop, time,
# a dataset that cannot be read. Gone on with, it is the run that was never stopped.
. "${top_srcdir:-.}/tests/lib.sh"
unset SLURM_JOB_END_TIME
far=1000000
few "$work/few"

# stopped DIR STATUS REASON: how the run in DIR ended
stopped() {
    [ "$2" = 75 ] || die "$1: exit status $2, not 75: $(tail -5 "$1.out")"
    grep -q "^stopped after step [0-9]* of [0-9]* ($3" "$1.out" || die "$1: is not said to have stopped for '$3': $(tail -5 "$1.out")"
    saved=$(sed 's/^step-0*\([0-9]*\)\.h5$/\1/' "$1/checkpoints/latest")
    [ "${saved:-0}" = "$(tail -n 1 "$1/metrics.tsv" | cut -f1)" ] || die "$1: the last step is $(tail -n 1 "$1/metrics.tsv" | cut -f1), the last checkpoint ${saved:-0}"
}
# Under nohup a program leaves SIGHUP ignored, as it should: here it must not be.
reset=
env --default-signal=HUP true 2>/dev/null && reset="env --default-signal=HUP"
alone() { # DIR OPTIONS...: one rank without a launcher, in the background: a signal reaches it and nobody else
    dir=$1
    shift
    $reset "$simclr" pretrain --preset=fashion-mnist --data="$work/few.h5" --run-dir="$dir" --width=1/16 --batch=16 --warmup-epochs=0.02 --threads=1 \
        --checkpoint-every=$far "$@" >>"$dir.out" 2>&1 &
    job=$!
}
for signal in HUP QUIT XCPU INT; do
    alone "$work/$signal" --steps=$far
    until_at 2 "$work/$signal"
    kill -$signal $job
    wait $job
    status=$?
    grep -q "^stopping after this step" "$work/$signal.out" || die "SIG$signal: nothing was said at once: $(tail -5 "$work/$signal.out")"
    case $signal in INT) stopped "$work/$signal" $status "Ctrl-C" ;; *) stopped "$work/$signal" $status "SIG$signal" ;; esac
done

# The file: during the run, to which no signal need find its way, and before a start.
alone "$work/file" --steps=$far
until_at 2 "$work/file"
touch "$work/file/stop"
wait $job
stopped "$work/file" $? "the file $work/file/stop"
[ -e "$work/file/stopped" ] && [ ! -e "$work/file/stop" ] || die "the file is still there: $(ls "$work/file")"
touch "$work/file/stop"
before=$(cat "$work/file/metrics.tsv")
: >"$work/file.out"
alone "$work/file" --steps=$far
wait $job
stopped "$work/file" $? "the file $work/file/stop), before any step of this start"
[ "$before" = "$(cat "$work/file/metrics.tsv")" ] || die "a step was made where the file was there before: $(tail -1 "$work/file/metrics.tsv")"
[ ! -e "$work/file/stop" ] && [ -e "$work/file/stopped" ] || die "the next start would stop too: $(ls "$work/file")"
alone "$work/file" --steps=$far --time-limit=0.01
wait $job
[ ! -e "$work/file/stopped" ] || die "a start that was not told to stop leaves the mark of the one before"

# Time: what is left over from another job is said and does not count; a limit is named.
: >"$work/file.out"
SLURM_JOB_END_TIME=86400 pretrain 2 "$work/left" --steps=4 || die "$(tail -5 "$work/left.out")"
[ "$(grep -c "SLURM_JOB_END_TIME=86400 is past (1970-01-0.*unset it, or give --time-limit" "$work/left.out")" = 1 ] || die "a job's end that is past: $(cat "$work/left.out")"
for seconds in 6 30 120; do # a busy machine may take longer to start than the job has
    : >"$work/end.out"
    SLURM_JOB_END_TIME=$(($(date +%s) + seconds)) alone "$work/end" --steps=$far
    waited=0
    until grep -q "^stopped\|is past" "$work/end.out"; do [ $waited -lt 2000 ] || die "its end does not stop it: $(tail -5 "$work/end.out")"; sleep 0.1; waited=$((waited + 1)); done
    grep -q "is past" "$work/end.out" || break
    kill -TERM $job
    wait $job
done
wait $job
stopped "$work/end" $? "the job's end, SLURM_JOB_END_TIME=[0-9]*, leaves no room"
for step in 1 2; do # too short for anything, it still leads somewhere
    pretrain 1 "$work/short" --steps=$far --time-limit=0.01
    stopped "$work/short" $? "the time limit, --time-limit=0.01, leaves no room"
    [ "$saved" = $step ] || die "start $step under a limit that is too short ended at step $saved"
done

# A dataset of which a part cannot be read, for good, and for a while; all ranks stop at the same step.
n=100
pretrain 2 "$work/calm" --steps=$n --batch=16 --data="$work/few.h5" || die "$(tail -5 "$work/calm.out")"
sums "$work/calm" $n >"$work/expected"
cp "$work/few.h5" "$work/cut.h5"
size=$(wc -c <"$work/cut.h5")
cut_at() { # STEP DIR: begins a run there, whose dataset loses its end
    cp "$work/few.h5" "$work/cut.h5"
    rm -rf "$2" "$2.out"
    pretrain 2 "$2" --steps=$n --batch=16 --data="$work/cut.h5" --checkpoint-every=$far &
    job=$!
    until_at "$1" "$2"
    dd if=/dev/null of="$work/cut.h5" bs=1 seek=$((size * 3 / 4)) 2>/dev/null
}
whole() { # DIR
    sums "$1" $n | cmp - "$work/expected" || die "$1 ended with other weights"
    [ "$(steps "$1")" = "$(seq -s ' ' $n) " ] || die "$1/metrics.tsv has the steps $(steps "$1")"
}
cut_at 2 "$work/cut"
wait $job
stopped "$work/cut" $? "\(rank 1 (.*): \)\{0,1\}$work/cut.h5: "
[ "$(grep -c "warning.*cut.h5: .*trying again in" "$work/cut.out")" -ge 3 ] || die "it did not try again: $(tail -5 "$work/cut.out")"
cp "$work/few.h5" "$work/cut.h5"
pretrain 2 "$work/cut" --steps=$n --batch=16 --data="$work/cut.h5" --checkpoint-every=$far || die "$(tail -5 "$work/cut.out")"
whole "$work/cut"
cut_at 2 "$work/while"
waited=0
until grep -q "trying again in" "$work/while.out"; do [ $waited -lt 900 ] || die "it tries nothing again: $(tail -5 "$work/while.out")"; sleep 0.1; waited=$((waited + 1)); done
cp "$work/few.h5" "$work/cut.h5"
wait $job || die "a dataset that was away for a moment ended the run: $(tail -5 "$work/while.out")"
whole "$work/while"

# Damage before the first step of a start is no reason to come back.
cp "$work/few.h5" "$work/cut.h5"
dd if=/dev/zero of="$work/cut.h5" bs=1 seek=$((size / 3)) count=100000 conv=notrunc 2>/dev/null
pretrain 2 "$work/damaged" --steps=$n --batch=16 --data="$work/cut.h5"
status=$?
[ $status = 1 ] || die "damaged images: exit status $status: $(tail -5 "$work/damaged.out")"
grep -q "^simclr: .*cut.h5: image [0-9]* is damaged" "$work/damaged.out" || die "$(tail -5 "$work/damaged.out")"
echo "stopped runs say why, and lose nothing"
