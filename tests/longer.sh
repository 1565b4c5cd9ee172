#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# A run that is made longer is the run that was begun with the new settings, bit for bit: behind the end of a cosine, and with a constant
# rate at any step, from which a branch decays. What would change the rates of steps that were made is refused.
. "${top_srcdir:-.}/tests/lib.sh"
# like WHAT DIR OTHER STEP: both have the same tensors and the same learning rates
like() {
    sums "$2" "$4" >"$work/a" && sums "$3" "$4" | cmp - "$work/a" || die "$1: other weights at step $4"
    [ "$(wc -l <"$work/a")" -gt 20 ] || die "no checksums in the last checkpoint"
    lr=$(grep '^# step' "$2/metrics.tsv" | tr '\t' '\n' | grep -nx lr | cut -d: -f1)
    [ "$(cut -f1,"${lr:-none}" "$2/metrics.tsv")" = "$(cut -f1,"$lr" "$3/metrics.tsv")" ] || die "$1: other learning rates"
}
pretrain 2 "$work/run" --steps=8 || die "$(tail -5 "$work/run.out")"
cp -r "$work/run" "$work/jump"
pretrain 2 "$work/run" --steps=14 --checkpoint-every=2 || die "longer: $(tail -5 "$work/run.out")"
grep -q "has made its 8 steps: it goes on with --schedule=cosine:8, .* a warm-up and a cosine anew" "$work/run.out" || die "the rule is not said: $(cat "$work/run.out")"
pretrain 2 "$work/whole" --steps=14 --schedule=cosine:8 || die "$(tail -5 "$work/whole.out")"
like "behind a cosine" "$work/run" "$work/whole" 14
# Stopped within the second part, by the same command and by the directory alone.
for how in --steps=14 ''; do
    rm -rf "$work/part" && cp -r "$work/run" "$work/part" && rm "$work/part/checkpoints/step-00000014.h5"
    pretrain 2 "$work/part" $how || die "going on in the second part: $(tail -5 "$work/part.out")"
    like "resume in the second part ($how)" "$work/part" "$work/whole" 14
done
# A third part.
pretrain 1 "$work/run" --steps=16 || die "$(tail -5 "$work/run.out")"
grep -q "^schedule = cosine:8,14$" "$work/run/config" || die "a third part: $(grep ^schedule "$work/run/config")"

pretrain 1 "$work/steady" --steps=6 --schedule=constant || die "$(tail -5 "$work/steady.out")"
cp -r "$work/steady" "$work/branch"
pretrain 1 "$work/steady" --steps=12 || die "a longer constant rate: $(tail -5 "$work/steady.out")"
pretrain 1 "$work/twelve" --steps=12 --schedule=constant || die "$(tail -5 "$work/twelve.out")"
like "a constant rate" "$work/steady" "$work/twelve" 12
pretrain 1 "$work/branch" --steps=10 --schedule=constant+decay:0.4 || die "a branch that decays: $(tail -5 "$work/branch.out")"
pretrain 1 "$work/decayed" --steps=10 --schedule=constant+decay:0.4 || die "$(tail -5 "$work/decayed.out")"
like "a branch" "$work/branch" "$work/decayed" 10

# refused DIR WORDS OPTIONS...: with these words, and nothing changed
refused() {
    dir=$work/$1 said=$2
    shift 2
    find "$dir" -type f ! -name lock -exec cksum {} + | sort >"$work/before"
    pretrain 1 "$dir" "$@" && die "$* was taken"
    grep -q -- "$said" "$dir.out" || die "$*: $(tail -3 "$dir.out")"
    find "$dir" -type f ! -name lock -exec cksum {} + | sort | cmp - "$work/before" || die "$*: files have changed"
}
refused steady "steps: 12 -> 8" --steps=8
refused decayed "steps: 10 -> 12" --steps=12
refused decayed "schedule: constant+decay:0.4 -> cosine" --steps=10 --schedule=cosine
rm "$work/twelve/checkpoints/step-00000012.h5"
refused twelve "schedule: constant -> constant+decay:0.99" --schedule=constant+decay:0.99 --steps=12
for schedule in cosine: cosine:0 cosine:8,8 cosine:1.5 'cosine:8,' constant:3 constant+decay:0 constant+decay:1.5 linear; do
    refused steady "--schedule=$schedule: must be cosine, cosine:STEP" --schedule=$schedule
done
# The rate jumps where it is allowed, and that is said.
pretrain 1 "$work/jump" --steps=12 --allow-change=steps || die "$(tail -5 "$work/jump.out")"
grep -q "the learning rate of the next step is [0-9.e-]*, where the settings before gave 0" "$work/jump.out" || die "a jump is not said: $(cat "$work/jump.out")"
