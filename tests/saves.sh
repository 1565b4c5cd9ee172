#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# When a run saves and what stays; saves that fail for a while, for good, or when the run is told to stop; options that may change and
# options that may not; the watchdog; a lock from another host: alive, and a stop while it is waited for.
. "${top_srcdir:-.}/tests/lib.sh"

few "$work/few"
saved() { # DIR: steps of its checkpoints
    ls "$1/checkpoints" | sed -n 's/^step-0*\([0-9][0-9]*\)\.h5$/\1/p' | tr '\n' ' '
}
until_said() { # PATTERN DIR
    waited=0
    until grep -q -- "$1" "$2.out" 2>/dev/null; do
        [ $waited -lt 900 ] || die "'$1' was not said in 90 seconds: $(tail -5 "$2.out")"
        sleep 0.1
        waited=$((waited + 1))
    done
}
# Epochs and steps together, the newest --keep; then seconds.
pretrain 2 "$work/often" --data="$work/few.h5" --steps=11 --checkpoint-every=3,1e --keep=100 || die "$(tail -5 "$work/often.out")"
[ "$(saved "$work/often")" = "0 3 4 6 8 9 11 " ] || die "every 3 steps and every epoch of 4: saved after $(saved "$work/often")"
pretrain 2 "$work/two" --steps=11 --checkpoint-every=2 --keep=2 || die "$(tail -5 "$work/two.out")"
[ "$(saved "$work/two")" = "10 11 " ] || die "--keep=2 kept $(saved "$work/two")"
pretrain 2 "$work/seconds" --steps=30 --checkpoint-every=0.2s --keep=100 || die "$(tail -5 "$work/seconds.out")"
count=$(saved "$work/seconds" | wc -w)
[ "$count" -gt 2 ] || die "every 0.2 seconds: saved after $(saved "$work/seconds")"

# What changes the mathematics is refused with the difference, unless it is named; what does not, is not asked about.
pretrain 2 "$work/two" --steps=12 --lr=0.02 && die "another learning rate and length were taken"
grep -q "lr: 4e-3 -> 0.02" "$work/two.out" && grep -q "steps: 11 -> 12" "$work/two.out" || die "the difference was not shown: $(tail -3 "$work/two.out")"
pretrain 2 "$work/two" --steps=12 --lr=0.02 --allow-change=steps && die "--allow-change=steps let the learning rate through"
pretrain 2 "$work/two" --steps=12 --lr=0.02 --allow-change=steps,lr --keep=5 --threads=2 --checkpoint-every=1e || die "$(tail -5 "$work/two.out")"
[ "$(steps "$work/two")" = "$(seq -s ' ' 12) " ] || die "metrics.tsv has the steps $(steps "$work/two")"

# Numbers that cease to be finite: named, never saved; what is said to be whole is.
pretrain 2 "$work/odd" --steps=40 --checkpoint-every=1 --keep=100 --optimizer=sgd --lr=10000 --lr-scaling=none --weight-decay=10 && die "nothing became infinite"
grep -q "^simclr: .*step [0-9]*" "$work/odd.out" || die "no step is named: $(tail -3 "$work/odd.out")"
last=$(sed -n 's/^the checkpoint of step \([0-9]*\) is whole and finite.*/\1/p' "$work/odd.out")
[ "$last" ] && [ "$(saved "$work/odd" | wc -w)" = $((last + 1)) ] || die "step $last is said to be whole, and there are $(saved "$work/odd")"
"$simclr" info "$work/odd" >"$work/odd.info" 2>&1 || die "$(tail -3 "$work/odd.info")"
grep -q "^info kind=run .* damaged=0 .* nonfinite=0" "$work/odd.info" || die "$(tail -1 "$work/odd.info")"
printf 'a config of before\n' >"$work/odd/config" # what a start that fails must leave
pretrain 2 "$work/odd" --steps=40 --checkpoint-every=1 --keep=100 --optimizer=sgd --lr=10000 --lr-scaling=none --weight-decay=10 --plan=gues && die "a bad plan was taken"
grep -q "^a config of before" "$work/odd/config" || die "a start that failed wrote a config"

# Saves fail while the folder is away; the run bears a few, and ends as if nothing had been.
n=72
pretrain 2 "$work/calm" --steps=$n --checkpoint-every=8 || die "$(tail -5 "$work/calm.out")"
sums "$work/calm" $n >"$work/expected"
away() { # DIR: begins a run there, whose checkpoints soon have no place
    rm -rf "$1" "$1.out"
    pretrain 2 "$1" --steps=$n --checkpoint-every=8 &
    job=$!
    until_at 9 "$1"
    mv "$1/checkpoints" "$1/away"
}
same() { # DIR
    sums "$1" $n | cmp - "$work/expected" || die "$1 ended with other weights"
    [ "$(steps "$1")" = "$(seq -s ' ' $n) " ] || die "$1/metrics.tsv has the steps $(steps "$1")"
}
away "$work/while"
until_said "A CHECKPOINT COULD NOT BE SAVED (1 in a row): .*checkpoints" "$work/while"
mv "$work/while/away" "$work/while/checkpoints"
wait $job || die "a failed save ended the run: $(tail -5 "$work/while.out")"
same "$work/while"

away "$work/good"
wait $job
status=$?
[ $status = 1 ] || die "no save succeeded any more: exit status $status: $(tail -5 "$work/good.out")"
grep -q "(5 in a row)" "$work/good.out" || die "it did not try five times: $(grep "SAVED" "$work/good.out")"
[ "$(tail -n 1 "$work/good/metrics.tsv" | cut -f1)" -lt $n ] || die "it went on to the end with nothing saved"
mv "$work/good/away" "$work/good/checkpoints"
pretrain 2 "$work/good" --steps=$n --checkpoint-every=8 || die "$(tail -5 "$work/good.out")"
same "$work/good"

# Told to stop where it cannot save: resumable still, from the older checkpoint.
away "$work/stop"
kill -USR1 $(ranks_of pretrain "run-dir=$work/stop" | tail -n 1)
wait $job
status=$?
[ $status = 75 ] || die "stopped without a place for the checkpoint: exit status $status: $(tail -5 "$work/stop.out")"
grep -q "BUT THE LAST CHECKPOINT IS AN OLDER ONE" "$work/stop.out" || die "$(tail -5 "$work/stop.out")"
mv "$work/stop/away" "$work/stop/checkpoints"
pretrain 2 "$work/stop" --steps=$n --checkpoint-every=8 || die "$(tail -5 "$work/stop.out")"
same "$work/stop"

# A rank hangs: the other says where it waits, and the job ends; its status is none of the program's own.
pretrain 2 "$work/hang" --steps=4000 --watchdog=8 &
job=$!
until_at 3 "$work/hang"
hanging=$(ranks_of pretrain "run-dir=$work/hang")
kill -STOP "$(echo "$hanging" | tail -n 1)"
wait $job
status=$?
case $status in 0 | 1 | 2 | 75 | 124) die "a rank hung: exit status $status: $(tail -5 "$work/hang.out")" ;; esac
grep -q "rank [01] on .* of step [0-9]* has not ended for [0-9]* seconds; ending the job" "$work/hang.out" || die "the watchdog does not say where: $(tail -5 "$work/hang.out")"
for pid in $hanging; do
    waited=0
    while kill -0 "$pid" 2>/dev/null && [ $waited -lt 200 ]; do sleep 0.1; waited=$((waited + 1)); done
    kill -0 "$pid" 2>/dev/null && { kill -9 "$pid"; die "rank $pid was still there 20 seconds later"; }
done

# The same of a command that makes no steps.
timeout 300 "$mpirun" 2 "$simclr" probe --checkpoint="$work/calm" --train="$work/few.h5" --test="$work/data.h5" \
    --threads=1 --method=linear-sgd --epochs=1000000 --watchdog=8 >"$work/probe.out" 2>&1 &
job=$!
until_said "^raw: " "$work/probe"
hanging=$(ranks_of probe "checkpoint=$work/calm")
kill -STOP "$(echo "$hanging" | tail -n 1)"
wait $job
status=$?
case $status in 0 | 1 | 2 | 75 | 124) die "a rank of a probe hung: exit status $status: $(tail -5 "$work/probe.out")" ;; esac
grep -q "rank [01] on .*: [a-z ]* has not ended for [0-9]* seconds; ending the job" "$work/probe.out" || die "the watchdog of a probe does not say where: $(tail -5 "$work/probe.out")"
for pid in $hanging; do
    waited=0
    while kill -0 "$pid" 2>/dev/null && [ $waited -lt 200 ]; do sleep 0.1; waited=$((waited + 1)); done
    kill -0 "$pid" 2>/dev/null && { kill -9 "$pid"; die "rank $pid of a probe was still there 20 seconds later"; }
done
for command in $("$simclr" --help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do # bench is two words: somebody looks at it
    case $command in pack | views | export | import | info | map | report | compare | simclr) continue ;; esac # alone, and no MPI
    "$simclr" "$command" --help | grep -q -- --watchdog= || die "$command may run under MPI, and has no watchdog"
done

# Of a holder on another host, only its touch is seen: one that touches is alive; one that has not for a minute is gone.
echo "elsewhere 4711 1 99 0 $(date +%s)" >"$work/two/lock"
(while [ -e "$work/two/lock" ]; do touch "$work/two/lock"; sleep 1; done) &
pretrain 2 "$work/two" --steps=12 --allow-change=lr && die "a lock held on another host was taken"
grep -q "another job works in this run directory: process 4711 on elsewhere, Slurm job 99 since" "$work/two.out" || die "$(tail -3 "$work/two.out")"
rm "$work/two/lock"
wait $!
echo "elsewhere 4711 1 99 0 $(date +%s)" >"$work/two/lock"
before=$(ls -A "$work/two")
: >"$work/two.out"
pretrain 2 "$work/two" --steps=12 --lr=0.02 &
job=$!
until_said "process 4711 on elsewhere, Slurm job 99; waiting for a sign of life" "$work/two"
kill -TERM $(ranks_of pretrain "run-dir=$work/two")
wait $job
status=$?
[ $status = 75 ] || die "told to stop while it waited for a lock: exit status $status: $(tail -3 "$work/two.out")"
grep -q "told to stop while waiting for .*two/lock" "$work/two.out" || die "$(tail -5 "$work/two.out")"
[ "$before" = "$(ls -A "$work/two")" ] || die "waiting for a lock left files: $(ls -A "$work/two")"
rm "$work/two/lock"
echo "runs save when they should, and bear it where they cannot"
