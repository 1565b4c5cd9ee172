#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# --dry-run checks what a start checks, times steps and writes nothing; what a line of progress says of the end.
. "${top_srcdir:-.}/tests/lib.sh"

# said NAME: the value in the last line of $work/dry.out
said() {
    grep '^pretrain dry_run=yes\|^finetune dry_run=yes' "$dir_out" | tail -n 1 | tr ' ' '\n' | sed -n "s/^$1=//p"
}
dir_out=$work/dry.out
pretrain 2 "$work/none" --epochs=2 --dry-run || die "$(cat "$dir_out")"
[ ! -e "$work/none" ] || die "a dry run made its run directory: $(ls "$work/none")"
[ "$(said steps)" = 312 ] && [ "$(said "done")" = 0 ] || die "steps: $(tail -n 1 "$dir_out")"
echo "$(said seconds_per_step) $(said seconds) $(said checkpoint_gib)" | awk '{ exit !($1 > 0 && $2 > 311 * $1 && $2 < 313 * $1 && $3 > 0) }' ||
    die "seconds: $(tail -n 1 "$dir_out")"
grep -q "until [0-9A-Z].*nothing was written" "$dir_out" && grep -q "memory of a rank" "$dir_out" || die "it does not say what the run needs: $(cat "$dir_out")"

# Beside a run: it is not touched, how far it is counts, and what a start would refuse is refused. Nor does its lock matter.
dir_out=''
pretrain 1 "$work/run" --steps=6 || die "$(tail -5 "$work/run.out")"
grep -q "left [0-9:]* min (until [0-9A-Z]" "$work/run.out" || die "progress without the time of the end: $(tail -3 "$work/run.out")"
find "$work/run" -type f -exec md5sum {} + | sort >"$work/before"
dir_out=$work/dry.out
pretrain 2 "$work/run" --steps=6 --dry-run || die "$(cat "$dir_out")"
[ "$(said "done")" = 6 ] && [ "$(said seconds)" = 0 ] || die "the run is at its end: $(tail -n 1 "$dir_out")"
pretrain 1 "$work/run" --steps=6 --lr=0.5 --dry-run && die "another learning rate is taken"
grep -q "lr: .* -> 0.5" "$dir_out" || die "the difference is not said: $(grep simclr: "$dir_out")"
pretrain 1 "$work/run" --steps=6 --batch=20000 --dry-run && die "a batch larger than the dataset is taken"
find "$work/run" -type f -exec md5sum {} + | sort >"$work/after"
cmp "$work/before" "$work/after" || die "a dry run changed the run: $(diff "$work/before" "$work/after")"

# Steps that cannot be many, and the other task.
pretrain 1 "$work/short" --steps=1 --dry-run || die "one step: $(cat "$dir_out")"
[ "$(said steps)" = 1 ] || die "one step: $(tail -n 1 "$dir_out")"
few "$work/few"
timeout 300 "$simclr" finetune --checkpoint="$work/run" --data="$work/few.h5" --test="$work/data.h5" --run-dir="$work/fine" --batch=64 --steps=3 --threads=1 \
    --dry-run >"$dir_out" 2>&1 || die "finetune: $(cat "$dir_out")"
[ "$(said steps)" = 3 ] && [ ! -e "$work/fine" ] || die "finetune: $(tail -n 1 "$dir_out")"
echo "a dry run says what a run needs, and writes nothing"
