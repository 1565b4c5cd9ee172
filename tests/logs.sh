#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# --log-format: metrics.jsonl and TensorBoard's event file are metrics.tsv in other forms, whatever ended a start: kill -9, a torn record,
# formats that are asked for later, a full file system.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$work" || exit 1
command -v python3 >/dev/null 2>&1 || { echo "skipped: no python3 here reads the logs"; exit 77; }
check() {
    python3 "$top/tests/logs.py" "$@" || die "the logs differ from metrics.tsv"
}
few train 0 && few test 300
run() {
    timeout 300 "$simclr" pretrain --preset=fashion-mnist --data=train.h5 --width=1/16 --batch=64 --warmup-epochs=1 --threads=1 \
        --checkpoint-every=4 "$@" >>out 2>&1
}
run --run-dir=a --steps=9 --log-format=tsv,jsonl,tensorboard --online-probe || die "$(tail -5 out)"
check a

# Killed, its last records torn, then gone on with.
run --run-dir=b --steps=100000 --log-format=jsonl,tensorboard &
until_at 14 b
kill -9 "$(cut -d' ' -f2 b/lock)"
wait
printf 'torn {"time": 1.000, "step": 15' >>b/metrics.jsonl
head -c 40 b/events.out.tfevents.simclr >>b/events.out.tfevents.simclr.x && cat b/events.out.tfevents.simclr.x >>b/events.out.tfevents.simclr
rm b/events.out.tfevents.simclr.x
saved=$(ls b/checkpoints | sed -n 's/^step-0*\([1-9][0-9]*\).h5$/\1/p' | sort -n | tail -1)
run --run-dir=b --steps=$((saved + 4)) --allow-change=steps --log-format=jsonl,tensorboard || die "$(tail -5 out)"
[ "$(tail -n 1 b/metrics.tsv | cut -f1)" = $((saved + 4)) ] || die "$(tail -5 out)"
check b

# Asked for later: what was there before is in it. A file that is damaged in the middle is made anew from there.
run --run-dir=c --steps=8 || die "$(tail -5 out)"
[ ! -e c/metrics.jsonl ] || die "jsonl that nobody asked for"
run --run-dir=c --steps=10 --allow-change=steps --log-format=tensorboard,jsonl || die "$(tail -5 out)"
check c
cp c/metrics.jsonl before && sed -i '3d' c/metrics.jsonl
printf 'X' | dd of=c/events.out.tfevents.simclr bs=1 seek=30 conv=notrunc 2>/dev/null
run --run-dir=c --steps=12 --allow-change=steps --log-format=tensorboard,jsonl || die "$(tail -5 out)"
check c
head -2 before >two && head -2 c/metrics.jsonl | cmp - two || die "the records before the damage are not those that were there"

timeout 300 "$simclr" finetune --checkpoint=a --data=train.h5 --test=test.h5 --run-dir=f --steps=4 --batch=64 --threads=1 \
    --log-format=jsonl,tensorboard >>out 2>&1 || die "$(tail -5 out)"
check f
run --run-dir=d --steps=1 --log-format=json && die "'json' was taken for a format"
grep -q "'json' is none of tsv, jsonl, tensorboard; did you mean 'jsonl'" out || die "$(tail -2 out)"
# A file that is no regular one stands in the way of no training.
mkdir -p e/metrics.jsonl
run --run-dir=e --steps=2 --log-format=jsonl || die "a folder in the place of a log stopped the run: $(tail -5 out)"
grep -q "e/metrics.jsonl: cannot be .* it is a folder.*; trying again at the next checkpoint" out || die "$(tail -5 out)"
