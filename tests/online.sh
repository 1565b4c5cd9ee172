#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# --online-probe: the network learns the same bits with it and without; its accuracy rises above chance, is the same on any number of
# ranks and in pieces, and goes on bit for bit after a stop; without labels it is refused.
. "${top_srcdir:-.}/tests/lib.sh"
n=24
pretrain 2 "$work/without" --steps=$n || die "$(tail -5 "$work/without.out")"
pretrain 2 "$work/with" --steps=$n --online-probe || die "$(tail -5 "$work/with.out")"
network() {
    sums "$1" $n | grep -v /online/
}
network "$work/without" >"$work/expected"
[ "$(wc -l <"$work/expected")" -gt 20 ] || die "no checksums in the last checkpoint"
network "$work/with" | cmp - "$work/expected" || die "the network learned something else with the probe"
[ "$(sums "$work/with" $n | grep -c /online/)" = 6 ] || die "weights and both moments of the probe: $(sums "$work/with" $n | grep /online/)"
column() { # DIR NAME
    awk -F'\t' -v name="$2" '/^#/ { sub(/^# /, ""); for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1/metrics.tsv"
}
[ "$(column "$work/without" online_top1 | sort -u)" = nan ] || die "without a probe: $(column "$work/without" online_top1 | head -3)"
column "$work/without" spread | awk '!($1 > 0 && $1 <= 1) { bad = 1 } END { exit bad || !NR }' || die "spread: $(column "$work/without" spread)"
[ "$(column "$work/without" grad_norm)" = "$(column "$work/with" grad_norm)" ] || die "the probe is in grad_norm"
column "$work/with" online_top1 | tail -n 6 | awk '{ sum += $1 } END { if (!(sum / NR > 0.15 && sum / NR <= 1)) { print "accuracy of the last steps: " sum / NR; exit 1 } }' ||
    die "not above chance"

# With learning rate 0 at the first step every rank count sees the same weights.
for other in 1 3; do
    pretrain $other "$work/$other" --steps=1 --online-probe || die "$(tail -5 "$work/$other.out")"
    [ "$(column "$work/$other" online_top1)" = "$(column "$work/with" online_top1 | head -n 1)" ] || die "on $other ranks: $(column "$work/$other" online_top1)"
done
pretrain 2 "$work/pieces" --steps=3 --online-probe --microbatch=20 || die "$(tail -5 "$work/pieces.out")"
column "$work/pieces" online_top1 | awk '!($1 > 0 && $1 < 1) { print "in pieces: " $1; bad = 1 } END { exit bad || NR != 3 }' || die "in pieces"

# What it learned is not the encoder's: a run with one is judged as any other.
few "$work/few"
few "$work/others" 256
timeout 100 "$simclr" probe --checkpoint="$work/with" --train="$work/few.h5" --test="$work/others.h5" --threads=2 >"$work/out" 2>&1 || die "probe: $(tail -3 "$work/out")"
timeout 100 "$simclr" embed --checkpoint="$work/with" --data="$work/few.h5" --output="$work/h.h5" --threads=2 >"$work/out" 2>&1 || die "embed: $(tail -3 "$work/out")"

cp -r "$work/with" "$work/again"
rm "$work/again/checkpoints/step-$(printf %08d $n).h5"
pretrain 2 "$work/again" --steps=$n --online-probe || die "$(tail -5 "$work/again.out")"
[ "$(sums "$work/again" $n)" = "$(sums "$work/with" $n)" ] || die "resumed, it ended with other weights"
[ "$(column "$work/again" online_top1)" = "$(column "$work/with" online_top1)" ] || die "resumed, it had other accuracies"

few "$work/some"
rm "$work/some/t10k-labels-idx1-ubyte" "$work/some.h5"
"$simclr" pack --split=test "$work/some" "$work/unlabelled.h5" >"$work/err" 2>&1 || die "pack without labels: $(cat "$work/err")"
timeout 60 "$simclr" pretrain --preset=fashion-mnist --data="$work/unlabelled.h5" --run-dir="$work/refused" --width=1/16 --batch=64 --steps=2 \
    --online-probe >"$work/err" 2>&1
[ $? = 2 ] || die "without labels: not refused: $(tail -3 "$work/err")"
grep -q 'online-probe needs labels' "$work/err" || die "$(tail -3 "$work/err")"
echo "the online probe watches and changes nothing"
