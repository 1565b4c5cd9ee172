#!/bin/sh
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
    rank=$(ps -eo pid,args | awk -v d="run-dir=$work/run" '/simclr pretrain/ && index($0, d) && !/mpirun/ && !/awk/ { print $1 }' | sed -n ${stop}p)
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
echo "resumed runs are the same runs"
