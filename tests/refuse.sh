#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What is wrong is said in one line that names it; exit status not 0; nothing is overwritten.
. "${top_srcdir:-.}/tests/lib.sh"

# refused STATUS PATTERN DIR OPTIONS...
refused() {
    want=$1 pattern=$2 dir=$3
    shift 3
    : >"$dir.out"
    began=$(date +%s)
    pretrain 2 "$dir" "$@"
    status=$?
    [ $(($(date +%s) - began)) -lt 30 ] || die "$*: took longer than 30 seconds"
    said=$(grep -c '^simclr: ' "$dir.out")
    [ "$said" = 1 ] || die "$*: $said lines of complaint, not one: $(cat "$dir.out")"
    grep '^simclr: ' "$dir.out" | grep -q -- "$pattern" || die "$*: does not say '$pattern': $(cat "$dir.out")"
    [ $status = "$want" ] || die "$*: exit status $status, not $want: $(cat "$dir.out")"
}
refused 2 "dtype=bf15: must be fp32 or bf16\|dtype=bf15" "$work/a" --steps=2 --dtype=bf15
refused 2 "did you mean 'temperature'" "$work/a" --steps=2 --temprature=0.5
refused 2 "has no effect here" "$work/a" --steps=2 --margin=0.5
refused 2 "allow-change: there is no option 'tempratur'; did you mean 'temperature'" "$work/a" --steps=2 --allow-change=tempratur
refused 2 "time-limit=soon: must be seconds" "$work/a" --steps=2 --time-limit=soon
refused 2 "less than the 2 ranks\|from 2 to" "$work/a" --steps=2 --batch=1
refused 2 "more than the 10000 images" "$work/a" --steps=2 --batch=20000
refused 2 "there is no operator 'blurr'" "$work/a" --steps=2 --augment=crop,blurr
refused 1 "no-such.h5: cannot be read" "$work/a" --steps=2 --data="$work/no-such.h5"
echo "not a dataset" >"$work/text.h5"
refused 1 "text.h5: is plain text, not a dataset" "$work/a" --steps=2 --data="$work/text.h5"
head -c 100000 "$work/data.h5" >"$work/cut.h5"
refused 1 "cut.h5" "$work/a" --steps=2 --data="$work/cut.h5"

# Of several config files, the last wins; the first is read too.
echo "temprature = 1" >"$work/one.conf"
echo "temperature = 1" >"$work/two.conf"
refused 2 "one.conf:1: .*did you mean 'temperature'" "$work/a" --steps=2 --config="$work/one.conf" --config "$work/two.conf"
refused 2 "'confg'; did you mean 'config'" "$work/a" --confg=x
refused 2 "config needs a value" "$work/a" --config
"$simclr" --verison >"$work/out" 2>&1 && die "--verison is an option"
grep -q "there is no option '--verison'; did you mean '--version'" "$work/out" || die "--verison: $(cat "$work/out")"

: >"$work/run.out"
pretrain 2 "$work/run" --steps=4 --checkpoint-every=2 || die "$(tail -5 "$work/run.out")"
before=$(cat "$work/run/config" "$work/run/checkpoints/"* "$work/run/metrics.tsv" | cksum)
refused 1 "temperature: 0.2 -> 0.7" "$work/run" --steps=4 --checkpoint-every=2 --temperature=0.7
"$simclr" pack --split=train --force $mnist "$work/data2.h5" >/dev/null 2>&1
refused 1 "belongs to another run" "$work/run" --steps=4 --checkpoint-every=2 --data="$work/data2.h5"
mkdir "$work/moved" && cp -r "$work/run/checkpoints" "$work/moved" # checkpoints alone know their dataset too
refused 1 "is of another run: data: 10000 images .* with 60000 images" "$work/moved" --steps=4 --checkpoint-every=2 --data="$work/data2.h5"
[ "$before" = "$(cat "$work/run/config" "$work/run/checkpoints/"* "$work/run/metrics.tsv" | cksum)" ] || die "a refused start changed the run"

"$simclr" probe --checkpoint="$work/run" --train="$work/data.h5" --test="$work/data.h5" >"$work/probe.out" 2>&1 && die "probe tested on what it learned from"
grep -q "the test images are the training images" "$work/probe.out" || die "probe: $(cat "$work/probe.out")"
printf 'steps = 2\n' >"$work/conf"
pretrain 1 "$work/longer" --config="$work/conf" --epochs=0.02 || die "$(tail -5 "$work/longer.out")"
grep -q "^steps = 0" "$work/longer/config" && grep -q "^pretrain steps=3 " "$work/longer.out" || die "--epochs did not win over a file's steps: $(tail -1 "$work/longer.out")"

# A start that fails leaves `config` as it is; without a checkpoint, a config does not decide what the folder is for.
refused 2 "plan" "$work/begun" --steps=2 --plan=gues
[ -e "$work/begun/config" ] && die "a refused start wrote a config"
refused 2 "plan" "$work/run" --steps=9 --allow-change=steps,plan --plan=gues
[ "$before" = "$(cat "$work/run/config" "$work/run/checkpoints/"* "$work/run/metrics.tsv" | cksum)" ] || die "a refused start changed the run"
cp "$work/run/config" "$work/begun/config"
pretrain 2 "$work/begun" --steps=2 --batch=32 || die "a refused start stands in the way: $(tail -5 "$work/begun.out")"

# A damaged newest checkpoint is skipped with its reason.
newest=$work/run/checkpoints/step-00000004.h5
size=$(wc -c <"$newest")
dd if=/dev/null of="$newest" bs=1 seek=$((size / 2)) 2>/dev/null
: >"$work/run.out"
pretrain 2 "$work/run" --steps=4 --checkpoint-every=2 || die "a cut checkpoint stopped the run: $(tail -5 "$work/run.out")"
grep -q "step-00000004.h5" "$work/run.out" || die "the cut checkpoint was not named: $(cat "$work/run.out")"
grep -q "going on from .*step-00000002.h5" "$work/run.out" || die "the older checkpoint was not taken: $(cat "$work/run.out")"
[ -e "$newest" ] && [ -e "$newest.bad" ] || die "the cut checkpoint was not set aside: $(ls "$work/run/checkpoints")"

# Others' files in a run directory are theirs; what a killed job left of its own goes, from whatever host.
echo mine >"$work/run/notes.tmp-2026-11"
echo half >"$work/run/metrics.tsv.tmp-elsewhere-12"
pretrain 2 "$work/run" --steps=4 --checkpoint-every=2 || die "$(tail -5 "$work/run.out")"
[ -e "$work/run/notes.tmp-2026-11" ] || die "a file of the user's was removed"
[ ! -e "$work/run/metrics.tsv.tmp-elsewhere-12" ] || die "a temporary file of a job that died was left"

# Names of a run's own files that are taken by something else: refused at once, not waited for, not followed, not changed.
echo precious >"$work/precious"
for name in lock config log metrics.tsv plan checkpoints/latest; do
    for what in pipe folder link; do
        rm -rf "$work/odd"
        mkdir -p "$work/odd/checkpoints"
        case $what in
        pipe) mkfifo "$work/odd/$name" ;;
        folder) mkdir "$work/odd/$name" ;;
        link) ln -s "$work/precious" "$work/odd/$name" ;;
        esac
        timeout 30 "$simclr" pretrain --preset=fashion-mnist --data="$work/data.h5" --run-dir="$work/odd" --width=1/16 --batch=64 --threads=1 \
            --warmup-epochs=0.02 --steps=2 >"$work/odd.out" 2>&1
        status=$?
        [ $status = 1 ] && grep -q "^simclr: .*odd/$name: .* it is a $what" "$work/odd.out" || die "$name is a $what: exit status $status: $(cat "$work/odd.out")"
        [ "$(find "$work/odd" | wc -l)" = 3 ] || die "$name is a $what, and files were made: $(find "$work/odd")"
    done
done
[ "$(cat "$work/precious")" = precious ] || die "a link was written through"

# Two jobs in one run directory: the second is told who holds it; a dead job's lock is not in the way.
: >"$work/held.out"
pretrain 2 "$work/held" --steps=400 &
job=$!
waited=0
while [ ! -s "$work/held/metrics.tsv" ] && [ $waited -lt 300 ]; do sleep 0.1; waited=$((waited + 1)); done
cp "$work/held.out" "$work/first.out"
timeout 60 "$mpirun" 2 "$simclr" pretrain --preset=fashion-mnist --data="$work/data.h5" --run-dir="$work/held" \
    --width=1/16 --batch=64 --warmup-epochs=0.02 --threads=1 --steps=400 >"$work/second.out" 2>&1 && die "two jobs in one run directory"
grep -q "another job works in this run directory: process [0-9]* on" "$work/second.out" || die "the second job was not told who holds it: $(cat "$work/second.out")"
ranks=$(ranks_of pretrain "run-dir=$work/held")
kill -9 $ranks
wait $job
: >"$work/held.out"
pretrain 2 "$work/held" --steps=6 --allow-change=steps || die "a dead job's lock was in the way: $(grep -v "^-" "$work/held.out" | head -20)"

# A job that was suspended for so long that another one took its lock: it stops and leaves everything to that one.
: >"$work/late.out"
pretrain 2 "$work/late" --steps=4000 --checkpoint-every=40 &
job=$!
waited=0
while [ ! -s "$work/late/metrics.tsv" ] && [ $waited -lt 300 ]; do sleep 0.1; waited=$((waited + 1)); done
echo "elsewhere 1 1 - 0 0" >"$work/other"
mv "$work/other" "$work/late/lock"
wait $job
status=$?
[ $status = 1 ] || die "a job without its lock ended with status $status, not 1: $(tail -5 "$work/late.out")"
grep -q "taken over while this job was suspended.*process 1 on elsewhere" "$work/late.out" || die "the loss of the lock is not told: $(tail -5 "$work/late.out")"
[ "$(cat "$work/late/lock")" = "elsewhere 1 1 - 0 0" ] || die "the other job's lock was touched"

# Disk full: the first save, at step 0, shows it.
mkdir "$work/full"
if mount -t tmpfs -o size=600k tmpfs "$work/full" 2>/dev/null; then
    refused 1 "No space left on device" "$work/full/run" --steps=4
    umount "$work/full"
else
    echo "no tmpfs to fill here: the full disk was not tried"
fi
echo "refusals are clear"
