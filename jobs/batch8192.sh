#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A global batch of 8192 images on one small machine: 8 ranks x 1024 images of Fashion-MNIST, 16,382 negatives for every anchor, ResNet-18 with
# the CIFAR stem at full width. --microbatch lets all ranks together encode 512 images at a time; the loss sees all 8192. Then the first
# step once more on one rank: it must have the same loss.
#   RANKS=8 BATCH=8192 MICROBATCH=512 STEPS=3 WIDTH=1   may be set; DATA and RUN_DIR too
set -eu
RANKS=${RANKS:-8} BATCH=${BATCH:-8192} MICROBATCH=${MICROBATCH:-512} STEPS=${STEPS:-3} WIDTH=${WIDTH:-1}
DATA=${DATA:-data/fashion-mnist-train.h5}
export NODES=1 RANKS_PER_NODE="$RANKS"
. "${SIMCLR_JOBS:-$(dirname "$0")}/common.sh"
RUN_DIR=$(path_of "${RUN_DIR:-runs/batch$BATCH}")
[ -f "$DATA" ] || { mkdir -p "$(dirname "$DATA")" && "$SIMCLR" pack --split=train /usr/share/datasets/fashion-mnist "$DATA"; }

# run DIR: STEPS steps, or as many of them as are missing there
run() {
    launch pretrain --preset=imagenet --data="$DATA" --run-dir="$1" --arch=resnet18 --width="$WIDTH" --stem=cifar --image-size=28 --batch="$BATCH" \
        --microbatch="$MICROBATCH" --optimizer=lars --lr=0.3 --warmup-epochs=0 --temperature=0.1 --augment=crop:0.35-1,flip,color:0.5 \
        --checkpoint-every=1 --log-every=1 --steps="$2"
}
run "$RUN_DIR" "$STEPS"
RANKS_PER_NODE=1
run "$RUN_DIR-one-rank" 1
loss_of() {
    awk -F'\t' '!/^#/ { print $3; exit }' "$1/metrics.tsv"
}
several=$(loss_of "$RUN_DIR") one=$(loss_of "$RUN_DIR-one-rank")
awk -v a="$several" -v b="$one" -v r="$RANKS" 'BEGIN { d = a / b - 1; d = d < 0 ? -d : d
    printf "batch: the first loss is %s on %d ranks and %s on one: relative difference %.1e\n", a, r, b, d; exit !(d <= 1e-6) }'
