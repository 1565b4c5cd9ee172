#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The number of ranks and threads changes the speed and nothing else: the first losses of 1, 2, 3 and 4 ranks on the same batch agree to
# 1e-5, so do the norms of the first gradient (test_step compares the gradients themselves).
. "${top_srcdir:-.}/tests/lib.sh"
pretrain 1 "$work/1" --steps=2 --optimizer=sgd --lr=0.1 --warmup-epochs=0 || die "$(tail -5 "$work/1.out")"
for ranks in 2 3 4; do
    pretrain $ranks "$work/$ranks" --steps=2 --optimizer=sgd --lr=0.1 --warmup-epochs=0 || die "$(tail -5 "$work/$ranks.out")"
done
pretrain 1 "$work/threads" --steps=2 --optimizer=sgd --lr=0.1 --warmup-epochs=0 --threads=2 || die "$(tail -5 "$work/threads.out")"
for other in 2 3 4 threads; do
    paste "$work/1/metrics.tsv" "$work/$other/metrics.tsv" | awk -F'\t' -v who=$other '
        !/^#/ { half = NF / 2; d = $3 / $(half + 3) - 1; g = $9 / $(half + 9) - 1
                if (d * d > 1e-10 || g * g > 1e-8) { print who ": step " $1 ": loss " $3 " and " $(half + 3) ", gradient " $9 " and " $(half + 9); bad = 1 } }
        END { exit bad }' || exit 1
done
echo "the same losses on 1, 2, 3 and 4 ranks, and on 2 threads"
