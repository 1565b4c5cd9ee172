#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A run that is stopped and goes on, twice within one epoch, is the run that was never stopped: the same bits, and every step once.
. "${top_srcdir:-.}/tests/lib.sh"
n=20
pretrain 2 "$work/calm" --steps=$n || die "$(tail -5 "$work/calm.out")"
sums "$work/calm" $n >"$work/expected"
[ "$(wc -l <"$work/expected")" -gt 20 ] || die "no checksums in the last checkpoint"

# A signal to one rank stops all at the same step, with a checkpoint and exit status 75.
for stop in 1 2; do
    pretrain 2 "$work/run" --steps=$n --checkpoint-every=4 &
    job=$!
    waited=0
    while [ "$(steps "$work/run" 2>/dev/null | wc -w)" -lt $((stop * 5)) ] && [ $waited -lt 600 ]; do sleep 0.05; waited=$((waited + 1)); done
    rank=$(ranks_of pretrain "run-dir=$work/run" | sed -n ${stop}p)
    kill -USR1 "$rank" 2>/dev/null
    wait $job
    status=$?
    [ $status = 75 ] || [ $status = 0 ] || die "stopped by a signal to rank process $rank: exit status $status, not 75: $(tail -5 "$work/run.out")"
    [ $status = 75 ] && stopped=1
done
[ "${stopped:-0}" = 1 ] || die "the run was over before any signal reached it"
pretrain 2 "$work/run" --steps=$n --checkpoint-every=4 || die "$(tail -5 "$work/run.out")"
sums "$work/run" $n | cmp - "$work/expected" || die "the run that was stopped ended with other weights"
[ "$(steps "$work/run")" = "$(seq 1 $n | tr '\n' ' ')" ] || die "metrics.tsv has the steps $(steps "$work/run")"

# On another number of ranks: the same samples, views and learning rates; sums differ in their last bits.
cp -r "$work/calm" "$work/other"
rm "$work/other/checkpoints/step-$(printf %08d $n).h5"
pretrain 3 "$work/other" --steps=$n || die "$(tail -5 "$work/other.out")"
for column in 2 4 8; do
    [ "$(cut -f$column "$work/other/metrics.tsv")" = "$(cut -f$column "$work/calm/metrics.tsv")" ] || die "column $column differs on 3 ranks"
done
paste "$work/calm/metrics.tsv" "$work/other/metrics.tsv" | awk -F'\t' '!/^#/ { half = NF / 2; d = ($3 - $(half + 3)) / $3; if (d > 1e-3 || d < -1e-3) bad = 1 } END { exit bad }' ||
    die "the losses on 3 ranks are not those on 2"
grep -q "made with 2 ranks on 1 node, 1 thread each, .*; this start has 3 ranks" "$work/other.out" || die "another layout is not said: $(tail -5 "$work/other.out")"

# The directory alone is enough: what makes the run's identity is taken from its config. Another preset is another run.
cp -r "$work/calm" "$work/alone"
rm "$work/alone/checkpoints/step-$(printf %08d $n).h5"
"$mpirun" 2 "$simclr" pretrain --run-dir="$work/alone" --threads=1 >"$work/alone.out" 2>&1 || die "$(tail -5 "$work/alone.out")"
sums "$work/alone" $n | cmp - "$work/expected" || die "a run that goes on by its directory alone ended with other weights"
cmp "$work/alone/metrics.tsv" "$work/calm/metrics.tsv" >/dev/null && die "nothing was trained"
"$simclr" pretrain --run-dir="$work/alone" --preset=cifar10 >"$work/alone.out" 2>&1 && die "another preset was taken for the same run"
grep -q "belongs to another run" "$work/alone.out" || die "another preset: $(tail -5 "$work/alone.out")"

# The folder of all these runs as a table: a run that nobody has begun, one that is done, one that was stopped.
mkdir -p "$work/runs/none" && cp -r "$work/calm" "$work/runs/done" && cp -r "$work/calm" "$work/runs/stopped" && rm -rf "$work/runs"/*/lock
sed -i '/^1[0-9]	/d; /^20	/d' "$work/runs/stopped/metrics.tsv"
"$simclr" info "$work/runs" >"$work/table" 2>&1 || die "info of a folder of runs: $(cat "$work/table")"
grep -q "^done  *20 .*/runs/done$" "$work/table" && grep -q "^stopped  *9 .*/runs/stopped$" "$work/table" && grep -q "^info kind=runs runs=2 " "$work/table" ||
    die "info of a folder of runs: $(cat "$work/table")"

# Which solvers convolutions have is in the checkpoint: RUN/plan may go, or be another's. The reference is slower than any that a measurement takes.
pretrain 2 "$work/measured" --steps=1 --plan=measure || die "$(tail -5 "$work/measured.out")"
mkdir "$work/planned"
sed '2,7s/ [a-z0-9]*$/ reference/' "$work/measured/plan" >"$work/planned/plan"
cp "$work/planned/plan" "$work/wanted"
[ "$(grep -c " reference$" "$work/wanted")" = 6 ] || die "no plan to try: $(cat "$work/measured/plan")"
pretrain 2 "$work/planned" --steps=8 --plan=measure --checkpoint-every=4 || die "$(tail -5 "$work/planned.out")"
cmp "$work/planned/plan" "$work/wanted" || die "a plan of this machine was not taken"
sums "$work/planned" 8 >"$work/expected"
for plan in none garbage other; do
    rm "$work/planned/checkpoints/step-$(printf %08d 8).h5" "$work/planned/plan"
    case $plan in garbage) echo "simclr-plan" >"$work/planned/plan" ;; other) cp "$work/measured/plan" "$work/planned/plan" ;; esac
    : >"$work/planned.out"
    pretrain 2 "$work/planned" --steps=8 --plan=measure --checkpoint-every=4 || die "plan $plan: $(tail -5 "$work/planned.out")"
    cmp "$work/planned/plan" "$work/wanted" || die "plan $plan: convolutions have other solvers after a resume"
    sums "$work/planned" 8 | cmp - "$work/expected" || die "plan $plan: the resume ended with other weights"
    grep "made with\|measured anew" "$work/planned.out" && die "plan $plan: nothing is another, and it is said to be"
done
rm "$work/planned/checkpoints/step-$(printf %08d 8).h5"
pretrain 2 "$work/planned" --steps=8 --plan=measure --checkpoint-every=4 --threads=2 || die "$(tail -5 "$work/planned.out")"
grep -q "made with .* 1 thread each, .*; this start has .* 2 threads each" "$work/planned.out" || die "other threads are not said: $(tail -5 "$work/planned.out")"
echo "resumed runs are the same runs"
