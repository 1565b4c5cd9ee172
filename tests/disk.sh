#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The disk of a run, a small tmpfs, fills up after the first checkpoint. Full to the end: the run fails and says why, and the same
# command goes on once there is room. Full for a while: no row of metrics.tsv is lost.
. "${top_srcdir:-.}/tests/lib.sh"
mkdir "$work/small"
mount -t tmpfs -o size=24m tmpfs "$work/small" 2>/dev/null || { echo "no tmpfs to fill here"; exit 77; }
trap 'umount "$work/small"; rm -rf "$work"' EXIT
export dir_out="$work/out"

# begin DIR: a run in the background, its disk full once it has a row of metrics
begin() {
    : >"$work/out"
    pretrain 2 "$1" --steps=60 --checkpoint-every=$every &
    job=$!
    waited=0
    while [ "$(cat "$1/metrics.tsv" 2>/dev/null | wc -l)" -lt 2 ] && [ $waited -lt 600 ]; do sleep 0.05; waited=$((waited + 1)); done
    dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
}

for every in 1000 6; do
    run=$work/small/run-$every
    begin "$run"
    wait $job
    status=$?
    [ $status = 1 ] || die "a run whose last checkpoint found no room ended with status $status, not 1: $(tail -5 "$work/out")"
    grep -q "the last checkpoint, of step [0-9]*, could not be saved.*No space left on device" "$work/out" || die "no reason: $(tail -5 "$work/out")"
    [ ! -e "$run/checkpoints/step-00000060.h5" ] || die "the disk had room"
    rm "$work/small/filler"
    pretrain 2 "$run" --steps=60 --checkpoint-every=$every || die "did not go on: $(tail -5 "$work/out")"
    [ -e "$run/checkpoints/step-00000060.h5" ] && [ "$(steps "$run")" = "$(seq 1 60 | tr '\n' ' ')" ] || die "not whole: $(steps "$run")"
done

every=1000
begin "$work/small/while"
waited=0
until grep -q "rows wait in memory" "$work/out" || [ $waited -gt 600 ]; do sleep 0.05; waited=$((waited + 1)); done
rm "$work/small/filler"
wait $job || die "room again, and yet it failed: $(tail -5 "$work/out")"
grep -q "rows wait in memory" "$work/out" || die "the disk was never full: $(tail -5 "$work/out")"
[ "$(steps "$work/small/while")" = "$(seq 1 60 | tr '\n' ' ')" ] || die "rows were lost: $(steps "$work/small/while")"
echo "full disks lose nothing"
