#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# jobs/batch8192.sh, smaller: 8 ranks and microbatches, remainders everywhere, the same first loss as one rank; and what it says of memory.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
SIMCLR=$simclr DATA=$work/data.h5 RUN_DIR=$work/run RANKS=8 BATCH=403 MICROBATCH=100 WIDTH=1/16 STEPS=2 \
    timeout 200 sh "$top/jobs/batch8192.sh" >out 2>err || die "$(tail -5 out err)"
grep -q "relative difference" out || die "$(cat out)"
grep -q "5 microbatches of at most 81 images" err || die "does not say its microbatches: $(cat err)"
grep -q "memory of a rank: " err || die "does not state its memory: $(cat err)"
[ "$(steps run)" = "1 2 " ] || die "steps: $(steps run)"
