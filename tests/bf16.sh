#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs with --dtype=bf16: a restart is the same run, another dtype is another run, other ranks, a microbatch and processors without the
# instructions train the same thing within bf16's rounding, and what reads a checkpoint reads these.
. "${top_srcdir:-.}/tests/lib.sh"
n=12
pretrain 2 "$work/calm" --steps=$n --dtype=bf16 || die "$(tail -5 "$work/calm.out")"
sums "$work/calm" $n >"$work/expected"
[ "$(wc -l <"$work/expected")" -gt 20 ] || die "no checksums in the last checkpoint"

# Killed twice, and gone on: the same bits, and every step once.
for stop in 3 8; do
    pretrain 2 "$work/run" --steps=$n --dtype=bf16 --checkpoint-every=2 &
    job=$!
    until_at $stop "$work/run"
    for rank in $(ranks_of pretrain "run-dir=$work/run"); do kill -KILL "$rank" 2>/dev/null; done
    wait $job && die "a killed run ended with 0"
done
pretrain 2 "$work/run" --steps=$n --checkpoint-every=2 || die "$(tail -5 "$work/run.out")"
sums "$work/run" $n | cmp - "$work/expected" || die "the run that was killed ended with other weights"
[ "$(steps "$work/run")" = "$(seq 1 $n | tr '\n' ' ')" ] || die "metrics.tsv has the steps $(steps "$work/run")"

# close A B: the losses of the first step, of the same weights. z has 2 L roundings of about 2^-9 behind it, L = 20 units: 1.2 % of it. Later
# steps are not compared: rounding errors grow from step to step.
close() {
    paste "$work/$1/metrics.tsv" "$work/$2/metrics.tsv" | awk -F'\t' '$1 == 1 { d = ($3 - $(NF / 2 + 3)) / $3; ok = d < 0.012 && d > -0.012 } END { exit !ok }' ||
        die "$2: the first loss is $(sed -n '/^1\t/p' "$work/$2/metrics.tsv" | cut -f3), of $1 $(sed -n '/^1\t/p' "$work/$1/metrics.tsv" | cut -f3)"
}
pretrain 3 "$work/ranks" --steps=$n --dtype=bf16 || die "$(tail -5 "$work/ranks.out")"
close calm ranks
pretrain 2 "$work/fp32" --steps=$n || die "$(tail -5 "$work/fp32.out")"
close calm fp32
cmp -s "$work/calm/metrics.tsv" "$work/fp32/metrics.tsv" && die "bf16 has fp32's numbers"
SIMCLR_ISA=portable pretrain 2 "$work/plain" --steps=$n --dtype=bf16 || die "$(tail -5 "$work/plain.out")"
close calm plain
grep -q "dtype=bf16: this processor has no dot products of bf16" "$work/plain.out" || die "nothing is said of a processor without them: $(cat "$work/plain.out")"

# With the other dtype it is another run, unless that is asked for, and then it is said.
rm "$work/run/checkpoints/step-$(printf %08d $n).h5"
pretrain 2 "$work/run" --steps=$n --dtype=fp32 && die "the other dtype was taken for the same run"
grep -q "dtype" "$work/run.out" || die "the other dtype: $(tail -5 "$work/run.out")"
pretrain 2 "$work/run" --steps=$n --dtype=fp32 --allow-change=dtype || die "$(tail -5 "$work/run.out")"
grep -q "dtype: it was bf16 and is fp32 from here on" "$work/run.out" || die "the change is not said: $(tail -5 "$work/run.out")"

"$simclr" embed --checkpoint="$work/calm" --data="$work/data.h5" --output="$work/h.h5" >"$work/out" 2>&1 || die "embed: $(cat "$work/out")"
# Gradients that travel as bf16: the first loss is fp32's, a restart is the same run, and without --allow-change another is not.
pretrain 3 "$work/wire" --steps=4 --wire=bf16 && cp -r "$work/wire" "$work/again" && rm "$work/again/checkpoints/step-00000004.h5" || die "$(tail -5 "$work/wire.out")"
pretrain 3 "$work/full" --steps=4 || die "$(tail -5 "$work/full.out")"
[ "$(sed -n '/^1\t/p' "$work/wire/metrics.tsv" | cut -f3)" = "$(sed -n '/^1\t/p' "$work/full/metrics.tsv" | cut -f3)" ] || die "--wire=bf16 changed the first loss"
[ "$(cut -f3 "$work/wire/metrics.tsv")" != "$(cut -f3 "$work/full/metrics.tsv")" ] || die "--wire=bf16 changed nothing"
pretrain 3 "$work/again" --steps=4 || die "$(tail -5 "$work/again.out")"
[ "$(sums "$work/again" 4)" = "$(sums "$work/wire" 4)" ] || die "--wire=bf16: a restart ended with other weights"
pretrain 3 "$work/again" --steps=4 --wire=fp32 && die "another wire was taken for the same run"
grep -q "wire" "$work/again.out" || die "another wire: $(tail -5 "$work/again.out")"

few "$work/a" && few "$work/b" 256
"$simclr" finetune --checkpoint="$work/calm" --data="$work/a.h5" --test="$work/b.h5" --run-dir="$work/tuned" --steps=3 --batch=64 --dtype=bf16 \
    --threads=1 >"$work/out" 2>&1 || die "finetune: $(cat "$work/out")"
"$simclr" probe --checkpoint="$work/calm" --train="$work/a.h5" --test="$work/b.h5" --method=knn --threads=1 >"$work/out" 2>&1 || die "probe: $(cat "$work/out")"
