#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a run says of itself is true: a collapse, a loss that is worse than chance.
. "${top_srcdir:-.}/tests/lib.sh"

# One image, 64 times.
mkdir "$work/same"
{ printf '\0\0\10\3\0\0\0\100\0\0\0\34\0\0\0\34'; for i in $(seq 64); do gzip -dc $mnist/t10k-images-idx3-ubyte.gz | tail -c +17 | head -c 784; done; } >"$work/same/t10k-images-idx3-ubyte"
"$simclr" pack --split=test "$work/same" "$work/same.h5" >"$work/err" 2>&1 || die "pack: $(cat "$work/err")"
pretrain 2 "$work/collapse" --data="$work/same.h5" --batch=16 --augment=none --steps=24 || die "$(tail -5 "$work/collapse.out")"
[ "$(grep -c "warning.*collapse: since step 1 all images have had the same embedding" "$work/collapse.out")" = 1 ] || die "collapse: $(cat "$work/collapse.out")"
grep -q "^pretrain .* contrast_top1=0.0323 " "$work/collapse.out" || die "all embeddings are equal, so that one guess in 31 is right: $(tail -1 "$work/collapse.out")"
pretrain 1 "$work/above" --data="$work/same.h5" --batch=16 --temperature=0.05 --steps=102 || die "$(tail -5 "$work/above.out")"
grep -q "the loss has been above chance (3.4340)" "$work/above.out" || die "worse than chance: $(grep warning "$work/above.out")"
grep -q "within 1 %" "$work/above.out" && die "far above chance, and said to be within 1 % of it"
pretrain 1 "$work/sound" --batch=32 --steps=102 || die "$(tail -5 "$work/sound.out")"
grep "warning.*chance\|warning.*collapse" "$work/sound.out" && die "a sound run is doubted"
echo "what a run says of itself is true"
